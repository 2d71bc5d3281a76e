"""Exchange rates from Yahoo's pairs: direct, inverse, then crossed through USD. Pure.

A rate names the pairs that it was computed from. Minor units (pence, cents, agorot; as Yahoo spells
them) are converted to their main unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MIDDLE: Final = "USD"
"""The currency through which others are crossed."""
_MINOR: Final = {
    "GBp": "GBP",
    "GBX": "GBP",
    "ZAc": "ZAR",
    "ZAC": "ZAR",
    "ILA": "ILS",
    "USX": "USD",
    "EUX": "EUR",
}
"""A minor unit (a hundredth) → its main unit."""
_HUNDREDTH: Final = Decimal("0.01")
_ONE: Final = Decimal(1)

PriceOf = Callable[[str], float | None]
"""Symbol → its price; `None` if unknown."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency is worth in another."""

    value: Decimal
    pairs: tuple[str, ...] = ()
    """The symbols of the pairs used."""
    path: str = ""
    """The formula: `EURUSD=X`, `1 / EURUSD=X`, `GBPUSD=X / EURUSD=X`; empty for the same currency.
    """


def main_unit(currency: str) -> tuple[str, Decimal]:
    """Return the main unit and the factor: `GBp` → `("GBP", 0.01)`."""
    main = _MINOR.get(currency)
    return (currency, _ONE) if main is None else (main, _HUNDREDTH)


def pair(of: str, into: str) -> str:
    """Return Yahoo's symbol of the pair: the price of one `of` in `into`."""
    return f"{of}{into}=X"


def rate_of(of: str, into: str, price_of: PriceOf) -> Rate | None:
    """Return the value of one `of` in `into`, also for minor units; `None` if no pair is known."""
    (of, units), (into, parts) = main_unit(of), main_unit(into)
    found = Rate(_ONE) if of == into else _leg(of, into, price_of)
    if found is None and MIDDLE not in (of, into):
        first, second = _leg(of, MIDDLE, price_of), _leg(MIDDLE, into, price_of)
        if first is not None and second is not None:
            pairs = (*first.pairs, *second.pairs)
            sign = "x" if second.pairs == (pair(MIDDLE, into),) else "/"
            path = f"{first.path} {sign} {second.pairs[0]}"
            found = Rate(first.value * second.value, pairs, path)
    return None if found is None else Rate(found.value * units / parts, found.pairs, found.path)


def _leg(of: str, into: str, price_of: PriceOf) -> Rate | None:
    """Return the direct rate, else the inverse; `None` if neither is known."""
    if price := _price(direct := pair(of, into), price_of):
        return Rate(price, (direct,), direct)
    if price := _price(inverse := pair(into, of), price_of):
        return Rate(_ONE / price, (inverse,), f"1 / {inverse}")
    return None


def _price(symbol: str, price_of: PriceOf) -> Decimal | None:
    price = price_of(symbol)
    return Decimal(str(price)) if price is not None and price > 0 else None


def pairs_to_ask(
    conversions: Iterable[tuple[str, str]], price_of: PriceOf, is_refused: Callable[[str], bool]
) -> list[str]:
    """Return the pairs that a poller should ask for, each once. `conversions` are in main units.

    A known rate needs the pairs that it was computed from. An unknown rate needs the direct pair.
    If that is refused, it needs the inverse pair. If both are refused, it needs a pair for each leg
    of the cross through USD: again the direct one, or else the inverse.
    """
    asked: dict[str, None] = {}
    for of, into in conversions:
        known = rate_of(of, into, price_of)
        if known is not None:
            asked |= dict.fromkeys(known.pairs)
            continue
        legs = [(of, into)]
        if MIDDLE not in (of, into) and all(map(is_refused, (pair(of, into), pair(into, of)))):
            legs = [(of, MIDDLE), (MIDDLE, into)]
        for first, second in legs:
            wanted = [pair(first, second), pair(second, first)]
            asked |= dict.fromkeys([each for each in wanted if not is_refused(each)][:1])
    return list(asked)
