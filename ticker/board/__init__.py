"""The board: the latest quotes with the ticks since folded in, as rows for a screen."""

from ticker.board.fold import Board
from ticker.board.freshness import Age
from ticker.board.order import SORTS, Sort
from ticker.board.row import Row

__all__ = ["SORTS", "Age", "Board", "Row", "Sort"]
