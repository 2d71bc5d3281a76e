"""The address of a Kafka stream, and how its clients authenticate.

Brokers and prefix come from the stream's URL (`ticker.address`). Passwords and certificates are
never in a URL: they are passed separately, as `Security`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ticker.address import StreamAddress
from ticker.errors import ConfigError, StreamUnreachable
from ticker.security import Security
from ticker.streams.kafka.securing import client_options


class KafkaAddress(msgspec.Struct, frozen=True):
    """The address of a Kafka stream, and how its clients authenticate."""

    servers: tuple[str, ...]
    """HOST:PORT of the bootstrap servers."""
    prefix: str
    security: Security = Security()

    @property
    def url(self) -> str:
        """The URL as a user may see it. The order of the servers makes no difference."""
        return f"kafka://{','.join(sorted(set(self.servers)))}/{self.prefix}"

    def options(self) -> dict[str, Any]:
        """Return the security options of aiokafka's clients. Never show them.

        Files are read again for each client, so a new client knows a password or certificate that
        was changed. Raises `StreamUnreachable` if a file cannot be used now: it could be used at
        the start (see `secured`), so somebody is probably replacing it.
        """
        try:
            return client_options(self.security)
        except ConfigError as error:
            raise StreamUnreachable(self.url, str(error)) from error


def secured(address: StreamAddress, security: Security | None = None) -> KafkaAddress:
    """Return the stream at `address`, with `security`.

    Raises `ConfigError` if a file that `security` names cannot be used, so that the user sees the
    error at the start.
    """
    security = security or Security()
    client_options(security)
    return KafkaAddress(address.servers, address.prefix, security)
