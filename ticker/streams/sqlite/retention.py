"""Deletes the oldest ticks and gaps, by the time of appending and by size.

It deletes in small steps, so that no writer waits for long. It deletes from the beginning, so that
whole pages become free. The next appends reuse free pages: in steady state the file keeps its size.
If more than a quarter of it is free (retention was just tightened), each step also cuts it back a
little. Quotes, heartbeats and last sequences are never deleted: there is one of each per symbol or
writer. What follows a hold is never deleted, whatever the limits.
"""

from __future__ import annotations

from typing import Any, Final

import apsw
import msgspec

from ticker.streams.sqlite.state import LogState

STEP: Final = 2_000
"""The most ticks deleted in one step. A large append deletes up to twice its own number."""

_FREE_SHARE: Final = 4  # cut the file back if more than a quarter of it is free …
_FREE_PAGES: Final = 256  # … and that is more than 1 MiB: less is reused soon
_CUT: Final = 128  # pages in one step
_LARGEST: Final = 2**62


class Retention(msgspec.Struct, frozen=True):
    """The two limits; `None`: no limit."""

    keep_for: int | None = None
    """µs since appending."""
    keep_bytes: int | None = None
    """Size of the database file, without free pages and without its WAL (some MiB)."""

    def has_leapt(self, state: LogState, now: int) -> bool:
        """Tell whether everything is too old at `now` (µs, UTC).

        Either there was a long pause, or the clock is wrong. The next append shows which: by then
        a wrong clock is corrected, or its time is confirmed.
        """
        return self.keep_for is not None and now - state.appended > self.keep_for

    def step(
        self,
        connection: apsw.Connection,
        state: LogState,
        now: int | None,
        rows: int = STEP,
        *,
        through: int = _LARGEST,
    ) -> int:
        """Delete at most `rows` ticks inside the caller's transaction. Return how many.

        `now` is the time of appending (µs, UTC). `None`: it cannot be trusted; only size counts.
        Nothing after the position `through` is deleted. `state` is changed; the caller stores it.
        """
        by_time = 0 if now is None else self._by_time(connection, state, now)
        bound = min(max(by_time, self._by_size(connection)), through)
        held = connection.execute("SELECT min(position) FROM holds").get
        if held is not None:
            bound = min(bound, held)
        # `LIMIT 1 OFFSET` stops at the last tick of the step, or finds none if there are fewer.
        last = connection.execute(
            "SELECT position FROM ticks WHERE position <= ? ORDER BY position LIMIT 1 OFFSET ?",
            (bound, rows - 1),
        ).get
        bound = bound if last is None else last
        deleted = _delete(connection, state, bound) if bound > 0 else 0
        _cut_back(connection)
        return deleted

    def _by_time(self, connection: apsw.Connection, state: LogState, now: int) -> int:
        """Return a position up to which everything was appended too long ago, or 0."""
        if self.keep_for is None:
            return 0
        if state.appended <= now - self.keep_for:
            return state.position
        bound: Any = connection.execute(
            "SELECT max(position) FROM (SELECT position, appended FROM appends "
            "ORDER BY position LIMIT 64) WHERE appended <= ?",
            (now - self.keep_for,),
        ).get
        return int(bound or 0)

    def _by_size(self, connection: apsw.Connection) -> int:
        if self.keep_bytes is None:
            return 0
        size = int(connection.pragma("page_size"))
        used = int(connection.pragma("page_count")) - int(connection.pragma("freelist_count"))
        return _LARGEST if used * size > self.keep_bytes else 0


def _delete(connection: apsw.Connection, state: LogState, bound: int) -> int:
    gone: list[Any] = connection.execute(
        "SELECT max(sequence), max(position), count(*), origin, symbol FROM ticks "
        "WHERE position <= ? GROUP BY origin, symbol",
        (bound,),
    ).fetchall()
    if gone:
        connection.executemany(
            "UPDATE sequences SET pruned_sequence = ?, pruned_position = ? "
            "WHERE origin = ? AND symbol = ?",
            [(sequence, position, *key) for sequence, position, _, *key in gone],
        )
        connection.execute("DELETE FROM ticks WHERE position <= ?", (bound,))
        state.pruned = max(position for _, position, *_ in gone)
    deleted: int = sum(count for _, _, count, *_ in gone)
    state.ticks -= deleted
    query = "SELECT max(position) FROM gaps WHERE position <= ?"
    last_gap: int | None = connection.execute(query, (bound,)).get
    if last_gap is not None:
        connection.execute("DELETE FROM gaps WHERE position <= ?", (bound,))
        state.pruned_gaps = last_gap
    # The last row stays: `find` and the next retention start from it.
    connection.execute(
        "DELETE FROM appends WHERE position <= ? "
        "AND position < (SELECT max(position) FROM appends)",
        (bound,),
    )
    return deleted


def _cut_back(connection: apsw.Connection) -> None:
    free = int(connection.pragma("freelist_count"))
    if free > _FREE_PAGES and free * _FREE_SHARE > int(connection.pragma("page_count")):
        connection.execute(f"PRAGMA incremental_vacuum({_CUT})").fetchall()
