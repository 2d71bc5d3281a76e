"""The board: the quotes and ticks of a stream, folded into one row per symbol."""

from ticker.board.fold import Board
from ticker.board.freshness import Age
from ticker.board.order import SORTS, Sort
from ticker.board.row import Row

__all__ = ["SORTS", "Age", "Board", "Row", "Sort"]
