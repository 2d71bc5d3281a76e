"""Turns data into text for standard output, in the chosen format, as wide as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ticker.cli.options import Format
from ticker.cli.standard_streams import terminal_width, wants_colour
from ticker.records import Quote
from ticker.times import Zone


def format_or_default(form: Format | None) -> Format:
    """Return `form`, or the default: a table on a terminal, JSON elsewhere."""
    return form or (Format.table if sys.stdout.isatty() else Format.json)


def table_text(table: Any) -> str:
    """Return a table that `ticker.tables` made, as text."""
    from ticker.tables import render

    return render(table, width=terminal_width(), colour=wants_colour())


def quotes_text(
    quotes: Sequence[Quote],
    how: Format,
    zone: Zone,
    at: int,
    ages: Mapping[str, str] | None = None,
) -> str:
    """Return `quotes` as text. `at` (now; µs, UTC) and `ages` (by symbol) are for a table only."""
    from ticker import output

    match how:
        case Format.json:
            return output.json_array(quotes)
        case Format.csv:
            visible = sys.stdout.isatty()
            return output.csv_file(quotes, output.QUOTE_COLUMNS, visible=visible)
        case Format.table | Format.text:
            if not quotes:
                return ""
            from ticker.tables import quote_table

            return table_text(quote_table(quotes, zone, at, ages, width=terminal_width()))
