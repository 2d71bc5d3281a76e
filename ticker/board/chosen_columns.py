"""Columns as a user writes them: `symbol`, or `name:20` with a width in cells. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ticker.board.columns import BY_KEY, Column, Presence
from ticker.errors import UsageError
from ticker.suggestion import did_you_mean

WIDEST: Final = 200
"""The greatest width that a column can be given (cells)."""


def wished(column: Column, width: int | None = None) -> Column:
    """Return `column` as one that a user chose: it stays while there is room for it."""
    return replace(column, presence=Presence.ALWAYS, width=width)


def parse_column(word: str) -> Column:
    """Read `name` or `name:20`. Raises `UsageError`."""
    key, colon, width = word.partition(":")
    if key not in BY_KEY:
        raise UsageError(f'no column "{key}". {did_you_mean(key, BY_KEY)}')
    if not colon:
        return wished(BY_KEY[key])
    if not (width.isascii() and width.isdigit() and 1 <= int(width[:4]) <= WIDEST):
        raise UsageError(f'"{word}": the width is a number of cells from 1 to {WIDEST}')
    return wished(BY_KEY[key], int(width))


def check_columns(columns: Iterable[Column]) -> None:
    """Raise `UsageError` if `symbol` is missing or a column is listed twice."""
    keys = [column.key for column in columns]
    if "symbol" not in keys:
        raise UsageError('"symbol" is missing. Add it: it names the rows')
    for key in keys:
        if keys.count(key) > 1:
            raise UsageError(f'"{key}" is listed twice. Remove one')


def spell_columns(columns: Sequence[Column]) -> list[str]:
    """Return the words for `columns`, as the configuration spells them."""
    return [each.key if each.width is None else f"{each.key}:{each.width}" for each in columns]
