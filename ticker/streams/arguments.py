"""Checks a caller's arguments before the stream is asked. One rule for all backends.

`UsageError` names the argument, what it expects and what it got.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Literal

from ticker.errors import UsageError
from ticker.records import TICK_FIELDS, Batch


def checked_batch(batch: Any) -> Batch:
    """Return `batch`. Raises `UsageError` for anything else, and for `Batch([tick])`."""
    if isinstance(batch, Batch) and isinstance(batch.position, str):
        return batch
    raise UsageError(f"append: expected a Batch, like Batch(ticks=[tick]), not {batch!r:.60}")


def checked_symbols(symbols: Any) -> frozenset[str] | None:
    """Return `symbols` as a set, or `None`. Raises `UsageError` if it is no collection of texts.

    A single text is refused: it is a collection of its letters, so "AAPL" would ask for A, P and L.
    """
    if symbols is None:
        return None
    if isinstance(symbols, str) or not hasattr(symbols, "__iter__"):
        raise UsageError(f'symbols: expected a list, like ["AAPL", "GC=F"], not {symbols!r:.60}')
    listed = list(symbols)
    for symbol in listed:
        if not isinstance(symbol, str):
            raise UsageError(f"symbols: expected texts, not {symbol!r:.60}")
    return frozenset(listed)


def checked_last_seen(last_seen: Any) -> Mapping[tuple[str, str], int]:
    """Return `last_seen`, empty if it is absent. Raises `UsageError` if it is not a mapping."""
    if last_seen is None:
        return {}
    if isinstance(last_seen, Mapping):
        return last_seen
    raise UsageError(f"last_seen: expected that of a snapshot, not {last_seen!r:.60}")


def checked_fields(fields: Any) -> tuple[str, ...]:
    """Return `fields`, or all fields of a tick if it is absent.

    Raises `UsageError` for other names.
    """
    if fields is None:
        return TICK_FIELDS
    if isinstance(fields, str) or not hasattr(fields, "__iter__") or not fields:
        raise UsageError(f'fields: expected a list, like ["time", "price"], not {fields!r:.60}')
    listed = tuple(fields)
    for field in listed:
        if field not in TICK_FIELDS:
            known = ", ".join(TICK_FIELDS)
            raise UsageError(f"fields: a tick has no {field!r:.60}. It has {known}")
    return listed


def checked_moment(name: str, when: Any) -> int | None:
    """Return `when` as an integer (µs since the epoch, UTC), if it is given.

    Raises `UsageError` for anything else.
    """
    if when is None:
        return None
    if (moment := _whole(when)) is None:
        raise UsageError(
            f"{name}: expected microseconds since 1970 (UTC) as a whole number, not {when!r:.60}"
        )
    return moment


def checked_place(when: Any) -> int | Literal["start", "end"]:
    """Return `when` if it is "start", "end" or a moment (µs, UTC).

    Raises `UsageError` otherwise.
    """
    match when:
        case "start":
            return "start"
        case "end":
            return "end"
    if (moment := _whole(when)) is None:
        raise UsageError(
            'find: expected "start", "end" or microseconds since 1970 (UTC) as a whole number, '
            f"not {when!r:.60}"
        )
    return moment


def checked_number(name: str, number: Any, least: int) -> int:
    """Return `number` as an integer. Raises `UsageError` if it is not whole, or below `least`."""
    whole = _whole(number)
    if whole is None or whole < least:
        raise UsageError(f"{name}: expected a whole number from {least} on, not {number!r:.60}")
    return whole


def _whole(number: Any) -> int | None:
    """Return `number` (NumPy's too) as an integer; `None` for others, like True, 1.5 and "1"."""
    if isinstance(number, bool):
        return None
    try:
        return operator.index(number)
    except TypeError:
        return None
