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
    """When (µs, UTC)."""
    elapsed: int
    """The same on a clock that never goes back (µs)."""
    ticks: int
    """Folded in before."""
    rows: Mapping[str, Row]
    """Of the symbols shown, in their order."""
    writers: Writers
    valuation: Valuation | None
    focus: Focus | None
    gaps: Gaps
