"""Applies a request's options for quotes: only some fields, and numbers with their texts.

Pure. `fields` chooses among the market's numbers. Fields that describe the symbol are always sent,
as by Yahoo. With `formatted=true` each of the market's numbers is an object: `raw` is the number
and `fmt` its text; counts have `longFmt` too. Other options (`corsDomain`, `lang`, `region`)
change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_PLAIN: Final = frozenset({
    "cryptoTradeable", "esgPopulated", "exchangeDataDelayedBy", "firstTradeDateMilliseconds",
    "gmtOffSetMilliseconds", "hasPrePostMarketData", "priceHint", "sourceInterval", "tradeable",
    "triggerable", "contractSymbol",
})  # fmt: skip
"""Numbers and booleans that describe the symbol."""
_TERMS: Final = frozenset({"expireDate", "strike", "openInterest"})
"""Numbers of a contract. They come even if they are not in `fields`."""
_RANGE: Final = "Range"
_TIME: Final = "Time"
_PERCENT: Final = "Percent"
_DATES: Final = frozenset({"expireDate", "startDate", "dividendDate"})
_UNITS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_MAX_DECIMALS: Final = 12
_FRACTIONS: Final = ("fiftyTwoWeekLowChangePercent", "fiftyTwoWeekHighChangePercent")
"""Percentages that Yahoo sends as fractions."""


def wished(entry: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Apply the options in `query` to `entry`, which is one of `v7/finance/quote`."""
    names = [name for name in query.get("fields", "").split(",") if name]
    told = {
        name: value
        for name, value in entry.items()
        if not names or name in names or name in _TERMS or not _is_number(name, value)
    }
    if query.get("formatted", "").lower() != "true":
        return told
    return {
        name: _formatted(name, value, told) if _is_number(name, value) else value
        for name, value in told.items()
    }


def is_wish(query: Mapping[str, str]) -> bool:
    """Tell whether `query` has an option that changes the entries."""
    return bool(query.get("fields")) or query.get("formatted", "").lower() == "true"


def _is_number(name: str, value: Any) -> bool:
    """Tell whether the field is a number of the market, or a range: a text with two numbers."""
    if isinstance(value, str):
        return name.endswith(_RANGE)
    return isinstance(value, int | float) and name not in _PLAIN


def _formatted(name: str, value: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    hint = entry.get("priceHint")
    decimals = hint if type(hint) is int and 0 <= hint <= _MAX_DECIMALS else 2
    match value:
        case str():
            ends = value.split(" - ")
            return {"raw": value, "fmt": " - ".join(_end(end, decimals) for end in ends)}
        case _ if name in _DATES:
            return {"raw": value, "fmt": _moment(value, 0, "%Y-%m-%d")}
        case _ if name.endswith(_TIME):
            zone = entry.get("exchangeTimezoneShortName", "UTC")
            offset = entry.get("gmtOffSetMilliseconds", 0)
            text = _moment(value, offset, "%I:%M%p").removeprefix("0")
            return {"raw": value, "fmt": f"{text} {zone}"}
        case _ if name.endswith(_PERCENT):
            return {"raw": value, "fmt": f"{value * (100 if name in _FRACTIONS else 1):,.2f}%"}
        case int() if "Price" not in name and not name.startswith(("regularMarketDay", "fifty")):
            return {"raw": value, "fmt": _short(value), "longFmt": f"{value:,}"}
        case _:
            return {"raw": value, "fmt": _price(value, decimals)}


def _price(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def _short(count: int) -> str:
    """Write a count in thousands, millions and so on."""
    for unit, letter in _UNITS:
        if abs(count) >= unit:
            return f"{count / unit:.3f}".rstrip("0").rstrip(".") + letter
    return str(count)


def _moment(seconds: Any, offset: Any, pattern: str) -> str:
    try:
        return datetime.fromtimestamp(seconds + offset / 1_000, UTC).strftime(pattern)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _end(text: str, decimals: int) -> str:
    """Write one end of a range. A text that is not a number stays as it is."""
    try:
        return _price(float(text), decimals)
    except ValueError:
        return text
