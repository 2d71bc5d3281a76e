"""Finds gaps (spans without observation) at the first good answer after them.

A gap lies between two good answers if the time between them is more than twice the interval that
was announced with the first. Each gap is reported once, also across restarts of the poller and for
symbols that are added while it runs. Its reason is the last failure in it. Time that another poller
of the same source observed is no gap. This module asks no source and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.poll.last_polls import BEATS_LAG, LastPoll, LastPolls
from ticker.poll.ledger import Ledger
from ticker.poll.outcome import PollRequest
from ticker.records import Gap, GapReason

TOO_FAR: Final = 2
"""Good answers that are more than this many intervals apart have a gap between them."""


@dataclass(frozen=True, slots=True, eq=False)
class GoodAnswer:
    """When a good answer came, on both clocks, and the interval announced with it (µs)."""

    wall: int
    elapsed: int
    every: int

    def gap_start(self, later: GoodAnswer) -> int:
        """Return its time (µs, UTC), corrected if the wall clock was set back since."""
        since = later.elapsed - self.elapsed
        return self.wall if self.wall < later.wall else later.wall - since

    def is_far(self, later: GoodAnswer) -> bool:
        """Tell whether there is a gap between it and `later`."""
        # By the clock that never goes back: setting the wall clock neither makes nor hides a gap.
        return later.elapsed - self.elapsed > TOO_FAR * self.every


class GapTracker:
    """Keeps track of the spans in which one poller observed nothing."""

    def __init__(self, ledger: Ledger, *, source: str, writer: str) -> None:
        self._ledger = ledger
        self._source = source
        self._writer = writer
        self.last_good: int | None = None
        """When the last good answer came, perhaps before a restart (µs, UTC)."""
        self._good: GoodAnswer | None = None
        """The last good answer."""
        self._polled: dict[str, GoodAnswer] = {}
        """Symbol → the last good answer for it."""
        self._apart: dict[str, str] = {}
        """Symbol of `_polled` that is not observed now → the reason."""
        self._first: frozenset[str] = frozenset()
        """The symbols at the start; empty after the first good answer."""
        self._before: list[LastPoll] = []
        """The last polls of the symbols in `_first`, perhaps by other pollers."""
        self._trouble: GapReason | None = None
        self._cut: str | None = None
        self._cut_since: int | None = None

    async def begin(self, symbols: Sequence[str], now: int) -> None:
        """Start at `now` (µs, UTC) with `symbols`. Reads from the log when earlier polls were.

        Raises `StreamError`.
        """
        polls = await self._last_polls()
        self._first = frozenset(symbols)
        self._before = polls.last(symbols, now)
        self.last_good = None if polls.own is None else polls.own.last_good

    def pause(self) -> None:
        """Note that there is no symbol to poll."""
        self._apart = dict.fromkeys(self._polled, GapReason.NOT_POLLED)

    def trouble(self, reason: GapReason) -> None:
        """Note that a poll failed because of `reason`."""
        self._trouble = reason

    def cut(self, reason: str, since: int | None = None) -> None:
        """Note that prices after the last good answer were missed, because of `reason`.

        The gap begins at the last good answer, or at `since` (µs, UTC) if that is earlier.
        """
        self._cut, self._cut_since = reason, since

    def seen(self, symbols: Sequence[str], missed: Mapping[str, str], good: GoodAnswer) -> None:
        """Note that the answer `good` for `symbols` is in the log.

        `missed` is symbol → why its request failed.
        """
        self._good, self.last_good = good, good.wall
        gone = self._polled.keys() - set(symbols)
        failed = {symbol: why for symbol, why in missed.items() if symbol in self._polled}
        self._apart = dict.fromkeys(gone, GapReason.NOT_POLLED) | failed
        self._polled |= dict.fromkeys((s for s in symbols if s not in missed), good)
        self._first = frozenset()
        self._before.clear()
        self._trouble = self._cut = self._cut_since = None

    async def gaps(
        self, request: PollRequest, missed: Mapping[str, str], good: GoodAnswer
    ) -> list[Gap]:
        """Return the gaps that end with the answer `good` to `request`.

        `missed` are the symbols whose requests failed; their gaps do not end yet. May read the log,
        to find polls of other pollers. Raises `StreamError`.
        """
        wall = good.wall
        answered = [symbol for symbol in request.symbols if symbol not in missed]
        # This poller has not polled these yet, but another poller may have.
        new = [s for s in answered if s not in self._polled and s not in self._first]
        earlier = [*self._before]
        others: LastPolls | None = None
        if new:
            others = await self._last_polls()
            earlier += others.last(new, wall, own=False)
        polls = [
            poll
            for poll in earlier
            if wall - poll.time > TOO_FAR * (poll.interval or request.every) + poll.lag
        ]
        polls += self._own_polls(answered, request, good)
        if not polls:
            return []
        if others is None:
            others = await self._last_polls()
        # One gap for each start: a log treats two gaps of one writer with the same start as one.
        found: dict[int, Gap] = {}
        there = set(answered)
        is_whole = not missed and there.isdisjoint(self._apart)
        for poll in polls:
            symbols = [symbol for symbol in poll.symbols if symbol in there]
            unpolled = _unpolled(poll, symbols, wall, others)
            is_all = poll.is_all and is_whole and [*unpolled.values()] == [symbols]
            for start, names in unpolled.items():
                told = found.get(start)
                if told is None:
                    found[start] = self._gap(wall, start, poll.reason, None if is_all else names)
                elif told.symbols is not None:
                    both = None if is_all else dict.fromkeys((*told.symbols, *names))
                    found[start] = self._gap(wall, start, told.reason, both)
        return [*found.values()]

    def _own_polls(
        self, answered: Sequence[str], request: PollRequest, good: GoodAnswer
    ) -> list[LastPoll]:
        """Return this poller's last polls of `answered` before `good`, if they are too far back."""
        if self._good is None or not (self._cut or self._apart or self._good.is_far(good)):
            return []
        groups: dict[tuple[GoodAnswer, str | None], list[str]] = {}
        for symbol in answered:
            if (last := self._polled.get(symbol)) is not None:
                groups.setdefault((last, self._apart.get(symbol)), []).append(symbol)
        polls: list[LastPoll] = []
        for (last, why), symbols in groups.items():
            start, is_far = last.gap_start(good), last.is_far(good)
            if why is not None and is_far:
                is_own = why != GapReason.NOT_POLLED
                polls.append(LastPoll(start, symbols, why, is_own=is_own))
            elif why is None and (self._cut or is_far):
                start = min(start, self._cut_since or good.wall)
                is_slow = good.elapsed - request.elapsed > last.every
                held_up = GapReason.SLOW_ANSWER if is_slow else GapReason.POLLER_HELD_UP
                reason = self._cut or self._trouble or held_up
                # After `_cut_since` its own polls saw nothing, so its heartbeats do not count.
                is_own = self._cut_since is None
                polls.append(LastPoll(start, symbols, reason, is_all=True, is_own=is_own))
        return polls

    def _gap(self, wall: int, start: int, reason: str, symbols: Iterable[str] | None) -> Gap:
        return Gap(
            source=self._source,
            origin=self._ledger.origin,
            writer=self._writer,
            received=wall,
            reason=reason,
            symbols=None if symbols is None else tuple(symbols),
            from_=start,
            until=max(start, wall),
        )

    async def _last_polls(self) -> LastPolls:
        beats = await self._ledger.read()
        return LastPolls(beats, self._ledger.known, source=self._source, writer=self._writer)


def _unpolled(
    poll: LastPoll, symbols: Sequence[str], wall: int, polls: LastPolls
) -> Mapping[int, Sequence[str]]:
    """Return the start of a gap that ends at `wall` (both µs, UTC) → the symbols in that gap.

    A gap starts at `poll`, or at a later answer of another poller, which has reported the time
    before that answer. There is no gap if that answer is at most two intervals old.
    """
    left: dict[int, list[str]] = {}
    for symbol in symbols:
        start = poll.time
        beat = polls.last_beat(symbol, own=poll.is_own)
        # Another poller's good answer may have come since `wall` was read.
        if beat is not None and start < (last := beat.last_good or 0) <= wall + BEATS_LAG:
            if wall - last <= TOO_FAR * beat.interval + BEATS_LAG:
                continue
            start = last
        left.setdefault(start, []).append(symbol)
    return left
