"""Changes a list or adds an alert in the configuration file. Keeps the comments around it.

`tomlkit` takes 20 ms to load, so import this module only to save something.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Array

from ticker.config.reading import parse
from ticker.errors import ConfigError
from ticker.files import decode_text, real_path, replace_file


def change_file(path: Path, change: Callable[[str], str]) -> None:
    """Let `change` rewrite the text of the file at `path`. A missing file counts as empty.

    Raises `ConfigError` if the file has a mistake, before the change or after it, or if it cannot
    be read or written. In these cases the file stays as it was.
    """
    real = real_path(path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        text = decode_text(real.read_bytes()) if real.exists() else ""
        parse(text, path)  # the user must correct a mistake in the file first
        text = change(text)
        parse(text, path)
        replace_file(real, text.encode())
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", path=str(real)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", path=str(real)) from None


def with_alert(text: str, when: str) -> str:
    """Return `text` with one more alert, whose condition is `when`. `text` must be TOML."""
    document = tomlkit.parse(text)
    alerts: Any = document.get("alerts")
    if alerts is None:
        if text:
            document.add(tomlkit.nl())
        alerts = document["alerts"] = tomlkit.aot()
    entry = tomlkit.inline_table() if isinstance(alerts, Array) else tomlkit.table()
    entry["when"] = when
    alerts.append(entry)
    return tomlkit.dumps(document)


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
