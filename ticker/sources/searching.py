"""Reads the symbols in Yahoo's answer to a search.

Pure. No answer raises an exception: broken parts are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticker.records import MAX_NAME, Found
from ticker.sources.reading import is_symbol


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
    return Found(
        symbol=str(symbol),
        name=_text(entry, "longname") or _text(entry, "shortname"),
        kind=_text(entry, "quoteType").lower(),
        exchange=_text(entry, "exchDisp") or _text(entry, "exchange"),
    )


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str):
        return ""
    return value[:MAX_NAME].encode("utf-8", "replace").decode("utf-8")
