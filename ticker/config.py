"""Reads the configuration: one TOML file and the environment, and says which values are in force.

An option beats the environment, which beats the file, which beats the default. A mistake is
reported with its line and its key. This file knows where the user's files lie, and nothing of what
their values mean.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ticker.address import Backend, backend_of, refuse_password
from ticker.column_lists import read_columns
from ticker.errors import ConfigError, InvalidRecord, UsageError
from ticker.files import config_path, dead_link, decode_text
from ticker.mistakes import Key, Mistake, Mistakes, line_of, located, spell, unknown_keys
from ticker.owned import AlertEntry, Holdings, read_alerts, read_holdings
from ticker.records import check_symbol
from ticker.security import (
    FILES,
    KEYS,
    PASSWORD_ADVICE,
    InvalidSecurity,
    Security,
)
from ticker.times import parse_duration

DEFAULT_WATCHLIST: Final = (
    *("AAPL", "MSFT", "NVDA", "AMZN", "^IXIC"),
    *("GC=F", "CL=F", "EURUSD=X", "BTC-USD"),
)
_MOST_PARTITIONS: Final = 1_000
_MOST_COPIES: Final = 100
_SECTIONS: Final = ("defaults", "watchlists", "streams", "columns", "holdings", "alerts")

KAFKA_VARIABLES: Final = {name: f"TICKER_KAFKA_{name.upper()}" for name in (*KEYS, "password")}
"""The environment variables that replace keys of a table under [streams]."""


class Setting(msgspec.Struct, frozen=True):
    """One value in force, and its origin (`--stream`, `TICKER_STREAM`, `line 3`, …)."""

    value: str | None
    origin: str


class TopicSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream's missing topics are created; `None`: the default."""

    partitions: int | None = None
    """Partitions of ticks and quotes."""
    replication: int | None = None
    """Copies of each record."""
    keep_for: int | None = None
    """How long ticks stay (µs); -1: for ever."""


class NamedStream(msgspec.Struct, frozen=True):
    """One stream of the file."""

    url: str
    security: Mapping[str, str] = {}
    """Its table's security settings, by `ticker.security.KEYS`; paths are absolute."""
    topics: TopicSettings = TopicSettings()


class Config(msgspec.Struct, frozen=True):
    """The checked content of the file. Absent values are `None`; nothing is merged yet."""

    path: Path
    found: bool
    """Whether the file exists."""
    defaults: Mapping[str, str]
    watchlists: Mapping[str, tuple[str, ...]]
    streams: Mapping[str, NamedStream]
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

    def mistake(self, problem: str, *key: str | int) -> ConfigError:
        """Make the error for `problem` at `key`."""
        return located(Mistake(key, problem), self.path, self.text)

    def setting(self, name: str, option: str | None = None, *, default: str | None) -> Setting:
        """Return the value in force: option, then `TICKER_NAME`, then file, then default."""
        if option is not None:
            return Setting(option, f"--{name}")
        if value := os.environ.get(variable := f"TICKER_{name.upper()}"):
            return Setting(value, variable)
        if name in self.defaults:
            return Setting(self.defaults[name], self.place("defaults", name))
        return Setting(default, "default")

    def security(self, name: str) -> Security | None:
        """Return the security settings for the brokers of the stream `name`.

        The environment (`TICKER_KAFKA_SECURITY`, …) beats the stream's table, key by key. `None` if
        neither says anything. Raises `ConfigError`.
        """
        try:
            return _security_with_environment(self.streams[name].security)
        except InvalidSecurity as error:
            raise self.mistake(error.problem, "streams", name, error.key) from None

    def watchlist(self, name: str) -> tuple[str, ...]:
        """Return the symbols of a watchlist, at least one.

        Raises `UsageError` for an unknown name, and `ConfigError` for an empty list.
        """
        if symbols := self.watchlists.get(name):
            return symbols
        if name in self.watchlists:
            words = f'watchlist "{name}" is empty. Write symbols into it, like ["AAPL", "GC=F"]'
            raise self.mistake(words, "watchlists", name)
        if name == "default":
            return DEFAULT_WATCHLIST
        known = ", ".join(dict.fromkeys(("default", *self.watchlists)))
        raise UsageError(f"No watchlist {name!r} in {self.path}. There are: {known}")


