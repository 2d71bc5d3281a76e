"""Candles on a canvas of half blocks: a cell has an upper and a lower half.

Pure: bars in, cells out. A candle is one cell wide, or three if there is room, with one or two free
cells beside it. Its body reaches from open to close, its wick from low to high. A span without a
price has no candle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.board.bars import longer
from ticker.records import Bar
from ticker.units import HOUR, MINUTE, SECOND

HALVES: Final = 2
"""Rows in a cell."""
_SPANS: Final = (
    *(5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE),
    *(15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
)
"""The possible lengths of a candle (µs)."""
_NARROW, _WIDE = 2, 4
"""The least and the greatest distance from a candle to the next (cells)."""
_NOTHING, _WICK, _BODY = range(3)
_BLOCKS: Final = {(_BODY, _BODY): "█", (_BODY, _NOTHING): "▀", (_NOTHING, _BODY): "▄"}
_WICKS: Final = {(_WICK, _WICK): "│", (_WICK, _NOTHING): "╵", (_NOTHING, _WICK): "╷"}


@dataclass(frozen=True, slots=True)
class Candles:
    """The candles that fit a width."""

    bars: Sequence[Bar]
    span: int
    """The length of each candle (µs)."""
    pitch: int
    """The distance from a candle to the next (cells)."""

    @property
    def start(self) -> int:
        """Return when the first candle begins (µs, UTC)."""
        return self.bars[0].time

    @property
    def body(self) -> int:
        """Return the width of a candle (cells). It is odd, so that its wick is in the middle."""
        return 3 if self.pitch == _WIDE else 1


def fit_candles(bars: Sequence[Bar], span: int, width: int) -> Candles:
    """Merge `bars` of `span` (µs) into candles that fit `width` cells. There is at least one bar.

    If even the longest candles do not fit, the oldest are left out.
    """
    spans = [each for each in _SPANS if each % span == 0] or [span]
    for wished in spans:
        count = _count(bars, wished)
        if count * _NARROW <= width or wished == spans[-1]:
            break
    first = (bars[-1].time // wished - max(1, width // _NARROW) + 1) * wished
    chosen = [bar for bar in longer(bars, wished) if bar.time >= first]
    return Candles(chosen, wished, max(_NARROW, min(_WIDE, width // count)))


def _count(bars: Sequence[Bar], span: int) -> int:
    return bars[-1].time // span - bars[0].time // span + 1


def draw_candles(
    candles: Candles, width: int, height: int, row: Callable[[float], int]
) -> list[list[tuple[str, bool]]]:
    """Draw `height` lines of `width` cells. A cell is a character, and whether its candle rose.

    `row` returns the row of a price, from 0 to `height` × `HALVES` - 1.
    """
    grid = [[(" ", False)] * width for _ in range(height)]
    for bar in candles.bars:
        at = (bar.time - candles.start) // candles.span * candles.pitch
        middle = at + candles.body // 2
        is_up = bar.close >= bar.open
        top, bottom = sorted((row(bar.open), row(bar.close)))
        kinds = [
            _BODY if top <= y <= bottom else _WICK if row(bar.high) <= y <= row(bar.low) else 0
            for y in range(height * HALVES)
        ]
        for y in range(row(bar.high) // HALVES, row(bar.low) // HALVES + 1):
            halves = kinds[y * HALVES], kinds[y * HALVES + 1]
            # A cell cannot show half a wick and half a body, so it shows the body.
            body = _BLOCKS.get((halves[0] // _BODY * _BODY, halves[1] // _BODY * _BODY))
            for x in range(at, min(at + candles.body, width)):
                if body or x == middle:
                    grid[y][x] = (body or _WICKS[halves], is_up)
    return grid
