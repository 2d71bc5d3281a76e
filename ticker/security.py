"""The security settings of a Kafka stream's clients: authentication, encryption, trust.

The keys are those of the tables under `[streams]`. Settings that cannot work together are refused
at once. Pure: it names files and opens none (`ticker.streams.kafka.securing` does), and its texts
show no secret.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from ticker.errors import UsageError
from ticker.suggestion import did_you_mean

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
KEYS: Final = (
    *("security", "mechanism", "user", "password_file"),
    *("ca", "certificate", "key"),
)
"""The keys for security in a table under `[streams]`."""
FILES: Final = ("password_file", "ca", "certificate", "key")
"""The keys whose values are paths of files."""
PASSWORD_ADVICE: Final = "put it into a file (password_file) or into TICKER_KAFKA_PASSWORD"  # noqa: S105 - none


class InvalidSecurity(UsageError):
    """The value of `key` (one of `KEYS`, or `password`) is wrong, or does not fit the others."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """The security settings for the brokers of one stream.

    Raises `InvalidSecurity` for settings that cannot work. Certificates and keys are PEM files; `~`
    is expanded. All files are read when the stream is opened, and again for each later connection,
    so they may be replaced at any time.
    """

    security: str = "PLAINTEXT"
    """One of `PROTOCOLS`, by Kafka's names."""
    mechanism: str | None = None
    """One of `MECHANISMS`; required with SASL, and not allowed without it."""
    user: str | None = None
    password: str | None = None
    """Beats `password_file`. Ignored without SASL: it may be meant for another stream."""
    password_file: str | None = None
    """A file that holds the password; one line end after it is ignored."""
    ca: str | None = None
    """A file with certificates of the authorities that may sign the brokers' certificates; `None`:
    those that this machine trusts."""
    certificate: str | None = None
    """A file with our own certificate and its chain, for brokers that ask for one."""
    key: str | None = None
    """A file with the certificate's private key, without a passphrase. It may be the same file."""

    def __post_init__(self) -> None:
        _one_of("security", self.security, PROTOCOLS)
        if self.has_sasl:
            if self.mechanism is None:
                choices = ", ".join(MECHANISMS)
                raise InvalidSecurity("security", f"{self.security} needs a mechanism: {choices}")
            _one_of("mechanism", self.mechanism, MECHANISMS)
            if not self.user:
                raise InvalidSecurity("security", f"{self.security} needs a user")
        else:
            others = "SASL_SSL" if self.has_tls else "SASL_SSL or SASL_PLAINTEXT"
            self._refuse(("mechanism", "user", "password_file"), others)
        if not self.has_tls:
            others = "SASL_SSL" if self.has_sasl else "SSL or SASL_SSL"
            self._refuse(("ca", "certificate", "key"), others)
        if self.certificate is not None and self.key is None:
            raise InvalidSecurity("certificate", "needs its key; one file may be both")
        if self.key is not None and self.certificate is None:
            raise InvalidSecurity("key", "needs its certificate; one file may be both")

    def _refuse(self, keys: tuple[str, ...], others: str) -> None:
        """Refuse `keys`, which need one of the security protocols `others`."""
        for key in keys:
            if getattr(self, key) is not None:
                raise InvalidSecurity(key, f"needs security {others}; it is {self.security} here")

    @property
    def has_tls(self) -> bool:
        """Tell whether the connection is encrypted, and the broker shows a certificate."""
        return self.security.endswith("SSL")

    @property
    def has_sasl(self) -> bool:
        """Tell whether a user and a password are sent."""
        return self.security.startswith("SASL")

    @property
    def words(self) -> str:
        """Describe it for people: `SASL_SSL, SCRAM-SHA-256, user ann`."""
        user = None if self.user is None else f"user {self.user}"
        return ", ".join(filter(None, (self.security, self.mechanism, user)))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what may be shown. Without this method, Rich would show the password."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        return [
            (name, "…" if name == "password" else value)
            for name, value in told.items()
            if value is not None
        ]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Security({told})"


def _one_of(key: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        hint = did_you_mean(value.upper(), known)
        raise InvalidSecurity(key, f"there is no {value!r}. {hint}")
