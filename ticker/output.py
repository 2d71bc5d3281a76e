r"""One-shot output: records as JSON, CSV, lines of text, and tables.

Everything comes back as text, to be written by whoever owns standard output. Names and reasons come
from outside: tables and lines show them escaped, and JSON writes what cannot be seen as `\uXXXX`,
which every reader turns back. Knows nothing of streams, terminals' sizes or clocks: they are
passed in.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticker import wire
from ticker.board import Age
from ticker.board.columns import BY_KEY, Style
from ticker.escape import escape
from ticker.figures import and_more, change_text, decimals, percent_text, price_text
from ticker.health.reasons import Reason
from ticker.health.sentences import of_gap
from ticker.records import Gap, Heartbeat, Quote, Record, Tick
from ticker.times import Zone, clock, iso, to_datetime

_TIMES: Final = ("time", "received", "from", "until", "retry_at", "last_good", "tape_time")
_NAMED: Final = 5
"""So many symbols are named in a line; the others are counted."""
_FACT: Final = 24
"""Cells that the value of a fact gets at least; its name takes a line of its own otherwise."""
_PRIVATE: Final = re.compile(r"[^ -~]")


def _names(kinds: Iterable[type[msgspec.Struct]]) -> tuple[str, ...]:
    names = [name for kind in kinds for name in kind.__struct_encode_fields__]
    return ("type", *dict.fromkeys(names))


EVENT_COLUMNS: Final = _names((Tick, Gap))
"""The columns of ticks and gaps as CSV, in order."""
ALL_COLUMNS: Final = _names((Tick, Gap, Quote, Heartbeat))
QUOTE_COLUMNS: Final = _names((Quote,))


def json_line(record: Record, *, iso_times: bool = False) -> str:
    """One object on one line, ended; nothing in it is invisible."""
    line = wire.encode(_with_iso_times(record) if iso_times else record).decode()
    return (line if line.isprintable() else _PRIVATE.sub(_escaped, line)) + "\n"


def json_array(records: Sequence[Record]) -> str:
    """A JSON array, one record indented after another, ended with a line end."""
    text = msgspec.json.format(msgspec.json.encode(list(records)), indent=2).decode()
    lines = (
        line if line.isprintable() else _PRIVATE.sub(_escaped, line) for line in text.split("\n")
    )
    return "\n".join(lines) + "\n"


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def _plain(record: Record) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain


def _with_iso_times(record: Record) -> dict[str, Any]:
    plain = _plain(record)
    for name in _TIMES:
        if isinstance(plain.get(name), int):
            plain[name] = iso(plain[name])
    return plain


def csv_header(columns: Sequence[str]) -> str:
    """The first line of a CSV file with these columns, ended."""
    return ",".join(columns) + "\n"


def csv_lines(records: Iterable[Record], columns: Sequence[str], *, visible: bool) -> str:
    """One line a record; times are ISO 8601 with `Z`, unknown values empty, lists joined by spaces.

    `visible` shows what is invisible in texts, for terminals; otherwise texts are as they came.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for record in records:
        plain = _with_iso_times(record)
        writer.writerow(_cell(plain.get(name), visible=visible) for name in columns)
    return out.getvalue()


def _cell(value: Any, *, visible: bool) -> Any:
    match value:
        case bool():
            return "true" if value else ""
        case list():
            return " ".join(value)
        case dict():
            return msgspec.json.encode(value).decode()
        case str() if visible:
            return escape(value)
        case _:
            return value


def text_line(record: Record, zone: Zone, hints: Mapping[str, int | None]) -> str:
    """One record as a line of text for people, ended. `hints`: symbol → decimals, if known."""
    at = to_datetime(record.received, zone).strftime("%H:%M:%S.%f")[:-3]
    match record:
        case Tick() | Quote():
            words = _trade_words(record, hints.get(record.symbol))
        case Gap():
            words = of_gap(record, record.received, zone)
        case Heartbeat():
            words = (
                f"heartbeat {escape(record.writer)} {escape(record.state)}: "
                f"{record.answered} of {record.asked} answered"
            )
            if record.refused:
                words += ", refused " + and_more([*map(escape, record.refused)], _NAMED)
    return f"{at}  {words}\n"


