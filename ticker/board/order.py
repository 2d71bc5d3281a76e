"""Sorts and filters rows.

Pure. Sorting is stable in both directions. Rows without the value come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ticker.board.columns import BY_KEY, COLUMNS
from ticker.board.filter import filter_of
from ticker.board.row import Row
from ticker.errors import UsageError

SORTS: Final = tuple(column.key for column in COLUMNS if column.sort_key is not None)
"""The fields that rows can be sorted by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A field, and whether the greatest comes first. Raises `UsageError` for an unknown field."""

    field: str
    reverse: bool = False

    def __post_init__(self) -> None:
        if self.field not in SORTS:
            raise UsageError(f"cannot sort by {self.field!r}. Choose one of: {', '.join(SORTS)}")


def parse_sort(text: str) -> Sort:
    """Read `price`, or `-price` for the greatest first, as the configuration spells it."""
    return Sort(text.removeprefix("-"), reverse=text.startswith("-"))


def arrange(rows: Iterable[Row], sort: Sort | None, text: str = "") -> list[Row]:
    """Return the rows that match the filter `text`, sorted. Unknown values come last."""
    chosen = list(filter(filter_of(text), rows)) if text else list(rows)
    key = None if sort is None else BY_KEY[sort.field].sort_key
    if sort is None or key is None:
        return chosen
    known = [(value, row) for row in chosen if (value := key(row)) is not None]
    missing = [row for row in chosen if key(row) is None]
    # reverse=True keeps equal rows in their order too, so both directions are stable.
    known.sort(key=lambda pair: pair[0], reverse=sort.reverse)
    return [row for _, row in known] + missing


def first_sort(field: str) -> Sort:
    """Return the usual order by `field`: greatest figure, first letter or youngest price first."""
    return Sort(field, reverse=BY_KEY[field].is_greatest_first)


def next_sort(shown: Sequence[str], by: Sort | None) -> Sort | None:
    """Return the order by the field after `by` in `shown`; after the last, `None` (unsorted)."""
    fields = [field for field in shown if field in SORTS]
    following = fields.index(by.field) + 1 if by is not None and by.field in fields else 0
    return first_sort(fields[following]) if following < len(fields) else None
