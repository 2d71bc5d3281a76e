"""What the tests with a real Kafka share: a broker that they may break, and topics of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.kafka_broker import Broker
from ticker.streams.kafka import KafkaAddress


@pytest.fixture(scope="session")
def breakable(make_broker: Callable[[], Broker]) -> Broker:
    """A broker of those tests that break one; not started yet."""
    return make_broker()


@pytest.fixture
def broker(breakable: Broker) -> Iterator[Broker]:
    """A running broker that the test may kill and freeze."""
    if breakable.process is None:
        breakable.start()
    yield breakable
    if breakable.process is not None:
        breakable.thaw()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """HOST:PORT of the test's `broker`; for a test without one, of the Kafka that all share."""
    if "broker" in request.fixturenames:
        broker: Broker = request.getfixturevalue("broker")
        return broker.address
    shared: str = request.getfixturevalue("kafka")
    return shared


@pytest.fixture
def address(server: str) -> KafkaAddress:
    """A stream of the test's own."""
    return KafkaAddress((server,), f"test.{time.time_ns()}")
