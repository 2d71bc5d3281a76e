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
        """The URL, without secrets. It is the same for any order of the servers."""
        return f"kafka://{','.join(sorted(set(self.servers)))}/{self.prefix}"

    def options(self) -> dict[str, Any]:
        """Return the security options of aiokafka's clients. Never show them.

        Each call reads the files again, so a new client gets a changed password or certificate.
        Raises `StreamUnreachable` if a file cannot be used now: it could be used at the start (see
        `secured`), so somebody is probably replacing it.
        """
        try:
            return client_options(self.security)
        except ConfigError as error:
            raise StreamUnreachable(self.url, str(error)) from error


def secured(address: StreamAddress, security: Security | None = None) -> KafkaAddress:
    """Check the files that `security` names, and return the address with it.

    Raises `ConfigError` if a file cannot be used or a password is missing, so that the user sees
    the error at the start.
    """
    security = security or Security()
    client_options(security)
    return KafkaAddress(address.servers, address.prefix, security)
