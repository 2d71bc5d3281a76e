"""Finds the bad rows of an import: their lines in the files, and the reasons.

If DuckDB cannot split a row into columns, it reports the place among all rows and blank lines. For
the other bad rows, only the place among the split rows is known. So the file is read again to find
the lines of the few rows shown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from ticker.importing.sniffing import Sniffed, opened
from ticker.streams.recording.database import Connection

_LENGTH: Final = 80
"""The most characters of a bad row that are shown."""
_LONGEST: Final = 2**31 - 1
"""The longest field (characters): the rest of the file, if a quote is never closed."""


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
        "WHEN 'TOO MANY COLUMNS' THEN 'it has too many columns' ELSE 'it cannot be read' END "
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
    rejected = dict(
        connection.execute("SELECT line, reason FROM rejected WHERE file = ?", [number]).fetchall()
    )
    counted = dict(
        connection.execute(
            "SELECT rowid - (SELECT min(rowid) FROM rows WHERE file = ?) AS row, reason "
            "FROM rows WHERE file = ? AND reason IS NOT NULL ORDER BY row LIMIT ?",
            [number, number, count],
        ).fetchall()
    )
    if file.is_parquet:
        told = [(row + 1, *words.split("\n", 1)) for row, words in counted.items()]
        return [_bad_row(file, line, reason, text) for line, reason, text in told]
    found: list[BadRow] = []
    row = -1
    with opened(file.path) as data:
        text = io.TextIOWrapper(data, encoding="utf-8-sig", errors="replace")
        for place, (line, words) in enumerate(_records(text, file.delimiter), 1):
            if place <= file.blank + file.header or not words.strip("\n"):
                continue
            if (reason := rejected.get(place)) is None:
                row += 1
                reason = counted.get(row, "").partition("\n")[0]
            if reason:
                found.append(_bad_row(file, line, reason, words.strip()))
            if len(found) == count or len(found) == len(rejected) + len(counted):
                break
    return found


def _bad_row(file: Sniffed, line: int, reason: str, words: str) -> BadRow:
    return BadRow(file.name, line, f"{reason} ({words[:_LENGTH]!r})" if words else reason)


def _records(text: Iterable[str], delimiter: str) -> Iterator[tuple[int, str]]:
    """Yield the first line (from 1) and the text of each row or blank line.

    A line break in quotes does not end a row.
    """
    csv.field_size_limit(_LONGEST)
    lines, begin, taken = iter(text), 1, list[str]()

    def row(line: str) -> Iterator[str]:
        while line:
            taken.append(line)
            yield line
            line = next(lines, "")

    for line in lines:
        # If their number is odd, a quote may be open. csv knows, but is too slow for every line.
        if line.count('"') % 2:
            next(csv.reader(row(line), delimiter=delimiter))
        else:
            taken.append(line)
        yield begin, "".join(taken)
        begin += len(taken)
        taken.clear()
