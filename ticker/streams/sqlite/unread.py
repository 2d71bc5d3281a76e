"""Reads what follows a position in a log file: a span of positions with all records in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import apsw
import msgspec

from ticker.records import Batch, Record, Tick
from ticker.streams.reader import Lost
from ticker.streams.sqlite import rows
from ticker.streams.sqlite.state import LogState, SqlitePosition

SPAN: Final = 50_000
"""With a filter of symbols: the most positions searched in one transaction."""


class Unread(msgspec.Struct, frozen=True):
    """What follows a position in the file, not yet checked for holes and repeats."""

    batch: Batch
    place: SqlitePosition
    """The position after the batch."""
    at_end: bool
    """Whether nothing more was there at that moment."""
    lost: Sequence[Lost]
    lost_gaps: bool
    """Whether retention deleted gap records before this reader read them."""
    held_since: int
    """If something was lost: `received` of the first tick still held (µs, UTC).

    Otherwise, or if no tick is held, the latest `received` of all.
    """
    broken: int


def unread(
    connection: apsw.Connection,
    state: LogState,
    place: SqlitePosition,
    symbols: Collection[str] | None,
    *,
    limit: int,
    before: Tick | None = None,
) -> Unread:
    """Return what follows `place`: at most `limit` ticks, and the other records among them.

    It ends before a gap that follows one of these ticks, and before the tick `before`. It only
    reads, in the caller's transaction.
    """
    start = place.number
    lost = _lost(connection, start, symbols) if start < state.pruned else []
    lost_gaps = start < state.pruned_gaps
    end = _end(connection, state, max(start, state.pruned), symbols, limit)
    end = _before_gap(connection, start, end, symbols)
    if before is not None:
        end = _before_tick(connection, start, end, before)
    span, bound = "position > ? AND position <= ?", (start, end)
    where, chosen = only(symbols)
    ticks, broken = rows.ticks(
        connection,
        f"{span} {where} ORDER BY position",
        (*bound, *chosen),
        simulated=bool(state.simulated),
    )
    quotes, broken_quotes = rows.records(
        connection, rows.QUOTES, f"{span} {where}", (*bound, *chosen)
    )
    gaps, broken_gaps = rows.records(connection, rows.GAPS, span, bound)
    beats, broken_beats = rows.records(connection, rows.HEARTBEATS, span, bound)
    gaps = [gap for gap in gaps if gap.concerns(symbols)]
    heard: tuple[Record, ...] = (*ticks[-1:], *gaps, *quotes, *beats)
    received = max(place.received, max((record.received for record in heard), default=0))
    after = SqlitePosition(state.origin, end, received)
    held_since: int | None = None
    if lost or lost_gaps:
        query = "SELECT received FROM ticks ORDER BY position LIMIT 1"
        held_since = connection.execute(query).get
    return Unread(
        batch=Batch(after.position(), ticks, gaps, quotes, beats),
        place=after,
        at_end=end == state.position,
        lost=lost,
        lost_gaps=lost_gaps,
        held_since=state.received if held_since is None else held_since,
        broken=broken + broken_gaps + broken_quotes + broken_beats,
    )


def only(symbols: Collection[str] | None) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL that limits a condition to `symbols`, and its bindings."""
    if symbols is None:
        return "", ()
    return (
        "AND symbol IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(sorted(symbols)).decode(),),
    )


def _lost(connection: apsw.Connection, start: int, symbols: Collection[str] | None) -> list[Lost]:
    """Return the ticks after `start` that retention deleted."""
    where, chosen = only(symbols)
    query = (
        f"SELECT origin, symbol, pruned_sequence FROM sequences WHERE pruned_position > ? {where}"
    )
    pruned: list[Any] = connection.execute(query, (start, *chosen)).fetchall()
    return [Lost((origin, symbol), sequence) for origin, symbol, sequence in pruned]


def _end(
    connection: apsw.Connection,
    state: LogState,
    start: int,
    symbols: Collection[str] | None,
    limit: int,
) -> int:
    """Find a position after `start` up to which there are at most `limit` ticks."""
    if symbols is None:
        return min(state.position, start + limit)
    end = min(state.position, start + SPAN)
    last = _tick_at(connection, start, end, symbols, limit - 1)
    return end if last is None else last


def _before_gap(
    connection: apsw.Connection, start: int, end: int, symbols: Collection[str] | None
) -> int:
    """Return `end`, or the position before the first gap that follows a tick: see `Batch`."""
    first = _tick_at(connection, start, end, symbols, 0)
    if first is None:
        return end
    query = "SELECT min(position) FROM gaps WHERE position > ? AND position <= ?"
    gap: int | None = connection.execute(query, (first, end)).get
    return end if gap is None else gap - 1


def _tick_at(
    connection: apsw.Connection,
    start: int,
    end: int,
    symbols: Collection[str] | None,
    index: int,
) -> int | None:
    """Return the position of the tick (of `symbols`) with this index after `start`."""
    where, chosen = only(symbols)
    query = (
        f"SELECT position FROM ticks WHERE position > ? AND position <= ? {where} "
        "ORDER BY position LIMIT 1 OFFSET ?"
    )
    found: int | None = connection.execute(query, (start, end, *chosen, index)).get
    return found


def _before_tick(connection: apsw.Connection, start: int, end: int, tick: Tick) -> int:
    """Return the position right before `tick`; `start` if it is gone."""
    query = (
        "SELECT min(position) FROM ticks WHERE position > ? AND position <= ? "
        "AND origin = ? AND symbol = ? AND sequence = ?"
    )
    bound = (start, end, tick.origin, tick.symbol, tick.sequence)
    found: int | None = connection.execute(query, bound).get
    return start if found is None else found - 1
