"""The Kafka stream on a real broker: partitions, late readers, foreign messages, policies."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.record.util import calc_crc32c
from msgspec.structs import replace

from ticker import wire
from ticker.errors import SequenceConflict, StreamMissing, StreamUnreachable, StreamUnusable
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams import open_log, open_stream
from ticker.streams.kafka import Address, KafkaLog, KafkaStream, Plan

NOW = 1_795_447_805_000_000
SYMBOLS = [f"S{n}" for n in range(20)]


def tick(origin: str, symbol: str, sequence: int, **other: Any) -> Tick:
    at = NOW + sequence
    return Tick(symbol, "test", origin, sequence, at, at, 100.0 + sequence, **other)


def quote(origin: str, symbol: str, sequence: int) -> Quote:
    at = NOW + sequence
    return Quote(symbol, "test", at, at, 100.0 + sequence, origin, sequence)


@pytest.fixture
def address(kafka: str, request: pytest.FixtureRequest) -> Address:
    name = "".join(c if c.isalnum() else "." for c in request.node.name)[:80]
    return Address((kafka,), f"{name}.{time.time_ns() % 10**9}")


@contextlib.asynccontextmanager
async def admin(address: Address) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=address.servers[0])
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def read(stream: Any, **options: Any) -> list[Batch]:
    begin = await stream.find("start")
    return [batch async for batch in stream.read(begin, follow=False, **options)]


async def put(address: Address, topic: str, *messages: dict[str, Any]) -> None:
    """Messages of somebody else."""
    producer = AIOKafkaProducer(bootstrap_servers=address.servers[0], max_request_size=2**21)
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(topic, **{"partition": 0, **message})
    finally:
        await producer.stop()


async def put_unreadable(address: Address, topic: str, *values: tuple[bytes, bytes]) -> None:
    """One batch: messages, of which the last has a header whose name is no UTF-8."""
    producer = AIOKafkaProducer(bootstrap_servers=address.servers[0])
    await producer.start()
    try:
        await producer.partitions_for(topic)
        batch = producer.create_batch()
        for key, value in values:
            headers = [("NAME", b"1")] if (key, value) == values[-1] else []
            batch.append(timestamp=None, key=key, value=value, headers=headers)
        sound = bytes(batch._build())
        assert sound.count(b"NAME") == 1
        body = sound[21:].replace(b"NAME", b"\xff\xfe\xfd\xfc")
        batch._buffer = bytearray(sound[:17] + calc_crc32c(body).to_bytes(4, "big") + body)
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()


async def test_over_several_partitions_each_symbol_keeps_its_order(address: Address) -> None:
    async with KafkaLog(address, Plan(partitions=4)) as log:
        for n in range(1, 31):
            await log.append([tick(log.origin, s, n) for s in SYMBOLS])
        batches = await read(log, limit=50)
        seen = [t for batch in batches for t in batch.ticks]
        assert max(len(batch.ticks) for batch in batches) <= 50
        for symbol in SYMBOLS:
            assert [t.sequence for t in seen if t.symbol == symbol] == list(range(1, 31))
        last = [batch async for batch in log.read(await log.find_last(60), follow=False)]
        assert len([t for batch in last for t in batch.ticks]) == 60


async def test_a_late_reader_joins_quotes_and_ticks_over_partitions_while_others_write(
    address: Address,
) -> None:
    rounds = 150

    async def write(log: KafkaLog, origin: str) -> None:
        for n in range(1, rounds + 1):
            some = SYMBOLS if n % 3 else SYMBOLS[:7]  # not all symbols move each time
            heads.update({(origin, s): heads.get((origin, s), 0) + 1 for s in some})
            await log.append(
                [tick(origin, s, heads[origin, s]) for s in some],
                quotes=[quote(origin, s, heads[origin, s]) for s in some],
            )

    async def look(delay: float) -> None:
        await asyncio.sleep(delay)
        async with KafkaStream(address) as stream:
            snapshot = await stream.snapshot()
            known = {(q.origin, q.symbol): q.sequence or 0 for q in snapshot.quotes}
            reading = stream.read(snapshot.position)
            async with contextlib.aclosing(reading):
                async for batch in reading:
                    assert not batch.gaps
                    for t in batch.ticks:
                        assert t.sequence == known.get((t.origin, t.symbol), 0) + 1
                        known[t.origin, t.symbol] = t.sequence
                    if done.is_set() and known == heads:
                        return

    heads: dict[tuple[str, str], int] = {}
    done = asyncio.Event()
    async with (
        KafkaLog(address, Plan(partitions=3)) as one,
        KafkaLog(address) as two,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        readers = [group.create_task(look(delay / 5)) for delay in range(6)]
        await asyncio.gather(write(one, "machine1"), write(two, "machine2"))
        done.set()
        await asyncio.gather(*readers)


async def test_a_symbol_whose_quote_lags_far_behind_is_joined_from_further_back(
    address: Address,
) -> None:
    async with KafkaLog(address, Plan(partitions=1)) as log:
        await log.append([tick("o", "QUIET", 1)], quotes=[quote("o", "QUIET", 1)])
        # Its later ticks come with no quote, as after a writer that died in between.
        await log.append([tick("o", "QUIET", n) for n in (2, 3)])
        for n in range(1, 5_001, 1_000):
            await log.append([tick("o", "BUSY", m) for m in range(n, n + 1_000)])
        await log.append([tick("o", "QUIET", 4)], quotes=[quote("o", "BUSY", 5_000)])
        snapshot = await log.snapshot()
        batches = [b async for b in log.read(snapshot.position, follow=False)]
        assert [g for b in batches for g in b.gaps] == []
        assert [t.sequence for b in batches for t in b.ticks if t.symbol == "QUIET"] == [2, 3, 4]


async def test_a_log_opened_again_goes_on_where_it_ended(address: Address) -> None:
    async with KafkaLog(address) as log:
        origin = log.origin
        await log.append(
            [tick(o, s, n) for o in (origin, "far") for n in (1, 2) for s in SYMBOLS],
            gaps=[Gap("test", "far", "w", NOW, "stopped", from_=1, until=2)],
            quotes=[quote("far", s, 2) for s in SYMBOLS],
        )
    async with KafkaLog(address) as log:
        assert log.origin == origin
        assert await log.last() == {(o, s): 2 for o in (origin, "far") for s in SYMBOLS}
        with pytest.raises(SequenceConflict):
            await log.append([tick("far", "S1", 4)])
        await log.append(
            [tick("far", "S1", n) for n in (1, 2, 3)],
            gaps=[Gap("test", "far", "w", NOW, "stopped", from_=1, until=2)],
        )
        batches = await read(log)
        assert sum(len(batch.ticks) for batch in batches) == 81
        assert sum(len(batch.gaps) for batch in batches) == 1


async def test_quotes_of_one_symbol_go_out_once_a_second_and_the_last_at_the_end(
    address: Address,
) -> None:
    async with KafkaLog(address) as log:
        for n in range(1, 6):
            await log.append([tick("o", "A", n)], quotes=[quote("o", "A", n)])
    async with KafkaStream(address) as stream:
        begin = await stream.find("start")
        quotes = [q async for b in stream.read(begin, follow=False, limit=1) for q in b.quotes]
        assert [q.sequence for q in quotes][-1] == 5
        assert len(quotes) <= 3
        assert [q.sequence for q in (await stream.snapshot()).quotes] == [5]


async def test_messages_are_plain_json_with_key_and_headers_for_anybody(address: Address) -> None:
    async with KafkaLog(address, Plan(partitions=1)) as log:
        beat = Heartbeat(log.origin, "w1", "test", NOW, NOW, 1, "ok", 1, 1)
        await log.append([tick("o", "GC=F", 7)], quotes=[quote("o", "GC=F", 7)], heartbeats=[beat])
    names = [address.prefix + ending for ending in ("", ".quotes", ".heartbeats")]
    consumer = AIOKafkaConsumer(bootstrap_servers=address.servers[0], auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(name, 0) for name in names])
    found: dict[str, Any] = {}
    async with asyncio.timeout(10):
        while len(found) < 3:
            message = await consumer.getone()
            found[message.topic] = message
    await consumer.stop()
    headers = (("content-type", b"application/json"), ("schema-version", b"1"))
    assert {message.headers for message in found.values()} == {headers}
    assert [found[name].key for name in names] == [b"GC=F", b"o GC=F", b"w1 test"]
    assert found[names[0]].value == wire.encode(tick("o", "GC=F", 7))
    assert {message.timestamp_type for message in found.values()} == {1}  # LogAppendTime


async def test_foreign_and_broken_messages_are_counted_and_passed_over(address: Address) -> None:
    good = wire.encode(tick("o", "A", 2))
    async with KafkaLog(address, Plan(partitions=1)) as log:
        await log.append([tick("o", "A", 1)], quotes=[quote("o", "A", 1)])
        foreign: list[dict[str, Any]] = [
            {"key": b"A", "value": b"not json"},
            {"key": b"A", "value": b'{"type":"parrot"}'},
            {"key": b"A", "value": b"[1, 2]"},
            {"key": b"A", "value": None},
            {"key": b"A", "value": b"\xff\xfe{}"},
            {"key": b"A", "value": b"x" * 1_000_000},
            {"key": b"A", "value": b"[" * 100_000},
            {"key": b"B", "value": good},
            {"value": good},
            {"key": b"A", "value": good.replace(b"102.0", b"-1")},
            {"key": b"A", "value": good, "headers": [("schema-version", b"2")]},
            {"key": b"A", "value": good, "headers": [("schema-version", b"\xff")]},
            {"key": b"A", "value": good, "headers": [("schema-version", b"9" * 5_000)]},
            {"key": b"A", "value": wire.encode(quote("o", "A", 2))},
        ]
        await put(address, address.prefix, *foreign)
        for ending in (".gaps", ".quotes", ".heartbeats"):
            await put(address, address.prefix + ending, *foreign[:3])
        await log.append([tick("o", "A", 2)])
        ticks = [t.sequence for b in await read(log) for t in b.ticks]
        assert ticks == [1, 2]
        health = await log.health()
        assert (health.state, health.broken) == ("ok", len(foreign) + 9)
        assert len((await log.snapshot()).quotes) == 1
    async with KafkaLog(address) as log:
        assert await log.last() == {("o", "A"): 2}


async def test_a_message_that_aiokafka_cannot_read_is_counted_and_passed_over(
    address: Address,
) -> None:
    async with KafkaLog(address, Plan(partitions=2)) as log:
        await log.append([tick("o", s, 1) for s in SYMBOLS], quotes=[quote("o", "A", 1)])
        for _ in range(2):
            await put_unreadable(
                address,
                address.prefix,
                (b"foreign", wire.encode(tick("p", "foreign", 1))),
                (b"x", b"x"),
            )
        await put_unreadable(address, address.prefix + ".quotes", (b"x", b"x"))
        await log.append([tick("o", s, 2) for s in SYMBOLS], quotes=[quote("o", "A", 2)])
        found = [(t.symbol, t.sequence) for b in await read(log) for t in b.ticks]
        assert sorted(found) == sorted([*((s, n) for s in SYMBOLS for n in (1, 2)), ("foreign", 1)])
        assert (await log.health()).broken == 3
        assert len((await log.snapshot()).quotes) == 1
        assert (await log.last())["o", "S0"] == 2


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_what_others_compress_is_read(address: Address, codec: str) -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": address.servers[0], "compression.type": codec, "linger.ms": 50}
    )
    async with KafkaLog(address, Plan(partitions=1)) as log:
        ticks = [tick("o", "A", n) for n in range(1, 201)]
        for one in ticks:
            producer.produce(address.prefix, wire.encode(one), b"A", partition=0)
        assert await asyncio.to_thread(producer.flush, 10) == 0
        assert [t for b in await read(log) for t in b.ticks] == ticks


async def test_a_reader_that_retention_passed_is_told_and_goes_on(address: Address) -> None:
    async with KafkaLog(address, Plan(partitions=1)) as log:
        await log.append([tick("o", "A", n) for n in range(1, 21)])
        seen: list[int] = []
        gaps: list[Gap] = []
        async with asyncio.timeout(20):
            async for batch in log.read(await log.find("start"), limit=5):
                seen += [t.sequence for t in batch.ticks]
                gaps += batch.gaps
                if seen == [1, 2, 3, 4, 5]:
                    position = batch.position
                    break
            async with admin(address) as client:
                topic = TopicPartition(address.prefix, 0)
                await client.delete_records({topic: RecordsToDelete(before_offset=15)})
            async for batch in log.read(position):
                seen += [t.sequence for t in batch.ticks]
                gaps += batch.gaps
                if seen[-1] == 20:
                    break
        assert seen == [1, 2, 3, 4, 5, 16, 17, 18, 19, 20]
        assert [(g.reason, g.from_, g.until) for g in gaps] == [("retention", NOW + 5, NOW + 16)]


async def test_a_topic_with_another_policy_is_told_and_left_alone(address: Address) -> None:
    async with admin(address) as client:
        compacted = {"cleanup.policy": "compact"}
        topic = NewTopic(address.prefix, 1, 1, topic_configs=compacted)
        await client.create_topics([topic])
    with pytest.raises(StreamUnusable, match=r"cleanup.policy=compact where delete is needed"):
        async with KafkaLog(address):
            pass


@pytest.mark.parametrize("server", ["127.0.0.1:1", "no-such-host.invalid:9092"])
async def test_a_broker_that_is_not_there_is_told_with_the_cause(server: str) -> None:
    cause = "connection refused" if "127" in server else "no such host"
    begin = time.monotonic()
    async with open_stream(f"kafka://{server}/ticks") as stream:
        with pytest.raises(StreamUnreachable, match=cause):
            await stream.snapshot()
        assert (await stream.health()).state == "unreachable"
    with pytest.raises(StreamUnreachable, match=cause):
        async with open_log(f"kafka://{server}/ticks"):
            pass
    assert time.monotonic() - begin < 10


async def test_a_reader_that_came_first_waits_for_its_topics(address: Address) -> None:
    async with KafkaStream(address) as stream:
        with pytest.raises(StreamMissing):
            await stream.find("start")
        async with KafkaLog(address) as log:
            await log.append([tick(log.origin, "A", 1)])
        assert sum(len(batch.ticks) for batch in await read(stream)) == 1


async def test_a_writer_that_lost_a_race_is_told_and_its_message_is_never_shown(
    address: Address,
) -> None:
    async with KafkaLog(address, Plan(partitions=1)) as one, KafkaLog(address) as two:
        await one.append([tick(one.origin, "A", 1, volume=1)])
        await two.last()
        other = replace(tick(one.origin, "A", 2), price=9.0, volume=1)
        writer: Any = two._writer
        real: Callable[[], Any] = writer._caught_up
        looks = 0

        async def late() -> Any:
            nonlocal looks
            looks += 1
            known = await real()
            if looks == 1:  # between its look and its message, the other writes
                await one.append([other])
            return known

        writer._caught_up = late
        with pytest.raises(SequenceConflict):
            await two.append([tick(two.origin, "A", 2, volume=2), tick(two.origin, "A", 3)])
        await two.append([tick(two.origin, "A", 3, volume=2)])
        ticks = [t for b in await read(one) for t in b.ticks]
        assert [(t.sequence, t.volume) for t in ticks] == [(1, 1), (2, 1), (3, 2)]
        assert (await one.health()).broken == 0
