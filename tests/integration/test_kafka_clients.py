"""Clients of other programs read and write the topics as the README describes."""

import json
import time
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from ticker import wire
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream

NOW = 1_795_447_805_000_000
USUAL = {"content-type": b"application/json", "schema-version": b"1"}


def tick(origin: str, sequence: int) -> Tick:
    at = NOW + sequence
    return Tick("GC=F", "test", origin, sequence, at, at, 4_100.0 + sequence)


@pytest.fixture
def producer(kafka: str) -> Iterator[Producer]:
    producer = Producer({"bootstrap.servers": kafka})
    yield producer
    assert producer.flush(10) == 0


def messages(address: KafkaAddress, suffix: str = "") -> list[Message]:
    """Read a whole topic with librdkafka."""
    topic = address.prefix + suffix
    consumer = Consumer({"bootstrap.servers": address.servers[0], "group.id": "none"})
    found: list[Message] = []
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        for number in partitions:
            partition = TopicPartition(topic, number, OFFSET_BEGINNING)
            _, end = consumer.get_watermark_offsets(partition, timeout=10)
            consumer.assign([partition])
            for _ in range(end):
                message = consumer.poll(10)
                assert message is not None
                assert message.error() is None
                found.append(message)
    finally:
        consumer.close()
    return found


def headers(message: Message) -> dict[str, Any]:
    return dict(message.headers() or ())


async def ticks_of(address: KafkaAddress) -> list[Tick]:
    async with KafkaStream(address) as stream:
        start = await stream.find("start")
        return [t async for batch in stream.read(start, follow=False) for t in batch.ticks]


async def test_each_topic_has_the_documented_keys_and_headers_and_json(
    address: KafkaAddress,
) -> None:
    before = time.time_ns() // 1_000_000
    async with KafkaLog(address) as log:
        await log.append(
            Batch(
                ticks=[tick("far", 1), tick("far", 2)],
                gaps=[Gap("test", "far", "w1", NOW, "stopped", from_=NOW - 9, until=NOW)],
                quotes=[Quote("GC=F", "test", NOW, NOW, 4_102.0, "far", 2)],
                heartbeats=[Heartbeat("far", "w1", "test", NOW, NOW, 1, "ok", 1, 1)],
            )
        )
    keys = {
        "": ("tick", [b"GC=F", b"GC=F"]),
        ".gaps": ("gap", [None]),
        ".quotes": ("quote", [b"far GC=F"]),
        ".heartbeats": ("heartbeat", [b"w1 test"]),
    }
    for suffix, (kind, expected) in keys.items():
        found = messages(address, suffix)
        assert [message.key() for message in found] == expected
        for message in found:
            value = json.loads(message.value() or b"")
            jsonschema.validate(value, wire.schema())
            assert value["type"] == kind
            assert headers(message) == USUAL
            _, appended = message.timestamp()
            assert before <= appended <= time.time_ns() // 1_000_000  # not the event's time


async def test_ticks_of_another_programs_producer_are_read(
    address: KafkaAddress, producer: Producer
) -> None:
    async with KafkaLog(address):
        pass  # makes the topics
    for number in (1, 2, 3):
        at = NOW + number
        value = {
            "type": "tick",
            "symbol": "GC=F",
            "source": "mine",
            "origin": "theirs",
            "sequence": number,
            "time": at,
            "received": at,
            "price": 4_100 + number,
            "mood": "a field that we do not know",
        }
        producer.produce(address.prefix, json.dumps(value), "GC=F")
        producer.produce(address.prefix, "no JSON", "GC=F")  # passed over
    assert producer.flush(10) == 0
    found = await ticks_of(address)
    assert [(t.origin, t.sequence, t.price) for t in found] == [
        ("theirs", n, 4_100.0 + n) for n in (1, 2, 3)
    ]
