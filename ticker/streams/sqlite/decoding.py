"""Decodes rows to records. Unreadable rows are counted and skipped.

The fast way decodes a whole result at once. If that fails (the file was edited), rows are decoded
one by one, so that only the broken ones are lost. Runs in the caller's read transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeVar

import apsw

from ticker.records import Tick
from ticker.streams.sqlite import rows

_R = TypeVar("_R")


def fetch(
    connection: apsw.Connection, table: str, columns: str, condition: str, bindings: Sequence[Any]
) -> tuple[list[rows.Row], int]:
    """Return the rows of `table` that meet `condition`, and how many more have invalid text."""
    found: list[rows.Row] = []
    try:
        query = f"SELECT {columns} FROM {table} WHERE {condition}"
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


def values(
    connection: apsw.Connection, columns: str, condition: str, bindings: Sequence[Any]
) -> tuple[Any, ...]:
    """Return the values of ticks that meet `condition`, row after row, in one flat tuple.

    Rows with invalid text are left out.
    """
    query = f"SELECT {columns} FROM ticks WHERE {condition}"
    try:
        # No row is kept, so Python reuses the tuple, and its garbage collector has nothing to
        # visit.
        return tuple(chain.from_iterable(connection.execute(query, bindings)))
    except UnicodeDecodeError:
        return tuple(chain(*fetch(connection, "ticks", columns, condition, bindings)[0]))


def ticks(
    connection: apsw.Connection, condition: str, bindings: Sequence[Any], *, simulated: bool
) -> tuple[list[Tick], int]:
    """Return the ticks that meet `condition`, and how many rows were broken."""
    query = f"SELECT {rows.TICK_COLUMNS} FROM ticks WHERE {condition}"
    try:
        # Row by row is fastest: the garbage collector has no list of tuples to visit.
        made = rows.to_ticks(connection.execute(query, bindings), simulated=simulated)
    except rows.BROKEN:
        found, broken = fetch(connection, "ticks", rows.TICK_COLUMNS, condition, bindings)
        made = []
        for row in found:
            try:
                made += rows.to_ticks((row,), simulated=simulated)
            except rows.BROKEN:
                broken += 1
        return made, broken
    return made, 0


def records(
    connection: apsw.Connection,
    kind: rows.RecordTable[_R],
    condition: str,
    bindings: Sequence[Any] = (),
) -> tuple[list[_R], int]:
    """Return quotes, gaps or heartbeats that meet `condition`, and how many rows were broken."""
    found, broken = fetch(connection, kind.table, kind.columns, condition, bindings)
    made: list[_R] = []
    for row in found:
        try:
            made.append(kind.record(row))
        except rows.BROKEN:
            broken += 1
    return made, broken
