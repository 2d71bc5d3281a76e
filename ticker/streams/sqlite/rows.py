"""Converts records to rows and back. The columns are the fields of the JSON events, in order.

Ticks are the hot path: values are matched by their order, without a dictionary. The other three
kinds are few. A row that is not a valid record (edited by others) raises one of `BROKEN`; readers
count and skip it. This file knows SQL statements, but no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec.structs import astuple

from ticker.records import TICK_FIELDS, Gap, Heartbeat, Quote, Tick

Row = Sequence[Any]
Values = tuple[Any, ...]
_R = TypeVar("_R")
_tick: Callable[..., Tick] = Tick

BROKEN: Final = (ValueError, TypeError, OverflowError, msgspec.MsgspecError)
"""What an invalid row raises (`InvalidRecord` and bad UTF-8 are ValueErrors)."""


def _names(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return kind.__struct_encode_fields__


def _listed(kind: type[msgspec.Struct]) -> str:
    return ", ".join(f'"{name}"' for name in _names(kind))


def _insert(table: str, kind: type[msgspec.Struct], conflict: str = "") -> str:
    places = ", ".join("?" * (len(_names(kind)) + 1))
    return f"INSERT INTO {table} ({_listed(kind)}, position) VALUES ({places}) {conflict}"


def _replacing(table: str, kind: type[msgspec.Struct], key: str, newer: str = "true") -> str:
    fields = (*_names(kind), "position")
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in fields)
    # A repeat changes nothing. Otherwise two logs that forward to each other would never stop.
    known, told = (
        ", ".join(f'{place}."{name}"' for name in _names(kind)) for place in (table, "excluded")
    )
    return (
        f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {newer} AND ({known}) IS NOT ({told})"
    )


CONSTANT: Final = TICK_FIELDS[-1]
"""`simulated`: it is the same in the whole log, so it is read once."""
TICK_COLUMNS: Final = ", ".join(f'"{name}"' for name in TICK_FIELDS[:-1])
"""The fields of a tick without `simulated`."""

INSERT_TICK: Final = _insert("ticks", Tick)
INSERT_NEXT_TICK: Final = (
    f"INSERT INTO ticks ({_listed(Tick)}) VALUES ({', '.join('?' * len(TICK_FIELDS))})"
)
INSERT_GAP: Final = _insert("gaps", Gap, "ON CONFLICT DO NOTHING")
INSERT_QUOTE: Final = _insert(
    "quotes",
    Quote,
    _replacing(
        "quotes",
        Quote,
        "origin, symbol",
        "(excluded.sequence, excluded.time) >= (quotes.sequence, quotes.time)",  # `Quote.version`
    ),
)
INSERT_HEARTBEAT: Final = _insert(
    "heartbeats",
    Heartbeat,
    _replacing(
        "heartbeats",
        Heartbeat,
        "writer, source",  # the last one written counts: its writer's clock may have been stepped
    ),
)

_SIMULATED: Final = _names(Quote).index("simulated")
_SYMBOLS: Final = _names(Gap).index("symbols")
_REFUSED: Final = _names(Heartbeat).index("refused")
_ASKED_FOR: Final = _names(Heartbeat).index("symbols")
_symbols: Final = msgspec.json.Decoder(tuple[str, ...])
_refused: Final = msgspec.json.Decoder(dict[str, str])


def from_gap(gap: Gap) -> Values:
    """Return the gap's row, without the position."""
    values = list(astuple(gap))
    if gap.symbols is not None:
        values[_SYMBOLS] = msgspec.json.encode(gap.symbols).decode()
    return tuple(values)


def from_heartbeat(heartbeat: Heartbeat) -> Values:
    """Return the heartbeat's row, without the position."""
    values = list(astuple(heartbeat))
    values[_REFUSED] = msgspec.json.encode(heartbeat.refused).decode()
    if heartbeat.symbols is not None:
        values[_ASKED_FOR] = msgspec.json.encode(heartbeat.symbols).decode()
    return tuple(values)


def to_ticks(rows: Iterable[Row], *, simulated: bool) -> list[Tick]:
    """Make the ticks of `rows` (`TICK_COLUMNS`).

    Raises one of `BROKEN` at the first invalid one.
    """
    if simulated:
        return [_tick(*row, True) for row in rows]
    return [_tick(*row) for row in rows]


def to_quote(row: Row) -> Quote:
    """Make the quote of a row. Raises one of `BROKEN`."""
    values = list(row)
    values[_SIMULATED] = bool(values[_SIMULATED])
    return Quote(*values)


def to_gap(row: Row) -> Gap:
    """Make the gap of a row. Raises one of `BROKEN`."""
    values = list(row)
    if values[_SYMBOLS] is not None:
        values[_SYMBOLS] = _symbols.decode(values[_SYMBOLS])
    return Gap(*values)


def to_heartbeat(row: Row) -> Heartbeat:
    """Make the heartbeat of a row. Raises one of `BROKEN`."""
    values = list(row)
    values[_REFUSED] = _refused.decode(values[_REFUSED])
    if values[_ASKED_FOR] is not None:
        values[_ASKED_FOR] = _symbols.decode(values[_ASKED_FOR])
    return Heartbeat(*values)


class RecordTable(msgspec.Struct, Generic[_R], frozen=True):
    """How one of the three rarer kinds is stored in the file."""

    table: str
    columns: str
    record: Callable[[Row], _R]


QUOTES: Final = RecordTable("quotes", _listed(Quote), to_quote)
GAPS: Final = RecordTable("gaps", _listed(Gap), to_gap)
HEARTBEATS: Final = RecordTable("heartbeats", _listed(Heartbeat), to_heartbeat)
