"""Tick files of others → one recording.

A file is read with all its columns as text, then each is taken as what its layout says; nothing is
left to DuckDB's sniffer, which guesses. A row that cannot be read is counted, shown and left out.
A row in which the price does not move is no tick: its size adds to the volume of its UTC day.

Synchronous: the rows never pass through Python, but for the few that are bad.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from ticker.errors import UsageError
from ticker.importing import layouts, query, times
from ticker.importing.layouts import PLAIN, Layout
from ticker.importing.query import Taken, text_of
from ticker.importing.sniffing import Sniffed, sniff
from ticker.streams.facts import Facts
from ticker.streams.recording import Recorder
from ticker.streams.recording.database import Connection, literal
from ticker.streams.recording.layout import FIELDS, Manifest, PlacedFacts

_SHOWN: Final = 5
"""Bad rows that are shown, of all files."""
_SAMPLES: Final = 50
"""Rows by which the unit and the form of times are told."""
_NEEDS: Final = ("time", "received", "symbol", "price", "bid", "ask", "size", "volume", "currency")


class Options(msgspec.Struct, frozen=True):
    """What a user says of the files."""

    layout: str | None = None
    """The name of one; `plain`: none. Absent: told by the first line or the file's name."""
    symbol: str | None = None
    zone: str | None = None
    time_format: str | None = None
    columns: tuple[str, ...] = ()
    """The names of the columns of files without a header, in order."""
    renamed: Mapping[str, str] = {}
    """What we need → the file's name for it; a time of two columns is `date+clock`."""
    strict: bool = False
    """Stop at the first bad row."""


class BadRow(msgspec.Struct, frozen=True):
    """A row that was left out."""

    file: str
    line: int
    """Counted from 1, as editors do."""
    reason: str


class Report(msgspec.Struct, frozen=True):
    """What became of the files."""

    manifest: Manifest | None
    """Of the recording; `None` where there was no tick, and so no file was written."""
    rows: int
    """Read, the bad ones among them."""
    unmoved: int
    """Rows in which the price did not move."""
    bad: int
    shown: tuple[BadRow, ...]
    """The first of the bad rows."""


def import_files(
    paths: Sequence[Path],
    out: Path,
    options: Options,
    *,
    replace: bool = False,
    on_words: Callable[[str], None] = lambda _: None,
) -> Report:
    """Read `paths` into one recording at `out`. `on_words` is told what was taken for what.

    Raises `UsageError` for a file that cannot be read without guessing, and for a bad row where
    `options.strict`; `StreamNotWritable` where `out` cannot be written. Nothing lies at `out` then.
    """
    with tempfile.TemporaryDirectory(prefix="ticker-import-") as folder:
        files = [each for path in paths for each in sniff(path, Path(folder))]
        with Recorder(out, replace=replace) as recorder:
            recorder.refuse_existing()
            connection = recorder.connection
            connection.execute(query.ROWS)
            source = ""
            for number, file in enumerate(files):
                layout = _layout(file, options)
                source = source or layout.name
                if layout.name != source:
                    raise UsageError(
                        f"{file.name} has the layout {layout.name}, the files before it {source}. "
                        "Import them into recordings of their own"
                    )
                on_words(_take(connection, number, file, layout, options))
            if options.strict and (bad := _bad_rows(connection, files, 1)):
                raise UsageError(f"{bad[0].file}:{bad[0].line}: {bad[0].reason}")
            return _finish(recorder, connection, files, source)


def _layout(file: Sniffed, options: Options) -> Layout:
    """The layout of `file`: the one that was asked for, or the one that its beginning tells."""
    wanted = options.layout
    if wanted is not None and wanted not in layouts.NAMES:
        raise UsageError(f"No layout {wanted!r}. There are: {', '.join(layouts.NAMES)}")
    if wanted == PLAIN.name or file.is_parquet or options.columns:
        return PLAIN
    if not file.lines:
        raise UsageError(f"{file.name} is empty")
    found = layouts.recognise(file.lines[0], wanted)
    if found is not None:
        return found
    if wanted is not None:
        raise UsageError(f"{file.name} does not look like {wanted}: {file.lines[0]!r:.80}")
    if layouts.is_bars(file.lines[0]) and "price" not in options.renamed:
        raise UsageError(
            f"{file.name} holds bars (open, high, low, close), not ticks. "
            "A recording is made of ticks: look for the publisher's tick files"
        )
    return PLAIN


