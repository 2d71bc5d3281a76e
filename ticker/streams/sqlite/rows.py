"""Converts records to rows and back, and reads rows. The columns are the JSON's fields, in order.

Ticks are the hot path: values are matched by their order, without a dictionary. The other three
kinds are few. The fast way decodes a whole result at once. If that fails (the file was edited),
rows are decoded one by one. Rows that are no valid record are counted and skipped. Reading runs in
the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Generic, TypeVar

import apsw
import msgspec
from msgspec.structs import astuple

from ticker.records import TICK_FIELDS, Gap, Heartbeat, Quote, Record, Tick

Values = tuple[Any, ...]
_R = TypeVar("_R")
_tick: Callable[..., Tick] = Tick

BROKEN: Final = (ValueError, TypeError, OverflowError, msgspec.MsgspecError)
"""What an invalid row raises (`InvalidRecord` and bad UTF-8 are ValueErrors)."""


def _listed(kind: type[Record], table: str = "") -> str:
    return ", ".join(f'{table}"{name}"' for name in kind.__struct_encode_fields__)


def _insert(table: str, kind: type[Record], conflict: str = "") -> str:
    places = ", ".join("?" * (len(kind.__struct_encode_fields__) + 1))
    return f"INSERT INTO {table} ({_listed(kind)}, position) VALUES ({places}) {conflict}"


def _replacing(table: str, kind: type[Record], key: str, newer: str = "true") -> str:
    fields = (*kind.__struct_encode_fields__, "position")
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in fields)
    # A repeat changes nothing. Otherwise two logs that forward to each other would never stop.
    known, told = _listed(kind, f"{table}."), _listed(kind, "excluded.")
    return (
        f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {newer} AND ({known}) IS NOT ({told})"
    )


class RecordTable(msgspec.Struct, Generic[_R], frozen=True):
    """How one of the three rarer kinds is stored in the file."""

    table: str
    columns: str
    insert: str
    """The SQL that inserts the values of `row`, and a position."""
    kind: Callable[..., _R]
    decoders: Mapping[int, Callable[[Any], Any]]
    """Index of a column → how to decode its values, if they are not stored as they are."""

    def record(self, row: Sequence[Any]) -> _R:
        """Make the record of a row. Raises one of `BROKEN`."""
        values = list(row)
        for at, decode in self.decoders.items():
            if values[at] is not None:
                values[at] = decode(values[at])
        return self.kind(*values)


def row(record: Quote | Gap | Heartbeat) -> Values:
    """Return the row of `record`, without the position. Lists and objects become JSON."""
    return tuple(
        value
        if value is None or isinstance(value, str | int | float)
        else msgspec.json.encode(value).decode()
        for value in astuple(record)
    )


def _table(
    name: str, kind: type[Quote | Gap | Heartbeat], conflict: str, **decoders: Callable[[Any], Any]
) -> RecordTable[Any]:
    fields = kind.__struct_encode_fields__
    places = {fields.index(field): decode for field, decode in decoders.items()}
    return RecordTable(name, _listed(kind), _insert(name, kind, conflict), kind, places)


_symbols: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_refused: Final = msgspec.json.Decoder(dict[str, str]).decode

GAPS: Final[RecordTable[Gap]] = _table("gaps", Gap, "ON CONFLICT DO NOTHING", symbols=_symbols)
# Of two quotes the newer one stays: see `Quote.version`.
_NEWER: Final = "(excluded.sequence, excluded.time) >= (quotes.sequence, quotes.time)"
QUOTES: Final[RecordTable[Quote]] = _table(
    "quotes", Quote, _replacing("quotes", Quote, "origin, symbol", _NEWER), simulated=bool
)
# The heartbeat written last stays: the clock of its writer may have been set back.
HEARTBEATS: Final[RecordTable[Heartbeat]] = _table(
    "heartbeats",
    Heartbeat,
    _replacing("heartbeats", Heartbeat, "writer, source"),
    refused=_refused,
    symbols=_symbols,
)

CONSTANT: Final = TICK_FIELDS[-1]
"""`simulated`: it is the same in the whole log, so it is read once."""
_TICK_COLUMNS: Final = ", ".join(f'"{name}"' for name in TICK_FIELDS[:-1])
"""The fields of a tick without `simulated`."""
INSERT_TICK: Final = _insert("ticks", Tick)
INSERT_NEXT_TICK: Final = (
    f"INSERT INTO ticks ({_listed(Tick)}) VALUES ({', '.join('?' * len(TICK_FIELDS))})"
)


def values(
    connection: apsw.Connection, columns: str, condition: str, bindings: Sequence[Any]
) -> Values:
    """Return the values of ticks that meet `condition`, row after row, in one flat tuple.

    Rows with invalid text are left out.
    """
    query = f"SELECT {columns} FROM ticks WHERE {condition}"
    try:
        # No row is kept, so Python reuses the tuple, and its garbage collector has nothing to
        # visit.
        return tuple(chain.from_iterable(connection.execute(query, bindings)))
    except UnicodeDecodeError:
        return tuple(chain(*_fetch(connection, "ticks", columns, condition, bindings)[0]))


def ticks(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> tuple[list[Tick], int]:
    """Return the ticks that meet `condition`, and how many rows were broken."""
    query = f"SELECT {_TICK_COLUMNS} FROM ticks WHERE {condition}"
    try:
        # Row by row is fastest: the garbage collector has no list of tuples to visit.
        return _ticks(connection.execute(query, bindings), simulated=simulated), 0
    except BROKEN:
        found, broken = _fetch(connection, "ticks", _TICK_COLUMNS, condition, bindings)
        made, invalid = _valid(found, lambda row: _ticks((row,), simulated=simulated)[0])
        return made, broken + invalid


def records(
    connection: apsw.Connection,
    table: RecordTable[_R],
    condition: str = "true",
    bindings: Sequence[Any] = (),
) -> tuple[list[_R], int]:
    """Return quotes, gaps or heartbeats that meet `condition`, and how many rows were broken.

    They are in the order of their positions.
    """
    ordered = f"{condition} ORDER BY position"
    found, broken = _fetch(connection, table.table, table.columns, ordered, bindings)
    made, invalid = _valid(found, table.record)
    return made, broken + invalid


def _ticks(found: Iterable[Sequence[Any]], *, simulated: bool) -> list[Tick]:
    """Make the ticks of rows of `_TICK_COLUMNS`. Raises one of `BROKEN` at an invalid one."""
    if simulated:
        return [_tick(*row, True) for row in found]
    return [_tick(*row) for row in found]


def _valid(
    found: Iterable[Sequence[Any]], make: Callable[[Sequence[Any]], _R]
) -> tuple[list[_R], int]:
    """Return the records of the valid rows, and how many rows are invalid."""
    made: list[_R] = []
    broken = 0
    for each in found:
        try:
            made.append(make(each))
        except BROKEN:
            broken += 1
    return made, broken


def _fetch(
    connection: apsw.Connection, table: str, columns: str, condition: str, bindings: Sequence[Any]
) -> tuple[list[Sequence[Any]], int]:
    """Return the rows of `table` that meet `condition`, and how many more have invalid text."""
    query = f"SELECT {columns} FROM {table} WHERE {condition}"
    found: list[Sequence[Any]] = []
    try:
        found += connection.execute(query, bindings).fetchall()
    except UnicodeDecodeError:
        query = f"SELECT position FROM {table} WHERE {condition}"
        positions = connection.execute(query, bindings).fetchall()
        for position in positions:
            query = f"SELECT {columns} FROM {table} WHERE position = ?"
            try:
                found += connection.execute(query, position).fetchall()
            except UnicodeDecodeError:
                continue
        return found, len(positions) - len(found)
    return found, 0
