"""A broker that creates each topic that a client asks for, as Kafka does by default.

What comes into being so has one policy for all: ticks without the time of their appending, quotes
that are never compacted. So nobody of ours asks in that way, and topics that somebody deleted stay
away until a writer makes them by its plan.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from tests.kafka_broker import Broker
from tests.kafka_flow import delete_topics, flowing, moved_on, tick
from ticker.errors import StreamError, StreamUnreachable
from ticker.records import Batch
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream
from ticker.streams.kafka.cluster import ClusterClient
from ticker.streams.kafka.fetching import Fetching
from ticker.streams.kafka.producing import Producing


@pytest.fixture(scope="module")
def broker(make_broker: Callable[..., Broker]) -> Iterator[Broker]:
    broker = make_broker("auto.create.topics.enable=true")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def address(broker: Broker) -> KafkaAddress:
    return KafkaAddress((broker.address,), f"auto.{time.time_ns()}")


async def there(address: KafkaAddress) -> set[str]:
    """The topics of the stream, after all that the broker was asked to make before."""
    async with KafkaLog(KafkaAddress(address.servers, f"{address.prefix}-other")):
        pass  # the controller does one thing after another
    async with ClusterClient(address) as asking:
        return set(await asking.describe())


async def fetch(address: KafkaAddress) -> None:
    fetching = Fetching(address, {TopicPartition(address.prefix, 0): 0})
    await fetching.begin()
    assert await fetching._consumer._client.force_metadata_update()
    assert not await fetching.take(1, 0.1)
    await fetching.close()


async def produce(address: KafkaAddress) -> None:
    producing = Producing(address, delivery=2)
    with pytest.raises(StreamUnreachable):
        await producing.send(address.prefix, {0: [(None, b"{}", [])]})
    await producing.close(1)


async def ask(address: KafkaAddress) -> None:
    async with ClusterClient(address) as asking:
        assert await asking.describe() == {}
        assert await asking._client.add_topic(address.prefix)


@pytest.mark.parametrize("client", [fetch, produce, ask])
async def test_no_client_creates_a_topic_by_asking_for_it(
    address: KafkaAddress, client: Callable[[KafkaAddress], Awaitable[None]]
) -> None:
    await client(address)
    assert await there(address) == set()


async def test_topics_deleted_under_a_reader_and_a_writer_stay_away_until_a_log_is_opened(
    address: KafkaAddress,
) -> None:
    async with KafkaStream(address, watch=0.5) as stream, asyncio.timeout(60):
        async with KafkaLog(address, delivery=3) as log:
            await log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3)]))
            batches = aiter(stream.read(await stream.find("start")))
            seen: list[int] = []
            while len(seen) < 3:
                seen += [t.sequence for t in (await anext(batches)).ticks]
            assert seen == [1, 2, 3]
            await delete_topics(address)
            for _ in range(2):
                with pytest.raises(StreamError):
                    await log.append(Batch(ticks=[tick("o", "A", 4)]))
            while stream.read_stats().problem is None:
                assert not await anext(batches)
            assert await there(address) == set()
            assert (await stream.health()).state == "missing"
        async with KafkaLog(address) as log:
            await log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3, 4)]))
            while not (batch := await anext(batches)).ticks:
                pass
            assert [t.sequence for t in batch.ticks] == [4]
            assert (await stream.health()).problem is None


@pytest.mark.slow
async def test_topics_deleted_during_a_flow_are_recreated_by_its_relay_with_everything(
    address: KafkaAddress, tmp_path: Path
) -> None:
    async with flowing(address, "machine", local=tmp_path / "local.sqlite") as flow:
        await moved_on(flow)
        await delete_topics(address)
        async with asyncio.timeout(60):
            while flow.anew < 2:  # noqa: ASYNC110 - each reader reports it once
                await asyncio.sleep(0.05)
        await moved_on(flow)
