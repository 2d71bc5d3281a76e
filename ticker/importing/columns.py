"""The user's options for files, and the search for the columns that an import needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.importing.layouts import FIELDS, Layout
from ticker.importing.sniffing import Sniffed

_MUST: Final = {
    "time": "--column time=NAME",
    "price": "--column price=NAME (or bid=NAME and ask=NAME)",
    "symbol": "--symbol SYMBOL (or --column symbol=NAME)",
}
"""What each file must have, and the option that names it."""


class Options(msgspec.Struct, frozen=True):
    """The user's options for the files."""

    layout: str | None = None
    """The name of a layout. `None`: the first line decides; if it fits several, the file's name."""
    symbol: str | None = None
    zone: str | None = None
    time_format: str | None = None
    columns: tuple[str, ...] = ()
    """The names of the columns of files without a header, in order."""
    renamed: Mapping[str, str] = {}
    """One of our names (`time`, …) → the file's. `date+clock` joins two columns."""
    decimal_comma: bool = False
    """Numbers are written like `2,5`."""
    strict: bool = False
    """Stop at the first bad row."""


def split(file: Sniffed) -> list[str]:
    """Return the names in the first line, without quotes."""
    return [name.strip().strip('"').strip() for name in file.lines[0].split(file.delimiter)]


def columns_of(
    file: Sniffed, layout: Layout, options: Options, names: Sequence[str], *, has_symbol: bool
) -> dict[str, list[str]]:
    """Return one of our names → the file's columns for it.

    `has_symbol`: no column for the symbol is needed. Raises one `UsageError` for all that is
    missing.
    """
    there = {name.lower(): name for name in names}
    found: dict[str, list[str]] = {}
    absent: list[str] = []
    ours = {field: field for field in FIELDS}
    for need, asked in {**ours, **layout.columns, **options.renamed}.items():
        if need not in FIELDS:
            raise UsageError(f"--column {need}={asked}: FIELD must be one of {', '.join(FIELDS)}")
        parts = asked.split("+") if asked.lower() not in there else [asked]
        if all(part.lower() in there for part in parts):
            found[need] = [there[part.lower()] for part in parts]
        elif need in options.renamed:
            absent.append(asked)
    missing = [
        (need, advice)
        for need, advice in _MUST.items()
        if need not in {*found, *options.renamed} and not (need == "symbol" and has_symbol)
    ]
    if {"bid", "ask"} <= found.keys():
        missing = [(need, advice) for need, advice in missing if need != "price"]
    if not (absent or file.header or file.is_parquet or options.columns) and missing:
        # In a layout without a header only the symbol can be missing.
        raise UsageError(
            f"{file.name} looks like {layout.title} ({layout.name}), which hold no symbol. "
            "Give it: --symbol SYMBOL (the publisher's own file name has it)"
        )
    if absent or missing:
        *others, last = map(repr, [*absent, *(need for need, _ in missing)])
        lacking = f"s {', '.join(others)} and {last}" if others else f" {last}"
        pronoun = "them" if len(missing) > 1 else "it"
        name_it = f". Name {pronoun}: {' '.join(a for _, a in missing)}" if missing else ""
        raise UsageError(
            f"{file.name} has no column{lacking}. It has: {', '.join(names)[:300]}{name_it}"
        )
    return found
