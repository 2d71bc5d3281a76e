"""Decides when refused symbols are requested again: each refusal doubles the wait, up to a limit.

A symbol that had a price before is requested in each poll, because then the source has a problem.
Pure: the time (s, of a clock that never goes back) is passed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 3_600.0
"""The longest wait before a refused symbol is requested again (s)."""


@dataclass(slots=True)
class _Refused:
    reason: str
    wait: float
    again: float


class Refusals:
    """The refused symbols, and when to request each again: after `first` to `longest` seconds."""

    def __init__(self, first: float, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._refused: dict[str, _Refused] = {}
        self._priced: set[str] = set()

    def put_off(self, symbols: Collection[str], now: float) -> dict[str, str]:
        """Return the `symbols` that must wait at `now` → why they were refused.

        Symbols that are not in `symbols` are forgotten: added again, they are requested at once.
        """
        wanted = set(symbols)
        self._priced &= wanted
        self._refused = {s: told for s, told in self._refused.items() if s in wanted}
        return {s: told.reason for s, told in self._refused.items() if now < told.again}

    def note(self, priced: Iterable[str], refused: Mapping[str, str], now: float) -> None:
        """Note which symbols of an answer have a price, and which were refused and why."""
        for symbol in priced:
            self._priced.add(symbol)
            self._refused.pop(symbol, None)
        for symbol, reason in refused.items():
            if symbol in self._priced:
                continue
            known = self._refused.get(symbol)
            wait = self._first if known is None else min(2 * known.wait, self._longest)
            self._refused[symbol] = _Refused(reason, wait, now + wait)
