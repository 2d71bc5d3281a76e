"""The sparkline of each row: drawn again only where a dot would move."""

from __future__ import annotations

from ticker.board import Board, Row
from ticker.board.history import History
from ticker.dashboard.canvas import DOWN, scale, sparkline

COIN = "cryptocurrency"
"""The kind of what is traded round the clock."""


class Sparks:
    """Sparklines of a board's rows; remembers what it drew."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[History, object, str]] = {}

    def text(self, board: Board, row: Row, width: int) -> str:
        """The sparkline of `row` in `width` cells; blank where no price is known."""
        history = board.history(row.symbol)
        known = self._drawn.get(row.symbol)
        if board.held is not None and known is not None and len(known[2]) == width:
            return known[2]
        if history is None or not len(history):
            return " " * width
        times, prices = history.day(is_round_the_clock=row.kind == COIN)
        low, high = min(prices), max(prices)
        # Dots move with a new point, other bounds, or when the newest price passes into the next.
        level = scale(low, high, DOWN)(prices[-1])
        breaks = board.breaks(row.symbol)
        key = (history.version, low, high, level, len(breaks), width)
        if known is not None and known[0] is history and known[1] == key:
            return known[2]
        text = sparkline(times, prices, width, end=history.end, breaks=breaks)
        self._drawn[row.symbol] = (history, key, text)
        return text
