"""The reading side of a recording: one DuckDB connection on one file. Synchronous.

What does not change, which is everything but the ticks, is read once when the file is opened. Knows
neither event loops nor how a reader waits.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

import msgspec

from ticker.errors import StreamUnusable, WrongPosition
from ticker.records import Position, Quote, Tick
from ticker.streams.facts import Facts, quote_of
from ticker.streams.reader import ColumnRequest
from ticker.streams.recording import layout
from ticker.streams.recording.arrays import arrays
from ticker.streams.recording.database import (
    check_magic,
    close,
    connect,
    interrupt,
    path_literal,
    prepare,
    reading,
)
from ticker.streams.recording.index import BLOCK, RowIndex
from ticker.streams.recording.layout import (
    Manifest,
    PlacedFacts,
    PlacedGap,
    RecordingPosition,
)
from ticker.streams.recording.ticks import ROW, ticks_of, whole_or_not
from ticker.streams.sequence import Key

_ROWS_AT_ONCE: Final = 50_000
_FIRST_ROWS: Final = 2_048
"""Rows that a reading asks for at first."""
_VOLUMES: Final = frozenset({"volume", "size"})


class RecordingReader:
    """A recording, open. Raises `StreamError` only; a cursor of it serves another thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = str(path)
        check_magic(path, self.url)
        self._lock = threading.Lock()  # DuckDB refuses two threads on one connection
        with reading(path, self.url):
            self._connection = connect()
            found = self._connection.execute(
                f"SELECT key, value FROM parquet_kv_metadata({path_literal(self.url)})"
            ).fetchall()
        told = {bytes(key): bytes(value) for key, value in found if not isinstance(key, str)}
        told |= {key.encode(): bytes(value) for key, value in found if isinstance(key, str)}
        self.manifest = self._manifest(told)
        self.gaps = self._decode(told, layout.GAPS, list[PlacedGap])
        self.facts = self._decode(told, layout.FACTS, list[PlacedFacts])
        self._indexed: list[RowIndex] = []  # one at most; shared by all cursors

    def cursor(self) -> Self:
        """The same recording for another thread."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        with self._lock:
            other._connection = self._connection.cursor()
        prepare(other._connection)
        return other

    def close(self) -> None:
        """Let go of the file; a second time is harmless."""
        with self._lock:
            close(self._connection)

    def interrupt(self) -> None:
        """End the query that another thread asks now, if there is one."""
        interrupt(self._connection)

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
        first = self.first_from(when)
        return min([*rows, first] if first < self.manifest.ticks else rows, default=self.end)

    def first_from(self, when: int) -> int:
        """The row of the first tick that is due at `when` (µs, UTC) or later.

        Behind the last tick if there is none.
        """
        found = self.ask(
            f"SELECT file_row_number FROM {self.source} "
            "WHERE received >= make_timestamptz(?) LIMIT 1",  # the first: DuckDB keeps the order
            when,
        )
        return int(found[0][0]) if found else self.manifest.ticks

    def find_last(self, ticks: int, symbols: Collection[str] | None) -> int:
        """See `Stream.find_last`."""
        return self.end if ticks <= 0 else self.step(self.end, -ticks, symbols)

    def step(self, row: int, ticks: int, symbols: Collection[str] | None) -> int:
        """See `Tape.step`."""
        end = self.manifest.ticks
        row = min(row, end)
        if symbols is None or ticks == 0:
            return max(0, min(row + ticks, end))
        compared, order = (">=", "ASC") if ticks > 0 else ("<", "DESC")
        found = self.ask(
            f"SELECT file_row_number FROM {self.source} "
            f"WHERE file_row_number {compared} ? AND list_contains(?, symbol) "
            f"ORDER BY file_row_number {order} LIMIT 1 OFFSET ?",
            row,
            sorted(symbols),
            abs(ticks) - 1,
        )
        if ticks > 0:
            return int(found[0][0]) + 1 if found else end
        return int(found[0][0]) if found else 0

    # Ticks

    def ticks(
        self, begin: int, end: int, symbols: Collection[str] | None, limit: int
    ) -> Iterator[tuple[list[int], list[Tick]]]:
        """Rows from `begin` up to `end` (exclusive): their numbers and ticks, `limit` at once.

        One query asks for few rows at first: who seeks waits for the first of them.
        """
        where, bindings = _only(symbols)
        span = f"FROM {self.source} WHERE {ROW} >= ? AND {ROW} < ? {where}"
        rows = _FIRST_ROWS
        while begin < end:
            stop = min(end, begin + rows, (begin // BLOCK + 1) * BLOCK)
            with reading(self.path, self.url):
                yield from ticks_of(self._connection, span, [begin, stop, *bindings], limit)
            begin, rows = stop, BLOCK

    def columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        """See `Stream.columns`."""
        where, bindings = _between(request.symbols, request.since, request.until)
        names = request.fields
        listed = ", ".join(map(layout.value, names))
        with reading(self.path, self.url):
            result = self._connection.execute(
                f"SELECT {listed} FROM {self.source} WHERE true {where}", bindings
            )
        while True:
            with reading(self.path, self.url):
                rows = result.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            found: dict[str, Sequence[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True))
            for name in _VOLUMES & found.keys():
                found[name] = tuple(map(whole_or_not, found[name]))
            yield found

    def arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        """See `Stream.arrays`."""
        where, bindings = _between(request.symbols, request.since, request.until)
        with reading(self.path, self.url):
            yield from arrays(
                self._connection,
                self.source,
                request.fields,
                row="file_row_number",
                ticks=self.manifest.ticks,
                where=where,
                bindings=bindings,
            )

    @property
    def index(self) -> RowIndex | None:
        """What `make_index` made; `None` before."""
        return self._indexed[0] if self._indexed else None

    def make_index(self) -> None:
        """See `Tape.index`. All cursors share it."""
        if not self._indexed:
            ticks = self.manifest.ticks
            self._indexed.append(RowIndex(self.ask, self.source, ticks, self._ticks_in))

    def last_ticks(self, row: int) -> list[tuple[int, Tick]]:
        """The last tick of each (origin, symbol) before `row`, with its row."""
        begin = 0
        rows: dict[Key, int] = {}
        known: Mapping[int, Tick] = {}
        if (index := self.index) is not None:
            block = row // BLOCK
            begin = block * BLOCK
            rows, known = index.before(block)
        for origin, symbol, last in self.ask(
            f"SELECT origin, symbol, max(file_row_number) FROM {self.source} "
            "WHERE file_row_number >= ? AND file_row_number < ? GROUP BY ALL",
            begin,
            row,
        ):
            rows[origin, symbol] = last
        found = self._ticks_in([row for row in rows.values() if row not in known])
        return sorted((row, found.get(row) or known[row]) for row in rows.values())

    def _ticks_in(self, rows: Sequence[int]) -> dict[int, Tick]:
        """Row → its tick."""
        if not rows:
            return {}
        span = (
            f"FROM {self.source} WHERE {ROW} >= ? AND {ROW} <= ? "
            f"AND {ROW} IN (SELECT unnest(?::BIGINT[]))"
        )
        with reading(self.path, self.url):
            found = list(ticks_of(self._connection, span, [min(rows), max(rows), rows], len(rows)))
        return {row: tick for rows, ticks in found for row, tick in zip(rows, ticks, strict=True)}

    def gaps_between(
        self, begin: int, end: int, symbols: Collection[str] | None
    ) -> Sequence[PlacedGap]:
        """Gaps that stand before the rows from `begin` up to `end` (exclusive)."""
        return [
            placed
            for placed in self.gaps
            if begin <= placed.row < end and placed.gap.concerns(symbols)
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
            quote_of(tick, facts.get((tick.origin, tick.symbol)))
            for _, tick in self.last_ticks(row)
        ]

    # Small change

    @property
    def source(self) -> str:
        """The rows, for a query: the columns and `file_row_number`."""
        return f"read_parquet({path_literal(self.url)}, file_row_number = true)"

    def ask(self, query: str, *bindings: Any) -> list[Any]:
        """All rows that `query` gives. Raises `StreamError`."""
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
