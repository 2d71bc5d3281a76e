"""The reading side of a recording: one DuckDB connection on one file. Synchronous.

What does not change, which is everything but the ticks, is read once when the file is opened. Knows
neither event loops nor how a reader waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

import msgspec

from ticker.errors import StreamMissing, StreamUnusable, WrongPosition
from ticker.records import Gap, Position, Quote, Tick
from ticker.streams.recording import layout
from ticker.streams.recording.arrays import arrays
from ticker.streams.recording.database import connect, literal, prepare, reading
from ticker.streams.recording.layout import (
    Facts,
    Manifest,
    PlacedFacts,
    PlacedGap,
    RecordingPosition,
)
from ticker.streams.sequence import Key

_MAGIC: Final = b"PAR1"
"""The first and the last four bytes of every Parquet file."""
_ROWS_AT_ONCE: Final = 50_000
_VOLUMES: Final = tuple(layout.FIELDS.index(name) for name in ("volume", "size"))


class RecordingReader:
    """A recording, open. Raises `StreamError` only; a cursor of it serves another thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = str(path)
        _check_magic(path, self.url)
        with reading(path, self.url):
            self._connection = connect()
            found = self._connection.execute(
                f"SELECT key, value FROM parquet_kv_metadata({literal(self.url)})"
            ).fetchall()
        told = {bytes(key): bytes(value) for key, value in found if not isinstance(key, str)}
        told |= {key.encode(): bytes(value) for key, value in found if isinstance(key, str)}
        self.manifest = self._manifest(told)
        self.gaps = self._decode(told, layout.GAPS, list[PlacedGap])
        self.facts = self._decode(told, layout.FACTS, list[PlacedFacts])

    def cursor(self) -> Self:
        """The same recording for another thread."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._connection = self._connection.cursor()
        prepare(other._connection)
        return other

    def close(self) -> None:
        """Let go of the file; a second time is harmless."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Places

    @property
    def end(self) -> int:
        """The row of the very end: behind the last tick and the gaps that follow it."""
        return self.manifest.ticks + 1

    def place(self, row: int) -> Position:
        """The position before `row`."""
        return RecordingPosition(self.manifest.identity, row).position()

    def row(self, position: Position) -> int:
        """The row of `position`; raises `WrongPosition` unless this recording gave it out."""
        identity, colon, number = position.partition(":")
        if colon and identity == self.manifest.identity and number.isdecimal():
            row = int(number)
            if row <= self.end:
                return row
        raise WrongPosition(self.url, position)

    def find(self, when: int | Literal["start", "end"]) -> int:
        """See `Stream.find`."""
        if when == "start":
            return 0
        if when == "end":
            return self.end
        rows = [placed.row for placed in self.gaps if placed.gap.received >= when]
        found = self._all(
            f"SELECT min(file_row_number) FROM {self._source} "
            "WHERE received >= make_timestamptz(?)",
            when,
        )[0][0]
        rows += [] if found is None else [int(found)]
        return min(rows, default=self.end)

    def find_last(self, ticks: int, symbols: Collection[str] | None) -> int:
        """See `Stream.find_last`."""
        if ticks <= 0:
            return self.end
        if symbols is None:
            return max(0, self.manifest.ticks - ticks)
        found = self._all(
            f"SELECT file_row_number FROM {self._source} WHERE list_contains(?, symbol) "
            "ORDER BY file_row_number DESC LIMIT 1 OFFSET ?",
            sorted(symbols),
            ticks - 1,
        )
        return int(found[0][0]) if found else 0

    # Ticks

    def rows(
        self, begin: int, end: int, symbols: Collection[str] | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows from `begin` up to `end` (exclusive), in chunks: a row number, then the fields."""
        where, bindings = _only(symbols)
        with reading(self.path, self.url):
            result = self._connection.execute(
                f"SELECT file_row_number, {layout.VALUES} FROM {self._source} "
                f"WHERE file_row_number >= ? AND file_row_number < ? {where}",
                [begin, end, *bindings],
            )
        while True:
            with reading(self.path, self.url):
                rows = result.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            yield rows

    def columns(
        self, symbols: Collection[str] | None, since: int | None, until: int | None
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        """See `Stream.columns`."""
        where, bindings = _between(symbols, since, until)
        with reading(self.path, self.url):
            result = self._connection.execute(
                f"SELECT {layout.VALUES} FROM {self._source} WHERE true {where}", bindings
            )
        while True:
            with reading(self.path, self.url):
                rows = result.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
            for at in _VOLUMES:
                columns[at] = tuple(map(_whole, columns[at]))
            yield dict(zip(layout.FIELDS, columns, strict=True))

    def arrays(
        self, symbols: Collection[str] | None, since: int | None, until: int | None
    ) -> Iterator[Mapping[str, Any]]:
        """See `Numeric.arrays`."""
        where, bindings = _between(symbols, since, until)
        with reading(self.path, self.url):
            yield from arrays(
                self._connection,
                self._source,
                row="file_row_number",
                ticks=self.manifest.ticks,
                where=where,
                bindings=bindings,
            )

    def last_ticks(self, row: int) -> list[tuple[int, Tick]]:
        """The last tick of each (origin, symbol) before `row`, with its row."""
        found = self._all(
            f"SELECT max(file_row_number) FROM {self._source} WHERE file_row_number < ? "
            "GROUP BY origin, symbol",
            row,
        )
        wanted = sorted(int(each[0]) for each in found)
        if not wanted:
            return []
        rows = self._all(
            f"SELECT file_row_number, {layout.VALUES} FROM {self._source} "
            "WHERE file_row_number IN (SELECT unnest(?::BIGINT[]))",
            wanted,
        )
        return [(int(each[0]), to_tick(each)) for each in rows]

    def gaps_between(
        self, begin: int, end: int, symbols: Collection[str] | None
    ) -> Sequence[PlacedGap]:
        """Gaps that stand before the rows from `begin` up to `end` (exclusive)."""
        return [
            placed
            for placed in self.gaps
            if begin <= placed.row < end and (symbols is None or concerns(placed.gap, symbols))
        ]

    def facts_before(self, row: int) -> Mapping[Key, Facts]:
        """The standing facts that are true before `row`, each (origin, symbol)'s latest."""
        return {
            (placed.facts.origin, placed.facts.symbol): placed.facts
            for placed in self.facts
            if placed.row <= row
        }

    def quotes(self, row: int) -> list[Quote]:
        """What was known before `row`: a quote for each (origin, symbol) that had a tick."""
        facts = self.facts_before(row)
        return [
            layout.quote_of(tick, facts.get((tick.origin, tick.symbol)))
            for _, tick in self.last_ticks(row)
        ]

    # Small change

    @property
    def _source(self) -> str:
        return f"read_parquet({literal(self.url)}, file_row_number = true)"

    def _all(self, query: str, *bindings: Any) -> list[Any]:
        with reading(self.path, self.url):
            return self._connection.execute(query, list(bindings)).fetchall()

    def _manifest(self, told: Mapping[bytes, bytes]) -> Manifest:
        text = told.get(layout.MANIFEST.encode())
        if text is None:
            raise StreamUnusable(
                self.url, "is a Parquet file, but no recording of ticker: its manifest is missing"
            )
        version = self._decode(told, layout.MANIFEST, dict[str, Any]).get("version")
        if version != layout.VERSION:
            raise StreamUnusable(
                self.url,
                f"was written by another version of ticker (recording {version}, "
                f"this one reads {layout.VERSION})",
            )
        manifest: Manifest = self._decode(told, layout.MANIFEST, Manifest)
        return manifest

    def _decode(self, told: Mapping[bytes, bytes], name: str, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(told.get(name.encode(), b"[]"), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StreamUnusable(self.url, f"is damaged: {name}: {error}") from error


def to_tick(row: Sequence[Any]) -> Tick:
    """The tick of a row number and fields."""
    values = list(row[1:])
    for at in _VOLUMES:
        values[at] = _whole(values[at])
    return Tick(*values)


def concerns(gap: Gap, symbols: Collection[str]) -> bool:
    """Whether `gap` tells something of `symbols`."""
    if gap.symbol is not None:
        return gap.symbol in symbols
    return gap.symbols is None or any(symbol in symbols for symbol in gap.symbols)


def _whole(number: float | None) -> float | None:
    """A whole number as an integer, as sources tell volumes."""
    return number if number is None or not number.is_integer() else int(number)


def _only(symbols: Collection[str] | None) -> tuple[str, list[Any]]:
    if symbols is None:
        return "", []
    return "AND list_contains(?, symbol)", [sorted(symbols)]


def _between(
    symbols: Collection[str] | None, since: int | None, until: int | None
) -> tuple[str, list[Any]]:
    where, bindings = _only(symbols)
    if since is not None:
        where += " AND received >= make_timestamptz(?)"
        bindings.append(since)
    if until is not None:
        where += " AND received < make_timestamptz(?)"
        bindings.append(until)
    return where, bindings


def _check_magic(path: Path, url: str) -> None:
    """Tell files that are no Parquet, or were cut off, in our own words."""
    if path.is_dir():
        raise StreamUnusable(url, "is a folder, not a recording")
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except FileNotFoundError:
        raise StreamMissing(url, "there is no such file") from None
    except OSError as error:
        raise StreamUnusable(url, f"cannot be read: {error.strerror}") from error
    if head != _MAGIC:
        raise StreamUnusable(url, "is no recording: it is not a Parquet file")
    if tail != _MAGIC:
        raise StreamUnusable(url, "is cut off: its end is missing")
