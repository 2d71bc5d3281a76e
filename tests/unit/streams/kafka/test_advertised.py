"""A Kafka that answers, and names brokers that this machine cannot reach."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.half_broker import HalfBroker
from ticker.errors import StreamUnreachable
from ticker.security import Security
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream
from ticker.streams.kafka.diagnosing import unreachable

NOBODY = "kafka-internal.invalid"


@pytest.fixture
async def broker() -> AsyncIterator[HalfBroker]:
    half = HalfBroker(12)
    async with half.listening():
        yield half


@pytest.fixture
def address(broker: HalfBroker) -> KafkaAddress:
    return KafkaAddress((broker.address,), "half")


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses connections, and that no other process can take."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield nobody.getsockname()[1]


async def told(address: KafkaAddress) -> str:
    with pytest.raises(StreamUnreachable) as caught:
        await KafkaStream(address).snapshot()
    return caught.value.problem


async def test_an_unknown_advertised_host_is_named_with_the_setting(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    broker.advertised = [(NOBODY, 29092)]
    assert await told(address) == (
        f"answers, but names its broker {NOBODY}:29092, which this machine cannot reach: "
        "check advertised.listeners (no such host)"
    )


async def test_a_refused_advertised_port_is_named_with_the_setting(
    broker: HalfBroker, address: KafkaAddress, closed: int
) -> None:
    broker.advertised = [("127.0.0.1", closed)]
    assert await told(address) == (
        f"answers, but names its broker 127.0.0.1:{closed}, which this machine cannot reach: "
        "check advertised.listeners (connection refused)"
    )


async def test_a_writer_reports_a_wrong_advertised_address(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    broker.advertised = [(NOBODY, 29092)]
    with pytest.raises(StreamUnreachable, match=rf"{NOBODY}:29092, which .* advertised\.listeners"):
        await KafkaLog(address).__aenter__()


async def test_health_reports_a_wrong_advertised_address(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    broker.advertised = [(NOBODY, 29092)]
    health = await KafkaStream(address).health()
    assert health.state == "unreachable"
    assert "check advertised.listeners" in (health.problem or "")


async def test_something_else_at_the_advertised_address_is_reported(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        broker.advertised = [("127.0.0.1", port)]
        words = await unreachable(address, [f"127.0.0.1:{port}"])
    assert words == (
        f"answers, but names its broker 127.0.0.1:{port}, which closes the connection: "
        "is it Kafka? Check advertised.listeners"
    )


async def test_a_silent_advertised_address_is_reported_in_time(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.streams.kafka.diagnosing.FRESH", 0.1)
    with socket.socket() as full:  # takes one connection, and answers none
        full.bind(("127.0.0.1", 0))
        full.listen()
        port = full.getsockname()[1]
        words = await unreachable(address, [f"127.0.0.1:{port}"])
    assert words == (
        f"answers, but names its broker 127.0.0.1:{port}, which this machine cannot reach: "
        "check advertised.listeners (no answer in time)"
    )


async def test_one_refused_address_of_several_may_only_be_away(
    broker: HalfBroker, address: KafkaAddress, closed: int
) -> None:
    words = await unreachable(address, [broker.address, f"127.0.0.1:{closed}"])
    assert words == (
        f"answers, but names its broker 127.0.0.1:{closed}, which this machine cannot reach: "
        "it is away, or its advertised.listeners is wrong (connection refused)"
    )


async def test_one_unknown_host_of_several_is_blamed_on_the_setting(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    words = await unreachable(address, [broker.address, f"{NOBODY}:9092"])
    assert words is not None
    assert words.endswith("check advertised.listeners (no such host)")


async def test_an_unreachable_server_from_the_url_is_not_blamed_on_the_setting(closed: int) -> None:
    named = f"localhost:{closed}"
    address = KafkaAddress((named,), "half", Security())
    assert await unreachable(address, [named.upper()]) is None
