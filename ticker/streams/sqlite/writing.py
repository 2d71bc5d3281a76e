"""The writing side of a log file: append, hold, prune. Synchronous; one thread uses it at a time.

Each call is one transaction: it is durable on return, or has no effect. The last sequence of each
(origin, symbol) is checked inside the transaction. The last sequences stay in memory until another
process writes. Knows rows and SQL, but no event loop and no clock: time is a parameter.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ticker.errors import InvalidRecord, StreamMissing
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.streams.append_check import check_append, check_simulated, tick_content
from ticker.streams.sequence import Key
from ticker.streams.sqlite import opening, rows
from ticker.streams.sqlite.retention import STEP, Retention
from ticker.streams.sqlite.state import LogState, load, read_last
from ticker.units import SECOND

MARK_EVERY: Final = SECOND
"""A row of `appends` is written after this time (µs) …"""
MARK_ROWS: Final = 5_000
"""… or after this many records, so that `find` need not scan many more."""


_received: Final = operator.attrgetter("received")


class SqliteWriter:
    """One connection that writes. Raises only `StreamError` and `InvalidRecord`."""

    def __init__(self, path: Path, origin: str, retention: Retention, busy: float) -> None:
        self._path = path
        self._url = opening.url(path)
        self._connection = opening.writer(path, origin, busy=busy)
        self._file = opening.file_id(path)
        self._retention = retention
        self._data_version: int | None = None
        self._last: dict[Key, int] = {}
        self._state = LogState("", 0, 0, 0, 0, None, 0, 0)
        self._marked = (0, 0)  # appended, position
        with self._transaction():
            self.origin = self._state.origin

    def close(self) -> None:
        """Close the file. A second call is harmless."""
        self._connection.close()

    def last(self) -> Mapping[Key, int]:
        """Return (origin, symbol) → the last sequence, now."""
        with opening.mapping_errors(self._path, writing=True):
            return read_last(self._connection)

    def append(self, batch: Batch, now: int) -> Position:
        """See `Log.append`. `now` is the time of appending (µs, UTC), for retention."""
        with self._transaction():
            state = self._state
            before = state.position
            state.simulated = check_simulated(self._url, state.simulated, batch.ticks, batch.quotes)
            fresh, heads = check_append(self._url, batch, self._last, state.origin, self._differing)
            self._mark(now)
            self._insert(fresh, batch)
            self._connection.executemany(
                "INSERT INTO sequences VALUES (?, ?, ?, 0, 0) "
                "ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
                [(origin, symbol, sequence) for (origin, symbol), sequence in heads.items()],
            )
            heard = itertools.chain(fresh, batch.gaps, batch.quotes, batch.heartbeats)
            newest = max(map(_received, heard), default=0)
            leapt = self._retention.has_leapt(state, now)
            state.appended = now
            state.received = max(state.received, newest)
            # In the same transaction, because each transaction waits for the disk.
            self._retention.step(
                self._connection,
                state,
                None if leapt else now,
                max(STEP, 2 * len(fresh)),
                through=before,
            )
            state.store(self._connection)
            place = state.end()
        self._last.update(heads)
        return place.position()

    def hold(self, reader: str, position: Position | None) -> None:
        """See `Retained.hold`."""
        with self._transaction():
            if position is None:
                self._connection.execute("DELETE FROM holds WHERE reader = ?", (reader,))
                return
            place = self._state.parse(self._url, position)
            self._connection.execute(
                "INSERT INTO holds VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET position = excluded.position",
                (reader, place.number),
            )

    def prune(self, now: int) -> int:
        """Do one small step of retention at `now` (µs, UTC).

        Returns the number of ticks deleted.
        """
        with self._transaction():
            deleted = self._retention.step(self._connection, self._state, now)
            self._state.store(self._connection)
            return deleted

    def _insert(self, ticks: Sequence[Tick], batch: Batch) -> None:
        """Insert `ticks` and the other records of `batch`: gaps, ticks, quotes, heartbeats."""
        self._insert_into(rows.GAPS, batch.gaps)
        # Only the first tick gets its position; SQLite counts on from it. That needs no new
        # tuple for each tick, and is a tenth faster.
        execute, state = self._connection.executemany, self._state
        execute(rows.INSERT_TICK, [(*astuple(tick), state.position + 1) for tick in ticks[:1]])
        execute(rows.INSERT_NEXT_TICK, map(astuple, ticks[1:]))
        state.ticks += len(ticks)
        state.position += len(ticks)
        self._insert_into(rows.QUOTES, batch.quotes)
        self._insert_into(rows.HEARTBEATS, batch.heartbeats)

    def _insert_into(
        self, table: rows.RecordTable[Any], records: Sequence[Gap | Quote | Heartbeat]
    ) -> None:
        state = self._state
        numbered = [(*rows.row(record), state.position + n) for n, record in enumerate(records, 1)]
        self._connection.executemany(table.insert, numbered)
        state.position += len(records)

    def _differing(self, repeats: Sequence[Tick]) -> set[Key]:
        """Return the keys of `repeats` that differ from the stored tick.

        Ticks that retention has deleted cannot be compared and count as the same. The log is read
        backwards from its end, because most repeats were sent a moment ago.
        """
        wanted = {(tick.origin, tick.symbol, tick.sequence): tick for tick in repeats}
        wrong: set[Key] = set()
        for origin, symbol, pruned in self._connection.execute(
            "SELECT origin, symbol, pruned_sequence FROM sequences WHERE pruned_sequence > 0"
        ):
            for name in [n for n in wanted if n[:2] == (origin, symbol) and n[2] <= pruned]:
                del wanted[name]
        symbols = msgspec.json.encode(sorted({symbol for _, symbol, _ in wanted})).decode()
        cursor = self._connection.execute(
            "SELECT origin, symbol, sequence, time, received, price FROM ticks "
            "WHERE symbol IN (SELECT value FROM json_each(?)) ORDER BY position DESC",
            (symbols,),
        )
        while wanted:
            row = cursor.fetchone()
            if row is None:
                break  # the rest are in a hole: never appended, or deleted by others
            tick = wanted.pop(row[:3], None)
            if tick is not None and row[3:] != tick_content(tick):
                wrong.add((tick.origin, tick.symbol))
        cursor.close()
        return wrong

    def _mark(self, now: int) -> None:
        """Add a row to `appends` if it is due: the log's position and times before this append."""
        appended, position = self._marked
        state = self._state
        due = not appended <= now < appended + MARK_EVERY  # also if the clock was set back
        if state.position > position and (due or state.position >= position + MARK_ROWS):
            self._connection.execute(
                "INSERT INTO appends VALUES (?, ?, ?)",
                (state.position, state.appended, state.received),
            )
            self._marked = (now, state.position)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Run a transaction that holds the write lock. `_state` and `_last` are current in it."""
        connection = self._connection
        with opening.mapping_errors(self._path, writing=True):
            self._check_file()
            connection.execute("BEGIN IMMEDIATE")
            try:
                # Our own commits do not change it. A change shows that another connection wrote.
                version: Any = connection.pragma("data_version")
                if version != self._data_version:
                    self._refresh()
                yield
                connection.execute("COMMIT")
                self._data_version = version
            except BaseException as error:
                self._data_version = None
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, (OverflowError, UnicodeEncodeError)):
                    # A number beyond 64 bits, or invalid text, in a field without a check for it.
                    raise InvalidRecord("record", f"cannot be stored: {error}") from error
                raise

    def _check_file(self) -> None:
        """Raise `StreamMissing` if the path names another file: ticks would go to a lost file."""
        if opening.file_id(self._path) != self._file:
            raise StreamMissing(self._url, "the file was removed or replaced while it was written")

    def _refresh(self) -> None:
        self._state = load(self._connection)
        self._last = read_last(self._connection)
        query = "SELECT appended, position FROM appends ORDER BY position DESC LIMIT 1"
        self._marked = self._connection.execute(query).get or (0, 0)
