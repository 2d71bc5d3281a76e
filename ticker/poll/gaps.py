"""Spans in which nobody looked: noticed at the first good answer after them, told as gap records.

A gap lies between two good answers further apart than twice the interval announced at the first. It
promises one record for each span: across restarts of the poller, for symbols added while it runs,
with the reason that lasted longest to the end, and none of what another poller of the same source
looked at meanwhile. It asks nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.poll.last_polls import BEATS_LAG, LastPoll, LastPolls
from ticker.poll.ledger import Ledger
from ticker.records import Gap, GapReason, Heartbeat

TOO_FAR: Final = 2
"""Good answers further apart than so many announced intervals have a gap between them."""


@dataclass(frozen=True, slots=True)
class _Good:
    """A good answer: when it came by both clocks, and the interval that it announced (µs)."""

    wall: int
    elapsed: int
    every: int

    def start(self, wall: int, elapsed: int) -> int:
        """Its time, on a wall clock that may have been set back since (µs, UTC)."""
        return self.wall if self.wall < wall else wall - (elapsed - self.elapsed)


@dataclass(frozen=True, slots=True)
class _Missed:
    """Nobody knows of a symbol since the answer `good`, because of `reason`."""

    good: _Good
    reason: str


@dataclass(frozen=True, slots=True)
class _Span:
    """A span that ends now and in which this poller did not look: since when (µs, UTC), and why."""

    start: int
    reason: str
    symbols: Sequence[str] | None
    """`None`: all that it asks for."""
    is_own: bool = False
    """It lies within this poller's life: one of the same name counts as another."""


class GapTracker:
    """What one poller knows of its own looking away."""

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
        """When the last good answer came, before a restart too (µs, UTC)."""
        return self._last_good

    def begin(self, heartbeats: Iterable[Heartbeat], symbols: Sequence[str], now: int) -> None:
        """The poller starts at `now` (µs, UTC) to ask for `symbols`.

        `heartbeats` are what the ledger read: they tell of earlier polls.
        """
        looks = self._looks(heartbeats)
        self._before = looks.last(symbols, self._ledger.known, now=now)
        self._last_good = None if looks.own is None else looks.own.last_good

    def expect(self, symbols: Iterable[str]) -> None:
        """These are asked for from now on: somebody may have looked at them before."""
        self._newcomers += symbols

    def forget(self) -> None:
        """Nothing is asked for any more: what follows is no gap."""
        self._good = None
        self._newcomers.clear()
        self._missed.clear()

    def trouble(self, reason: GapReason) -> None:
        """The poller asked in vain, because of `reason`."""
        self._trouble = reason

    def cut(self, reason: str, since: int | None = None) -> None:
        """Something of what followed the last good answer went unseen, because of `reason`.

        Or of what followed `since` (µs, UTC), if that is earlier.
        """
        self._cut, self._cut_since = reason, since

    def seen(
        self, wall: int, elapsed: int, every: int, missed: Mapping[str, str] | None = None
    ) -> None:
        """A good answer is durable in the log; the next one is due in `every` (all µs).

        `missed` are the symbols whose requests failed, and why.
        """
        missed = missed or {}
        goods = {
            symbol: self._missed[symbol].good if symbol in self._missed else self._good
            for symbol in missed
            if symbol not in self._newcomers
        }
        self._missed = {
            symbol: _Missed(good, missed[symbol]) for symbol, good in goods.items() if good
        }
        # This poller has not looked at these yet: somebody else may have.
        self._newcomers = [symbol for symbol in missed if symbol not in self._missed]
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
        """The gaps that end with the good answer about `symbols` at `wall`, `elapsed` (µs).

        `missed` are those among them whose requests failed: their gaps do not end yet. `every` is
        the interval up to now, `waited` how long the source took over this answer (µs).
        Raises `StreamError`, because the log is asked who else looked.
        """
        answered = [symbol for symbol in symbols if symbol not in missed]
        new = [symbol for symbol in self._newcomers if symbol not in missed]
        looks = [*self._before]
        others: LastPolls | None = None
        if new:
            others = self._looks(await self._ledger.read())
            looks += others.last(new, self._ledger.known, now=wall, own=False)
        spans = [
            _Span(look.time, GapReason.POLLER_STOPPED, look.symbols)
            for look in looks
            if wall - look.time > TOO_FAR * (look.interval or every) + look.lag
        ]
        spans += self._own_span(wall, elapsed, waited)
        spans += self._missed_spans(answered, wall, elapsed)
        if not spans:
            return []
        if others is None:
            others = self._looks(await self._ledger.read())
        # One for each beginning: a log takes two of one writer that begin together for one.
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
        """What this poller itself did not see since its last good answer, if anything."""
        good = self._good
        # By the clock that never goes back: a wall clock that was stepped makes no gap, and hides
        # none.
        is_far = good is not None and elapsed - good.elapsed > TOO_FAR * good.every
        if good is None or not (is_far or self._cut):
            return []
        start = min(good.start(wall, elapsed), self._cut_since or wall)
        is_slow = waited > good.every
        held_up = GapReason.SLOW_ANSWER if is_slow else GapReason.POLLER_HELD_UP
        reason = self._cut or self._trouble or held_up
        # Since `_cut_since` this poller looked, and saw nothing: its looks do not count.
        return [_Span(start, reason, None, is_own=self._cut_since is None)]

    def _missed_spans(self, answered: Sequence[str], wall: int, elapsed: int) -> list[_Span]:
        """What of `answered` failed before, in requests of its own, by beginning and reason."""
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
        looks: LastPolls,
        *,
        is_whole: bool,
    ) -> Mapping[int, Sequence[str] | None]:
        """Since when (µs, UTC) nobody looked at what of `span`; `None`: all that is asked for.

        `is_whole`: `answered` is all that is asked for.

        A poller that began to look in the midst of it has told of the time before itself, and one
        that ceased to leaves the rest.
        """
        apart = {*self._newcomers, *self._missed} if span.symbols is None else ()
        there = set(answered)
        whole = [s for s in span.symbols or answered if s in there and s not in apart]
        left: dict[int, list[str]] = {}
        for symbol in whole:
            start = span.start
            looker = looks.looker(symbol, own=span.is_own)
            # A good answer of others may have come since `wall` was read.
            if looker is not None and start < (last := looker.last_good or 0) <= wall + BEATS_LAG:
                if wall - last <= TOO_FAR * looker.interval + BEATS_LAG:
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

    def _looks(self, heartbeats: Iterable[Heartbeat]) -> LastPolls:
        return LastPolls(heartbeats, source=self._source, writer=self._writer)
