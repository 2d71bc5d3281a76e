"""Judges writers: which are alive, how old their last sign is, and what keeps them from prices.

The reader's own clock, `elapsed` (µs), decides whether a writer is alive. It never goes back, so a
step of the wall clock neither hides a live writer nor revives a dead one. A reader that reads once
has only the wall clock. A heartbeat whose time is ahead of the clock proves nothing: one of the two
clocks is wrong. Pure: both clocks are passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.health.reasons import BADNESS, REASONS, Reason
from ticker.health.states import WriterState
from ticker.records import Heartbeat
from ticker.units import DAY, MINUTE, SECOND

GRACE: Final = 2 * SECOND
"""Added to two and a half intervals: a writer that is silent for longer counts as gone (µs). Also
how far the time of a heartbeat may be ahead of the reader's clock."""
_HISTORY: Final = DAY
"""A writer that is gone for longer than this (µs) is no longer reported."""

_EXCUSED: Final = 10 * SECOND
"""How long after an outage a writer may stay silent (µs). A relay tries again within 7 s."""

_AGREES: Final = MINUTE
"""Two clocks that differ by less than this (µs) count as equal."""

_Key = tuple[str, str]


def patience(heartbeat: Heartbeat) -> int:
    """Return how long the writer of `heartbeat` may be silent before it counts as gone (µs).

    A writer sends a heartbeat each interval, even while it is rate-limited or fails. It counts as
    gone some time after it missed two: one may be late by chance.
    """
    return heartbeat.interval * 5 // 2 + GRACE


def silence(heartbeat: Heartbeat, now: int) -> int | None:
    """Return the age of `heartbeat` by its own time (µs); `None` if that time is ahead of `now`.

    `now` is the wall clock (µs, UTC).
    """
    ago = now - heartbeat.received
    return None if ago < -GRACE else max(0, ago)


def is_alive(heartbeat: Heartbeat, now: int) -> bool:
    """Tell whether a writer with this last `heartbeat` is certainly alive at `now` (µs, UTC).

    For a reader that reads once. A reader that follows uses `Writers`.
    """
    silent = silence(heartbeat, now)
    sign = Sign(heartbeat, now - (silent or 0), is_sure=silent is not None)
    return judge(sign, now).is_alive


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of life of a writer."""

    heartbeat: Heartbeat
    heard: int
    """When it was written, by the reader's own clock (µs), as far as the reader knows."""
    is_sure: bool = True
    """False if its time was ahead of the wall clock and the reader did not see it arrive."""


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """One writer at one moment: its last heartbeat, and its health."""

    heartbeat: Heartbeat
    reason: Reason
    """`FRESH` if it polls on time and gets prices; otherwise what keeps it from prices."""
    silent: int | None = None
    """The age of its last sign of life (µs); `None` if it cannot be known."""

    @property
    def is_alive(self) -> bool:
        """Tell whether the writer is alive, with or without prices."""
        return self.reason not in (Reason.POLLER_STOPPED, Reason.UNKNOWN)

    def last_sign(self, now: int) -> int:
        """Return when its last sign of life was, by the wall clock `now` (µs, UTC).

        This is the time in its heartbeat, unless its clock and the reader's differ.
        """
        told = self.heartbeat.received
        if self.silent is None or abs(now - self.silent - told) < _AGREES:
            return told
        return now - self.silent

    @property
    def is_recent(self) -> bool:
        """Tell whether it has not stopped, and has given a sign of life in the last day."""
        return (self.silent or 0) < _HISTORY and not self.is_stopped

    @property
    def is_stopped(self) -> bool:
        """Tell whether its last heartbeat says that it stopped."""
        return self.heartbeat.state == WriterState.STOPPED


@dataclass(frozen=True, slots=True)
class Outage:
    """The stream was away from `since` on. The outage counts until `until` (both elapsed µs).

    While it counts, a writer that was alive at `since` does not count as gone: its heartbeats could
    not arrive.
    """

    since: int
    until: int


_NEVER: Final = Outage(0, 0)


