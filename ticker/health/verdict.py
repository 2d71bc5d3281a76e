"""Judges a stream: its standing (healthy, stale, empty, away …), the reason, and what to do.

`status`, `tail` and the dashboard share this judgement. It names the times of events, never ages,
so its words do not change each second. Pure: the records and the time are passed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ticker.escape import escape
from ticker.figures import and_more
from ticker.health.reasons import Reason
from ticker.health.sentences import (
    EXAMPLES,
    Backlog,
    invitation,
    names,
    of_healthy,
    of_healthy_briefly,
    of_stale,
    of_writer,
    of_writer_briefly,
    poll_command,
    to_poll,
    why_away,
)
from ticker.health.states import Health, StreamState
from ticker.health.writers import WriterHealth, Writers
from ticker.records import Heartbeat
from ticker.source_titles import source_title
from ticker.times import Zone

_NAMED: Final = 10


class Standing(StrEnum):
    """The judgement in one word."""

    HEALTHY = "healthy"
    STALE = "stale"
    UNKNOWN = "unknown"
    """The last sign of life is dated ahead of the clock, and no newer one has arrived."""
    FINISHED = "finished"
    """A recording: it is complete, and nothing new comes."""
    EMPTY = "empty"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement, with its reason."""

    standing: Standing
    words: str
    """The reason, and what to do about it."""
    key: tuple[str, ...]
    """Identifies the reason: does not change if only the times in `words` change."""
    brief: str = ""
    """`words` without details, if there is a shorter form."""
    refused: tuple[str, ...] = ()
    """Symbols that the source refuses to writers that are alive, escaped."""
    problem: str = ""
    """What is wrong with a source although it answers, escaped."""

    @property
    def summary(self) -> str:
        """Return the standing, with the reason if there is one."""
        match self.standing:
            case Standing.HEALTHY:
                named = and_more(self.refused, _NAMED, ", ")
                but = [f"refused: {named}"] if named else []
                but += [self.problem] if self.problem else []
                return f"healthy, but {' · '.join(but)}" if but else "healthy"
            case Standing.STALE | Standing.UNKNOWN:
                return f"{self.standing}: {self.words}"
            case _:
                return self.words


def of_stream(
    health: Health,
    now: int,
    zone: Zone,
    *,
    symbols: Collection[str] | None = None,
    option: str = "",
    arrived: Iterable[Heartbeat] = (),
    backlog: Backlog | None = None,
) -> Verdict:
    """Judge a stream with this `health` at `now` (µs, UTC).

    `symbols` are those that the reader wants; `None`: all. `option` names the stream in suggested
    commands. `arrived` are heartbeats since `health`. `backlog` is what waits here for the stream.
    """
    state = health.state
    if state.is_away:
        words = why_away(health.problem)
        return Verdict(Standing.AWAY, words, (state, words))
    if state.is_bare and backlog is not None:
        words = f"The stream is empty, but {backlog.words(option)}"
        return Verdict(Standing.EMPTY, words, (StreamState.EMPTY, "backlog"))
    if state.is_bare:
        return Verdict(Standing.EMPTY, invitation(option=option), (StreamState.EMPTY,))
    if health.is_finished:
        return Verdict(Standing.FINISHED, "recording, finished", ("finished",))
    writers = writers_of(health, now, arrived)
    return of_writers(writers, now, zone, symbols=symbols, option=option, backlog=backlog)


def writers_of(health: Health, now: int, arrived: Iterable[Heartbeat] = ()) -> Writers:
    """Return the writers as seen by a reader that reads once, at `now` (µs, UTC).

    `arrived` are heartbeats that came after `health`.
    """
    writers = Writers()
    for beat in health.heartbeats:
        writers.take(beat, now, read_at=now)
    for beat in arrived:
        writers.take(beat, now)
    return writers


def of_writers(
    writers: Writers,
    now: int,
    zone: Zone,
    *,
    elapsed: int | None = None,
    symbols: Collection[str] | None = None,
    option: str | None = "",
    backlog: Backlog | None = None,
) -> Verdict:
    """Judge a readable stream by its writers at `now` (µs, UTC).

    Writers are judged by `elapsed` (µs, the reader's own clock); `None`: by `now`. A stream is
    healthy if one writer is well and no wanted symbol is stale (`Writers.stale`). `symbols` are
    those that the reader wants; `None`: all. While a relay sends a `backlog`, the heartbeats wait
    too, so a writer that looks gone may be alive. Then there is no advice to start
    another, as with `option=None`: a poller starts again by itself.
    """
    elapsed = now if elapsed is None else elapsed
    found = writers.at(elapsed)
    is_gone = not found or not found[0].is_alive
    if is_gone and backlog is not None and backlog.is_sending:
        return Verdict(Standing.STALE, backlog.words(), ("backlog",))
    if not found:
        return Verdict(
            Standing.STALE, f"No poller is running. {to_poll(option=option or '')}", ("no poller",)
        )
    healthiest = found[0]
    words = of_writer(healthiest, now, zone, option)
    key = _key(healthiest)
    if healthiest.reason is Reason.POLLER_STOPPED:
        return Verdict(Standing.STALE, words, key)
    if healthiest.reason is Reason.UNKNOWN:
        return Verdict(Standing.UNKNOWN, words, key)
    stale = [
        (writer, wished)
        for writer, missed in writers.stale(elapsed)
        if writer != healthiest
        and (wished := [s for s in missed if symbols is None or s in symbols])
    ][:EXAMPLES]
    said = [of_stale(writer, wished, now, zone, option) for writer, wished in stale]
    keys = (part for writer, _ in stale for part in _key(writer))
    if healthiest.reason is not Reason.FRESH:
        brief = of_writer_briefly(healthiest, now, zone, option)
        return Verdict(Standing.STALE, " · ".join([words, *said]), (*key, *keys), brief)
    if said:
        return Verdict(Standing.STALE, " · ".join(said), tuple(keys))
    refused = tuple(escape(symbol) for symbol in writers.refusals(elapsed))
    healthy = [writer for writer in found if writer.reason is Reason.FRESH]
    words = of_healthy(healthy, now, zone, option)
    # Sorted, so that the order does not depend on the writer that was heard last.
    keys = (part for each in sorted(map(_key, healthy)) for part in each)
    problem = next((_problem(each.heartbeat) for each in healthy if each.heartbeat.problem), "")
    brief = of_healthy_briefly(healthy, now, zone)
    return Verdict(Standing.HEALTHY, words, (*keys, *refused, problem), brief, refused, problem)


def of_unpolled(
    writers: Writers, symbols: Iterable[str], elapsed: int, *, option: str = ""
) -> str | None:
    """Say which of `symbols` no living writer polls, and how to poll them; `None`: all are polled.

    `elapsed` is the clock of `writers` (µs).
    """
    left = [
        symbol
        for symbol in symbols
        if not any(writer.is_alive for writer in writers.of(symbol, None, elapsed))
    ]
    if not left:
        return None
    beats = (writer.heartbeat for writer in writers.at(elapsed))
    newest = max(beats, key=lambda beat: beat.received, default=None)
    return f"No poller for {names(left)}: {poll_command(left, newest, option)}"


def _problem(beat: Heartbeat) -> str:
    """Describe what is wrong with a source although it answers."""
    return f"{source_title(beat.source)}: {escape(beat.problem or '')}"


def _key(writer: WriterHealth) -> tuple[str, str, str]:
    return writer.reason.name, writer.heartbeat.writer, writer.heartbeat.source
