"""Numbers as text for people: thousands separated, and the decimals that a price needs.

Nothing here cuts a digit off to save room. Unknown values (`None`) become "". Knows neither records
nor screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MOST_HINTED: Final = 8
_MOST_DECIMALS: Final = 10
"""A number that needs more decimals is shown in powers of ten: `4.20e-09`."""
_CHANGE_DIGITS: Final = 2
"""The digits shown of a change that the price's decimals would show as 0."""
_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_WHOLE_BELOW: Final = 10_000
_HUGE: Final = 1e15
"""From here on a float has no exact cents, so it is shown in powers of ten."""


def decimals(price: float, hint: int | None = None) -> int:
    """Return how many decimals `price` needs: the source's hint, or more if the price is small.

    A hint of 2 would show a coin of 0.00000843 as 0.00: at least three significant digits stay.
    """
    size = abs(price)
    needed = 2 if size >= 1 or size == 0 else min(_MOST_DECIMALS, 2 - _exponent(size))
    if hint is None:
        return max(needed, 4) if size < 1 else needed
    hint = max(0, min(hint, _MOST_HINTED))
    return max(hint, needed) if size < 1 else hint


def price_text(price: float | None, places: int) -> str:
    """Write a price with `places` decimals: `4,101.30`, `-37.63`.

    From 10¹⁵ on, and if 10 decimals are too few, it is written in powers of ten.
    """
    if price is None:
        return ""
    if abs(price) >= _HUGE:
        return f"{price:.6e}"
    if places >= _MOST_DECIMALS and 0 < abs(price) < 10.0 ** (2 - _MOST_DECIMALS):
        return f"{price:.2e}"
    return f"{price:,.{places}f}"


def change_text(change: float | None, places: int) -> str:
    """Write a change with its sign and `places` decimals: `+12.40`, `-0.35`, `0.00`.

    If they would round it to 0, it gets as many as its first two digits need: `+0.0030`.
    """
    if change is None:
        return ""
    if change == 0:
        return f"{0:.{places}f}"
    size = abs(change)
    text = price_text(size, places)
    if not text.strip("0.,"):
        needed = _CHANGE_DIGITS - 1 - _exponent(size)
        text = f"{size:.{needed}f}" if needed <= _MOST_DECIMALS else f"{size:.1e}"
    return ("+" if change > 0 else "-") + text


def percent_text(percent: float | None) -> str:
    """Write per cent with two decimals: `+0.30%`. From 10,000 % on, there are none."""
    if percent is None:
        return ""
    places = 2 if abs(percent) < _WHOLE_BELOW else 0
    return change_text(round(percent, places), places) + "%"


def amount_text(amount: float | None) -> str:
    """Write a volume in few digits (below 10¹⁵, at most four): `873`, `9,120`, `120.4k`, `1.1B`."""
    if amount is None:
        return ""
    if amount < _WHOLE_BELOW:
        return f"{amount:,.0f}" if amount >= 1 or amount == 0 else f"{amount:.3g}"
    for scale, letter in _SCALES:
        # 999,960 is 1.0M, not 1000.0k: decide after rounding.
        if round(amount / scale, 1) >= 1:
            scaled = amount / scale
            return f"{scaled:,.1f}{letter}" if scaled < 1e6 else f"{amount:.3e}"  # noqa: PLR2004
    return f"{amount:,.0f}"


def count_text(count: int, noun: str) -> str:
    """Write a number with its noun: `1 tick`, `1,204 ticks`. The plural must end in s."""
    return f"{count:,} {agree(count, noun, f'{noun}s')}"


def agree(count: int, one: str, several: str) -> str:
    """Return the word that goes with `count` things: `agree(1, "waits", "wait")` → `waits`."""
    return one if count == 1 else several


def speed_text(speed: float | None) -> str:
    """Write a replay's speed: `×10`, `×0.5`; `max` for 0, and `paused` for `None`."""
    if speed is None:
        return "paused"
    return f"×{speed:g}" if speed else "max"


def and_more(names: Sequence[str], most: int, mark: str = " ") -> str:
    """Return the first `most` of `names`, and how many more there are: `A B C and 597 more`."""
    left = len(names) - most
    return mark.join(names[:most]) + (f" and {left:,} more" if left > 0 else "")


def _exponent(size: float) -> int:
    """Return the power of ten of the first digit that is not 0: 0.0084 → -3."""
    return int(f"{size:e}".partition("e")[2])
