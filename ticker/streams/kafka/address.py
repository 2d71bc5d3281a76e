"""What a `kafka:` URL names: the brokers to ask first, and the prefix of the four topics.

`kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`; without a port 9092, without a prefix `ticks`. Passwords
and certificates never stand in a URL: they come beside it, as the clients' own options. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ticker.errors import UsageError

PREFIX: Final = "ticks"
PORT: Final = 9092

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
# Kafka allows 249 characters in a topic's name; the longest ending is ".heartbeats".
_PREFIX: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,238}")


class Address(msgspec.Struct, frozen=True):
    """Where a Kafka stream is, and how its clients show who they are."""

    servers: tuple[str, ...]
    """HOST:PORT of the brokers that are asked first."""
    prefix: str
    options: Mapping[str, Any] = {}
    """Security options as aiokafka's clients take them; never shown."""

    @property
    def url(self) -> str:
        """As a user may see it."""
        return f"kafka://{','.join(self.servers)}/{self.prefix}"


def parse(url: str, options: Mapping[str, Any] | None = None) -> Address:
    """Raises `UsageError` for a URL that names no brokers, or no topics that Kafka allows."""
    scheme, _, rest = url.partition("://")
    hosts, _, prefix = rest.partition("/")
    prefix = prefix or PREFIX
    servers: list[str] = []
    for host in hosts.split(","):
        form = _HOST.fullmatch(host)
        if scheme != "kafka" or form is None or int(form[2] or PORT) not in range(1, 65_536):
            raise UsageError(
                f"{_shown(url)!r} is no stream: expected kafka://HOST:PORT[,HOST:PORT…][/PREFIX]"
            )
        servers.append(f"{form[1]}:{form[2] or PORT}")
    if _PREFIX.fullmatch(prefix) is None:
        raise UsageError(f"{prefix!r} cannot begin a topic's name: use letters, digits, . _ -")
    return Address(tuple(servers), prefix, dict(options or {}))


def _shown(url: str) -> str:
    """`url` without what stands before an `@`: it may be a password typed where none belongs."""
    scheme, colon, rest = url.partition("://")
    return f"{scheme}{colon}…@{rest.rpartition('@')[2]}" if "@" in rest else url
