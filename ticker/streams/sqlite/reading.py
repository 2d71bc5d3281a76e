"""The reading side of a log file: one connection, whole batches, no waiting. Synchronous.

Every read transaction ends before its answer is returned: an open one would keep SQLite from
reusing the WAL. Knows rows and SQL, but no event loop, no clock, and not how a reader waits.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from ticker.errors import WrongPosition
from ticker.records import Batch, Gap, Heartbeat, Hold, Position, Tick
from ticker.streams.reader import ColumnRequest
from ticker.streams.sqlite import decoding, opening, rows
from ticker.streams.sqlite.paging import Page, all_rows, only, page_after
from ticker.streams.sqlite.position import SqlitePosition, parse
from ticker.streams.sqlite.state import LogState, load

CHUNK: Final = 5_000
"""The most positions in a chunk of columns.

Larger chunks are slower, because the garbage collector visits them.
"""


class SqliteReader:
    """One read-only connection. Raises `StreamError` only."""

    def __init__(self, path: Path, busy: float = opening.BUSY) -> None:
        self._path = path
        self._url = opening.url(path)
        self._connection = opening.reader(path, busy=busy)

    def close(self) -> None:
        """Close the file. A second call is harmless."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def data_version(self) -> int:
        """Return a number that changes when another connection commits.

        The pragma is read, because apsw's own `Connection.data_version()` lagged behind it.
        """
        with opening.told(self._path):
            version: Any = self._connection.execute("PRAGMA data_version").fetchall()[0][0]
        return int(version)

    def state(self) -> LogState:
        """Return the state of the log now."""
        with self._transaction() as state:
            return state

    def place(self, position: Position) -> SqlitePosition:
        """Parse `position`. Raises `WrongPosition` unless this log gave it out."""
        place = parse(self._url, position)
        state = self.state()
        if place.origin != state.origin or place.number > state.position:
            raise WrongPosition(self._url, position)
        return place

    def snapshot(self) -> tuple[Batch, int]:
        """Return the last quotes, heartbeats and sequences, and how many rows were broken."""
        with self._transaction() as state:
            read = functools.partial(decoding.records, self._connection)
            quotes, broken = read(rows.QUOTES, "true ORDER BY position")
            beats, broken_beats = read(rows.HEARTBEATS, "true ORDER BY position")
            last = {
                (origin, symbol): sequence
                for origin, symbol, sequence in self._all(
                    "SELECT origin, symbol, sequence FROM sequences"
                )
            }
        batch = Batch(state.end().position(), quotes=quotes, heartbeats=beats, last_seen=last)
        return batch, broken + broken_beats

    def signs(self) -> tuple[Sequence[Heartbeat], bool]:
        """Return the last heartbeats, and whether there is any quote. Decodes no quote."""
        with self._transaction():
            beats, _ = decoding.records(self._connection, rows.HEARTBEATS, "true ORDER BY position")
            return beats, bool(self._all("SELECT EXISTS (SELECT 1 FROM quotes)")[0][0])

    def gaps(self) -> Sequence[Gap]:
        """See `Stream.gaps`."""
        with self._transaction():
            return decoding.records(self._connection, rows.GAPS, "true ORDER BY position")[0]

    def find(self, when: int | Literal["start", "end"]) -> SqlitePosition:
        """See `Stream.find`."""
        with self._transaction() as state:
            if when == "end":
                return state.end()
            start = SqlitePosition(state.origin, max(state.pruned, state.pruned_gaps), 0)
            if when == "start":
                return start
            if when > state.received:
                return state.end()
            # A row of `appends` has a position and the latest `received` up to it. So all that is
            # wanted follows the last row whose `received` is before `when`.
            marked = self._all(
                "SELECT position, received FROM appends WHERE received < ? "
                "ORDER BY received DESC, position DESC LIMIT 1",
                when,
            )
            number, received = marked[0] if marked else (0, 0)
            if number < start.number:
                return start
            first = self._all(
                "SELECT min(position) FROM ("
                "SELECT position FROM ticks WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM gaps WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM quotes WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM heartbeats WHERE position > ?1 AND received >= ?2)",
                number,
                when,
            )[0][0]
            return SqlitePosition(state.origin, number if first is None else first - 1, received)

    def find_last(self, ticks: int, symbols: Collection[str] | None = None) -> SqlitePosition:
        """See `Stream.find_last`."""
        with self._transaction() as state:
            if ticks <= 0:
                return state.end()
            where, bindings = only(symbols)
            found = self._all(
                f"SELECT position, received FROM ticks WHERE true {where} "
                "ORDER BY position DESC LIMIT 1 OFFSET ?",
                *bindings,
                ticks - 1,
            )
            if not found:
                return SqlitePosition(state.origin, max(state.pruned, state.pruned_gaps), 0)
            return SqlitePosition(state.origin, found[0][0] - 1, found[0][1])

    def after(
        self,
        place: SqlitePosition,
        symbols: Collection[str] | None,
        limit: int,
        before: Tick | None = None,
    ) -> Page:
        """Return what follows `place`: see `page_after`."""
        with self._transaction() as state:
            return page_after(self._connection, state, place, symbols, limit=limit, before=before)

    def columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        """See `Stream.columns`."""
        stored = [name for name in request.fields if name != rows.CONSTANT] or ["position"]
        names = ", ".join(f'"{name}"' for name in stored)

        def take(condition: str, bindings: Sequence[Any], simulated: bool) -> Any:
            ordered = f"{condition} ORDER BY position"
            values = decoding.values(self._connection, names, ordered, bindings)
            if not values:
                return None
            step = len(stored)
            found = {name: values[at::step] for at, name in enumerate(stored)}
            found[rows.CONSTANT] = (simulated,) * (len(values) // step)
            return {name: found[name] for name in request.fields}

        return self._spans(request, take)

    def arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        """See `Stream.arrays`."""
        from ticker.streams.sqlite.arrays import ArrayReader  # numpy takes 0.1 s to load

        take = ArrayReader(self._connection, request.fields).read
        return self._spans(request, take)

    def _spans(
        self, request: ColumnRequest, take: Callable[[str, Sequence[Any], bool], Any]
    ) -> Iterator[Any]:
        """Yield what `take` returns for each span of positions, unless it is `None`.

        Ends where the log ended when this began. Each span has a transaction of its own.
        """
        condition, bound = only(request.symbols)
        since, until = request.since, request.until
        if since is not None:
            condition, bound = f"{condition} AND received >= ?", (*bound, since)
        if until is not None:
            condition, bound = f"{condition} AND received < ?", (*bound, until)
        number = self.find("start" if since is None else since).number
        end = self.state().position
        while number < end:
            upto = min(number + CHUNK, end)
            with self._transaction() as state:
                span = f"position > ? AND position <= ? {condition}"
                taken = take(span, (number, upto, *bound), bool(state.simulated))
            if taken is not None:
                yield taken
            number = upto

    def count(self, position: Position) -> int:
        """See `Stream.count`."""
        place = self.place(position)
        with self._transaction():
            found = self._all("SELECT count(*) FROM ticks WHERE position > ?", place.number)
        return int(found[0][0])

    def holds(self) -> dict[str, Hold]:
        """See `Retained.holds`. Its cost depends on the ticks that wait, not on the log's size."""
        with self._transaction() as state:
            found = self._all(
                # The position's time is that of the last row of `appends` before it. That is exact
                # enough to say since when data are missing.
                "SELECT reader, position, "
                "(SELECT count(*) FROM ticks WHERE ticks.position > holds.position), "
                "(SELECT received FROM appends WHERE appends.position <= holds.position "
                "ORDER BY appends.position DESC LIMIT 1) FROM holds"
            )
        return {
            reader: Hold(SqlitePosition(state.origin, number, received or 0).position(), ticks)
            for reader, number, ticks, received in found
        }

    def facts(self) -> tuple[LogState, int, int | None, int | None, int]:
        """Return the state, symbols held, `received` of first and last tick, and size (bytes)."""
        with self._transaction() as state:
            symbols = self._all(
                "SELECT count(DISTINCT symbol) FROM sequences WHERE sequence > pruned_sequence"
            )[0][0]
            first = self._all("SELECT received FROM ticks ORDER BY position LIMIT 1")
            last = self._all("SELECT received FROM ticks ORDER BY position DESC LIMIT 1")
            size = self._all(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )[0][0]
        return state, symbols, first[0][0] if first else None, last[0][0] if last else None, size

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[LogState]:
        connection = self._connection
        with opening.told(self._path):
            connection.execute("BEGIN")
            try:
                yield load(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def _all(self, query: str, *bindings: Any) -> list[Any]:
        return all_rows(self._connection, query, *bindings)
