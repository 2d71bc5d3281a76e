"""Reads the last day before a moment, for sparklines and charts.

If that day has very many ticks, only the newest of the chosen symbols are read. Knows no backend.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Final

from ticker.records import Batch, Position
from ticker.streams.narrowing import as_tape
from ticker.streams.protocol import Stream
from ticker.units import DAY

_MOST: Final = 200_000
"""The most ticks that are read. That takes about a second."""
_BATCH: Final = 2_000
"""The most ticks at once: folding them blocks a screen for a few ms."""


async def last_day(
    stream: Stream, time: int, symbols: Collection[str], *, most: int = _MOST
) -> AsyncGenerator[Batch, None]:
    """Yield ticks and gaps of `symbols` from a day before `time` (µs, UTC), oldest first.

    If there are more than `most` ticks, only about the newest `most` come. A tape is read up to
    `time` (inclusive). Any other stream is read to its end: its `time` is now, and the clocks of
    its writers may be ahead.
    """
    begin = await _begin(stream, time, symbols, most)
    if begin is None:
        return
    is_tape = as_tape(stream) is not None
    reading = stream.read(begin, symbols=symbols, follow=False, limit=_BATCH)
    async with aclosing(reading) as batches:
        async for batch in batches:
            if not is_tape:
                yield batch
                continue
            ticks = [tick for tick in batch.ticks if tick.received <= time]
            gaps = [gap for gap in batch.gaps if gap.received <= time]
            yield Batch(batch.position, ticks=ticks, gaps=gaps)
            if len(ticks) < len(batch.ticks):
                return


async def _begin(stream: Stream, time: int, symbols: Collection[str], most: int) -> Position | None:
    """Find where the reading begins; `None` if there is no tick to read."""
    begin = await stream.find(max(0, time - DAY))
    after_begin = await stream.count(begin)
    if not after_begin:
        return None
    tape = as_tape(stream)
    end = None if tape is None else await tape.find(time + 1)
    if after_begin - (0 if end is None else await stream.count(end)) <= most:
        return begin
    if tape is None or end is None:
        newest = await stream.find_last(most, symbols=symbols)
    else:
        newest = await tape.step(end, -most, symbols=symbols)
    # The newest ticks of a rare symbol may begin more than a day ago.
    return newest if await stream.count(newest) < after_begin else begin
