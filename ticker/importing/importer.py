"""Imports tick files of other programs into one recording.

All columns of a file are read as text. Then each is converted as the file's layout says. DuckDB's
sniffer, which guesses, is off. A bad row is left out and counted; the first few are shown. A row in
which the price does not move is no tick, but its size counts in the volume of its UTC day.

Synchronous. The rows pass through Python by column, as numpy arrays. Only the bad rows that are
shown become objects.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from ticker.errors import UsageError
from ticker.importing import layouts, query, times
from ticker.importing.bad_rows import BadRow, bad_rows, take_rejected
from ticker.importing.columns import Options, columns_of, split
from ticker.importing.layouts import PLAIN, Layout
from ticker.importing.progress import Progress, ProgressWatch, expected_rows
from ticker.importing.query import Taken, text_of
from ticker.importing.sniffing import Sniffed, sniff
from ticker.importing.ticks import make_ticks
from ticker.streams.recording import Recorder
from ticker.streams.recording.database import (
    Connection,
    first_line,
    is_full,
    literal,
    path_literal,
    unwritten,
    writing,
)
from ticker.streams.recording.layout import Manifest, PlacedFacts, sql_type
from ticker.streams.standing_facts import Facts

_SHOWN: Final = 5
"""The most bad rows that are shown, over all files."""
_SAMPLES: Final = 50
"""How many texts of a column decide the form of its times, and whether its numbers have commas."""
_COMMA: Final = re.compile(r"[+-]?[0-9.]*,[0-9.,]*")


class Report(msgspec.Struct, frozen=True):
    """The result for all files."""

    manifest: Manifest | None
    """The recording's manifest; `None` if there was no tick, and so no file was written."""
    rows: int
    """Rows read, bad ones included."""
    unmoved: int
    """Rows in which the price did not move."""
    bad: int
    shown: tuple[BadRow, ...]
    """The first bad rows."""


