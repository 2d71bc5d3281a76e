"""The gaps that a board knows: the newest gap of each symbol, and the breaks in price lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from ticker.records import Gap

_MOST: Final = 200
"""The most gaps that are remembered, for breaks in the lines of prices."""


class Gaps:
    """The last gaps of a stream."""

    def __init__(self) -> None:
        self._known: deque[Gap] = deque(maxlen=_MOST)
        self._newest: dict[str | None, Gap] = {}
        """Symbol → its newest gap; `None` → the newest gap that concerns all symbols."""

    def __iter__(self) -> Iterator[Gap]:
        """Iterate over the last gaps, in the order in which they came."""
        return iter(self._known)

    def take(self, gaps: Iterable[Gap]) -> None:
        """Add gaps, in any order."""
        for gap in gaps:
            if gap not in self._known:
                self._known.append(gap)
            for symbol in (gap.symbol,) if gap.symbols is None else gap.symbols:
                known = self._newest.get(symbol)
                if known is None or gap.received >= known.received:
                    self._newest[symbol] = gap

    def newest(self, symbol: str) -> Gap | None:
        """Return the newest gap that concerns `symbol`; `None`: there is none."""
        found = [self._newest[key] for key in (symbol, None) if key in self._newest]
        return max(found, key=lambda gap: gap.received, default=None)

    def breaks(self, symbol: str) -> list[tuple[int, int]]:
        """Return begin and end (µs, UTC) of the last gaps of `symbol`."""
        return [
            (gap.from_, gap.until)
            for gap in self._known
            if gap.from_ is not None and gap.until is not None and gap.concerns((symbol,))
        ]
