"""Spans in which nobody looked: noticed at the first good answer after them, told as gap records.

A gap lies between two good answers further apart than twice the interval announced at the first. It
promises one record for each span: across restarts of the poller, for symbols added while it runs,
with the reason that lasted longest to the end, and none where another poller of the same name went
on looking. It asks nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.poll.ledger import Ledger, Look
from ticker.records import Gap

TOO_FAR: Final = 2
"""Good answers further apart than so many announced intervals have a gap between them."""


@dataclass(frozen=True, slots=True)
class _Good:
    """A good answer: when it came by both clocks, and the interval that it announced (µs)."""

    wall: int
    elapsed: int
    every: int


class Absence:
    """What one poller knows of its own looking away."""

    def __init__(self, ledger: Ledger, *, source: str, writer: str) -> None:
        self._ledger = ledger
        self._source = source
        self._writer = writer
        self._good: _Good | None = None
        self._last_good: int | None = None
        self._before: list[Look] = []
        self._newcomers: list[str] = []
        self._trouble: str | None = None

    @property
    def last_good(self) -> int | None:
        """When the last good answer came, before a restart too (µs, UTC)."""
        return self._last_good

    def begin(self, looks: Iterable[Look], last_good: int | None) -> None:
        """The poller starts; `looks` and its own `last_good` are what the log tells of before."""
        self._before = [*looks]
        self._last_good = last_good

    def expect(self, symbols: Iterable[str]) -> None:
        """These are asked for from now on: somebody may have looked at them before."""
        self._newcomers += symbols

    def forget(self) -> None:
        """Nothing is asked for any more: what follows is no gap."""
        self._good = None
        self._newcomers.clear()

    def trouble(self, reason: str) -> None:
        """The poller asked in vain, because of `reason`."""
        self._trouble = reason

    def seen(self, wall: int, elapsed: int, every: int) -> None:
        """A good answer is durable in the log; the next one is due in `every` (all µs)."""
        self._good = _Good(wall, elapsed, every)
        self._last_good = wall
        self._before.clear()
        self._newcomers.clear()
        self._trouble = None

    async def gaps(self, wall: int, elapsed: int, every: int, *, waited: int) -> list[Gap]:
        """The gaps that end with the good answer at `wall`, `elapsed` (µs).

        `every` is the interval up to now, `waited` how long the source took over this answer (µs).
        Raises `StreamError`, because the log is asked who else looked.
        """
        looks = [*self._before]
        if self._newcomers:
            beats = await self._ledger.read()
            looks += self._ledger.last_looks(beats, self._newcomers, now=wall, own=False)
        found = [
            self._gap(wall, look.time, "poller stopped", look.symbols)
            for look in looks
            if wall - look.time > TOO_FAR * (look.interval or every)
        ]
        good = self._good
        # By the clock that never goes back: a wall clock that was stepped makes no gap, and hides
        # none.
        if good is None or elapsed - good.elapsed <= TOO_FAR * good.every:
            return found
        start = good.wall if good.wall < wall else wall - (elapsed - good.elapsed)
        twin = await self._ledger.twin_looked(start)
        if twin is not None:
            if wall - twin <= TOO_FAR * good.every:
                return found
            start = twin
        slow = "slow answer" if waited > good.every else "poller held up"
        return [*found, self._gap(wall, start, self._trouble or slow, None)]

    def _gap(self, wall: int, start: int, reason: str, symbols: Sequence[str] | None) -> Gap:
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
