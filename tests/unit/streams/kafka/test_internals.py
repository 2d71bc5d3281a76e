"""A client makes no hidden connection, and none outlives it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiokafka
import pytest
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.producer.sender import Sender
from aiokafka.protocol.metadata import MetadataRequest

from tests.half_broker import HalfBroker
from ticker.errors import StreamUnreachable, StreamUnusable
from ticker.streams.kafka import KafkaAddress, internals
from ticker.streams.kafka.cluster import ClusterClient
from ticker.streams.kafka.connecting import end, start
from ticker.streams.kafka.diagnosing import OLD
from ticker.streams.kafka.internals import let_go

ALL_VERSIONS = 12
PRIVATE = {
    AIOKafkaClient: {"_conns", "_get_conn", "_md_synchronizer", "_sync_task"},
    AIOKafkaConnection: {"_writer"},
    AIOKafkaConsumer: {"_client", "_fetcher"},
    AIOKafkaProducer: {"_closed", "_sender"},
    Fetcher: {"_fetch_max_wait_ms"},
    MetadataRequest: {"_topics"},
    Sender: {"_send_produce_req"},
}
"""The private names that we use, and whose they are."""


@pytest.mark.parametrize("owner", PRIVATE, ids=lambda owner: owner.__name__)
def test_aiokafka_still_has_the_private_names_that_we_use(owner: type) -> None:
    source = inspect.getsource(owner)
    gone = {name for name in PRIVATE[owner] if not re.search(rf"\b{name}\b", source)}
    assert not gone, f"aiokafka {aiokafka.__version__}: {owner.__name__} has no {', '.join(gone)}"


def test_private_names_are_used_in_one_file_and_each_is_listed() -> None:
    for path in Path(internals.__file__).parent.glob("*.py"):
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and re.match("_[a-z]", node.attr)
            and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        }
        listed = set().union(*PRIVATE.values()) if path.name == "internals.py" else set()
        assert used <= listed, path.name


@pytest.fixture
async def broker() -> AsyncIterator[HalfBroker]:
    half = HalfBroker(ALL_VERSIONS)
    async with half.listening():
        yield half


@pytest.fixture
def address(broker: HalfBroker) -> KafkaAddress:
    return KafkaAddress((broker.address,), "half")


@contextlib.asynccontextmanager
async def begun(address: KafkaAddress) -> AsyncIterator[Any]:
    client = await start(AIOKafkaClient, address)
    yield client
    await end(client)


def tending() -> list[str]:
    """The tasks that keep the metadata of some client fresh."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if "AIOKafkaClient" in name]


async def test_a_client_starts_on_one_connection_and_ends_with_none(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    async with begun(address) as client:
        assert await client.ready(1)
        await broker.until(1)  # that to the server it was given is closed
        assert tending()
    await broker.until(0)
    assert not tending()


async def test_a_cluster_that_names_no_broker_yet_is_waited_for(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    broker.empty = 2
    async with begun(address) as client:
        assert {node.nodeId for node in client.cluster.brokers()} == {1}
    assert broker.asked == 3


async def test_a_cluster_that_never_names_a_broker_is_given_up(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    broker.empty = 1_000
    with pytest.raises(StreamUnreachable):
        await start(AIOKafkaClient, address, within=0.3)
    await broker.until(0)


async def test_a_start_that_takes_too_long_leaves_no_connection(
    broker: HalfBroker, address: KafkaAddress, caplog: pytest.LogCaptureFixture
) -> None:
    broker.tells_brokers.clear()
    task = asyncio.create_task(start(AIOKafkaClient, address, within=0.3))
    await broker.until(1)
    with pytest.raises(StreamUnreachable):
        await task
    del task
    await broker.until(0)
    gc.collect()
    assert "Unclosed" not in caplog.text


async def test_a_cancelled_start_leaves_no_connection(
    broker: HalfBroker, address: KafkaAddress, caplog: pytest.LogCaptureFixture
) -> None:
    broker.tells_brokers.clear()
    task = asyncio.create_task(start(AIOKafkaClient, address))
    await broker.until(1)
    while not broker.asked:  # noqa: ASYNC110 - the moment in which aiokafka would lose it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    await broker.until(0)
    gc.collect()
    assert "Unclosed" not in caplog.text


async def test_an_end_that_fails_halfway_leaves_no_connection_and_no_task(
    broker: HalfBroker, address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise asyncio.CancelledError  # as a consumer's stop does while a fetch is under way

    async with begun(address) as client:
        assert await client.ready(1)
        monkeypatch.setattr(client, "close", fail)
        await end(client)
        await broker.until(0)
        assert not tending()
        assert not await client.ready(1)  # nor does anything bring it back
    await broker.until(0)


async def test_a_connection_made_after_the_end_is_closed(
    broker: HalfBroker, address: KafkaAddress
) -> None:
    async with begun(address) as client:
        await broker.until(0)
        broker.tells_versions.clear()
        late = asyncio.create_task(client.ready(1))
        await broker.until(1)
        await let_go(client)
        broker.tells_versions.set()
        assert not await late
        await broker.until(0)


async def test_a_broker_that_is_too_old_is_named_as_such() -> None:
    old = HalfBroker()
    async with old.listening():
        async with ClusterClient(KafkaAddress((old.address,), "old")) as asking:
            with pytest.raises(StreamUnusable) as caught:
                await asking.describe()
            assert caught.value.problem == OLD
        old.empty = 1_000
        address = KafkaAddress((old.address,), "old")
        with pytest.raises(StreamUnreachable) as told:
            await start(AIOKafkaClient, address, within=0.3)
        assert told.value.problem == OLD
