"""The status line: what the source does, how fresh it is, what is wrong and what to do, in words.

Pure: reads a watch and its board at a moment that is passed in. Every time told is that of an
event or of an attempt to come: nothing here moves while the data do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticker.board import Reason
from ticker.board.freshness import WriterHealth
from ticker.clock import TapeTime
from ticker.escape import escape
from ticker.figures import and_more, count_text, speed_text
from ticker.records import Gap
from ticker.times import DAY, Zone, clock
from ticker.titles import source_label
from ticker.verdict import Standing, followed_by, invitation, of_writers, sentence
from ticker.watch import StreamState, Watch

_GAP_SHOWN = 60_000_000
"""For how long the last gap is told in full (µs); after that only how many there were."""
_EXAMPLES = 3
_WELL = (Reason.FRESH, Reason.STARTING)


@dataclass(frozen=True, slots=True)
class Status:
    """What to say."""

    words: str
    """Harmless: what came from outside is escaped."""
    is_trouble: bool
    """Whether somebody should do something, or at least know it."""
    badge: str = ""
    """What stands before the words: that this is a replay, and where its tape stands."""


def status(
    watch: Watch,
    now: int,
    zone: Zone,
    *,
    has_poller: bool = False,
    has_player: bool = False,
    option: str = "",
) -> Status:
    """How things are at `now` (µs), with times told in `zone`.

    `has_poller`: one was started with this screen, so an empty stream is only young. `has_player`:
    this screen shows a replay of its own, from its beginning. `option` is what a command needs to
    work on this stream.
    """
    if watch.state in (StreamState.OPENING, StreamState.MISSING):
        return _waiting(watch, option, has_poller=has_poller)
    if watch.state is not StreamState.FOLLOWING:
        return Status(_away(watch, now, zone), is_trouble=True)
    if watch.clock.tape is not None:
        return _replaying(watch, watch.clock.tape, now, zone, has_player=has_player)
    elapsed = watch.elapsed()
    writers = watch.board.writers.at(elapsed)
    if not writers:
        return Status(_joined(_ticks(watch), _gaps(watch, now, zone)), is_trouble=False)
    if has_poller and _is_before(writers[0], watch):
        # What was written before says nothing of the poller that starts with this screen.
        words = followed_by("The poller is starting.", _shown_from(watch, now, zone))
        return Status(words, is_trouble=False)
    verdict = of_writers(
        watch.board.writers, now, zone, elapsed=elapsed, symbols=watch.symbols, option=option
    )
    if writers[0].reason is not Reason.FRESH:
        words = followed_by(verdict.words, _shown_from(watch, now, zone))
        return Status(words, is_trouble=writers[0].reason is not Reason.STARTING)
    is_trouble = verdict.standing is not Standing.HEALTHY
    others = "" if is_trouble else _others(writers)
    words = _joined(others, verdict.words, _ticks(watch), _gaps(watch, now, zone))
    return Status(words, is_trouble=is_trouble)


def filter_words(text: str, shown: int, watch: Watch) -> str:
    """What a filter for `text` does, which leaves `shown` rows."""
    return f"filter: {escape(text)} ({shown} of {len(watch.board.symbols)}), esc shows all"


def empty_words(watch: Watch, text: str, option: str, *, has_poller: bool) -> str:
    """What to say where no row is shown; `text` is that of the filter."""
    if text:
        return f"No row has “{escape(text)}” in symbol or name. esc shows all."
    is_young = watch.state is StreamState.MISSING and watch.problem is None
    if is_young and not has_poller:
        return invitation(watch.symbols, option)
    if has_poller and not watch.board.symbols:
        return "No symbols are shown. + adds some, such as AAPL GC=F."
    return ""


def _replaying(watch: Watch, tape: TapeTime, now: int, zone: Zone, *, has_player: bool) -> Status:
    """Where the tape stands; `now` is its time."""
    badge = f"REPLAY {clock(now, zone, now=watch.clock.wall())}"
    played, gaps = _ticks(watch), _gaps(watch, now, zone)
    if watch.clock.is_silent:
        return Status(_joined("The replay is gone without a word", played), True, badge)
    if not tape.has_ended:
        return Status(_joined(played, gaps), False, f"{badge} {speed_text(tape.speed)}")
    if not has_player:  # which may have begun before this screen
        played = f"The replay has ended · {played} seen here"
        return Status(played, False, badge)
    return Status(_joined(f"end of the recording: {played}", gaps), False, badge)


def _is_before(writer: WriterHealth, watch: Watch) -> bool:
    """Whether the soundest writer is gone, and was not heard since `watch` began."""
    silent = watch.elapsed() - watch.began
    is_gone = writer.reason in (Reason.POLLER_STOPPED, Reason.UNKNOWN)
    return is_gone and (writer.silent is None or writer.silent >= silent)


def _waiting(watch: Watch, option: str, *, has_poller: bool) -> Status:
    if watch.state is StreamState.OPENING:
        return Status(f"Opening {escape(watch.stream.url)} …", is_trouble=False)
    if watch.problem is not None:
        words = f"{sentence(escape(watch.problem))} Waiting for it to come back."
        return Status(words, is_trouble=True)
    if has_poller or not watch.board.symbols:
        return Status("Waiting for the first prices.", is_trouble=False)
    return Status(invitation(watch.symbols, option), is_trouble=False)


def _away(watch: Watch, now: int, zone: Zone) -> str:
    is_unusable = watch.state is StreamState.UNUSABLE
    problem = sentence(escape(watch.problem or "no answer"))
    words = f"The stream {'cannot be read' if is_unusable else 'is away'}: {problem}"
    if watch.next_try is not None and watch.next_try > now:
        words += f" Next try {clock(watch.next_try, zone, now=now)}."
    return followed_by(words, _shown_from(watch, now, zone))


def _shown_from(watch: Watch, now: int, zone: Zone) -> str:
    board = watch.board
    times = [t for symbol in board.symbols if (t := board.row(symbol).received) is not None]
    if not times:
        return ""
    first, last = (clock(time, zone, now=now) for time in (min(times), max(times)))
    return f"Prices shown are from {first}{'' if first == last else f' to {last}'}."


def _others(writers: list[WriterHealth]) -> str:
    """Of several writers, those that are not well; a long-gone one is history, not news."""
    bad = [
        w
        for w in writers[1:]
        if w.reason not in _WELL and (w.silent or 0) < DAY and not w.is_stopped
    ]
    if not bad:
        return ""
    names = ", ".join(f"{source_label(w.heartbeat.source)}: {w.reason}" for w in bad[:_EXAMPLES])
    return f"{len(bad)} of {len(writers)} pollers not well ({names})"


def _ticks(watch: Watch) -> str:
    broken = watch.stream.read_stats().broken
    passed = f"{count_text(broken, 'record')} passed over, not to be read" if broken else ""
    return _joined(count_text(watch.board.ticks, "tick"), passed)


def _gaps(watch: Watch, now: int, zone: Zone) -> str:
    board = watch.board
    if board.gap is None:
        return ""
    if now - board.gap.received < _GAP_SHOWN:
        return gap_words(board.gap, now, zone)
    return count_text(board.gaps, "gap")


def gap_words(gap: Gap, now: int, zone: Zone) -> str:
    """`gap of MSFT 14:02:10 to 14:05:00: poller stopped`, or which ticks are missing."""
    reason = escape(gap.reason, 60)
    if gap.from_ is not None and gap.until is not None:
        start, end = clock(gap.from_, zone, now=now), clock(gap.until, zone, now=now)
        named = and_more([*map(escape, gap.symbols or ())], _EXAMPLES, ", ")
        whose = f" of {named}" if named else ""
        return f"gap{whose} {start} to {end}: {reason}"
    count = (gap.last_sequence or 0) - (gap.first_sequence or 0) + 1
    return f"gap: {count_text(count, 'tick')} of {escape(gap.symbol or '')} missing: {reason}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
