"""The sparkline of each row, drawn again only if a dot would move.

It begins with the source's minute bars, and continues with the stream's ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ticker.board import Board, Row
from ticker.board.history import History
from ticker.board.minutes import minutes_before
from ticker.dashboard.canvas import ACROSS, DOWN, scale, sparkline

COIN = "cryptocurrency"
"""The kind of instruments that are traded round the clock."""


class Sparkline(NamedTuple):
    """Cells of minute bars, then cells of ticks."""

    minutes: str
    ticks: str


class _Before(NamedTuple):
    """The minute bars before the first tick, which is at `tick` (µs, UTC)."""

    tick: int
    times: Sequence[int]
    closes: Sequence[float]
    low: float
    high: float


_NONE: Final = _Before(0, (), (), float("inf"), float("-inf"))


class Sparks:
    """Draws the sparklines of a board's rows, and caches them."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[History, object, Sparkline]] = {}
        self._before: dict[str, _Before] = {}

    def line(self, board: Board, row: Row, width: int) -> Sparkline:
        """Return the sparkline of `row` in `width` cells; blank if no price is known."""
        history = board.history(row.symbol)
        known = self._drawn.get(row.symbol)
        if board.held is not None and known is not None and sum(map(len, known[2])) == width:
            return known[2]
        if not len(history):
            return Sparkline("", " " * width)
        times, prices = history.day(is_round_the_clock=row.kind == COIN)
        before = self._minutes(board, row, times)
        low, high = min(prices), max(prices)
        low, high = min(low, before.low), max(high, before.high)
        # Dots move with a new point, with new bounds, or when the newest price reaches the next
        # dot.
        level = scale(low, high, DOWN)(prices[-1])
        breaks = board.breaks(row.symbol)
        key = (history.version, len(before.times), low, high, level, len(breaks), width)
        if known is not None and known[0] is history and known[1] == key:
            return known[2]
        text = sparkline(
            [*before.times, *times], [*before.closes, *prices], width, end=history.end,
            breaks=breaks,
        )  # fmt: skip
        line = _divided(text, before.times, times[0], history.end)
        self._drawn[row.symbol] = (history, key, line)
        return line

    def _minutes(self, board: Board, row: Row, times: Sequence[int]) -> _Before:
        """Return the minute bars before `times`, which are those of the ticks."""
        bars = board.minutes.get(row.symbol)
        if bars is None:
            return _NONE
        known = self._before.get(row.symbol)
        if known is not None and known.tick == times[0]:
            return known
        ends, closes = minutes_before(bars, times, is_round_the_clock=row.kind == COIN)
        low, high = min(closes, default=_NONE.low), max(closes, default=_NONE.high)
        found = self._before[row.symbol] = _Before(times[0], ends, closes, low, high)
        return found


def _divided(text: str, minutes: Sequence[int], first: int, end: int) -> Sparkline:
    """Divide a sparkline that ends at `end` (µs) at the first tick, which is at `first` (µs)."""
    if not minutes:
        return Sparkline("", text)
    span = max(1, end - minutes[0])
    dots = (first - minutes[0]) * len(text) * ACROSS // span
    at = min(dots // ACROSS, len(text) - 1)
    return Sparkline(text[:at], text[at:])
