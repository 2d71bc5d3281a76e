"""Finds the bad rows of an import: their lines in the files, and the reasons.

DuckDB reports a line only for a row that it cannot split into columns. For the other bad rows, only
the number of the row is known. So the file is read again to find the lines of the few rows shown.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import IO, Final

import msgspec

from ticker.importing.sniffing import Sniffed
from ticker.streams.recording.database import Connection

_LENGTH: Final = 80
"""The most characters of a bad row that are shown."""


class BadRow(msgspec.Struct, frozen=True):
    """A row that was left out."""

    file: str
    line: int
    """Counted from 1, as in editors; in a Parquet file, the row."""
    reason: str


def take_rejected(connection: Connection, number: int) -> None:
    """Add to `rejected` the rows of file `number` that DuckDB could not split into columns."""
    connection.execute(
        "INSERT INTO rejected SELECT DISTINCT ON (line) ?, line, "
        "CASE error_type WHEN 'MISSING COLUMNS' THEN 'it has too few columns' "
        "WHEN 'TOO MANY COLUMNS' THEN 'it has too many columns' ELSE 'it cannot be read' END, "
        "csv_line "
        "FROM reject_errors",
        [number],
    )
    connection.execute("DELETE FROM reject_errors")
    connection.execute("DELETE FROM reject_scans")


def bad_rows(connection: Connection, files: Sequence[Sniffed], count: int) -> list[BadRow]:
    """Return the first `count` bad rows, in the order of files and lines."""
    found: list[BadRow] = []
    numbers = connection.execute(
        "SELECT DISTINCT file FROM rows WHERE reason IS NOT NULL "
        "UNION SELECT file FROM rejected ORDER BY file"
    ).fetchall()
    for (number,) in numbers:
        if len(found) >= count:
            break
        found += _of_file(connection, files[number], number, count - len(found))
    return found


def _of_file(connection: Connection, file: Sniffed, number: int, count: int) -> list[BadRow]:
    rejected = connection.execute(
        "SELECT line, reason, told FROM rejected WHERE file = ? ORDER BY line", [number]
    ).fetchall()
    counted = connection.execute(
        "SELECT rowid - (SELECT min(rowid) FROM rows WHERE file = ?) AS row, reason "
        "FROM rows WHERE file = ? AND reason IS NOT NULL ORDER BY row LIMIT ?",
        [number, number, count],
    ).fetchall()
    lines = _lines(file, [row for row, _ in counted], {line for line, _, _ in rejected})
    bad = rejected[:count]
    for row, words in counted:
        reason, _, told = words.partition("\n")
        line, text = lines.get(row, (row + 1, told))
        bad.append((line, reason, text))
    return [
        BadRow(file.name, line, f"{reason} ({words[:_LENGTH]!r})" if words else reason)
        for line, reason, words in sorted(bad, key=itemgetter(0))[:count]
    ]


def _lines(
    file: Sniffed, rows: Sequence[int], rejected: Collection[int]
) -> Mapping[int, tuple[int, str]]:
    """Map each of `rows` to its line (from 1) and text. The result is empty for a Parquet file.

    `rows` are ascending and counted from 0. Lines in `rejected` are not counted.
    """
    if not rows or file.is_parquet:
        return {}
    with _opened(file) as text:
        return _counted(text, file.blank + file.header, rows, rejected)


def _counted(
    text: Iterable[str], skipped: int, rows: Sequence[int], rejected: Collection[int]
) -> Mapping[int, tuple[int, str]]:
    wanted, row = set(rows), 0
    found: dict[int, tuple[int, str]] = {}
    for line, words in enumerate(text, 1):
        if line <= skipped or line in rejected or not words.strip("\n"):
            continue
        if row in wanted:
            found[row] = (line, words.strip())
            if row == rows[-1]:
                break
        row += 1
    return found


def _opened(file: Sniffed) -> IO[str]:
    if file.path.name.endswith(".gz"):
        return gzip.open(file.path, "rt", encoding="utf-8", errors="replace")
    return file.path.open(encoding="utf-8", errors="replace")
