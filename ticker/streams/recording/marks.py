"""Finds the largest moves and the changes of session in a recording.

SQL groups the ticks of a span into parts of a minute or less. A move is the change of a symbol's
price from one part to its next. Synchronous.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from ticker.streams.recording.index import Ask
from ticker.streams.tape import Move, SessionChange
from ticker.units import SECOND

_LONGEST: Final = 60 * SECOND
"""The longest part (µs)."""
_PARTS: Final = 100
"""A short span is cut into this many parts, but no part is shorter than a second."""
_TOGETHER: Final = 60 * SECOND
"""Symbols that change to the same session within this time (µs) of the first are one change."""

_IN_SPAN: Final = (
    "received >= make_timestamptz(?) AND received <= make_timestamptz(?) "
    "AND (? IS NULL OR list_contains(?, symbol))"
)

Span = tuple[int, int, Collection[str] | None]
"""Start and end (`received`, µs, UTC, both inclusive), and the symbols (`None`: all)."""


def largest_moves(ask: Ask, source: str, span: Span, count: int) -> list[Move]:
    """Find at most `count` moves, largest first.

    A move in the part next to a larger move of the same symbol is left out.
    """
    bucket = max(SECOND, min(_LONGEST, (span[1] - span[0]) // _PARTS))
    found = ask(
        f"""
        WITH parts AS (
            SELECT origin, symbol, epoch_us(received) // {bucket} AS part,
                min(epoch_us(received)) AS began, max(epoch_us(received)) AS until,
                arg_max(price, file_row_number) AS price
            FROM {source} WHERE {_IN_SPAN} GROUP BY ALL
        ), moves AS (
            SELECT began, until, symbol, part, price, lag(price) OVER (
                PARTITION BY origin, symbol ORDER BY part) AS before
            FROM parts
        )
        SELECT began, until, symbol, part, 100 * (price - before) / abs(before) AS percent
        FROM moves WHERE before <> 0 AND price <> before
        ORDER BY abs(percent) DESC, began, symbol LIMIT ?
        """,
        *_bindings(span),
        3 * count,
    )
    moves: list[Move] = []
    taken: set[tuple[str, int]] = set()
    for began, until, symbol, part, percent in found:
        if not {(symbol, part - 1), (symbol, part + 1)} & taken:
            moves.append(Move(began, until, symbol, percent))
        taken.add((symbol, part))
    return moves[:count]


def session_changes(ask: Ask, source: str, span: Span) -> list[SessionChange]:
    """Find the session changes in `span`, oldest first."""
    sessions = ask(f"SELECT DISTINCT session FROM {source} WHERE session IS NOT NULL")
    if len(sessions) <= 1:  # the usual case, and this is fast
        return []
    found = ask(
        f"""
        WITH parts AS (
            SELECT origin, symbol, session, min(epoch_us(received)) AS began
            FROM {source} WHERE session IS NOT NULL AND {_IN_SPAN}
            GROUP BY origin, symbol, session, epoch_us(received) // {_LONGEST}
        ), changes AS (
            SELECT began, symbol, session, lag(session) OVER (
                PARTITION BY origin, symbol ORDER BY began) AS before
            FROM parts
        )
        SELECT began, symbol, session FROM changes WHERE session <> before ORDER BY began, symbol
        """,
        *_bindings(span),
    )
    changes: list[SessionChange] = []
    latest: dict[str, int] = {}
    for began, symbol, session in found:
        at = latest.get(session)
        if at is not None and began - changes[at].time <= _TOGETHER:
            one = changes[at]
            changes[at] = SessionChange(one.time, session, (*one.symbols, symbol))
        else:
            latest[session] = len(changes)
            changes.append(SessionChange(began, session, (symbol,)))
    return changes


def _bindings(span: Span) -> list[Any]:
    """Return the values for the placeholders of `_IN_SPAN`."""
    start, end, symbols = span
    chosen = None if symbols is None else sorted(symbols)
    return [start, end, chosen, chosen]
