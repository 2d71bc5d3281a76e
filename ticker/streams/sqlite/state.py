"""The state of the whole file: the one row of the table `log`, the last sequences, positions.

A position is `ORIGIN:NUMBER:RECEIVED`, opaque to others. `ORIGIN` is the log's, so that a position
of another log is recognised. `NUMBER` counts every record appended up to the position. `RECEIVED`
(µs, UTC) is the latest `received` before the position: if retention overtakes a reader, data are
missing since then.
"""

from __future__ import annotations

import re
from typing import Any, Final

import apsw
import msgspec

from ticker.errors import WrongPosition
from ticker.records import MAX_TIME, Position
from ticker.streams.sequence import Key

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18}):([0-9]{1,18})")


class SqlitePosition(msgspec.Struct, frozen=True):
    """A parsed position."""

    origin: str
    number: int
    """The number of the last record before it; 0 before the first."""
    received: int
    """The latest `received` before it (µs, UTC); 0 if unknown."""

    def position(self) -> Position:
        """Return it as text."""
        return Position(f"{self.origin}:{self.number}:{self.received}")


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

    def start(self) -> SqlitePosition:
        """Return the position before everything that is still held."""
        return SqlitePosition(self.origin, max(self.pruned, self.pruned_gaps), 0)

    def end(self) -> SqlitePosition:
        """Return the position after everything appended so far."""
        return SqlitePosition(self.origin, self.position, self.received)

    def parse(self, url: str, position: object) -> SqlitePosition:
        """Parse `position`. Raises `WrongPosition` unless this log, at `url`, gave it out."""
        form = _FORM.fullmatch(position) if isinstance(position, str) else None
        if form is None or form[1] != self.origin or int(form[2]) > self.position:
            raise WrongPosition(url, position)
        return SqlitePosition(form[1], int(form[2]), min(int(form[3]), MAX_TIME))

    def store(self, connection: apsw.Connection) -> None:
        """Write it back, inside the caller's transaction."""
        places = ", ".join("?" * len(LogState.__struct_fields__))
        connection.execute(
            f"UPDATE log SET ({_COLUMNS}) = ({places})", msgspec.structs.astuple(self)
        )


_COLUMNS: Final = ", ".join(LogState.__struct_fields__)


def load(connection: apsw.Connection) -> LogState:
    """Read the row. Raises `apsw.Error` if that fails."""
    rows: list[Any] = connection.execute(f"SELECT {_COLUMNS} FROM log").fetchall()
    if not rows:
        raise apsw.CorruptError("its row in the table log is missing")
    state = LogState(*rows[0])
    state.simulated = None if state.simulated is None else bool(state.simulated)
    return state


def read_last(connection: apsw.Connection) -> dict[Key, int]:
    """Return (origin, symbol) → the last sequence. Raises `apsw.Error`."""
    found: list[Any] = connection.execute(
        "SELECT origin, symbol, sequence FROM sequences"
    ).fetchall()
    return {(origin, symbol): sequence for origin, symbol, sequence in found}
