"""One-shot tables, for people: quotes, facts, and words in columns.

Tables are Rich's. `render` turns them into text, and the owner of standard output writes it. Text
from outside is escaped. Knows no stream, terminal or clock: width and time are passed in. Rich
takes long to import, so `output` does not use it.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rich.console import Console
from rich.table import Table as Table  # noqa: PLC0414 - handed on to cli
from rich.text import Text

from ticker.board import Age
from ticker.board.columns import BY_KEY, Column, Style
from ticker.escape import escape
from ticker.health.reasons import Reason
from ticker.records import Quote
from ticker.times import Zone, clock

_NAME: Final = 40
"""The most characters shown of an instrument's name."""
_FACT: Final = 24
"""The least width for the value of a fact (cells). With less, names get lines of their own."""


_QUOTE_TABLE: Final = (
    replace(BY_KEY["symbol"], least=4),
    *(BY_KEY[key] for key in ("name", "price", "day_change", "day_change_percent")),
    replace(BY_KEY["currency"], least=0),
    BY_KEY["session"],
    replace(BY_KEY["time"], importance=7),  # less important than the change, more than the name
    replace(BY_KEY["age"], is_figure=False, least=8),  # its reason is in the same cell
)
_FRESH: Final = Age(None, Reason.FRESH)
_COLOURS: Final = {Style.SYMBOL: "bold", Style.UP: "green", Style.DOWN: "red"}
_BADGE: Final = "bold black on yellow"
_SPACE: Final = 2
"""Cells between two columns."""


def quote_table(
    quotes: Sequence[Quote],
    zone: Zone,
    now: int,
    ages: Mapping[str, str] | None = None,
    *,
    width: int | None = None,
) -> Table:
    """Make a table of the quotes for people, with the columns that fit `width` cells.

    `ages`: symbol → the age of its price, in words; `None`: no ages are shown. Figures are never
    cut: a column that does not fit is left out. `now` is µs, UTC.
    """
    title = "SIMULATED" if any(quote.simulated for quote in quotes) else None
    table = Table(box=None, pad_edge=False, title=title, title_style=_BADGE)
    headings = _QUOTE_TABLE if ages is not None else _QUOTE_TABLE[:-1]
    cells = {
        column: [_cell(column, quote, zone, now, ages or {}) for quote in quotes]
        for column in headings
    }
    wishes = {
        column: max([len(column.title), *(text.cell_len for text in texts)])
        for column, texts in cells.items()
    }
    widths = _fitting(wishes, width)
    for column, wide in widths.items():
        table.add_column(
            column.title[:wide],
            justify="right" if column.is_figure else "left",
            overflow="ellipsis",
            no_wrap=True,
            width=wide,
        )
    for row in zip(*(cells[column] for column in widths), strict=True):
        table.add_row(*row)
    return table


def _cell(column: Column, quote: Quote, zone: Zone, now: int, ages: Mapping[str, str]) -> Text:
    match column.key:
        case "name":
            return Text(escape(quote.name or "", _NAME))
        case "time":
            return Text(clock(quote.time, zone, now=now))
        case "age":
            return Text(ages.get(quote.symbol, ""))
        case _:
            text = column.text(quote, _FRESH)
            return Text(text, style=_COLOURS.get(column.style(text, _FRESH), ""))


def _fitting(wishes: Mapping[Column, int], width: int | None) -> dict[Column, int]:
    """Return the columns that fit, with their widths.

    Words shrink first, then columns are left out.
    """
    chosen = dict(wishes)
    if width is None:
        return chosen

    def surplus(widths: Iterable[int]) -> int:
        listed = list(widths)
        return sum(listed) + _SPACE * (len(listed) - 1) - width

    while len(chosen) > 1:
        if surplus(min(wish, each.least or wish) for each, wish in chosen.items()) <= 0:
            break
        del chosen[max(chosen, key=lambda each: each.importance)]
    for column in sorted(chosen, key=lambda each: -each.importance):
        over = surplus(chosen.values())
        if over > 0 and column.least:
            chosen[column] = max(min(column.least, chosen[column]), chosen[column] - over)
    if surplus(chosen.values()) > 0:  # only one column, and a terminal of a few cells
        chosen = {column: min(cells, width) for column, cells in chosen.items()}
    return chosen


def words_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[int] = (),
    is_simulated: bool = False,
) -> Table:
    """Make a table of words under `headings`. The words may come from outside.

    `right`: the indices of right-aligned columns.
    """
    title = "SIMULATED" if is_simulated else None
    table = Table(box=None, pad_edge=False, title=title, title_style=_BADGE)
    for place, heading in enumerate(headings):
        table.add_column(heading, no_wrap=True, justify="right" if place in right else "left")
    for row in rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    return table


def facts_table(facts: Iterable[tuple[str, str]], *, width: int | None = None) -> Table:
    """Make a table of two columns: name and value. Both may come from outside.

    If `width` leaves the values too little room, each fact takes two lines.
    """
    listed = [(escape(name), escape(value, 2_000)) for name, value in facts]
    longest = max((len(name) for name, _ in listed), default=0)
    if width is not None and longest + _SPACE + _FACT > width:
        table = Table.grid()
        table.add_column(overflow="fold")
        for name, value in listed:
            table.add_row(Text(name, style="dim"))
            table.add_row(Text(value))
        return table
    table = Table.grid(padding=(0, _SPACE))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in listed:
        table.add_row(Text(name), Text(value))
    return table


def render(table: Table, *, width: int | None, colour: bool) -> str:
    """Return the table as text, without escape sequences unless `colour`.

    `width` is in cells; `None`: the table's full width.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or 10_000,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(table)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
