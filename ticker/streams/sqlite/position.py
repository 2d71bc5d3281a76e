"""Positions of a SQLite log: `ORIGIN:NUMBER:RECEIVED`, opaque to everybody else.

`ORIGIN` is the log's, so that a position of another log is noticed; `NUMBER` counts every record
ever appended to it; `RECEIVED` (µs, UTC) is when the newest record before the position was had, so
that a reader that was passed by retention can say since when it knows nothing.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ticker.errors import WrongPosition
from ticker.records import MAX_TIME, Position

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18}):([0-9]{1,18})")


class SqlitePosition(msgspec.Struct, frozen=True):
    """A position taken apart."""

    origin: str
    number: int
    """Of the last record before this place; 0 before the first."""
    received: int
    """Of the newest record known before this place (µs, UTC); 0 if none."""

    def position(self) -> Position:
        """As it is given out."""
        return Position(f"{self.origin}:{self.number}:{self.received}")


def parse(url: str, position: object) -> SqlitePosition:
    """Raises `WrongPosition` for a text that no log of this kind ever gave out."""
    form = _FORM.fullmatch(position) if isinstance(position, str) else None
    if form is None:
        raise WrongPosition(url, position)
    return SqlitePosition(form[1], int(form[2]), min(int(form[3]), MAX_TIME))
