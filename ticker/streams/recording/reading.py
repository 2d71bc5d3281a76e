"""Reads a recording through a DuckDB connection. Synchronous.

A recording never changes, so everything but the ticks is read once, when the file is opened. This
module knows neither event loops nor how a reader waits.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal, Self

from ticker.errors import StreamUnusable, WrongPosition
from ticker.records import Position, Tick
from ticker.streams.reader import ColumnRequest
from ticker.streams.recording.columns import (
    AT_ONCE,
    ROW,
    Blocks,
    Rows,
    Words,
    chunks,
    fetch,
    words_in,
)
from ticker.streams.recording.database import (
    check_magic,
    close,
    connect,
    interrupt,
    path_literal,
    reading,
)
from ticker.streams.recording.index import BLOCK, RowIndex
from ticker.streams.recording.layout import PlacedFacts, PlacedGap
from ticker.streams.recording.metadata import metadata
from ticker.streams.sequence import Key
from ticker.streams.standing_facts import Facts

_FIRST_ROWS: Final = 2_048
"""The most ticks in the first batch, if all symbols are read."""
_BLOCKS: Final = 8
"""The most blocks of rows in one query."""

_row: Final = attrgetter("row")


class RecordingReader:
    """An open recording. Raises only `StreamError`. Each further thread needs a `cursor`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = str(path)
        check_magic(path, self.url)
        self._lock = threading.Lock()  # DuckDB refuses two threads on one connection
        with reading(path, self.url):
            self._connection = connect()
            self.manifest, self.gaps, self.facts = metadata(self._connection, self.url)
        self._indexed: list[RowIndex] = []  # one at most; shared by all cursors
        self._blocks = Blocks()  # shared too
        self._words: list[Words] = []  # one at most, shared: the texts of the whole file

    def cursor(self) -> Self:
        """Return the same recording for another thread."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        with self._lock:
            other._connection = self._connection.cursor()
        return other

    def close(self) -> None:
        """Close the file. A second call is harmless."""
        with self._lock:
            close(self._connection)

    def interrupt(self) -> None:
        """Interrupt another thread's query, if there is one."""
        interrupt(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Places

    @property
    def end(self) -> int:
        """Return the row of the end, after the gaps that follow the last tick: tick count + 1."""
        return self.manifest.ticks + 1

    def place(self, row: int) -> Position:
        """Return the position before `row`."""
        return Position(f"{self.manifest.identity}:{row}")

    def row(self, position: Position) -> int:
        """Return the row of `position`. Raises `WrongPosition` if it is not of this recording."""
        identity, colon, number = str(position).partition(":")
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
        """Return the row of the first tick that is due at `when` (µs, UTC) or later.

        If there is none, returns the row after the last tick.
        """
        if (index := self.index) is not None:
            block = index.block_at(when)
            if block * BLOCK >= self.manifest.ticks:
                return self.manifest.ticks
            return block * BLOCK + int(self.block(block).dues().searchsorted(when))
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
    ) -> Iterator[tuple[Sequence[int], list[Tick]]]:
        """Yield row numbers and ticks from `begin` up to `end` (exclusive), in batches of `limit`.

        Without `symbols`, the first batch is smaller: the user waits for it after a seek.
        """
        end = min(end, self.manifest.ticks)
        if symbols is not None:
            yield from self._chosen_ticks(begin, end, symbols, limit)
            return
        most = min(limit, _FIRST_ROWS)
        while begin < end:
            block = begin // BLOCK
            rows = self.block(block)
            first = begin - block * BLOCK
            last = min(first + most, len(rows), end - block * BLOCK)
            with reading(self.path, self.url):
                ticks = rows.ticks(slice(first, last))
            if not ticks:
                raise StreamUnusable(self.url, "is damaged: it has fewer rows than it says")
            yield range(begin, begin + len(ticks)), ticks
            begin, most = begin + len(ticks), limit

    def _chosen_ticks(
        self, begin: int, end: int, symbols: Collection[str], limit: int
    ) -> Iterator[tuple[Sequence[int], list[Tick]]]:
        """Yield the ticks of `symbols`; DuckDB filters them.

        The first queries cover few blocks, so that the first ticks come soon.
        """
        where, bindings = _only(symbols)
        blocks = 1
        while begin < end:
            stop = min(end, (begin // BLOCK + blocks) * BLOCK)
            rows = self._rows(f"{ROW} >= ? AND {ROW} < ? {where}", begin, stop, *bindings)
            for first in range(0, len(rows), limit):
                piece = slice(first, first + limit)
                with reading(self.path, self.url):
                    ticks = rows.ticks(piece)
                yield rows.numbers[piece].tolist(), ticks
            begin, blocks = stop, min(2 * blocks, _BLOCKS)

    def block(self, number: int) -> Rows:
        """Return the rows of a block. The last few blocks stay in memory. Raises `StreamError`."""
        if (kept := self._blocks.get(number)) is not None:
            return kept
        begin = number * BLOCK
        rows = self._rows(f"{ROW} >= ? AND {ROW} < ?", begin, begin + BLOCK)
        self._blocks.keep(number, rows)
        return rows

    def has(self, number: int) -> bool:
        """Tell whether block `number` is in memory."""
        return self._blocks.get(number) is not None

    def ticks_in(self, number: int, rows: Sequence[int]) -> list[Tick]:
        """Return the ticks of `rows`, which all lie in block `number`."""
        block = self.block(number)
        with reading(self.path, self.url):
            return block.ticks([row - number * BLOCK for row in rows])

    def _rows(self, where: str, *bindings: Any) -> Rows:
        words = self._words[0] if self._words else None
        with reading(self.path, self.url):
            return fetch(self._connection, f"FROM {self.source} WHERE {where}", bindings, words)

    def columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        """See `Stream.columns`."""
        for rows in self._chunks(request, BLOCK):
            yield rows.values(request.fields)

    def arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        """See `Stream.arrays`."""
        for rows in self._chunks(request, AT_ONCE):
            yield rows.arrays(request.fields)

    def _chunks(self, request: ColumnRequest, at_once: int) -> Iterator[Rows]:
        where, bindings = _only(request.symbols)
        if request.since is not None:
            where += " AND received >= make_timestamptz(?)"
            bindings.append(request.since)
        if request.until is not None:
            where += " AND received < make_timestamptz(?)"
            bindings.append(request.until)
        with reading(self.path, self.url):
            yield from chunks(
                self._connection,
                self.source,
                request.fields,
                ticks=self.manifest.ticks,
                where=where,
                bindings=bindings,
                at_once=at_once,
            )

    @property
    def index(self) -> RowIndex | None:
        """Return the index; `None` until `make_index` has made it."""
        return self._indexed[0] if self._indexed else None

    def make_index(self) -> None:
        """See `Tape.index`. All cursors share it."""
        if self._indexed:
            return
        spans = self.manifest.spans
        with reading(self.path, self.url):
            told = words_in(
                self._connection, ("source", "currency", "session"), f"FROM {self.source}"
            )
        origins, symbols = {each.origin for each in spans}, {each.symbol for each in spans}
        self._words.append({**told, "origin": sorted(origins), "symbol": sorted(symbols)})
        ticks = self.manifest.ticks
        self._indexed.append(RowIndex(self.ask, self.source, ticks, self.ticks_at))

    def ticks_at(self, rows: Sequence[int]) -> dict[int, Tick]:
        """Return row → its tick."""
        if not rows:
            return {}
        found = self._rows(
            f"{ROW} >= ? AND {ROW} <= ? AND {ROW} IN (SELECT unnest(?::BIGINT[]))",
            min(rows),
            max(rows),
            rows,
        )
        with reading(self.path, self.url):
            return dict(zip(found.numbers.tolist(), found.ticks(slice(None)), strict=True))

    def gaps_between(
        self, begin: int, end: int, symbols: Collection[str] | None
    ) -> Sequence[PlacedGap]:
        """Return the gaps that concern `symbols`, at rows from `begin` to `end` (exclusive)."""
        first, last = (bisect.bisect_left(self.gaps, row, key=_row) for row in (begin, end))
        return [placed for placed in self.gaps[first:last] if placed.gap.concerns(symbols)]

    def facts_before(self, row: int) -> Mapping[Key, Facts]:
        """Return (origin, symbol) → its latest standing facts that are true before `row`."""
        return {
            (placed.facts.origin, placed.facts.symbol): placed.facts
            for placed in self.facts_between(0, row + 1)
        }

    def facts_between(self, begin: int, end: int) -> Sequence[PlacedFacts]:
        """Return the standing facts placed at rows from `begin` to `end` (exclusive)."""
        first, last = (bisect.bisect_left(self.facts, row, key=_row) for row in (begin, end))
        return self.facts[first:last]

    @property
    def source(self) -> str:
        """Return the SQL after `FROM`: a table of the ticks' fields and `file_row_number`."""
        return f"read_parquet({path_literal(self.url)}, file_row_number = true)"

    def ask(self, query: str, *bindings: Any) -> list[Any]:
        """Return all rows of `query`. Raises `StreamError`."""
        with reading(self.path, self.url):
            return self._connection.execute(query, list(bindings)).fetchall()


def _only(symbols: Collection[str] | None) -> tuple[str, list[Any]]:
    if symbols is None:
        return "", []
    return "AND list_contains(?, symbol)", [sorted(symbols)]
