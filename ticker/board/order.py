"""Rows in the order and the choice that a reader wishes.

Pure; stable in both directions; rows without the value come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from ticker.board.row import Row
from ticker.errors import UsageError

_Key = Callable[[Row], Any]

_KEYS: Final[dict[str, _Key]] = {
    "symbol": attrgetter("symbol"),
    "name": lambda row: row.name.casefold() if row.name else None,
    "price": attrgetter("price"),
    "day_change": attrgetter("day_change"),
    "day_change_percent": attrgetter("day_change_percent"),
    "volume": attrgetter("volume"),
    "currency": attrgetter("currency"),
    "session": attrgetter("session"),
    # By age, the youngest first: the later the time, the smaller the age.
    "age": lambda row: None if row.time is None else -row.time,
}

SORTS: Final = tuple(_KEYS)
"""The fields that rows can be sorted by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """By which field, and whether the greatest comes first. Raises `UsageError` for others."""

    field: str
    reverse: bool = False

    def __post_init__(self) -> None:
        if self.field not in _KEYS:
            raise UsageError(f"no column {self.field!r} to sort by: {', '.join(SORTS)}")


def parse_sort(text: str) -> Sort:
    """`price`, or `-price` for the greatest first, as the configuration spells it."""
    return Sort(text.removeprefix("-"), reverse=text.startswith("-"))


def arrange(rows: Iterable[Row], sort: Sort | None, text: str = "") -> list[Row]:
    """Those of `rows` with `text` in symbol or name, sorted; rows without the value come last."""
    wanted = text.casefold()
    chosen = [
        row
        for row in rows
        if not wanted or wanted in row.symbol.casefold() or wanted in (row.name or "").casefold()
    ]
    if sort is None:
        return chosen
    key = _KEYS[sort.field]
    known = [(value, row) for row in chosen if (value := key(row)) is not None]
    missing = [row for row in chosen if key(row) is None]
    # reverse=True keeps equal rows in their order too, so both directions are stable.
    known.sort(key=lambda pair: pair[0], reverse=sort.reverse)
    return [row for _, row in known] + missing


def first_sort(field: str) -> Sort:
    """What one wants to see first: the greatest figure, the first letter, the youngest price."""
    return Sort(field, reverse=field in ("price", "day_change", "day_change_percent", "volume"))


def next_sort(shown: Sequence[str], by: Sort | None) -> Sort | None:
    """What follows `by`: the next of the fields `shown`; after the last, the list's own order."""
    fields = [field for field in shown if field in SORTS]
    following = fields.index(by.field) + 1 if by is not None and by.field in fields else 0
    return first_sort(fields[following]) if following < len(fields) else None
