"""What is logged when a client starts or cannot start."""

from __future__ import annotations

import pytest
from aiokafka.errors import KafkaError, LeaderNotAvailableError, NotLeaderForPartitionError

from ticker.address import parse_address
from ticker.errors import StreamUnreachable
from ticker.security import Security
from ticker.streams.kafka import connecting
from ticker.streams.kafka.address import secured
from ticker.streams.kafka.connecting import map_errors, warn

ADDRESS = secured(parse_address("kafka://127.0.0.1:1/ticks"))


@pytest.mark.parametrize(
    ("server", "security", "mechanism", "warns"),
    [
        ("broker", "SASL_PLAINTEXT", "PLAIN", True),
        ("127.0.0.1:1,10.0.0.1:9092", "SASL_PLAINTEXT", "PLAIN", True),
        ("[fe80::1]", "SASL_PLAINTEXT", "PLAIN", True),
        ("localhost,127.0.0.2,[::1]", "SASL_PLAINTEXT", "PLAIN", False),
        ("broker", "SASL_PLAINTEXT", "SCRAM-SHA-256", False),
        ("broker", "SASL_SSL", "PLAIN", False),
        ("broker", "PLAINTEXT", None, False),
    ],
)
def test_a_password_sent_in_the_clear_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    security: str,
    mechanism: str | None,
    warns: bool,
) -> None:
    monkeypatch.setattr(connecting, "_warned", set())
    user = {} if mechanism is None else {"user": "ann", "password": "hunter2"}
    asked = Security(security=security, mechanism=mechanism, **user)
    for _ in range(2):
        warn(secured(parse_address(f"kafka://{server}/t"), asked))
    assert len(caplog.records) == warns
    assert "hunter2" not in caplog.text
    assert ("unencrypted. Use SASL_SSL" in caplog.text) is warns


@pytest.mark.parametrize("kind", [LeaderNotAvailableError, NotLeaderForPartitionError])
def test_a_long_election_is_reported_in_our_words(kind: type[KafkaError]) -> None:
    with pytest.raises(StreamUnreachable) as caught, map_errors(ADDRESS):
        raise kind("ticks")
    assert caught.value.problem == "one of its brokers is away, or is still starting"
