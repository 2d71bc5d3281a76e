"""The last day of a tape before a moment, for the lines of prices: with nothing of what comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from typing import Final

from ticker.records import Batch, Position
from ticker.streams.protocol import Tape
from ticker.units import DAY

_MOST: Final = 200_000
"""Ticks that are read at most: a second's work."""
_BATCH: Final = 2_000
"""Of these, so many come at once: folding them keeps a screen waiting for a few ms."""


async def past(tape: Tape, time: int, symbols: Collection[str]) -> AsyncIterator[Batch]:
    """Yield ticks and gaps of `symbols` up to `time` (µs, UTC), oldest first."""
    position = await _begin(tape, time)
    reading = tape.read(position, symbols=symbols, follow=False, limit=_BATCH)
    async with aclosing(reading) as batches:
        async for batch in batches:
            ticks = [tick for tick in batch.ticks if tick.received <= time]
            gaps = [gap for gap in batch.gaps if gap.received <= time]
            yield Batch(batch.position, ticks=ticks, gaps=gaps)
            if len(ticks) < len(batch.ticks):
                return


async def _begin(tape: Tape, time: int) -> Position:
    """The position a day before `time`, or nearer where there are very many ticks."""
    begin, end = await tape.find(max(0, time - DAY)), await tape.find(time + 1)
    if await tape.count(begin) - await tape.count(end) > _MOST:
        return await tape.step(end, -_MOST)
    return begin
