"""Reads `[streams]` from a parsed file, and security settings from the environment.

A mistake is reported with its key. Opens no stream.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ticker.address import Backend, backend_of, refuse_password
from ticker.config.mistakes import Key, Mistake, Mistakes, check_keys, mistaken_at, read_table
from ticker.errors import ConfigError, UsageError
from ticker.security import FILES, KEYS, PASSWORD_ADVICE, InvalidSecurity, Security
from ticker.times import parse_duration

_MOST_PARTITIONS: Final = 1_000
_MOST_COPIES: Final = 100

KAFKA_VARIABLES: Final = {name: f"TICKER_KAFKA_{name.upper()}" for name in (*KEYS, "password")}
"""Key of a table under [streams], or `password` → its environment variable."""


class TopicSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream's missing topics are created; `None`: the default."""

    partitions: int | None = None
    """The number of partitions of the topics for ticks and for quotes."""
    replication: int | None = None
    """The number of copies of each record."""
    keep_for: int | None = None
    """How long ticks are kept (µs); -1: forever."""


class NamedStream(msgspec.Struct, frozen=True):
    """One stream of the file."""

    url: str
    security: Mapping[str, str] = {}
    """A key of `security.KEYS` → value. Relative paths in the file are joined to its folder."""
    topics: TopicSettings = TopicSettings()


def read_streams(section: Any, folder: Path, found: Mistakes) -> dict[str, NamedStream]:
    """Return name → stream. Paths in the section are relative to `folder`, the file's own."""
    streams: dict[str, NamedStream] = {}
    for name, value in read_table(section, ("streams",), found).items():
        with found.noting():
            streams[name] = _stream(name, value, folder, found)
    return streams


def _stream(name: str, value: Any, folder: Path, found: Mistakes) -> NamedStream:
    at: Key = ("streams", name)
    if name == "demo":
        raise Mistake(at, "the name demo is taken: it means the log of invented prices")
    if ":" in name:
        raise Mistake(at, "a name has no colon: a word with one is a URL")
    table = value if isinstance(value, dict) else {"url": value}
    url = table.get("url")
    if not isinstance(url, str):
        if "url" in table and isinstance(value, dict):
            at = (*at, "url")
        raise Mistake(at, 'expected a URL in quotes, like "sqlite:PATH" or { url = "…" }')
    with mistaken_at(at):
        refuse_password(url)
    if "password" in table:
        raise Mistake((*at, "password"), f"no password belongs here: {PASSWORD_ADVICE}")
    check_keys(table, ("url", *KEYS, *TopicSettings.__struct_fields__), at, found)
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
    with mistaken_at(at):
        Security(**said)
    return said


def security_with_environment(said: Mapping[str, str]) -> Security | None:
    """Return the settings of `said`. The environment's beat them. `None` if there are none.

    Raises `ConfigError` for a bad value of the environment, `InvalidSecurity` for one of `said`.
    """
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