def _take(
    connection: Connection, number: int, file: Sniffed, layout: Layout, options: Options
) -> str:
    """Read one file into `rows`; what it was taken for, in words."""
    source, names, header = _source(connection, file, layout, options)
    columns = _columns(file, layout, options, names)
    symbol = options.symbol or layouts.symbol_in_name(layout, file.name)
    words = layout.title
    if "symbol" not in columns:
        if symbol is None:
            raise UsageError(f"{file.name} does not tell its symbol. Say it: --symbol EURUSD=X")
        told = "" if options.symbol else " from the file name"
        words += f", symbol {symbol}{told}"
    try:
        taken = Taken(number, source, layout, columns, file.blank + header + 1, symbol)
        readings: dict[str, times.TimeReading] = {
            need: _time_reading(connection, taken, need, file, options)
            for need in ("time", "received")
            if need in columns
        }
        connection.execute(f"INSERT INTO rows {query.rows_of(taken, readings)}")
        if not file.is_parquet:
            _take_rejected(connection, number)
    except duckdb.Error as error:
        first = str(error).partition("\n")[0]
        raise UsageError(f"{file.name} cannot be read: {first}") from error
    if told := readings["time"].words:
        words += f", {told}"
    if any(each.cuts_nanoseconds for each in readings.values()):
        words += ", nanoseconds are cut to µs"
    return f"{file.name}: {words}"


def _source(
    connection: Connection, file: Sniffed, layout: Layout, options: Options
) -> tuple[str, list[str], bool]:
    """The SQL that reads `file` as text, its columns' names, and whether it has a header."""
    if file.is_parquet:
        source = f"read_parquet({literal(str(file.path))})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        return source, [str(row[0]) for row in described], False
    if not file.lines:
        raise UsageError(f"{file.name} is empty")
    if options.columns:
        names, header = list(options.columns), False
    elif layout.names:
        names, header = list(layout.names), False
    else:
        names = _split(file, layout)
        header = True
        if len(set(names)) != len(names):
            raise UsageError(f"{file.name}: its first line names a column twice")
    delimiter = file.delimiter if layout is PLAIN else layout.delimiter
    typed = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    source = (
        f"read_csv({literal(str(file.path))}, delim = {literal(delimiter)}, quote = '\"', "
        f"escape = '\"', header = false, skip = {file.blank + header}, auto_detect = false, "
        f"columns = {{{typed}}}, ignore_errors = true, store_rejects = true, "
        "rejects_limit = 0, null_padding = false, strict_mode = true)"
    )
    return source, names, header


def _split(file: Sniffed, layout: Layout) -> list[str]:
    """The names in the first line, quotes taken off."""
    delimiter = file.delimiter if layout is PLAIN else layout.delimiter
    return [name.strip().strip('"').strip() for name in file.lines[0].split(delimiter)]


def _columns(
    file: Sniffed, layout: Layout, options: Options, names: Sequence[str]
) -> dict[str, list[str]]:
    """What we need → the file's columns for it. Raises `UsageError` where something is missing."""
    there = {name.lower(): name for name in names}
    found: dict[str, list[str]] = {}
    for need, asked in {**layout.columns, **options.renamed}.items():
        if need not in _NEEDS:
            raise UsageError(f"--column {need}={asked}: there are {', '.join(_NEEDS)}")
        parts = asked.split("+") if asked.lower() not in there else [asked]
        if all(part.lower() in there for part in parts):
            found[need] = [there[part.lower()] for part in parts]
        elif need in options.renamed:
            raise UsageError(f"{file.name} has no column {asked!r}. It has: {', '.join(names)}")
    if "time" not in found:
        raise UsageError(
            f"{file.name} has no column 'time'. It has: {', '.join(names)[:300]}. "
            "Name it: --column time=NAME"
        )
    if "price" not in found and not {"bid", "ask"} <= found.keys():
        raise UsageError(
            f"{file.name} has neither a column 'price' nor 'bid' and 'ask'. "
            f"It has: {', '.join(names)[:300]}. Name it: --column price=NAME"
        )
    return found


