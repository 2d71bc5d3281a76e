"""Reads `[columns]` of the configuration: for each list, the names of its columns.

Checks only the form: the board says which columns exist.
"""

from __future__ import annotations

from typing import Any

from ticker.config.mistakes import Mistake, Mistakes, read_table


def read_columns(section: Any, found: Mistakes) -> dict[str, tuple[str, ...]]:
    """Return list → the words for its columns, each meant to be `KEY` or `KEY:WIDTH`.

    The list `default` stands for all lists that are not named. Mistakes are noted in `found`.
    """
    columns: dict[str, tuple[str, ...]] = {}
    for name, value in read_table(section, ("columns",), found).items():
        with found.noting():
            if not isinstance(value, list):
                raise Mistake(("columns", name), 'expected a list, like ["symbol", "price"]')
            for place, word in enumerate(value):
                if not isinstance(word, str):
                    raise Mistake(("columns", name, place), "expected a text in quotes")
            columns[name] = tuple(value)
    return columns
