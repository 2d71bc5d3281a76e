"""Reads the symbols in Yahoo's answer to a search.

Pure. No answer raises an exception: broken parts are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ticker.records import Found
from ticker.sources.reading import is_symbol, plain_text

_FIELDS: Final = ("longname", "shortname", "quoteType", "exchDisp", "exchange")


def read_found(answer: object) -> list[Found] | None:
    """Return the symbols in `answer`, in its order; `None` if it is no answer to a search."""
    match answer:
        case {"quotes": [*quotes]}:
            return [found for entry in quotes if (found := _read(entry)) is not None]
        case _:
            return None


def _read(entry: object) -> Found | None:
    if not isinstance(entry, Mapping) or not is_symbol(symbol := entry.get("symbol")):
        return None
    told = {name: plain_text(entry.get(name)) or "" for name in _FIELDS}
    return Found(
        symbol=str(symbol),
        name=told["longname"] or told["shortname"],
        kind=told["quoteType"].lower(),
        exchange=told["exchDisp"] or told["exchange"],
    )