def _time_reading(
    connection: Connection, taken: Taken, need: str, file: Sniffed, options: Options
) -> times.TimeReading:
    text = text_of(taken.columns[need])
    found = connection.execute(
        f"SELECT {text} FROM {taken.source} WHERE {text} <> '' LIMIT {_SAMPLES}"
    ).fetchall()
    zone = options.zone or taken.layout.zone
    form = options.time_format or taken.layout.time
    samples = [str(row[0]) for row in found]
    return times.reading(samples, form, zone, column=text, file=file.name)


def _take_rejected(connection: Connection, number: int) -> None:
    """Rows that DuckDB could not part into columns are bad rows too."""
    connection.execute(
        "INSERT INTO rows (file, line, reason) SELECT DISTINCT ON (line) ?, line, "
        "CASE error_type WHEN 'MISSING COLUMNS' THEN 'it has too few columns' "
        "WHEN 'TOO MANY COLUMNS' THEN 'it has too many columns' ELSE 'it cannot be read' END "
        "FROM reject_errors",
        [number],
    )
    connection.execute("DELETE FROM reject_errors")
    connection.execute("DELETE FROM reject_scans")


def _bad_rows(connection: Connection, files: Sequence[Sniffed], count: int) -> list[BadRow]:
    found = connection.execute(
        "SELECT file, line, reason, told FROM rows WHERE reason IS NOT NULL "
        f"ORDER BY file, line LIMIT {count}"
    ).fetchall()
    return [
        BadRow(files[file].name, line, f"{reason} ({told[:60]!r})" if told else reason)
        for file, line, reason, told in found
    ]


def _finish(
    recorder: Recorder, connection: Connection, files: Sequence[Sniffed], source: str
) -> Report:
    rows, bad = connection.execute("SELECT count(*), count(reason) FROM rows").fetchall()[0]
    shown = tuple(_bad_rows(connection, files, _SHOWN))
    (sizes,) = connection.execute("SELECT count(size) FROM rows").fetchall()[0]
    connection.execute(query.moves(has_sizes=sizes > 0))
    origin = _origin(files)
    values = {
        "symbol": "symbol",
        "source": literal(source),
        "origin": literal(origin),
        "sequence": "sequence",
        "time": "make_timestamptz(time)",
        "received": "make_timestamptz(received)",
        "price": "price",
        "previous_price": "previous_price",
        "volume": "volume",
        "bid": "bid",
        "ask": "ask",
        "currency": "currency",
        "size": "size",
        "simulated": "false",
    }
    listed = ", ".join(f'{values.get(field, "NULL")} AS "{field}"' for field in FIELDS)
    (ticks,) = connection.execute("SELECT count(*) FROM moves").fetchall()[0]
    connection.execute("DROP TABLE rows; DROP TABLE ordered")
    recorder.tell_placed(
        PlacedFacts(0, Facts(origin, symbol, source, price_hint=places))
        for symbol, places in connection.execute(query.DECIMALS).fetchall()
    )
    if not ticks:  # a recording of nothing is no use to anybody
        return Report(None, rows, 0, bad, shown)
    manifest = recorder.finish(
        f"SELECT {listed}, row_number() OVER () - 1 AS ordinal FROM moves "
        "ORDER BY moves.received, moves.symbol, moves.sequence"
    )
    return Report(manifest, rows, rows - bad - ticks, bad, shown)


def _origin(files: Sequence[Sniffed]) -> str:
    """The same for the same files, so that importing them twice gives the same recording."""
    told = blake2b(digest_size=5)
    for file in files:
        told.update(f"{file.name}\0{file.path.stat().st_size}\0{''.join(file.lines[:5])}".encode())
    return told.hexdigest()