def import_files(
    paths: Sequence[Path],
    out: Path,
    options: Options,
    *,
    replace: bool = False,
    on_words: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Import the files at `paths` into one recording at `out`.

    `on_words` gets one line for each file: how it was read. `on_progress` is called from another
    thread.

    Raises `UsageError` for a file that cannot be read without guessing, and for a bad row
    if `options.strict`; `StreamNotWritable` if `out` cannot be written. Then `out` is unchanged.
    """
    named: set[Path] = set()
    for path in paths:
        if (place := path.resolve()) in named:
            raise UsageError(f"{path} is named twice. Name each file once")
        named.add(place)
    with tempfile.TemporaryDirectory(prefix="ticker-import-") as folder:
        files = [each for path in paths for each in sniff(path, Path(folder))]
        with Recorder(out, replace=replace) as recorder:
            recorder.refuse_existing()
            with ProgressWatch(recorder.connection, on_progress) as watch:
                source = _read(recorder, files, options, watch, on_words)
                with writing(str(out)):
                    return _finish(recorder, files, source, _origin(files, options), watch)


def _read(
    recorder: Recorder,
    files: list[Sniffed],
    options: Options,
    watch: ProgressWatch,
    on_words: Callable[[str], None],
) -> str:
    """Read all `files` into `rows`. Returns the name of their layout."""
    connection = recorder.connection
    connection.execute(query.ROWS)
    source, rows = "", 0
    for number, file in enumerate(files):
        layout = _layout(file, options)
        source = source or layout.name
        if layout.name != source:
            raise UsageError(
                f"{file.name} has the layout {layout.name}, the files before it {source}. "
                "Import each layout into its own recording"
            )
        header = not (file.is_parquet or options.columns or layout.names)
        delimiter = file.delimiter if layout is PLAIN else layout.delimiter
        files[number] = msgspec.structs.replace(file, header=header, delimiter=delimiter)
        watch.begin(f"reading {file.name}", rows, expected_rows(file))
        on_words(_take(recorder, number, files[number], layout, options))
        (rows,) = connection.execute("SELECT count(*) FROM rows").fetchall()[0]
    with writing(str(recorder.path)):
        if connection.execute(query.ODD_SYMBOLS).fetchall() != [(0,)]:
            connection.execute(query.MEND_SYMBOLS)
    if options.strict and (bad := bad_rows(connection, files, 1)):
        raise UsageError(f"{bad[0].file}:{bad[0].line}: {bad[0].reason}")
    return source


def _layout(file: Sniffed, options: Options) -> Layout:
    """Return the layout of `file`: the user's, or else the one recognised by the first line."""
    wanted = options.layout
    if wanted is not None and wanted not in layouts.NAMES:
        raise UsageError(f"No layout {wanted!r}. There are: {', '.join(layouts.NAMES)}")
    if not (file.is_parquet or file.lines):
        raise UsageError(f"{file.name} is empty")
    if wanted == PLAIN.name or file.is_parquet or options.columns:
        return PLAIN
    found = layouts.recognise(file.lines[0], wanted)
    if found is not None:
        if found.by_name and wanted is None and not layouts.is_told_by_name(found, file.name):
            raise UsageError(
                f"{file.name} has no header, and several layouts fit it. Say which: "
                f"--layout {found.name} ({found.title}), or --columns time,bid,ask"
            )
        return found
    if wanted is not None:
        raise UsageError(f"{file.name} does not look like {wanted}: {file.lines[0]!r:.80}")
    if layouts.is_bars(file.lines[0]) and "price" not in options.renamed:
        raise UsageError(
            f"{file.name} holds bars (open, high, low, close), not ticks. "
            "A recording is made of ticks: look for the publisher's tick files"
        )
    return PLAIN


def _take(recorder: Recorder, number: int, file: Sniffed, layout: Layout, options: Options) -> str:
    """Read one file into `rows`. Returns a line that says how it was read."""
    connection = recorder.connection
    with _broken(file, recorder):
        source, names = _source(connection, file, layout, options)
        _refuse_invented(connection, source, names, file.name)
        symbol = options.symbol or layouts.symbol_in_name(layout, file.name)
        columns = columns_of(file, layout, options, names, has_symbol=symbol is not None)
        if options.symbol and (column := columns.pop("symbol", None)):
            _refuse_others(connection, source, column, options.symbol, file.name)
        symbol = None if "symbol" in columns else symbol
        taken = Taken(number, source, layout, columns, symbol, options.decimal_comma)
        _refuse_commas(connection, taken, file.name)
        zone, form = options.zone or layout.zone, options.time_format or layout.time
        readings: dict[str, times.TimeReading] = {
            need: times.reading(_samples(connection, taken, need), form, zone, file.name, need)
            for need in ("time", "received")
            if need in columns
        }
        for need in columns:
            kind = sql_type(need)
            connection.execute(f"ALTER TABLE rows ADD COLUMN IF NOT EXISTS {need} {kind}")
        connection.execute(query.insertion(taken, readings))
        if not file.is_parquet:
            take_rejected(connection, number)
    words = [layout.title]
    if symbol is not None:
        words.append(f"symbol {symbol}{'' if options.symbol else ' from the file name'}")
    if told := readings["time"].words:
        words.append(told)
    if any(each.cuts_nanoseconds for each in readings.values()):
        words.append("nanoseconds are cut to µs")
    return f"{file.name}: {', '.join(words)}"


@contextmanager
def _broken(file: Sniffed, recorder: Recorder) -> Iterator[None]:
    """Turn DuckDB's errors into `UsageError`; `StreamNotWritable` if memory or disk is full."""
    try:
        yield
    except duckdb.Error as error:
        if is_full(error):
            raise unwritten(str(recorder.path), error) from error
        raise UsageError(
            f"{file.name} cannot be read: {first_line(error)}. Is it cut off? Get it again"
        ) from error


def _source(
    connection: Connection, file: Sniffed, layout: Layout, options: Options
) -> tuple[str, list[str]]:
    """Return the SQL that reads `file` as text, and its columns' names."""
    if file.is_parquet:
        source = f"read_parquet({path_literal(str(file.path))})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        return source, [str(row[0]) for row in described]
    names = split(file) if file.header else list(options.columns or layout.names)
    if file.header and len(set(names)) != len(names):
        raise UsageError(f"{file.name}: its first line names a column twice")
    typed = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    source = (
        f"read_csv({path_literal(str(file.path))}, delim = {literal(file.delimiter)}, "
        f"quote = '\"', escape = '\"', header = false, skip = {file.blank + file.header}, "
        f"auto_detect = false, columns = {{{typed}}}, ignore_errors = true, "
        "store_rejects = true, rejects_limit = 0, null_padding = false, strict_mode = true)"
    )
    return source, names


def _refuse_others(
    connection: Connection, source: str, column: Sequence[str], symbol: str, file: str
) -> None:
    """Raise `UsageError` if `column` has several symbols: all would become `symbol`."""
    text = f"upper({text_of(column)})"
    found = connection.execute(
        f"SELECT DISTINCT {text} AS told FROM {source} WHERE {text} <> '' ORDER BY told LIMIT 4"
    ).fetchall()
    if len(found) > 1:
        told = ", ".join(str(row[0]) for row in found[:3]) + (" …" if found[3:] else "")
        raise UsageError(
            f"{file} has several symbols ({told:.80}): they cannot all be {symbol}. "
            "Leave out --symbol"
        )


def _refuse_invented(connection: Connection, source: str, names: Sequence[str], file: str) -> None:
    """Raise `UsageError` if a column says that prices are invented: an import marks all as real."""
    if (column := next((name for name in names if name.lower() == "simulated"), None)) is None:
        return
    found = connection.execute(
        f"SELECT 1 FROM {source} WHERE lower({text_of([column])}) NOT IN ('', 'false', '0') LIMIT 1"
    ).fetchall()
    if found:
        raise UsageError(
            f"{file}: its column {column!r} says that its prices are invented, and an import holds "
            "real ones. To play a recording: ticker replay FILE"
        )


def _samples(connection: Connection, taken: Taken, need: str) -> list[str]:
    """Return the first texts in the columns of `need` that are not empty."""
    text = text_of(taken.columns[need])
    found = connection.execute(
        f"SELECT {text} FROM {taken.source} WHERE {text} <> '' LIMIT {_SAMPLES}"
    ).fetchall()
    return [str(row[0]) for row in found]


def _refuse_commas(connection: Connection, taken: Taken, file: str) -> None:
    """Raise `UsageError` for numbers like `2,5`: the meaning of the comma would be a guess."""
    if taken.decimal_comma:
        return
    for need in query.NUMBERS:
        texts = _samples(connection, taken, need) if need in taken.columns else ()
        if comma := next((text for text in texts if _COMMA.fullmatch(text)), None):
            raise UsageError(
                f"{file}: {comma!r:.40} has a comma. If it is the decimal point, say so: "
                "--decimal-comma. Between thousands, take it out"
            )


def _finish(
    recorder: Recorder, files: Sequence[Sniffed], source: str, origin: str, watch: ProgressWatch
) -> Report:
    connection = recorder.connection
    rows, bad, cut = connection.execute(
        "SELECT count(*), count(reason), (SELECT count(*) FROM rejected) FROM rows"
    ).fetchall()[0]
    shown = tuple(bad_rows(connection, files, _SHOWN))
    watch.begin("sorting", rows)
    made = make_ticks(connection, rows, source, origin)
    rows, bad = rows + cut, bad + cut
    unmoved = rows - bad - made.count
    if not made.count:  # an empty recording is useless
        return Report(None, rows, unmoved, bad, shown)
    recorder.tell_placed(
        PlacedFacts(0, Facts(origin, symbol, source, price_hint=places))
        for symbol, places in made.places.items()
    )
    watch.begin("writing", rows)
    return Report(recorder.finish(made.digests), rows, unmoved, bad, shown)


def _origin(files: Sequence[Sniffed], options: Options) -> str:
    """Return an origin for these files and options: importing again gives the same recording."""
    told = blake2b(digest_size=5)
    # `strict` changes no tick.
    said = msgspec.structs.replace(options, strict=False)
    told.update(msgspec.json.encode(said, order="deterministic"))
    for file in files:
        with file.path.open("rb") as content:
            told.update(file.name.encode() + b"\0" + file_digest(content, blake2b).digest())
    return told.hexdigest()
