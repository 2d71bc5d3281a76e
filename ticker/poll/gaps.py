"""Finds gaps (spans without observation) at the first good answer after them.

A gap lies between two good answers if the time between them is more than twice the interval that
was announced with the first. Each gap is reported once, also across restarts of the poller and for
symbols that are added while it runs. Its reason is the last failure in it. Time that another poller
of the same source observed is no gap. This module asks no source and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.poll.last_polls import BEATS_LAG, LastPoll, LastPolls
from ticker.poll.ledger import Ledger
from ticker.records import Gap, GapReason, Heartbeat

TOO_FAR: Final = 2
"""Good answers that are more than this many intervals apart have a gap between them."""


@dataclass(frozen=True, slots=True)
class _Good:
    """A good answer: its time on both clocks, and the interval announced with it (µs)."""

    wall: int
    elapsed: int
    every: int

    def start(self, wall: int, elapsed: int) -> int:
        """Return its time (µs, UTC), corrected if the wall clock was set back since."""
        return self.wall if self.wall < wall else wall - (elapsed - self.elapsed)


@dataclass(frozen=True, slots=True)
class _Missed:
    """Requests for a symbol have failed since the answer `good`, because of `reason`."""

    good: _Good
    reason: str


@dataclass(frozen=True, slots=True)
class _Span:
    """A span without polls that ends now: its start (µs, UTC) and its reason."""

    start: int
    reason: str
    symbols: Sequence[str] | None
    """The symbols; `None`: all that the poller asks for."""
    is_own: bool = False
    """True if the span began with this process's last good answer. A heartbeat of the same name
    with a later answer is then from another process."""


class GapTracker:
    """Keeps track of the spans in which one poller observed nothing."""

    def __init__(self, ledger: Ledger, *, source: str, writer: str) -> None:
        self._ledger = ledger
        self._source = source
        self._writer = writer
        self._good: _Good | None = None
        self._last_good: int | None = None
        self._before: list[LastPoll] = []
        self._newcomers: list[str] = []
        self._missed: dict[str, _Missed] = {}
        self._trouble: GapReason | None = None
        self._cut: str | None = None
        self._cut_since: int | None = None

    @property
    def last_good(self) -> int | None:
        """When the last good answer came, perhaps before a restart (µs, UTC)."""
        return self._last_good

    def begin(self, heartbeats: Iterable[Heartbeat], symbols: Sequence[str], now: int) -> None:
        """Start at `now` (µs, UTC) with `symbols`.

        The `heartbeats` of the log show when earlier polls were.
        """
        polls = self._last_polls(heartbeats)
        self._before = polls.last(symbols, self._ledger.known, now=now)
        self._last_good = None if polls.own is None else polls.own.last_good

    def expect(self, symbols: Iterable[str]) -> None:
        """Note that `symbols` are polled from now on. Others may have polled them before."""
        self._newcomers += symbols

    def forget(self) -> None:
        """Note that no symbol is left to poll. The time until the next answer is then no gap."""
        self._good = None
        self._newcomers.clear()
        self._missed.clear()

    def trouble(self, reason: GapReason) -> None:
        """Note that a poll failed because of `reason`."""
        self._trouble = reason

    def cut(self, reason: str, since: int | None = None) -> None:
        """Note that prices after the last good answer were missed, because of `reason`.

        The gap begins at the last good answer, or at `since` (µs, UTC) if that is earlier.
        """
        self._cut, self._cut_since = reason, since

    def seen(
        self,
        symbols: Sequence[str],
        wall: int,
        elapsed: int,
        every: int,
        missed: Mapping[str, str],
    ) -> None:
        """Note that a good answer for `symbols` is in the log.

        It came at `wall` (µs, UTC) and `elapsed` (µs). The next is due in `every` (µs). `missed` is
        symbol → why its request failed.
        """
        goods = {
            symbol: self._missed[symbol].good if symbol in self._missed else self._good
            for symbol in missed
            if symbol not in self._newcomers
        }
        self._missed = {
            symbol: _Missed(good, missed[symbol]) for symbol, good in goods.items() if good
        }
        # This poller has not polled these yet, but another poller may have.
        added_since = [symbol for symbol in self._newcomers if symbol not in symbols]
        self._newcomers = added_since + [s for s in missed if s not in self._missed]
        self._good = _Good(wall, elapsed, every)
        self._last_good = wall
        self._before.clear()
        self._trouble = self._cut = self._cut_since = None

    async def gaps(
        self,
        symbols: Sequence[str],
        wall: int,
        elapsed: int,
        every: int,
        *,
        waited: int,
        missed: Collection[str] = (),
    ) -> list[Gap]:
        """Return the gaps that end with the good answer for `symbols` at `wall` and `elapsed` (µs).

        `missed` are the symbols whose requests failed; their gaps do not end yet. `every` is the
        interval so far (µs). `waited` is how long the source took for this answer (µs). May read
        the log, to find polls of other pollers. Raises `StreamError`.
        """
        answered = [symbol for symbol in symbols if symbol not in missed]
        new = [symbol for symbol in self._newcomers if symbol in answered]
        polls = [*self._before]
        others: LastPolls | None = None
        if new:
            others = self._last_polls(await self._ledger.read())
            polls += others.last(new, self._ledger.known, now=wall, own=False)
        spans = [
            _Span(poll.time, poll.reason, poll.symbols)
            for poll in polls
            if wall - poll.time > TOO_FAR * (poll.interval or every) + poll.lag
        ]
        spans += self._own_span(wall, elapsed, waited)
        spans += self._missed_spans(answered, wall, elapsed)
        if not spans:
            return []
        if others is None:
            others = self._last_polls(await self._ledger.read())
        # One gap for each start: a log treats two gaps of one writer with the same start as one.
        found: dict[int, Gap] = {}
        for span in spans:
            unseen = self._unseen(
                span, answered, wall, others, is_whole=not (missed or self._missed)
            )
            for start, names in unseen.items():
                told = found.get(start)
                if told is None:
                    found[start] = self._gap(wall, start, span.reason, names)
                elif told.symbols is not None:
                    both = None if names is None else dict.fromkeys((*told.symbols, *names))
                    found[start] = self._gap(wall, start, told.reason, both)
        return [*found.values()]

    def _own_span(self, wall: int, elapsed: int, waited: int) -> list[_Span]:
        """Return the span that this poller missed since its last good answer, if any."""
        good = self._good
        # By the clock that never goes back: setting the wall clock neither makes nor hides a gap.
        is_far = good is not None and elapsed - good.elapsed > TOO_FAR * good.every
        if good is None or not (is_far or self._cut):
            return []
        start = min(good.start(wall, elapsed), self._cut_since or wall)
        is_slow = waited > good.every
        held_up = GapReason.SLOW_ANSWER if is_slow else GapReason.POLLER_HELD_UP
        reason = self._cut or self._trouble or held_up
        # After `_cut_since` this poller's own polls saw nothing, so its heartbeats do not count.
        return [_Span(start, reason, None, is_own=self._cut_since is None)]

    def _missed_spans(self, answered: Sequence[str], wall: int, elapsed: int) -> list[_Span]:
        """Return the spans that end for symbols in `answered` whose own requests failed before."""
        groups: dict[_Missed, list[str]] = {}
        for symbol in answered:
            if (missed := self._missed.get(symbol)) is not None:
                groups.setdefault(missed, []).append(symbol)
        return [
            _Span(missed.good.start(wall, elapsed), missed.reason, names, is_own=True)
            for missed, names in groups.items()
            if elapsed - missed.good.elapsed > TOO_FAR * missed.good.every
        ]

    def _unseen(
        self,
        span: _Span,
        answered: Sequence[str],
        wall: int,
        polls: LastPolls,
        *,
        is_whole: bool,
    ) -> Mapping[int, Sequence[str] | None]:
        """Return the start of each unpolled part of `span` (µs, UTC) → its symbols; `None`: all.

        `is_whole`: `answered` has every symbol that is polled.

        If another poller got an answer within the span, it has reported the time before. The rest
        is a gap if its last answer is more than two intervals old.
        """
        apart = {*self._newcomers, *self._missed} if span.symbols is None else ()
        there = set(answered)
        whole = [s for s in span.symbols or answered if s in there and s not in apart]
        left: dict[int, list[str]] = {}
        for symbol in whole:
            start = span.start
            beat = polls.last_beat(symbol, own=span.is_own)
            # Another poller's good answer may have come since `wall` was read.
            if beat is not None and start < (last := beat.last_good or 0) <= wall + BEATS_LAG:
                if wall - last <= TOO_FAR * beat.interval + BEATS_LAG:
                    continue
                start = last
            left.setdefault(start, []).append(symbol)
        is_all = is_whole and span.symbols is None and len(left) == 1 and whole in left.values()
        return {start: None if is_all else names for start, names in left.items()}

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

    def _last_polls(self, heartbeats: Iterable[Heartbeat]) -> LastPolls:
        return LastPolls(heartbeats, source=self._source, writer=self._writer)
