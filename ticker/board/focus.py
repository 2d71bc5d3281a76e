"""A closer look at one symbol: its day as bars, its last ticks, its gaps.

Pure. Ticks of the past may come after newer ones, and twice.
"""

from __future__ import annotations

from typing import Final

from ticker.board.bars import Bars
from ticker.records import Gap, Tick

_TICKS: Final = 200
"""Last ticks that are kept; up to twice as many between two clearings."""


class Focus:
    """What is remembered of `symbol` beside its row."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bars = Bars()
        self._ticks: dict[tuple[str, int], Tick] = {}
        self._gaps: dict[Gap, None] = {}

    def take(self, tick: Tick) -> None:
        """Take a tick of this symbol in."""
        self.bars.take(tick.time, tick.price)
        self._ticks[tick.origin, tick.sequence] = tick
        if len(self._ticks) > 2 * _TICKS:
            self._ticks = {(t.origin, t.sequence): t for t in reversed(self.ticks(_TICKS))}

    def take_gap(self, gap: Gap) -> None:
        """Take a gap in if it is one of this symbol."""
        if gap.concerns((self.symbol,)):
            self._gaps[gap] = None

    def ticks(self, most: int) -> list[Tick]:
        """Return the last ticks, the newest first, `most` at most."""
        return sorted(self._ticks.values(), key=_when, reverse=True)[:most]

    @property
    def gaps(self) -> list[Gap]:
        """Return its gaps, the newest first."""
        return sorted(self._gaps, key=lambda gap: gap.received, reverse=True)

    def gaps_between(self, older: Tick, newer: Tick) -> list[Gap]:
        """Return the spans without observation between two ticks, the newest first.

        One that ended with the arrival of `newer` is included.
        """
        return [
            gap
            for gap in self.gaps
            if gap.until is not None and older.received < gap.until <= newer.received
        ]


def _when(tick: Tick) -> tuple[int, int, int]:
    return tick.time, tick.received, tick.sequence
