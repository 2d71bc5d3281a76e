"""Reads a tape ahead and returns what is due: ticks, gaps, and a quote of each symbol that changed.

The state at a time is the same after playing and after a seek. It holds nothing that comes later. A
quote is made from a tick and the standing facts of its time. Times are µs of the tape, UTC. This
module knows no clock.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Collection
from itertools import accumulate
from typing import Final

from ticker.play.reel import Reel
from ticker.records import MAX_TIME, Batch, Gap, Position, Tick
from ticker.streams.sequence import Key
from ticker.streams.standing_facts import Facts, quote_of

BURST: Final = 1_000
"""A burst is a tick with all those due less than this time (µs) after it. It is played at once."""
_BATCH: Final = 8_000
"""The most ticks read at once. At full speed, a batch makes one quote for each symbol."""
_NOWHERE: Final = Position("")
"""The position of a batch that no reader resumes from."""


class Cursor:
    """A place on `reel`. Call `seek` first, and `close` at the end."""

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._reading: AsyncGenerator[Batch, None] | None = None
        self._coming: asyncio.Task[Batch | None] | None = None
        self._is_read = False  # the reading has ended
        self._ticks: list[Tick] = []
        self._dues: list[int] = []  # when each of them is due
        self._at = 0  # the index of the next one to play
        self._floor = 0  # when the last tick that was read is due
        self._others: list[tuple[int, Gap | Facts]] = []  # when each gap and fact is due
        self._other = 0  # the index of the next one to pass
        self._facts: dict[Key, Facts] = {}
        self._last: dict[Key, Tick] = {}
        self.ticks = 0
        """How many ticks of the span come before this place."""
        self.time = 0
        """Where `seek` went, or when the last record taken was due, if that is later."""

    async def seek(self, time: int, symbols: Collection[str] | None = None) -> Batch:
        """Go to `time`. Returns what is known there: quotes, and the gaps of the span so far.

        That includes the ticks at `time`. From here on, only `symbols` are read (`None`: all).
        Raises `StreamError`.
        """
        await self.close()
        reel = self._reel
        found = await reel.tape.last_ticks(time)
        known = [t for t in found.ticks if symbols is None or t.symbol in symbols]
        self._last = {(tick.origin, tick.symbol): tick for tick in known}
        others: list[tuple[int, Gap | Facts]] = [*reel.gaps_of(symbols), *reel.timeline.facts]
        others.sort(key=_due)
        self._others, self._other, self._facts = others, 0, {}
        self._ticks, self._dues, self._at, self._floor = [], [], 0, time
        gaps, _ = self._pass_others(time)
        self.ticks = sum(
            tick.sequence - reel.before.get(key, tick.sequence) for key, tick in self._last.items()
        ) - sum(_missing(gap) for gap in gaps)
        self._reading = reel.tape.read(found.position, symbols=symbols, follow=False, limit=_BATCH)
        self._is_read = False
        self.time = time
        quotes = [quote_of(tick, self._facts.get(key)) for key, tick in self._last.items()]
        return Batch(_NOWHERE, gaps=gaps, quotes=quotes)

    async def close(self) -> None:
        """Stop reading the tape. A second call is harmless."""
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait([self._coming])
            self._coming = None
        if self._reading is not None:
            await self._reading.aclose()
            self._reading = None

    async def fill(self) -> None:
        """Read until the next burst is complete, or the span ends. Raises `StreamError`."""
        while not self._is_read and not self._has_next_burst:
            task = self._coming or self._read_on()
            await asyncio.wait([task])
            self._coming = None
            self._take_in(task.result())

    def next_read_due(self, symbols: Collection[str]) -> int | None:
        """Return when the next tick of `symbols` is due; `None` if it was not read yet."""
        dues, ready = self._dues, self._ready
        for at in range(self._at, len(dues)):
            if dues[at] > ready:
                return None
            if self._ticks[at].symbol in symbols:
                return dues[at]
        return None

    @property
    def next_due(self) -> int | None:
        """Return when the next known record is due; `None` at the end, or if `fill` must read."""
        ticks = self._dues[self._at : self._at + 1]
        others = self._others[self._other : self._other + 1]
        return min([*ticks, *(due for due, _ in others)], default=None)

    @property
    def is_at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self._is_read and self.next_due is None

    @property
    def burst_end(self) -> int | None:
        """Return when the last tick of the next burst is due; `None` as in `next_due`."""
        return None if (due := self.next_due) is None else self._burst_end(due)

    def take(self, time: int) -> Batch:
        """Return all that was read and is due by `time`. Records of one µs stay together."""
        time = min(time, self._ready)
        begin, end = self._at, bisect_right(self._dues, time, self._at)
        ticks, self._at = self._ticks[begin:end], end
        touched = {(tick.origin, tick.symbol): tick for tick in ticks}
        self._last.update(touched)
        gaps, keys = self._pass_others(time)
        self.ticks += len(ticks)
        if end > begin:
            self.time = max(self.time, self._dues[end - 1])
        if not self._is_read and len(self._dues) - end < _BATCH and self._coming is None:
            self._read_on()
        quotes = [
            quote_of(tick, self._facts.get(key))
            for key in touched.keys() | keys
            if (tick := self._last.get(key)) is not None
        ]
        return Batch(_NOWHERE, ticks=ticks, gaps=gaps, quotes=quotes)

    def take_bursts(self, time: int) -> Batch:
        """Like `take`, but leave out a burst until its last tick is due."""
        if time < MAX_TIME and (due := self.next_due) is not None and due <= time:
            begin, dues = self._at, self._dues
            while begin < len(dues) and dues[begin] <= time:
                end = self._burst_end(dues[begin])
                if end > time:
                    time = dues[begin] - 1
                    break
                begin = bisect_right(dues, end, begin)
        return self.take(time)

    def _burst_end(self, begin: int) -> int:
        """Return when the last tick of the burst that begins at `begin` is due."""
        at = bisect_right(self._dues, begin + BURST - 1, self._at)
        return max(begin, self._dues[at - 1]) if at > self._at else begin

    @property
    def _ready(self) -> int:
        """Return the time up to which everything was read."""
        if self._is_read:
            return MAX_TIME
        return self._dues[-1] - 1 if self._dues else -1

    @property
    def _has_next_burst(self) -> bool:
        """Whether the next burst was read to its end."""
        dues, at = self._dues, self._at
        return at < len(dues) and dues[-1] > dues[at] + BURST

    def _read_on(self) -> asyncio.Task[Batch | None]:
        async def read() -> Batch | None:
            assert self._reading is not None  # noqa: S101 - see `seek`
            return await anext(self._reading, None)

        self._coming = asyncio.create_task(read())
        return self._coming

    def _take_in(self, batch: Batch | None) -> None:
        """Add what was read to the ticks that can be taken; `None`: nothing is left."""
        if batch is None:
            self._is_read = True
            return
        received = (tick.received for tick in batch.ticks)
        dues = list(accumulate(received, max, initial=self._floor))[1:]
        self._floor = dues[-1] if dues else self._floor
        end = bisect_right(dues, self._reel.end)
        self._is_read = end < len(dues)
        self._dues = self._dues[self._at :] + dues[:end]
        self._ticks = self._ticks[self._at :] + list(batch.ticks[:end])
        self._at = 0

    def _pass_others(self, time: int) -> tuple[list[Gap], set[Key]]:
        """Take the gaps and facts that are due by `time`.

        Returns the gaps, and the keys whose facts changed.
        """
        gaps: list[Gap] = []
        keys: set[Key] = set()
        end = bisect_right(self._others, time, self._other, key=_due)
        for due, one in self._others[self._other : end]:
            if isinstance(one, Gap):
                gaps.append(one)
            else:
                self._facts[one.origin, one.symbol] = one
                keys.add((one.origin, one.symbol))
            self.time = max(self.time, due)
        self._other = end
        return gaps, keys


def _due(placed: tuple[int, object]) -> int:
    return placed[0]


def _missing(gap: Gap) -> int:
    """Return how many ticks are missing in `gap`; 0 for a span of time."""
    if gap.missing is None:
        return 0
    first, last = gap.missing
    return last - first + 1
