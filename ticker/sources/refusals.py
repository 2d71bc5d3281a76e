"""Decides when refused symbols are requested again: each refusal doubles the wait, up to a limit.

A symbol that had a price before is requested in each poll, because then the source has a problem.
Pure: the time (s, of a clock that never goes back) is passed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ticker.back_off import BackOff


@dataclass(slots=True)
class _PutOff:
    reason: str = ""
    again: float = 0.0
    back_off: BackOff = field(default_factory=BackOff)


class Refusals:
    """The refused symbols, and when to request each again: after `first` to `longest` seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._refused: dict[str, _PutOff] = {}
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
            if symbol not in self._priced:
                told = self._refused.setdefault(symbol, _PutOff())
                told.reason = reason
                told.again = now + told.back_off.wait(self._first, self._longest)