def _trade_words(record: Tick | Quote, hint: int | None) -> str:
    places = decimals(record.price, hint)
    previous = record.previous_price if isinstance(record, Tick) else None
    step = None if previous is None else record.price - previous
    arrow = "·" if not step else "▲" if step > 0 else "▼"
    words = [
        f"{escape(record.symbol):<10} {price_text(record.price, places):>12} {arrow}",
        f"{change_text(step, places):>9}" if isinstance(record, Tick) else "    quote",
        f"{percent_text(record.day_change_percent):>8} today",
        escape(record.currency or ""),
        escape(record.session or ""),
        "SIMULATED" if record.simulated else "",
    ]
    return "  ".join(words).rstrip()


class _Printed(msgspec.Struct, frozen=True):
    """A column of the table of quotes, as it is printed."""

    title: str
    importance: int
    """The highest leaves first where there is not room for all."""
    is_figure: bool = False
    """A figure is whole, or its column leaves."""
    least: int = 0
    """A column of words may shrink to this (cells) before it leaves; 0: it never shrinks."""


def _printed(key: str, least: int = 0) -> _Printed:
    column = BY_KEY[key]
    return _Printed(column.title, column.importance, column.is_figure and key != "age", least)


_AGE: Final = _printed("age", 8)
_QUOTE_TABLE: Final = (
    *(_printed("symbol", 4), _printed("name", 10), _printed("price"), _printed("day_change")),
    *(_printed("day_change_percent"), _printed("currency"), _printed("session")),
    *(_Printed("Time", 7), _AGE),  # 7: of less importance than the change, of more than the name
)
_FRESH: Final = Age(None, Reason.FRESH)
_COLOURS: Final = {Style.SYMBOL: "bold", Style.UP: "green", Style.DOWN: "red"}
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
    """The quotes as a table for people, with the columns that fit `width` cells.

    `ages`: symbol → its age in words, if it is to be shown. Figures are whole: a column that has no
    room leaves.
    """
    invented = any(quote.simulated for quote in quotes)
    table = Table(box=None, pad_edge=False, title="SIMULATED" if invented else None)
    table.title_style = "bold black on yellow"
    rows = [_quote_cells(quote, zone, now, ages) for quote in quotes]
    headings = _QUOTE_TABLE if ages is not None else _QUOTE_TABLE[:-1]
    wishes = {
        column: max([len(column.title), *(row[place].cell_len for row in rows)])
        for place, column in enumerate(headings)
    }
    widths = _fitting(wishes, width)
    for column, cells in widths.items():
        table.add_column(
            column.title[:cells],
            justify="right" if column.is_figure else "left",
            overflow="ellipsis",
            no_wrap=True,
            width=cells,
        )
    for row in rows:
        table.add_row(*(row[place] for place, each in enumerate(headings) if each in widths))
    return table


def _quote_cells(
    quote: Quote, zone: Zone, now: int, ages: Mapping[str, str] | None
) -> tuple[Text, ...]:
    def cell(key: str) -> Text:
        column = BY_KEY[key]
        text = column.text(quote, _FRESH)
        return Text(text, style=_COLOURS.get(column.style(text, _FRESH), ""))

    return (
        cell("symbol"),
        Text(escape(quote.name or "", 40)),
        *map(cell, ("price", "day_change", "day_change_percent", "currency", "session")),
        Text(clock(quote.time, zone, now=now)),
        Text((ages or {}).get(quote.symbol, "")),
    )


def _fitting(wishes: Mapping[_Printed, int], width: int | None) -> dict[_Printed, int]:
    """The columns that fit, and how wide each is; words shrink, then columns leave."""
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
    if surplus(chosen.values()) > 0:  # one column alone, and a terminal of a few cells
        chosen = {column: min(cells, width) for column, cells in chosen.items()}
    return chosen


def words_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Words in columns under `headings`; they may come from outside."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    return table


def facts_table(facts: Iterable[tuple[str, str]], *, width: int | None = None) -> Table:
    """Two columns: what, and what it is. Both may come from outside.

    Where `width` leaves the second column no room for a figure, each fact takes two lines.
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
    """The table as text; without `colour` no escape sequence is in it. `None`: as wide as it is."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or 10_000,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    if width is None:
        table.expand = False
    console.print(table)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
