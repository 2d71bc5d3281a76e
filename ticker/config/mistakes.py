"""Collects what is wrong in a TOML file, each mistake with its line and its key.

A check reports a mistake by raising `Mistake` inside `Mistakes.noting()`. The checks after it still
run, so a user sees all mistakes at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ticker.errors import ConfigError, InvalidRecord, UsageError
from ticker.security import InvalidSecurity
from ticker.suggestion import did_you_mean

Key = tuple[str | int, ...]
"""The path to a value: names of tables and keys, indices of lists."""

_CLOSINGS: Final = ("", "]", "}", "]}", "}]", "]]")
_MEANT: Final = {
    "unit_cost": "price",
    "cost": "price",
    "paid": "price",
    "shares": "quantity",
    "units": "quantity",
    "amount": "quantity",
    "fee": "fees",
    "commission": "fees",
    "ticker": "symbol",
}
"""The name of a key in other programs → our key."""


class Mistake(Exception):
    """The value at `key` is wrong: `problem` says how. Users see the key `told` (or `key`)."""

    def __init__(self, key: Key, problem: str, *, told: Key | None = None) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem
        self.told = key if told is None else told


class Mistakes:
    """All mistakes in `text`, the content of the file at `path`."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._found: list[ConfigError] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Catch a `Mistake` or a `ConfigError` that is raised inside, and note it."""
        try:
            yield
        except Mistake as mistake:
            self._found.append(located(mistake, self._path, self._text))
        except ConfigError as error:
            self._found.append(error)

    @property
    def in_order(self) -> list[ConfigError]:
        """Return the mistakes from the top of the file to its end, each once."""
        found = {str(error): error for error in self._found}
        return sorted(found.values(), key=lambda error: error.line or 0)


@contextmanager
def mistaken_at(key: Key) -> Iterator[None]:
    """Raise a `UsageError` or `InvalidRecord` of the value at `key` as a `Mistake`."""
    try:
        yield
    except InvalidSecurity as error:
        raise Mistake((*key, error.key), error.problem) from None
    except UsageError as error:
        raise Mistake(key, str(error)) from None
    except InvalidRecord as error:
        raise Mistake(key, error.problem) from None


def located(mistake: Mistake, path: Path, text: str) -> ConfigError:
    """Make the error for users: where the mistake is, and what is wrong."""
    line = line_of(text, mistake.key)
    return ConfigError(mistake.problem, path=str(path), line=line, key=spell(mistake.told))


def read_table(value: Any, key: Key, found: Mistakes) -> dict[str, Any]:
    """Return `value` if it is a table. Anything else is a mistake, and counts as an empty table."""
    with found.noting():
        if isinstance(value, dict):
            return value
        raise Mistake(key, f"expected a table, written [{spell(key)}]")
    return {}


def check_keys(table: Mapping[str, Any], known: tuple[str, ...], at: Key, found: Mistakes) -> bool:
    """Report each key of the table `at` that is not in `known`. Return whether all are known."""
    unknown = [name for name in table if name not in known]
    for name in unknown:
        same = _MEANT.get(name)
        hint = f'Did you mean "{same}"?' if same in known else did_you_mean(name, known)
        with found.noting():
            raise Mistake((*at, name), f'unknown key "{name}". {hint}', told=at)
    return not unknown


def spell(key: Key) -> str:
    """Write a key as `watchlists.mine[2]`."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return words.removeprefix(".")


def line_of(text: str, key: Key) -> int | None:
    """Return the line (from 1) of `key`; `None` if it is not found.

    No TOML parser for Python reports lines. So this function parses the file up to each line, with
    open brackets closed, until the key appears.
    """
    import tomllib

    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        beginning = "".join(lines[:count])
        for closing in _CLOSINGS:
            try:
                found: Any = tomllib.loads(beginning + closing)
                for part in key:
                    found = found[part]
            except (ValueError, KeyError, IndexError, TypeError):
                continue
            return count
    return None
