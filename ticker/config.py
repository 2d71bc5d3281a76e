"""The configuration: one TOML file, the environment, and what is in force of them.

An option beats the environment, which beats the file, which beats the default. A mistake is told
with its line and its key. This file knows where the user's files lie, and nothing of what their
values mean to the rest of the house.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import platformdirs

from ticker.errors import ConfigError, InvalidRecord, UsageError
from ticker.records import check_symbol
from ticker.security import (
    FILES,
    KEYS,
    PASSWORD_ADVICE,
    InvalidSecurity,
    Security,
    refuse_password,
)
from ticker.times import parse_duration

DEFAULT_WATCHLIST: Final = (
    *("AAPL", "MSFT", "NVDA", "AMZN", "^IXIC"),
    *("GC=F", "CL=F", "EURUSD=X", "BTC-USD"),
)
_MOST_PARTITIONS: Final = 1_000
_MOST_COPIES: Final = 100
_LATER: Final = ("columns", "holdings", "alerts")
"""Sections that users share between versions; this one reads past them."""

TEMPLATE: Final = """\
# ticker's configuration. An option beats the environment, which beats this file.
[defaults]
# source = "yahoo"            # or "exchange", "yahoo+http://HOST:PORT"
# stream = "sqlite:~/stream.sqlite"   # or a name from [streams]
# every  = "15s"              # between polls; default: what the source bears
# tz     = "Europe/Berlin"    # of the times on screens; default: this machine's
# sort   = "-day_change_percent"

[watchlists]
default     = ["AAPL", "MSFT", "NVDA", "AMZN", "^IXIC", "GC=F", "CL=F", "EURUSD=X", "BTC-USD"]
commodities = ["GC=F", "SI=F", "CL=F", "NG=F"]

[streams]
# work = "sqlite:/srv/ticks/work.sqlite"      # --stream work
# mine = { url = "kafka://broker:9092/mine", partitions = 6, keep_for = "30d" }
# safe = { url = "kafka://broker:9093/ticks", security = "SSL", ca = "~/broker-ca.pem" }
"""
KAFKA_VARIABLES: Final = {name: f"TICKER_KAFKA_{name.upper()}" for name in (*KEYS, "password")}
"""What a table under [streams] says, said by the environment."""


class Setting(msgspec.Struct, frozen=True):
    """One value in force, and where it comes from (`--stream`, `TICKER_STREAM`, `line 3`, …)."""

    value: str | None
    origin: str


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream's topics are made where they are missing; `None`: as we find it best."""

    partitions: int | None = None
    """Of ticks and quotes."""
    replication: int | None = None
    """Copies of each record."""
    keep_for: int | None = None
    """How long ticks stay (µs); -1: for ever."""


class NamedStream(msgspec.Struct, frozen=True):
    """One stream of the file."""

    url: str
    security: Mapping[str, str] = {}
    """What its table says of that, by `ticker.security.KEYS`; paths are whole."""
    topics: Topics = Topics()


class Config(msgspec.Struct, frozen=True):
    """What the file says, checked. Absent values are `None`; nothing is merged yet."""

    path: Path
    found: bool
    """Whether the file is there."""
    defaults: Mapping[str, str]
    watchlists: Mapping[str, tuple[str, ...]]
    streams: Mapping[str, NamedStream]
    unused: tuple[str, ...] = ()
    """Sections that this version reads past."""
    text: str = ""
    """The file as it was read."""

    def place(self, *key: str | int) -> str:
        """`config.toml:19`: where `key` stands in the file."""
        line = _line_of(self.text, key)
        return f"{self.path}:{line}" if line else str(self.path)

    def mistake(self, problem: str, *key: str | int) -> ConfigError:
        """The error that tells `problem` of what stands at `key`."""
        return _told(_Mistake(key, problem), self.path, self.text)

    def setting(self, name: str, option: str | None = None, *, default: str | None) -> Setting:
        """The value of `name` in force: option, then `TICKER_NAME`, then file, then default."""
        if option is not None:
            return Setting(option, f"--{name}")
        if value := os.environ.get(variable := f"TICKER_{name.upper()}"):
            return Setting(value, variable)
        if name in self.defaults:
            return Setting(self.defaults[name], self.place("defaults", name))
        return Setting(default, "default")

    def security(self, name: str) -> Security | None:
        """How to speak with the brokers of the stream `name`.

        What the environment says (`TICKER_KAFKA_SECURITY`, …) beats the stream's table, word by
        word. `None` where nothing is said. Raises `ConfigError`.
        """
        try:
            return _security_with_environment(self.streams[name].security)
        except InvalidSecurity as error:
            raise self.mistake(error.problem, "streams", name, error.key) from None

    def watchlist(self, name: str) -> tuple[str, ...]:
        """The symbols of a watchlist. Raises `UsageError` for a name that is not there."""
        if name in self.watchlists:
            return self.watchlists[name]
        if name == "default":
            return DEFAULT_WATCHLIST
        known = ", ".join(("default", *self.watchlists))
        raise UsageError(f"No watchlist {name!r} in {self.path}. There are: {known}")


