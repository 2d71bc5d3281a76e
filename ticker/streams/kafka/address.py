"""What a `kafka:` URL names: the brokers to ask first, and the prefix of the four topics.

`kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`; without a port 9092, without a prefix `ticks`. Passwords
and certificates never stand in a URL: they come beside it, as `Security`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from ticker.errors import ConfigError, StreamUnreachable, UsageError
from ticker.security import Security, refuse_password
from ticker.streams.kafka.securing import client_options

PREFIX: Final = "ticks"
PORT: Final = 9092

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PREFIX: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]+")
_OTHERS: Final = (".gaps", ".quotes", ".heartbeats")
"""Endings of the topics beside that of the ticks."""
_LONGEST: Final = 249 - max(map(len, _OTHERS))
"""Letters of a prefix: Kafka allows 249 in a topic's name."""


class Address(msgspec.Struct, frozen=True):
    """Where a Kafka stream is, and how its clients show who they are."""

    servers: tuple[str, ...]
    """HOST:PORT of the brokers that are asked first."""
    prefix: str
    security: Security = Security()
    """As it was asked for; errors tell it."""

    @property
    def url(self) -> str:
        """As a user may see it: the same for the same servers, in whatever order they are named."""
        return f"kafka://{','.join(sorted(set(self.servers)))}/{self.prefix}"

    def options(self) -> dict[str, Any]:
        """Of security, as aiokafka's clients take them; never shown.

        For each client anew, so that one made later knows a password or a certificate that was
        changed meanwhile. Raises `StreamUnreachable` where one of their files cannot be used now:
        it could be at the beginning (see `parse`), and is there again once it is replaced.
        """
        try:
            return client_options(self.security)
        except ConfigError as error:
            raise StreamUnreachable(self.url, str(error)) from error

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What may be shown."""
        return [("url", self.url), ("security", self.security)]

    def __repr__(self) -> str:
        return f"Address({self.url!r}, {self.security!r})"


def parse(url: str, security: Security | None = None) -> Address:
    """Raises `UsageError` for a URL that names no brokers, or no topics that Kafka allows.

    Raises `ConfigError` where a file that `security` names cannot be used.
    """
    refuse_password(url)
    scheme, _, rest = url.partition("://")
    hosts, _, prefix = rest.partition("/")
    prefix = prefix or PREFIX
    servers: list[str] = []
    for host in hosts.split(","):
        form = _HOST.fullmatch(host)
        if scheme != "kafka" or form is None or int(form[2] or PORT) not in range(1, 65_536):
            raise UsageError(
                f"{url!r} is no stream: expected kafka://HOST:PORT[,HOST:PORT…][/PREFIX]"
            )
        servers.append(f"{form[1].lower()}:{int(form[2] or PORT)}")
    _check(prefix)
    security = security or Security()
    client_options(security)  # told at the beginning, where somebody looks
    return Address(tuple(servers), prefix, security)


def _check(prefix: str) -> None:
    """Raise `UsageError` where `prefix` cannot name the four topics of a stream."""
    if _PREFIX.fullmatch(prefix) is None:
        raise UsageError(
            f"{prefix[:_LONGEST]!r} cannot begin a topic's name: use letters, digits, . _ -"
        )
    if len(prefix) > _LONGEST:
        raise UsageError(
            f"A prefix of {len(prefix):,} letters is too long: Kafka's names of topics leave room "
            f"for {_LONGEST}. Use a shorter one"
        )
    for ending in _OTHERS:
        if prefix.endswith(ending):
            whose = prefix.removesuffix(ending) or "a stream"
            raise UsageError(
                f"{prefix!r} cannot be a prefix: that is the topic of the {ending[1:]} of {whose}, "
                f"and no ticks lie there. Leave {ending} out, or use another prefix"
            )