def environment_security() -> Security | None:
    """Return the security settings of the environment; `None` if it has none.

    Raises `ConfigError`.
    """
    return _security_with_environment({})


def _security_with_environment(said: Mapping[str, str]) -> Security | None:
    """Replace keys of `said` by those of the environment; `None` if neither says anything."""
    around = {
        key: value for key, where in KAFKA_VARIABLES.items() if (value := os.environ.get(where))
    }
    if not said and not around:
        return None
    try:
        return Security(**{**said, **around})
    except InvalidSecurity as error:
        if error.key in around:
            raise ConfigError(error.problem, key=KAFKA_VARIABLES[error.key]) from None
        raise


def load(path: Path | None = None) -> Config:
    """Read and check the file. A missing file is empty. Raises `ConfigError`."""
    config, mistakes = check(path)
    if mistakes:
        raise mistakes[0]
    return config


def check(path: Path | None = None) -> tuple[Config, list[ConfigError]]:
    """Read the file. Returns what is right in it, and all mistakes in their order.

    Raises `ConfigError` if the file cannot be read, or is not TOML.
    """
    try:
        where = path or config_path()
    except ConfigError:
        if os.environ.get("TICKER_CONFIG"):
            raise
        return Config(Path("~/.config/ticker/config.toml"), False, {}, {}, {}), []
    try:
        text = decode_text(where.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if (problem := dead_link(where)) is not None:
            raise ConfigError(problem, path=str(where)) from None
        if os.environ.get("TICKER_CONFIG") and path is None:
            raise ConfigError("no such file, but TICKER_CONFIG names it", path=str(where)) from None
        return Config(where, False, {}, {}, {}), []
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(where)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8", path=str(where), line=line) from None
    return examine(text, where)


def parse(text: str, path: Path) -> Config:
    """Parse the content of a file. Raises `ConfigError` with the line and the key."""
    config, mistakes = examine(text, path)
    if mistakes:
        raise mistakes[0]
    return config


def examine(text: str, path: Path) -> tuple[Config, list[ConfigError]]:
    """Return what is right in a file's text, and all mistakes. Raises `ConfigError` for no TOML."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib names the place as "(at line 3, column 5)". On 3.11 there is no other way to get
        # it.
        problem, _, place = str(error).partition(" (at line ")
        number = place.partition(",")[0]
        line = int(number) if number.isdigit() else len(text.splitlines())
        raise ConfigError(problem, path=str(path), line=line) from None
    found = Mistakes(text, path)
    _check_keys(document, _SECTIONS, (), found)
    config = Config(
        path=path,
        found=True,
        defaults=_defaults(document.get("defaults", {}), found),
        watchlists=_watchlists(document.get("watchlists", {}), found),
        streams=_streams(document.get("streams", {}), path.parent, found),
        holdings=read_holdings(document.get("holdings", {}), found),
        alerts=read_alerts(document.get("alerts", []), found),
        columns=read_columns(document.get("columns", {}), found),
        text=text,
    )
    return config, found.in_order


_DEFAULTS: Final = ("source", "stream", "every", "tz", "sort", "currency", "theme")


def _defaults(section: Any, found: Mistakes) -> dict[str, str]:
    table = _table(section, ("defaults",), found)
    _check_keys(table, _DEFAULTS, ("defaults",), found)
    good: dict[str, str] = {}
    for name, value in table.items():
        with found.noting():
            _check_default(name, value)
            good[name] = value
    return good


def _check_default(name: str, value: Any) -> None:
    key = ("defaults", name)
    if not isinstance(value, str):
        raise Mistake(key, f'expected a text in quotes, like {name} = "…"')
    try:
        match name:
            case "every":
                parse_duration(value)
            case "tz":
                ZoneInfo(value)
            case "currency" if not re.fullmatch("[A-Z]{3}", value):
                raise Mistake(key, f"{value!r} is no currency, like EUR or USD")
    except UsageError as error:
        raise Mistake(key, str(error)) from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Mistake(key, f"{value!r} is no time zone, like Europe/Berlin") from None


def _watchlists(section: Any, found: Mistakes) -> dict[str, tuple[str, ...]]:
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in _table(section, ("watchlists",), found).items():
        with found.noting():
            if not isinstance(value, list):
                raise Mistake(("watchlists", name), 'expected a list, like ["AAPL", "GC=F"]')
            good = []
            for place, symbol in enumerate(value):
                with found.noting():
                    try:
                        check_symbol(symbol)
                    except InvalidRecord as error:
                        raise Mistake(("watchlists", name, place), str(error)) from None
                    good.append(symbol.upper())
            lists[name] = tuple(dict.fromkeys(good))
    return lists


def _streams(section: Any, folder: Path, found: Mistakes) -> dict[str, NamedStream]:
    streams: dict[str, NamedStream] = {}
    for name, value in _table(section, ("streams",), found).items():
        with found.noting():
            streams[name] = _stream(name, value, folder, found)
    return streams


def _stream(name: str, value: Any, folder: Path, found: Mistakes) -> NamedStream:
    at: Key = ("streams", name)
    if name == "demo":
        raise Mistake(at, "demo is the name of the invented prices' own log")
    if ":" in name:
        raise Mistake(at, "a name has no colon: a word with one is a URL")
    table = value if isinstance(value, dict) else {"url": value}
    url = table.get("url")
    if not isinstance(url, str):
        if "url" in table and isinstance(value, dict):
            at = (*at, "url")
        raise Mistake(at, 'expected a URL in quotes, like "sqlite:PATH" or { url = "…" }')
    try:
        refuse_password(url)
    except UsageError as error:
        raise Mistake(at, str(error)) from None
    if "password" in table:
        raise Mistake((*at, "password"), f"no password belongs here: {PASSWORD_ADVICE}")
    _check_keys(table, ("url", *KEYS, *TopicSettings.__struct_fields__), at, found)
    for key in table:
        if key != "url" and backend_of(url) is not Backend.KAFKA:
            raise Mistake((*at, key), "is for streams whose URL begins with kafka://")
    return NamedStream(url, _security(table, at, folder), _topics(table, at))


def _topics(table: Mapping[str, Any], at: Key) -> TopicSettings:
    said: dict[str, int] = {}
    for key, most in (("partitions", _MOST_PARTITIONS), ("replication", _MOST_COPIES)):
        value = table.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value not in range(1, most + 1):
            raise Mistake((*at, key), f"expected a number from 1 to {most:,}")
        said[key] = value
    kept = table.get("keep_for")
    if kept == "forever":
        said["keep_for"] = -1
    elif kept is not None:
        try:
            said["keep_for"] = parse_duration(kept if isinstance(kept, str) else "")
        except UsageError:
            raise Mistake((*at, "keep_for"), 'expected "30d", "12h" or "forever"') from None
    return TopicSettings(**said)


def _security(table: Mapping[str, Any], at: Key, folder: Path) -> dict[str, str]:
    said = {key: value for key, value in table.items() if key in KEYS}
    for key, value in said.items():
        if not isinstance(value, str) or not value:
            raise Mistake((*at, key), f'expected a text in quotes, like {key} = "…"')
        if key in FILES and not value.startswith("~"):
            said[key] = str(folder / value)
    try:
        Security(**said)
    except InvalidSecurity as error:
        raise Mistake((*at, error.key), error.problem) from None
    return said


def _table(value: Any, key: Key, found: Mistakes) -> dict[str, Any]:
    with found.noting():
        if isinstance(value, dict):
            return value
        raise Mistake(key, f"expected a table, written [{spell(key)}]")
    return {}


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], at: Key, found: Mistakes) -> None:
    for mistake in unknown_keys(table, known, at):
        with found.noting():
            raise mistake
