"""Reads the configuration, one TOML file and the environment, and says which values are in force.

An option beats the environment. The environment beats the file. The file beats the default. A
mistake is reported with its line and its key. This module checks the form of values, but uses
none of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from ticker.config.holdings_and_alerts import AlertEntry, Holdings, read_alerts, read_holdings
from ticker.config.mistakes import (
    Key,
    Mistake,
    Mistakes,
    check_keys,
    line_of,
    located,
    mistaken_at,
    read_table,
)
from ticker.config.streams import NamedStream, read_streams, security_with_environment
from ticker.errors import ConfigError, UsageError
from ticker.files import config_path, dead_link, decode_text
from ticker.records import check_symbol
from ticker.security import Security
from ticker.times import known_zone, parse_duration

DEFAULT_WATCHLIST: Final = (
    *("AAPL", "MSFT", "NVDA", "AMZN", "^IXIC"),
    *("GC=F", "CL=F", "EURUSD=X", "BTC-USD"),
)
DEFAULTS: Final[Mapping[str, str | None]] = {
    "source": "yahoo",
    "stream": None,
    "every": None,
    "tz": None,
    "sort": None,
    "currency": "USD",
    "theme": "dark",
}
"""The keys of `[defaults]`, and what is in force if nothing sets them."""
FROM_FILE: Final = "file"
"""The origin of a value that the file sets."""
_SECTIONS: Final = ("defaults", "watchlists", "streams", "columns", "holdings", "alerts")


class Setting(msgspec.Struct, frozen=True):
    """One value in force, and its origin: `--NAME`, `TICKER_NAME`, `FROM_FILE` or `default`."""

    value: str | None
    origin: str


class Config(msgspec.Struct, frozen=True):
    """The checked content of the file, without the environment's values and the defaults."""

    path: Path
    found: bool = False
    """Whether the file exists."""
    defaults: Mapping[str, str] = {}
    watchlists: Mapping[str, tuple[str, ...]] = {}
    streams: Mapping[str, NamedStream] = {}
    holdings: Holdings = Holdings()
    alerts: tuple[AlertEntry, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = {}
    """List → the words for its columns; `default` is for all others."""
    text: str = ""
    """The file as it was read."""

    def place(self, *key: str | int) -> str:
        """Return where `key` is in the file, like `config.toml:19`."""
        line = line_of(self.text, key)
        return f"{self.path}:{line}" if line else str(self.path)

    @contextmanager
    def blamed(self, *key: str | int) -> Iterator[None]:
        """Raise a `UsageError` of the value at `key` as a `ConfigError`."""
        try:
            with mistaken_at(key):
                yield
        except Mistake as mistake:
            raise located(mistake, self.path, self.text) from None

    def setting(self, name: str, option: str | None = None) -> Setting:
        """Return the first value that is set: option, `TICKER_NAME`, file, or default."""
        if option is not None:
            return Setting(option, f"--{name}")
        if value := os.environ.get(variable := f"TICKER_{name.upper()}"):
            return Setting(value, variable)
        if name in self.defaults:
            return Setting(self.defaults[name], FROM_FILE)
        return Setting(DEFAULTS[name], "default")

    def security(self, name: str) -> Security | None:
        """Return the security settings for the brokers of the stream `name`.

        The environment (`TICKER_KAFKA_SECURITY`, …) beats the stream's table, key by key. `None` if
        neither has settings. Raises `ConfigError`.
        """
        with self.blamed("streams", name):
            return security_with_environment(self.streams[name].security)

    def watchlist(self, name: str) -> tuple[str, ...]:
        """Return the symbols of a watchlist, at least one.

        Raises `UsageError` for an unknown name, and `ConfigError` for an empty list.
        """
        if symbols := self.watchlists.get(name):
            return symbols
        if name in self.watchlists:
            words = f'watchlist "{name}" is empty. Write symbols into it, like ["AAPL", "GC=F"]'
            with self.blamed("watchlists", name):
                raise UsageError(words)
        if name == "default":
            return DEFAULT_WATCHLIST
        known = ", ".join(dict.fromkeys(("default", *self.watchlists)))
        hint = ". Symbols are named without -w" if name.isupper() else ""
        raise UsageError(f"No watchlist {name!r} in {self.path}. There are: {known}{hint}")


def load(path: Path | None = None) -> Config:
    """Read and check the file. Raises `ConfigError` for the first mistake, and as `check` does."""
    return _sound(*check(path))


def check(path: Path | None = None) -> tuple[Config, list[ConfigError]]:
    """Read the file. Return what is right in it, and all mistakes in the order of their lines.

    A missing file counts as empty. Raises `ConfigError` if the file cannot be read or is not TOML,
    or if `TICKER_CONFIG` names a missing file.
    """
    try:
        where = path or config_path()
    except ConfigError:
        if os.environ.get("TICKER_CONFIG"):
            raise
        return Config(Path("~/.config/ticker/config.toml")), []
    try:
        text = decode_text(where.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if (problem := dead_link(where)) is not None:
            raise ConfigError(problem, path=str(where)) from None
        if os.environ.get("TICKER_CONFIG") and path is None:
            raise ConfigError("no such file, but TICKER_CONFIG names it", path=str(where)) from None
        return Config(where), []
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(where)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8", path=str(where), line=line) from None
    return examine(text, where)


def parse(text: str, path: Path) -> Config:
    """Parse the content of a file. Raises `ConfigError` for the first mistake."""
    return _sound(*examine(text, path))


def _sound(config: Config, mistakes: Sequence[ConfigError]) -> Config:
    if mistakes:
        raise mistakes[0]
    return config


def examine(text: str, path: Path) -> tuple[Config, list[ConfigError]]:
    """Return what is right in `text`, and all mistakes. Raises `ConfigError` if it is not TOML."""
    import tomllib  # it takes 8 ms to load, and many users have no file

    try:
        document = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or the error for a number of 5,000 digits
        # tomllib writes the place as "(at line 3, column 5)". Python 3.11 gives it nowhere else.
        problem, _, place = str(error).partition(" (at line ")
        number = place.partition(",")[0]
        line = int(number) if number.isdigit() else len(text.splitlines())
        raise ConfigError(problem, path=str(path), line=line) from None
    found = Mistakes(text, path)
    check_keys(document, _SECTIONS, (), found)
    watchlists = _lists(document, "watchlists", '["AAPL", "GC=F"]', _symbol, found)
    config = Config(
        path=path,
        found=True,
        defaults=_defaults(document.get("defaults", {}), found),
        watchlists={name: tuple(dict.fromkeys(words)) for name, words in watchlists.items()},
        streams=read_streams(document.get("streams", {}), path.parent, found),
        holdings=read_holdings(document.get("holdings", {}), found),
        alerts=read_alerts(document.get("alerts", []), found),
        columns=_lists(document, "columns", '["symbol", "price"]', _text, found),
        text=text,
    )
    return config, found.in_order


def _defaults(section: Any, found: Mistakes) -> dict[str, str]:
    table = read_table(section, ("defaults",), found)
    check_keys(table, tuple(DEFAULTS), ("defaults",), found)
    checks: dict[str, Callable[[str], object]] = {
        "every": parse_duration, "tz": known_zone, "currency": _check_currency
    }  # fmt: skip
    good: dict[str, str] = {}
    for name, value in table.items():
        key = ("defaults", name)
        with found.noting(), mistaken_at(key):
            if not isinstance(value, str):
                raise Mistake(key, f'expected a text in quotes, like {name} = "…"')
            checks.get(name, str)(value)
            good[name] = value
    return good


def _check_currency(word: str) -> None:
    if not re.fullmatch("[A-Z]{3}", word):
        raise UsageError(f"{word!r} is not a currency: write one like EUR or USD")


def _lists(
    document: Mapping[str, Any],
    section: str,
    example: str,
    read: Callable[[Any], str],
    found: Mistakes,
) -> dict[str, tuple[str, ...]]:
    """Return name → words for each list in `section`. `read` checks a word."""
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in read_table(document.get(section, {}), (section,), found).items():
        key: Key = (section, name)
        with found.noting():
            if not isinstance(value, list):
                raise Mistake(key, f"expected a list, like {example}")
            good = []
            for place, word in enumerate(value):
                with found.noting(), mistaken_at((*key, place)):
                    good.append(read(word))
            lists[name] = tuple(good)
    return lists


def _symbol(word: Any) -> str:
    check_symbol(word)
    return str(word).upper()


def _text(word: Any) -> str:
    if not isinstance(word, str):
        raise UsageError("expected a text in quotes")
    return word
