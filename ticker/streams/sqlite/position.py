"""Positions of a SQLite log: `ORIGIN:NUMBER:RECEIVED`, opaque to others.

`ORIGIN` is the log's, so that a position of another log is recognised. `NUMBER` counts every record
appended up to the position. `RECEIVED` (µs, UTC) is the latest `received` before the position: if
retention overtakes a reader, data are missing since then.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ticker.errors import WrongPosition
from ticker.records import MAX_TIME, Position

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


def parse(url: str, position: object) -> SqlitePosition:
    """Parse `position`. Raises `WrongPosition` unless it has the form of a SQLite log's."""
    form = _FORM.fullmatch(position) if isinstance(position, str) else None
    if form is None:
        raise WrongPosition(url, position)
    return SqlitePosition(form[1], int(form[2]), min(int(form[3]), MAX_TIME))
