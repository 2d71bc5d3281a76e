"""Changes one list in the text of the configuration, and keeps the comments around it. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.items import Array


def with_list(text: str, section: str, name: str, words: Sequence[str]) -> str:
    """Return `text` with the list `name` of `[section]` set to `words`. It is added if missing.

    Entries that stay keep their comments, unless their order changes. `text` must be TOML.
    """
    document = tomlkit.parse(text)
    table: Any = document.get(section)
    if table is None:
        table = document[section] = tomlkit.table()
    known = table.get(name)
    if isinstance(known, Array):
        _change(known, words)
        if _read(tomlkit.dumps(document), section, name) == list(words):
            return tomlkit.dumps(document)
    fresh = tomlkit.array()
    fresh.extend(words)
    table[name] = fresh
    return tomlkit.dumps(document)


def _change(array: Array, words: Sequence[str]) -> None:
    """Remove what is not in `words`, and insert what is missing. Stop if the order differs."""
    # Symbols in lower case count as the same, and stay as they are.
    for place in reversed(range(len(array))):
        if str(array[place]).upper() not in {word.upper() for word in words}:
            del array[place]
    for place, word in enumerate(words):
        if place >= len(array) or str(array[place]).upper() != word.upper():
            if word.upper() in [str(each).upper() for each in array]:
                return  # another order: the caller writes a new list
            array.insert(place, word)


def _read(text: str, section: str, name: str) -> list[str]:
    return [str(word).upper() if section == "watchlists" else word
            for word in tomllib.loads(text)[section][name]]  # fmt: skip
