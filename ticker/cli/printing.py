"""Turns data into text for standard output, in the chosen format, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ticker.cli.options import Format
from ticker.cli.standard_streams import terminal_width, wants_colour
from ticker.records import Quote
from ticker.times import Zone

if TYPE_CHECKING:  # Rich takes long to load
    from ticker.tables import Table


def format_or_default(form: Format | None) -> Format:
    """Return `form`, or the default: a table on a terminal, JSON elsewhere."""
    return form or (Format.table if sys.stdout.isatty() else Format.json)


def rows_text(
    rows: Sequence[object], columns: Sequence[str], how: Format, table: Callable[[], Table]
) -> str:
    """Return `rows` as text. `columns` are those of CSV; `table` makes the table of all rows."""
    from ticker import output

    match how:
        case Format.json:
            return output.json_array(rows)
        case Format.csv:
            return output.csv_file(rows, columns, visible=sys.stdout.isatty())
        case Format.table | Format.text:
            return table_text(table()) if rows else ""


def quotes_text(
    quotes: Sequence[Quote],
    how: Format,
    zone: Zone,
    at: int,
    ages: Mapping[str, str] | None = None,
) -> str:
    """Return `quotes` as text. `at` (now; µs, UTC) and `ages` (by symbol) are for a table only."""
    from ticker.output import QUOTE_COLUMNS

    def table() -> Table:
        from ticker.tables import quote_table

        return quote_table(quotes, zone, at, ages, width=terminal_width())

    return rows_text(quotes, QUOTE_COLUMNS, how, table)


def facts_text(facts: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a table."""
    from ticker.tables import facts_table

    return table_text(facts_table(facts, width=terminal_width()))


def table_text(table: Table) -> str:
    """Return a table that `ticker.tables` made, as text."""
    from ticker.tables import render

    return render(table, width=terminal_width(), colour=wants_colour())
