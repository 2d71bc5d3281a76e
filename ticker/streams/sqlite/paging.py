"""Reads one page of a log file: a span of positions with all records in it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import Any, Final

import apsw
import msgspec

from ticker.records import Gap, Heartbeat, Quote, Tick
from ticker.streams.reader import Lost, wanted_gaps
from ticker.streams.sqlite import decoding, rows
from ticker.streams.sqlite.position import SqlitePosition
from ticker.streams.sqlite.state import LogState

SPAN: Final = 50_000
"""With a filter of symbols: the most positions searched in one transaction."""


class Page(msgspec.Struct, frozen=True):
    """What follows a position in the file, not yet checked for holes and repeats."""

    place: SqlitePosition
    """The position after this page."""
    at_end: bool
    """Whether nothing more was there at that moment."""
    ticks: Sequence[Tick]
    gaps: Sequence[Gap]
    quotes: Sequence[Quote]
    heartbeats: Sequence[Heartbeat]
    lost: Sequence[Lost]
    lost_gaps: bool
    """Whether retention deleted gap records before this reader read them."""
    held_since: int
    """If something was lost: `received` of the first tick still held (µs, UTC).

    Otherwise, or if no tick is held, the latest `received` of all.
    """
    broken: int


def page_after(
    connection: apsw.Connection,
    state: LogState,
    place: SqlitePosition,
    symbols: Collection[str] | None,
    *,
    limit: int,
    before: Tick | None = None,
) -> Page:
    """Return what follows `place`: at most `limit` ticks, and the other records among them.

    The page ends before a gap that follows one of these ticks, and before the tick `before`. It
    only reads, in the caller's transaction.
    """
    where, bindings = only(symbols)
    start = place.number
    lost = _lost(connection, start, where, bindings) if start < state.pruned else []
    lost_gaps = start < state.pruned_gaps
    end = _end(connection, state, max(start, state.pruned), where, bindings, limit=limit)
    end = _before_gap(connection, start, end, where, bindings)
    if before is not None:
        end = _before_tick(connection, start, end, before)
    read = functools.partial(decoding.records, connection)
    span = "position > ? AND position <= ?"
    ordered = f"{span} {where} ORDER BY position"
    bound = (start, end, *bindings)
    ticks, broken = decoding.ticks(connection, ordered, bound, simulated=bool(state.simulated))
    quotes, broken_quotes = read(rows.QUOTES, ordered, bound)
    gaps, broken_gaps = read(rows.GAPS, f"{span} ORDER BY position", (start, end))
    beats, broken_beats = read(rows.HEARTBEATS, f"{span} ORDER BY position", (start, end))
    held_since = state.received
    if lost or lost_gaps:
        first = all_rows(connection, "SELECT received FROM ticks ORDER BY position LIMIT 1")
        held_since = first[0][0] if first else state.received
    gaps = wanted_gaps(gaps, symbols)
    heard: tuple[Tick | Quote | Gap | Heartbeat, ...] = (*ticks[-1:], *gaps, *quotes, *beats)
    received = max(place.received, max((record.received for record in heard), default=0))
    return Page(
        place=SqlitePosition(state.origin, end, received),
        at_end=end == state.position,
        ticks=ticks,
        gaps=gaps,
        quotes=quotes,
        heartbeats=beats,
        lost=lost,
        lost_gaps=lost_gaps,
        held_since=held_since,
        broken=broken + broken_gaps + broken_quotes + broken_beats,
    )


def _lost(
    connection: apsw.Connection, start: int, where: str, bindings: tuple[Any, ...]
) -> list[Lost]:
    """Return the ticks after `start` that retention deleted."""
    pruned = all_rows(
        connection,
        f"SELECT origin, symbol, pruned_sequence FROM sequences WHERE pruned_position > ? {where}",
        start,
        *bindings,
    )
    return [Lost((origin, symbol), sequence) for origin, symbol, sequence in pruned]


def _end(
    connection: apsw.Connection,
    state: LogState,
    start: int,
    where: str,
    bindings: tuple[Any, ...],
    *,
    limit: int,
) -> int:
    """Find a position after `start` up to which there are at most `limit` ticks."""
    if not where:
        return min(state.position, start + limit)
    end = min(state.position, start + SPAN)
    past = all_rows(
        connection,
        f"SELECT position FROM ticks WHERE position > ? AND position <= ? {where} "
        "ORDER BY position LIMIT 1 OFFSET ?",
        start,
        end,
        *bindings,
        limit - 1,
    )
    return int(past[0][0]) if past else end


def _before_gap(
    connection: apsw.Connection, start: int, end: int, where: str, bindings: tuple[Any, ...]
) -> int:
    """Return `end`, or the position before the first gap that follows a tick: see `Batch`."""
    first = all_rows(
        connection,
        f"SELECT position FROM ticks WHERE position > ? AND position <= ? {where} "
        "ORDER BY position LIMIT 1",
        start,
        end,
        *bindings,
    )
    if not first:
        return end
    gap = all_rows(
        connection,
        "SELECT min(position) FROM gaps WHERE position > ? AND position <= ?",
        first[0][0],
        end,
    )[0][0]
    return end if gap is None else int(gap) - 1


def _before_tick(connection: apsw.Connection, start: int, end: int, tick: Tick) -> int:
    """Return the position right before `tick`; `start` if it is gone."""
    found = all_rows(
        connection,
        "SELECT min(position) FROM ticks WHERE position > ? AND position <= ? "
        "AND origin = ? AND symbol = ? AND sequence = ?",
        start,
        end,
        tick.origin,
        tick.symbol,
        tick.sequence,
    )[0][0]
    return start if found is None else int(found) - 1


def all_rows(connection: apsw.Connection, query: str, *bindings: Any) -> list[Any]:
    """Return all rows of `query`."""
    return connection.execute(query, bindings).fetchall()


def only(symbols: Collection[str] | None) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL that limits a condition to `symbols`, and its bindings."""
    if symbols is None:
        return "", ()
    return (
        "AND symbol IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(sorted(symbols)).decode(),),
    )
