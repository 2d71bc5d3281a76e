"""A Kafka with authentication by password and by certificate, and the files for its clients.

Listeners: SASL_PLAINTEXT (PLAIN and both SCRAM), SSL (requires our certificate), SASL_SSL (both
SCRAM). All certificates are for 127.0.0.1 only, signed by an authority made for this run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import trustme
from cryptography.hazmat.primitives import serialization

from tests.kafka_broker import free_port
from ticker.security import Security

USER: Final = "ann"
PASSWORD: Final = "hunter2-correct-horse"
_MODULE: Final = "org.apache.kafka.common.security"


class SecureKafka:
    """The broker, not yet started, and the settings of its clients."""

    def __init__(self, make_broker: Callable[..., Any], folder: Path) -> None:
        self.folder = folder
        authority, stranger = trustme.CA(), trustme.CA()
        self.ca = self._write("ca.pem", authority.cert_pem.bytes())
        self.other_ca = self._write("other-ca.pem", stranger.cert_pem.bytes())
        client = authority.issue_cert("ann@ticker.test")
        self.certificate = self._write("ann.pem", client.cert_chain_pems[0].bytes())
        self.key = self._write("ann.key", client.private_key_pem.bytes())
        self.password_file = self._write("password", PASSWORD.encode() + b"\n")
        self._write("broker.pem", _key_and_chain(authority.issue_cert("127.0.0.1")))
        self.ports = {name: free_port() for name in ("SASL_PLAINTEXT", "SSL", "SASL_SSL")}
        self.broker = make_broker(
            self._properties(),
            listeners=self.ports,
            scram=[
                f"{mechanism}=[name={USER},password={PASSWORD}]"
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            ],
        )
        self.ports["PLAINTEXT"] = self.broker.port

    def url(self, listener: str, prefix: str, host: str = "127.0.0.1") -> str:
        return f"kafka://{host}:{self.ports[listener]}/{prefix}"

    def security(self, protocol: str, mechanism: str = "SCRAM-SHA-256", **other: Any) -> Security:
        """Return settings for this listener. `other` replaces some; `None` leaves one out."""
        said: dict[str, Any] = {"security": protocol}
        if "SASL" in protocol:
            said |= {"mechanism": mechanism, "user": USER, "password_file": self.password_file}
        if "SSL" in protocol:
            said |= {"ca": self.ca}
        if protocol == "SSL":
            said |= {"certificate": self.certificate, "key": self.key}
        return Security(**{**said, **other})

    def _write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return str(path)

    def _properties(self) -> str:
        plain = f'{_MODULE}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        lines = [
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512",
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={plain}",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={self.folder}/broker.pem",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={self.ca}",
            "listener.name.ssl.ssl.client.auth=required",
        ]
        lines += [
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config="
            f"{_MODULE}.scram.ScramLoginModule required;"
            for listener in ("sasl_plaintext", "sasl_ssl")
            for mechanism in ("scram-sha-256", "scram-sha-512")
        ]
        return "\n".join(lines) + "\n"


def _key_and_chain(issued: trustme.LeafCert) -> bytes:
    """Return one file for Kafka: the key in PKCS 8, unlike trustme's, then the certificates."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    written = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return written + b"".join(pem.bytes() for pem in issued.cert_chain_pems)
