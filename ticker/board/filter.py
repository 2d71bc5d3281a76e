"""Filters rows by the words that a user types.

A row must match every word: `apple`, `>2%`, `kind:etf`, `session:pre`. An unfinished word, such as
`>`, is ignored, so that rows do not disappear while the user types. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Final

from ticker.board.columns import COLUMNS
from ticker.board.row import Row

Test = Callable[[Row], bool]
"""Tells whether a row matches."""

_SEARCHED: Final = tuple(column.key for column in COLUMNS if column.is_filtered)
NAMED: Final = ("kind", "session", "currency", "exchange", "source", "symbol", "name")
"""The fields that a word may name, as in `kind:etf`."""
_SIZE: Final = re.compile(r"(>=|<=|>|<)([+-]?\d+(?:\.\d+)?)(%?)")
_UNFINISHED: Final = re.compile(r"(>=|<=|>|<)[+-]?\d*\.?%?")
_TESTS: Final = {">": gt, "<": lt, ">=": ge, "<=": le}


def filter_of(text: str) -> Test:
    """Return the test that `text` describes. An empty text accepts every row."""
    tests = [test for word in text.casefold().split() if (test := _test(word)) is not None]
    return lambda row: all(test(row) for test in tests)


def _test(word: str) -> Test | None:
    size = _SIZE.fullmatch(word)
    if size is not None:
        return _compare(size[1], float(size[2]), "day_change_percent" if size[3] else "price")
    if _UNFINISHED.fullmatch(word):
        return None
    name, colon, value = word.partition(":")
    if colon and name in NAMED:
        return _has((name,), value)
    return _has(_SEARCHED, word)


def _compare(sign: str, wanted: float, field: str) -> Test:
    compare = _TESTS[sign]

    def test(row: Row) -> bool:
        value = getattr(row, field)
        return value is not None and compare(value, wanted)

    return test


def _has(fields: tuple[str, ...], wanted: str) -> Test:
    """Return a test: it tells whether one of `fields` contains `wanted`."""
    return lambda row: any(wanted in (getattr(row, key) or "").casefold() for key in fields)
