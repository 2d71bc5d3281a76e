"""A frozen board: what readers see while new records are folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ticker.board.focus import Focus
from ticker.board.gaps import Gaps
from ticker.board.holdings import Valuation
from ticker.board.row import Row
from ticker.health.writers import Writers


@dataclass(frozen=True, slots=True)
class Held:
    """What was known when the board was held."""

    now: int
    """When the board was held (µs, UTC)."""
    elapsed: int
    """The same moment on a clock that never goes back (µs)."""
    ticks: int
    """The number of ticks folded in before."""
    rows: Mapping[str, Row]
    """The rows of the symbols shown, in their order."""
    writers: Writers
    valuation: Valuation | None
    focus: Focus | None
    gaps: Gaps
