"""The reading side of a log file: one connection, whole batches, no waiting. Synchronous.

Every read transaction ends before its answer is returned: an open one would keep SQLite from
reusing the WAL. Knows rows and SQL, but no event loop, no clock, and not how a reader waits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from ticker.health import Health, StreamState
from ticker.records import Batch, Gap, Hold, Position, Tick
from ticker.streams.reader import ColumnRequest
from ticker.streams.sqlite import opening, rows
from ticker.streams.sqlite.state import LogState, SqlitePosition, load, read_last
from ticker.streams.sqlite.unread import Unread, only, unread

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
        with opening.mapping_errors(self._path):
            return int(self._one("PRAGMA data_version"))

    def state(self) -> LogState:
        """Return the state of the log now."""
        with self._transaction() as state:
            return state

    def place(self, position: Position) -> SqlitePosition:
        """Parse `position`. Raises `WrongPosition` unless this log gave it out."""
        return self.state().parse(self._url, position)

    def snapshot(self) -> tuple[Batch, int]:
        """Return the last quotes, heartbeats and sequences, and how many rows were broken."""
        with self._transaction() as state:
            quotes, broken = rows.records(self._connection, rows.QUOTES)
            beats, broken_beats = rows.records(self._connection, rows.HEARTBEATS)
            last = read_last(self._connection)
        batch = Batch(state.end().position(), quotes=quotes, heartbeats=beats, last_seen=last)
        return batch, broken + broken_beats

    def gaps(self) -> Sequence[Gap]:
        """See `Stream.gaps`."""
        with self._transaction():
            return rows.records(self._connection, rows.GAPS)[0]

    def find(self, when: int | Literal["start", "end"]) -> SqlitePosition:
        """See `Stream.find`."""
        with self._transaction() as state:
            if when == "end":
                return state.end()
            start = state.start()
            if when == "start":
                return start
            if when > state.received:
                return state.end()
            # A row of `appends` has a position and the latest `received` up to it. So all that is
            # wanted follows the last row whose `received` is before `when`.
            marked = self._one(
                "SELECT position, received FROM appends WHERE received < ? "
                "ORDER BY received DESC, position DESC LIMIT 1",
                when,
            )
            number, received = marked or (0, 0)
            if number < start.number:
                return start
            first = self._one(
                "SELECT min(position) FROM ("
                "SELECT position FROM ticks WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM gaps WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM quotes WHERE position > ?1 AND received >= ?2 "
                "UNION ALL SELECT position FROM heartbeats WHERE position > ?1 AND received >= ?2)",
                number,
                when,
            )
            return SqlitePosition(state.origin, number if first is None else first - 1, received)

    def find_last(self, ticks: int, symbols: Collection[str] | None = None) -> SqlitePosition:
        """See `Stream.find_last`."""
        with self._transaction() as state:
            if ticks <= 0:
                return state.end()
            where, bindings = only(symbols)
            found = self._one(
                f"SELECT position, received FROM ticks WHERE true {where} "
                "ORDER BY position DESC LIMIT 1 OFFSET ?",
                *bindings,
                ticks - 1,
            )
            if found is None:
                return state.start()
            return SqlitePosition(state.origin, found[0] - 1, found[1])

    def after(
        self,
        place: SqlitePosition,
        symbols: Collection[str] | None,
        limit: int,
        before: Tick | None = None,
    ) -> Unread:
        """Return what follows `place`: see `unread`."""
        with self._transaction() as state:
            return unread(self._connection, state, place, symbols, limit=limit, before=before)

    def columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        """See `Stream.columns`."""
        stored = [name for name in request.fields if name != rows.CONSTANT] or ["position"]
        names = ", ".join(f'"{name}"' for name in stored)

        def take(condition: str, bindings: Sequence[Any], simulated: bool) -> Any:
            ordered = f"{condition} ORDER BY position"
            values = rows.values(self._connection, names, ordered, bindings)
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
            return int(self._one("SELECT count(*) FROM ticks WHERE position > ?", place.number))

    def holds(self) -> dict[str, Hold]:
        """See `Retained.holds`. Its cost depends on the ticks that wait, not on the log's size."""
        with self._transaction() as state:
            found: list[Any] = self._connection.execute(
                # The position's time is that of the last row of `appends` before it. That is exact
                # enough to say since when data are missing.
                "SELECT reader, position, "
                "(SELECT count(*) FROM ticks WHERE ticks.position > holds.position), "
                "(SELECT received FROM appends WHERE appends.position <= holds.position "
                "ORDER BY appends.position DESC LIMIT 1) FROM holds"
            ).fetchall()
        return {
            reader: Hold(SqlitePosition(state.origin, number, received or 0).position(), ticks)
            for reader, number, ticks, received in found
        }

    def health(self) -> Health:
        """Return the health of the log. Decodes no quote."""
        waiting = {name: hold.ticks for name, hold in self.holds().items()}
        with self._transaction() as state:
            beats, _ = rows.records(self._connection, rows.HEARTBEATS)
            has_quotes = self._one("SELECT EXISTS (SELECT 1 FROM quotes)")
            return Health(
                stream=self._url,
                state=StreamState.OK if state.ticks or beats or has_quotes else StreamState.EMPTY,
                ticks=state.ticks,
                symbols=self._one(
                    "SELECT count(DISTINCT symbol) FROM sequences WHERE sequence > pruned_sequence"
                ),
                first=self._one("SELECT received FROM ticks ORDER BY position LIMIT 1"),
                last=self._one("SELECT received FROM ticks ORDER BY position DESC LIMIT 1"),
                size=self._one(
                    "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
                ),
                simulated=state.simulated,
                heartbeats=tuple(beats),
                undelivered=max(waiting.values(), default=0),
                waiting=waiting,
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[LogState]:
        connection = self._connection
        with opening.mapping_errors(self._path):
            connection.execute("BEGIN")
            try:
                yield load(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def _one(self, query: str, *bindings: Any) -> Any:
        """Return the row of `query`, or its value if it has one column; `None` without a row."""
        return self._connection.execute(query, bindings).get
