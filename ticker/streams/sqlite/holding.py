"""Reads what a log holds back from retention, and for whom, in the caller's transaction."""

from __future__ import annotations

from typing import Any

import apsw

from ticker.records import Hold
from ticker.streams.sqlite.position import SqlitePosition
from ticker.streams.sqlite.state import LogState


def holds(connection: apsw.Connection, state: LogState) -> dict[str, Hold]:
    """Return reader → its hold.

    The time grows with the ticks that wait, not with those in the log.
    """
    found: list[Any] = connection.execute(
        # The time of the last mark before the position: near enough to say since when data are
        # missing.
        "SELECT reader, position, "
        "(SELECT count(*) FROM ticks WHERE ticks.position > holds.position), "
        "(SELECT received FROM appends WHERE appends.position <= holds.position "
        "ORDER BY appends.position DESC LIMIT 1) FROM holds"
    ).fetchall()
    return {
        reader: Hold(SqlitePosition(state.origin, number, received or 0).position(), ticks)
        for reader, number, ticks, received in found
    }
