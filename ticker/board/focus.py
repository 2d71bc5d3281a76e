"""The details of one symbol: the bars of its day, its last ticks, its gaps.

Pure. Older ticks may come after newer ones. A tick may come twice.
"""

from __future__ import annotations

from typing import Final

from ticker.board.bars import Bars
from ticker.records import Gap, Tick

_TICKS: Final = 200
"""How many of the last ticks are kept. Older ones are dropped once there are twice as many."""


class Focus:
    """What is known of `symbol` and is not in its row."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bars = Bars()
        self._ticks: dict[tuple[str, int], Tick] = {}
        self._gaps: dict[Gap, None] = {}

    def take(self, tick: Tick) -> None:
        """Add a tick of this symbol."""
        self.bars.take(tick.time, tick.price, tick.sequence)
        self._ticks[tick.origin, tick.sequence] = tick
        if len(self._ticks) > 2 * _TICKS:
            self._ticks = {(t.origin, t.sequence): t for t in reversed(self.ticks(_TICKS))}

    def take_gap(self, gap: Gap) -> None:
        """Add `gap` if it concerns this symbol."""
        if gap.concerns((self.symbol,)):
            self._gaps[gap] = None

    def ticks(self, most: int) -> list[Tick]:
        """Return the last ticks, newest first, at most `most`."""
        return sorted(self._ticks.values(), key=_when, reverse=True)[:most]

    @property
    def gaps(self) -> list[Gap]:
        """Return the gaps of this symbol, newest first."""
        return sorted(self._gaps, key=lambda gap: gap.received, reverse=True)

    def gaps_between(self, older: Tick, newer: Tick) -> list[Gap]:
        """Return the spans without prices that ended between two ticks, newest first.

        They ended after `older.received`, and at `newer.received` at the latest.
        """
        return [
            gap
            for gap in self.gaps
            if gap.until is not None and older.received < gap.until <= newer.received
        ]


def _when(tick: Tick) -> tuple[int, int, int]:
    return tick.time, tick.received, tick.sequence