class Writers:
    """The last heartbeat per (writer, source).

    The heartbeat written last counts, whatever its time. A writer whose heartbeat lists no symbols
    may poll any symbol of its source. In all methods, `now` is the reader's own clock (µs): for a
    reader that follows, a clock that never goes back; for one that reads once, the wall clock.
    """

    def __init__(self) -> None:
        self._last: dict[_Key, Sign] = {}
        # An index, because each row looks up its writers, and there may be as many writers as rows.
        self._naming: dict[str, set[_Key]] = {}
        self._unnamed: set[_Key] = set()
        self._sources_named: set[str] = set()
        self._outage = _NEVER
        self._lost: int | None = None
        """When the stream was lost (elapsed µs); `None` if it can be read."""

    def stream_lost(self, at: int) -> None:
        """Note that the stream is away since `at` (elapsed µs), unless this is noted already."""
        if self._lost is None:
            self._lost = at

    def stream_found(self, now: int) -> None:
        """Note that the stream can be read again, and give its writers time to be heard."""
        if self._lost is None:
            return
        since, self._lost = self._lost, None
        # Outages that follow each other closely count as one.
        since = self._outage.since if since < self._outage.until else since
        self._outage = Outage(since, now + _EXCUSED)

    def take(self, heartbeat: Heartbeat, now: int, *, read_at: int | None = None) -> Iterable[str]:
        """Note the newest heartbeat of a writer. Returns the symbols whose refusal changed.

        A heartbeat that has just arrived counts as written at `now`. For one from a snapshot, give
        `read_at`, the wall clock when it was read (µs, UTC). The heartbeat's age is then counted
        from its own time; it is 0 if that time is ahead of the clock.
        """
        key = heartbeat.key
        before = self._last.get(key)
        known = None if before is None else before.heartbeat
        if known == heartbeat:
            return ()  # a repeated heartbeat is no sign of life
        silent = 0 if read_at is None else silence(heartbeat, read_at)
        # It differs from the last one, so it was written after that, whatever its time says.
        is_sure = silent is not None or before is not None
        self._last[key] = Sign(heartbeat, now - (silent or 0), is_sure)
        if known is None or known.symbols != heartbeat.symbols:
            self._index(key, None if known is None else known.symbols, heartbeat.symbols)
        return _changed_refusals(known, heartbeat)

    def _index(
        self, key: _Key, before: Sequence[str] | None, symbols: Sequence[str] | None
    ) -> None:
        for symbol in before or ():
            self._naming[symbol].discard(key)
        if symbols is None:
            self._unnamed.add(key)
            return
        self._unnamed.discard(key)
        self._sources_named.add(key[1])
        for symbol in symbols:
            self._naming.setdefault(symbol, set()).add(key)

    def __bool__(self) -> bool:
        """Tell whether any writer has given a sign of life."""
        return bool(self._last)

    def refusal(self, symbol: str, now: int, received: int | None = None) -> str | None:
        """Return why the source has no quote for `symbol`, by the newest heartbeat that says so.

        `received` (µs, UTC) is when the last price of `symbol` came: only later refusals count, and
        only those of writers that are alive. `None`: it has no price, and all refusals count.
        """
        told = [sign for sign in self._last.values() if symbol in sign.heartbeat.refused]
        if received is not None:
            told = [s for s in told if s.heartbeat.time >= received and self._is_there(s, now)]
        return max(told, key=_heard).heartbeat.refused[symbol] if told else None

    def refusals(self, now: int) -> Mapping[str, str]:
        """Return symbol → why it is refused, by the writers that are alive at `now`."""
        told = [s for s in self._last.values() if s.heartbeat.refused and self._is_there(s, now)]
        told.sort(key=_heard)
        return {symbol: why for sign in told for symbol, why in sign.heartbeat.refused.items()}

    def at(self, now: int) -> list[WriterHealth]:
        """Return all writers, the healthiest first. Of equals, the one heard last comes first."""
        return self._judged(self._last.values(), now)

    def of(self, symbol: str, source: str | None, now: int) -> list[WriterHealth]:
        """Return writers of `source` (`None`: any) that may poll `symbol`, in the order of `at`."""
        keys = self._unnamed | self._naming.get(symbol, set())
        return self._judged((self._last[key] for key in keys if source in (None, key[1])), now)

    def tell_symbols(self, source: str) -> bool:
        """Tell whether any writer of `source` ever listed its symbols."""
        return source in self._sources_named

    def _judged(self, signs: Iterable[Sign], now: int) -> list[WriterHealth]:
        newest_first = sorted(signs, key=_heard, reverse=True)
        found = (judge(sign, now, self._outage) for sign in newest_first)
        return sorted(found, key=lambda writer: BADNESS[writer.reason])

    def _is_there(self, sign: Sign, now: int) -> bool:
        return judge(sign, now, self._outage).is_alive

    def stale(self, now: int) -> list[tuple[WriterHealth, Sequence[str]]]:
        """Return the symbols that no healthy writer polls, each with the healthiest of its writers.

        A writer that is gone is left out after a day. A writer that has stopped is left out at
        once: its symbols are no longer expected. `refusals` returns the refused symbols, not this.
        """
        found: list[tuple[WriterHealth, Sequence[str]]] = []
        asked_for: set[str] = set()
        anything: set[str] = set()
        for writer in self.at(now):
            beat = writer.heartbeat
            if beat.symbols is None:
                if writer.is_alive:
                    anything.add(beat.source)
                continue
            is_missed = writer.is_alive or (writer.is_recent and beat.source not in anything)
            if writer.reason is not Reason.FRESH and is_missed:
                told = beat.refused if writer.is_alive else ()
                left = [s for s in beat.symbols if s not in asked_for and s not in told]
                if left:
                    found.append((writer, left))
            # Of writers that are gone, the one heard last comes first. If it has stopped, one that
            # polled the same symbols and died earlier is not reported.
            asked_for.update(beat.symbols)
        return found


def judge(sign: Sign, now: int, outage: Outage = _NEVER) -> WriterHealth:
    """Judge the writer with this last sign at `now` (µs, by the reader's own clock).

    If the sign is not sure, the writer is `UNKNOWN` until its next heartbeat is overdue.
    """
    beat = sign.heartbeat
    silent = now - sign.heard
    patient = patience(beat)
    if beat.state == WriterState.STOPPED:
        reason = Reason.POLLER_STOPPED
    elif silent > patient:
        is_excused = now < outage.until and outage.since - sign.heard <= patient
        reason = Reason.STREAM_AWAY if is_excused else Reason.POLLER_STOPPED
    elif not sign.is_sure:
        reason = Reason.UNKNOWN
    else:
        reason = REASONS.get(beat.state, Reason.FRESH)
    return WriterHealth(beat, reason, None if reason is Reason.UNKNOWN else silent)


def _heard(sign: Sign) -> int:
    return sign.heard


def _changed_refusals(before: Heartbeat | None, after: Heartbeat) -> Iterable[str]:
    """Return the symbols that only one heartbeat refuses, or both for different reasons."""
    was, now = {} if before is None else before.refused, after.refused
    if was == now:
        return ()
    return {s for s in was.keys() | now.keys() if was.get(s) != now.get(s)}