def config_path() -> Path:
    """Where the file lies: `TICKER_CONFIG`, or `ticker/config.toml` at the XDG place."""
    if named := os.environ.get("TICKER_CONFIG"):
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("ticker")) / "config.toml"


def state_directory() -> Path:
    """Where logs of ticks and of diagnostics lie when nobody names another place."""
    return Path(platformdirs.user_state_dir("ticker"))


def environment_security() -> Security | None:
    """How to speak with brokers, as the environment says; `None` where it says nothing.

    Raises `ConfigError`.
    """
    return _security_with_environment({})


def _security_with_environment(said: Mapping[str, str]) -> Security | None:
    """`said` with what the environment says over it, word by word; `None` where nothing is said."""
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
    """Read and check the file; one that is missing is empty. Raises `ConfigError`."""
    where = path or config_path()
    try:
        text = where.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get("TICKER_CONFIG") and path is None:
            raise ConfigError("no such file, but TICKER_CONFIG names it", path=str(where)) from None
        return Config(where, False, {}, {}, {})
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(where)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8", path=str(where), line=line) from None
    return parse(text, where)


def parse(text: str, path: Path) -> Config:
    """The checked content of a file. Raises `ConfigError` with the line and the key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib words the place as "(at line 3, column 5)" and gives it no other way on 3.11.
        problem, _, place = str(error).partition(" (at line ")
        number = place.partition(",")[0]
        line = int(number) if number.isdigit() else len(text.splitlines())
        raise ConfigError(problem, path=str(path), line=line) from None
    try:
        _check_keys(document, ("defaults", "watchlists", "streams", *_LATER), ())
        return Config(
            path=path,
            found=True,
            defaults=_defaults(document.get("defaults", {})),
            watchlists=_watchlists(document.get("watchlists", {})),
            streams=_streams(document.get("streams", {}), path.parent),
            unused=tuple(name for name in _LATER if name in document),
            text=text,
        )
    except _Mistake as mistake:
        raise _told(mistake, path, text) from None


Key = tuple[str | int, ...]


class _Mistake(Exception):
    def __init__(self, key: Key, problem: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem


def _told(mistake: _Mistake, path: Path, text: str) -> ConfigError:
    line = _line_of(text, mistake.key)
    return ConfigError(mistake.problem, path=str(path), line=line, key=_spell(mistake.key))


_DEFAULTS: Final = ("source", "stream", "every", "tz", "sort", "currency", "theme")


def _defaults(section: Any) -> dict[str, str]:
    table = _table(section, ("defaults",))
    _check_keys(table, _DEFAULTS, ("defaults",))
    for name, value in table.items():
        key = ("defaults", name)
        if not isinstance(value, str):
            raise _Mistake(key, f'expected a text in quotes, like {name} = "…"')
        try:
            match name:
                case "every":
                    parse_duration(value)
                case "tz":
                    ZoneInfo(value)
        except UsageError as error:
            raise _Mistake(key, str(error)) from None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _Mistake(key, f"{value!r} is no time zone, like Europe/Berlin") from None
    return table


def _watchlists(section: Any) -> dict[str, tuple[str, ...]]:
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in _table(section, ("watchlists",)).items():
        if not isinstance(value, list):
            raise _Mistake(("watchlists", name), 'expected a list, like ["AAPL", "GC=F"]')
        for place, symbol in enumerate(value):
            try:
                check_symbol(symbol)
            except InvalidRecord as error:
                raise _Mistake(("watchlists", name, place), str(error)) from None
        lists[name] = tuple(dict.fromkeys(symbol.upper() for symbol in value))
    return lists


def _streams(section: Any, folder: Path) -> dict[str, NamedStream]:
    streams: dict[str, NamedStream] = {}
    for name, value in _table(section, ("streams",)).items():
        at: Key = ("streams", name)
        if name == "demo":
            raise _Mistake(at, "demo is the name of the invented prices' own log")
        if ":" in name:
            raise _Mistake(at, "a name has no colon: a word with one is a URL")
        table = value if isinstance(value, dict) else {"url": value}
        url = table.get("url")
        if not isinstance(url, str):
            if "url" in table and isinstance(value, dict):
                at = (*at, "url")
            raise _Mistake(at, 'expected a URL in quotes, like "sqlite:PATH" or { url = "…" }')
        try:
            refuse_password(url)
        except UsageError as error:
            raise _Mistake(at, str(error)) from None
        if "password" in table:
            raise _Mistake((*at, "password"), f"no password belongs here: {PASSWORD_ADVICE}")
        _check_keys(table, ("url", *KEYS, *Topics.__struct_fields__), at)
        for key in table:
            if key != "url" and not url.startswith("kafka:"):
                raise _Mistake((*at, key), "is for streams whose URL begins with kafka://")
        streams[name] = NamedStream(url, _security(table, at, folder), _topics(table, at))
    return streams


def _topics(table: Mapping[str, Any], at: Key) -> Topics:
    said: dict[str, int] = {}
    for key, most in (("partitions", _MOST_PARTITIONS), ("replication", _MOST_COPIES)):
        value = table.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value not in range(1, most + 1):
            raise _Mistake((*at, key), f"expected a number from 1 to {most:,}")
        said[key] = value
    kept = table.get("keep_for")
    if kept == "forever":
        said["keep_for"] = -1
    elif kept is not None:
        try:
            said["keep_for"] = parse_duration(kept if isinstance(kept, str) else "")
        except UsageError:
            raise _Mistake((*at, "keep_for"), 'expected "30d", "12h" or "forever"') from None
    return Topics(**said)


def _security(table: Mapping[str, Any], at: Key, folder: Path) -> dict[str, str]:
    said = {key: value for key, value in table.items() if key in KEYS}
    for key, value in said.items():
        if not isinstance(value, str) or not value:
            raise _Mistake((*at, key), f'expected a text in quotes, like {key} = "…"')
        if key in FILES and not value.startswith("~"):
            said[key] = str(folder / value)
    try:
        Security(**said)
    except InvalidSecurity as error:
        raise _Mistake((*at, error.key), error.problem) from None
    return said


def _table(value: Any, key: Key) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Mistake(key, f"expected a table, written [{_spell(key)}]")
    return value


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], at: Key) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}"
            raise _Mistake((*at, name), f'unknown key "{name}". {hint}')


def _spell(key: Key) -> str:
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return words.removeprefix(".")


def _line_of(text: str, key: Key) -> int | None:
    """The line (from 1) on which `key` stands.

    No TOML parser for Python tells places, so the file is parsed again up to each line, with what
    may still be open closed, until the key has appeared: exact, and needed once, for an error.
    """
    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        beginning = "".join(lines[:count])
        for closing in ("", "]", "}", "]}", "}]", "]]"):
            try:
                found: Any = tomllib.loads(beginning + closing)
                for part in key:
                    found = found[part]
            except (tomllib.TOMLDecodeError, KeyError, IndexError, TypeError):
                continue
            return count
    return None
