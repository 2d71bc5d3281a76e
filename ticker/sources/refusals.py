"""Symbols that a source refuses: each is requested again, ever more rarely.

Pure: the time (s, of a clock that never goes back) is passed in. A symbol that had a price before
is asked for with each poll all the same, because it is the source that is in trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 3_600.0
"""A refused symbol is asked for again at least so often (s)."""


@dataclass(slots=True)
class _Refused:
    reason: str
    wait: float
    again: float


class Refusals:
    """What is refused, and when to ask for it again; `first` is the first wait (s)."""

    def __init__(self, first: float, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._refused: dict[str, _Refused] = {}
        self._priced: set[str] = set()

    def put_off(self, symbols: Collection[str], now: float) -> dict[str, str]:
        """Those of `symbols` not to be asked for now, and why they were refused.

        What is not among `symbols` is forgotten: a symbol that is added again is asked for at once.
        """
        wanted = set(symbols)
        self._priced &= wanted
        self._refused = {s: told for s, told in self._refused.items() if s in wanted}
        return {s: told.reason for s, told in self._refused.items() if now < told.again}

    def note(self, priced: Iterable[str], refused: Mapping[str, str], now: float) -> None:
        """What a source answered."""
        for symbol in priced:
            self._priced.add(symbol)
            self._refused.pop(symbol, None)
        for symbol, reason in refused.items():
            if symbol in self._priced:
                continue
            known = self._refused.get(symbol)
            wait = self._first if known is None else min(2 * known.wait, self._longest)
            self._refused[symbol] = _Refused(reason, wait, now + wait)
