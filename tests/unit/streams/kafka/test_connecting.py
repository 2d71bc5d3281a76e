"""Clients are begun within bounds, and only on a cluster that can be spoken to."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaError, LeaderNotAvailableError, NotLeaderForPartitionError

from ticker.errors import StreamUnreachable
from ticker.security import Security
from ticker.streams.kafka import connecting
from ticker.streams.kafka.address import parse
from ticker.streams.kafka.connecting import begin, told, warn

ADDRESS = parse("kafka://127.0.0.1:1/ticks")


class Cluster:
    """A cluster that names its broker only after it was asked `looks` times."""

    def __init__(self, looks: int) -> None:
        self.cluster = self
        self._looks = looks
        self._conns: dict[str, Any] = {}
        self.closed = False

    async def bootstrap(self) -> None:
        pass

    def brokers(self) -> set[int]:
        return set() if self._looks else {1}

    async def force_metadata_update(self) -> bool:
        self._looks -= 1
        return True

    async def _get_conn(self, *_: object) -> None:
        return None

    async def close(self) -> None:
        self.closed = True


async def test_a_cluster_that_names_no_broker_yet_is_waited_for() -> None:
    client = Cluster(2)
    await begin(ADDRESS, client)
    assert client.brokers()
    assert not client.closed


async def test_a_cluster_that_never_names_a_broker_is_given_up() -> None:
    client = Cluster(-1)
    with pytest.raises(StreamUnreachable):
        await begin(ADDRESS, client, within=0.2)
    assert client.closed


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
def test_a_password_that_others_can_overhear_is_told_once(
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
        warn(parse(f"kafka://{server}/t", asked))
    assert len(caplog.records) == warns
    assert "hunter2" not in caplog.text
    assert ("in the clear. Use SASL_SSL" in caplog.text) is warns


@pytest.mark.parametrize("kind", [LeaderNotAvailableError, NotLeaderForPartitionError])
def test_an_election_that_takes_long_is_told_in_our_words(kind: type[KafkaError]) -> None:
    with pytest.raises(StreamUnreachable) as caught, told(ADDRESS):
        raise kind("ticks")
    assert caught.value.problem == "one of its brokers is away, or begins only now"
