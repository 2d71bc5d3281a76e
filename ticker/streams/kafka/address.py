"""Where a Kafka stream is, with how its clients show who they are.

Brokers and prefix come from the stream's URL (`ticker.address`). Passwords and certificates are
never in a URL: they come beside it, as `Security`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ticker.address import StreamAddress, parse_address
from ticker.errors import ConfigError, StreamUnreachable
from ticker.security import Security
from ticker.streams.kafka.securing import client_options


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

        For each client again, so that one made later knows a password or a certificate that was
        changed meanwhile. Raises `StreamUnreachable` where one of their files cannot be used now:
        it could be at the beginning (see `secured`), and is there again once it is replaced.
        """
        try:
            return client_options(self.security)
        except ConfigError as error:
            raise StreamUnreachable(self.url, str(error)) from error


def parse(url: str, security: Security | None = None) -> Address:
    """Raises `UsageError` for a URL that names no brokers, or no topics that Kafka allows.

    Raises `ConfigError` where a file that `security` names cannot be used.
    """
    return secured(parse_address(url), security)


def secured(address: StreamAddress, security: Security | None = None) -> Address:
    """The stream at `address`, with `security`.

    Raises `ConfigError` where a file that `security` names cannot be used: an error at the start
    is one that somebody sees.
    """
    security = security or Security()
    client_options(security)
    return Address(address.servers, address.prefix, security)
