"""The one row of the table `log`: the state of the whole file."""

from __future__ import annotations

from typing import Any

import apsw
import msgspec

from ticker.streams.sqlite.position import SqlitePosition


class LogState(msgspec.Struct):
    """The row, read in one transaction.

    A writer changes it and stores it in the same transaction.
    """

    origin: str
    position: int
    """The last position given out."""
    appended: int
    """When that was (µs, UTC)."""
    ticks: int
    """Rows in the table `ticks`."""
    received: int
    """The latest `received` of anything appended so far (µs, UTC)."""
    simulated: bool | None
    """Whether prices are invented; `None` until the first."""
    pruned: int
    """Position of the last tick that retention deleted."""
    pruned_gaps: int
    """Position of the last gap that retention deleted."""

    def end(self) -> SqlitePosition:
        """Return the position after everything appended so far."""
        return SqlitePosition(self.origin, self.position, self.received)

    def store(self, connection: apsw.Connection) -> None:
        """Write it back, inside the caller's transaction."""
        connection.execute(
            "UPDATE log SET position = ?, appended = ?, ticks = ?, received = ?, simulated = ?, "
            "pruned = ?, pruned_gaps = ?",
            (
                self.position,
                self.appended,
                self.ticks,
                self.received,
                self.simulated,
                self.pruned,
                self.pruned_gaps,
            ),
        )


def load(connection: apsw.Connection) -> LogState:
    """Read the row. Raises `apsw.Error` if that fails."""
    rows: list[Any] = connection.execute(
        "SELECT origin, position, appended, ticks, received, simulated, pruned, pruned_gaps "
        "FROM log"
    ).fetchall()
    if not rows:
        raise apsw.CorruptError("its row in the table log is missing")
    state = LogState(*rows[0])
    state.simulated = None if state.simulated is None else bool(state.simulated)
    return state
