"""Topics that hold another stream's messages at other offsets: copied, restored, written twice."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from ticker import wire
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.kafka.cluster import ENDINGS

NOW = 1_795_447_805_000_000
SYMBOLS = [f"S{n}" for n in range(10)]
EACH = 20
PARTITIONS = 3
GAP = Gap("test", "o", "w", NOW, "stopped", from_=1, until=2)
BEAT = Heartbeat("o", "w", "test", NOW, NOW, 1, "ok", 1, 1)


def tick(symbol: str, sequence: int) -> Tick:
    at = NOW + sequence
    return Tick(symbol, "test", "o", sequence, at, at, 100.0 + sequence)


@pytest.fixture
def address(kafka: str) -> KafkaAddress:
    return KafkaAddress((kafka,), f"copies.{time.time_ns() % 10**9}")


async def messages(topic: str, partitions: int, server: str) -> list[Any]:
    """Read a whole topic with another library's consumer."""
    consumer = AIOKafkaConsumer(bootstrap_servers=server)
    await consumer.start()
    try:
        places = [TopicPartition(topic, p) for p in range(partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while [p for p, end in ends.items() if await consumer.position(p) < end]:
                for some in (await consumer.getmany(timeout_ms=200)).values():
                    found += some
        return found
    finally:
        await consumer.stop()


async def copy(source: KafkaAddress, prefix: str) -> KafkaAddress:
    """Copy as MirrorMaker or a backup does: same keys, headers, partitions, other offsets."""
    producer = confluent_kafka.Producer({"bootstrap.servers": source.servers[0]})
    for ending in ENDINGS:
        partitions = PARTITIONS if ending in ("", ".quotes") else 1
        for partition in range(partitions):
            producer.produce(prefix + ending, b"something of others", b"x", partition=partition)
        for message in await messages(source.prefix + ending, partitions, source.servers[0]):
            producer.produce(
                prefix + ending,
                message.value,
                message.key,
                partition=message.partition,
                headers=list(message.headers),
            )
    assert await asyncio.to_thread(producer.flush, 20) == 0
    return KafkaAddress(source.servers, prefix)


async def everything(stream: KafkaStream) -> list[Batch]:
    return [b async for b in stream.read(await stream.find("start"), follow=False)]


async def test_copied_topics_are_read_completely(address: KafkaAddress) -> None:
    ticks = [tick(s, n) for n in range(1, EACH + 1) for s in SYMBOLS]
    quotes = [Quote(s, "test", NOW, NOW, 1.0, "o", EACH) for s in SYMBOLS]
    plan = TopicPlan(partitions=PARTITIONS)
    async with KafkaLog(address, plan) as log:
        await log.append(Batch(ticks=ticks, gaps=[GAP], quotes=quotes, heartbeats=[BEAT]))
    prefix = f"backup.{address.prefix}"
    async with KafkaLog(KafkaAddress(address.servers, prefix), plan):
        pass  # its topics
    stream = KafkaStream(await copy(address, prefix))
    batches = await everything(stream)
    found = [t for b in batches for t in b.ticks]
    assert sorted(found, key=lambda t: (t.sequence, SYMBOLS.index(t.symbol))) == ticks
    assert [g for b in batches for g in b.gaps] == [GAP]
    snapshot = await stream.snapshot()
    assert {q.symbol: q.sequence for q in snapshot.quotes} == dict.fromkeys(SYMBOLS, EACH)
    assert snapshot.heartbeats == [BEAT]
    sequences = [
        n for chunk in await asyncio.to_thread(list, stream.columns()) for n in chunk["sequence"]
    ]
    assert sorted(sequences) == sorted(t.sequence for t in ticks)
    # A writer continues where the copied ticks end.
    async with KafkaLog(stream._address) as log:
        assert await log.last() == {("o", s): EACH for s in SYMBOLS}
        await log.append(Batch(ticks=[tick("S0", EACH + 1)]))
    found = [t for b in await everything(stream) for t in b.ticks if t.symbol == "S0"]
    assert [t.sequence for t in found] == list(range(1, EACH + 2))


async def test_duplicate_ticks_are_read_once(address: KafkaAddress) -> None:
    ticks = [tick("A", n) for n in range(1, 6)]
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=ticks))
        producer = confluent_kafka.Producer({"bootstrap.servers": address.servers[0]})
        for again in (*ticks[2:4], tick("A", 6), *ticks):
            producer.produce(address.prefix, wire.encode(again), b"A", partition=0)
        assert await asyncio.to_thread(producer.flush, 20) == 0
        found = [t for b in await everything(log) for t in b.ticks]
        assert found == [*ticks, tick("A", 6)]
        assert log.read_stats().repeats == 7
        assert log.read_stats().holes == 0
        last = await log.last()
        assert last == {("o", "A"): 6}
        # The newest of them is shown, though it does not lie last.
        assert [q.sequence for q in (await log.snapshot()).quotes] == [6]


async def test_two_logs_that_send_the_same_ticks_leave_no_repeat_and_no_hole(
    address: KafkaAddress,
) -> None:
    ticks = [tick("A", n) for n in range(1, 101)]

    async def send(log: KafkaLog) -> None:
        for n in range(0, 100, 10):
            await log.append(Batch(ticks=ticks[n : n + 10]))

    async with KafkaLog(address, TopicPlan(partitions=1)) as one, KafkaLog(address) as two:
        await asyncio.gather(send(one), send(two))
        batches = await everything(one)
    assert [t for b in batches for t in b.ticks] == ticks
    assert [g for b in batches for g in b.gaps] == []
