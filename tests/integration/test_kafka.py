"""The Kafka stream on a real broker: partitions, late readers, foreign messages, policies."""

import asyncio
import contextlib
import itertools
import socket
import time
from typing import Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.cluster import ClusterMetadata
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.admin import CreateTopicsRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from msgspec.structs import force_setattr, replace

from tests.kafka_flow import admin
from ticker import wire
from ticker.errors import (
    InvalidRecord,
    MixedPrices,
    SequenceConflict,
    StreamMissing,
    StreamUnfit,
    StreamUnreachable,
    StreamUnusable,
)
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams import open_log, open_stream
from ticker.streams.kafka import (
    KafkaAddress,
    KafkaLog,
    KafkaStream,
    TopicPlan,
    fetching,
    following,
    missing,
    topics,
)
from ticker.streams.kafka.cluster import BEGIN, ClusterClient
from ticker.streams.kafka.connecting import ANSWER
from ticker.streams.kafka.fetching import Fetching, span
from ticker.streams.kafka.producing import Producing
from ticker.streams.kafka.snapshot import gaps_between, oldest_received, read_snapshot
from ticker.streams.kafka.topics import configurations
from ticker.streams.protocol import ReadStats

NOW = 1_795_447_805_000_000
SYMBOLS = [f"S{n}" for n in range(20)]


def tick(origin: str, symbol: str, sequence: int, **other: Any) -> Tick:
    at = NOW + sequence
    return Tick(symbol, "test", origin, sequence, at, at, 100.0 + sequence, **other)


def quote(origin: str, symbol: str, sequence: int) -> Quote:
    at = NOW + sequence
    return Quote(symbol, "test", at, at, 100.0 + sequence, origin, sequence)


async def read(stream: Any, **options: Any) -> list[Batch]:
    begin = await stream.find("start")
    return [batch async for batch in stream.read(begin, follow=False, **options)]


async def put(address: KafkaAddress, topic: str, *messages: dict[str, Any]) -> None:
    """Messages of another program."""
    producer = AIOKafkaProducer(bootstrap_servers=address.servers[0], max_request_size=2**21)
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(topic, **{"partition": 0, **message})
    finally:
        await producer.stop()


async def put_unreadable(
    address: KafkaAddress, topic: str, *values: tuple[bytes, bytes], partition: int = 0
) -> None:
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
        await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


async def test_over_several_partitions_each_symbol_keeps_its_order(address: KafkaAddress) -> None:
    async with KafkaLog(address, TopicPlan(partitions=4)) as log:
        for n in range(1, 31):
            await log.append(Batch(ticks=[tick("o", s, n) for s in SYMBOLS]))
        batches = await read(log, limit=50)
        seen = [t for batch in batches for t in batch.ticks]
        assert max(len(batch.ticks) for batch in batches) <= 50
        for symbol in SYMBOLS:
            assert [t.sequence for t in seen if t.symbol == symbol] == list(range(1, 31))
        last = [batch async for batch in log.read(await log.find_last(60), follow=False)]
        assert len([t for batch in last for t in batch.ticks]) == 60


async def test_a_late_reader_joins_quotes_and_ticks_over_partitions_while_others_write(
    address: KafkaAddress,
) -> None:
    rounds = 150

    async def write(log: KafkaLog, origin: str) -> None:
        for n in range(1, rounds + 1):
            some = SYMBOLS if n % 3 else SYMBOLS[:7]  # not all symbols move each time
            heads.update({(origin, s): heads.get((origin, s), 0) + 1 for s in some})
            await log.append(
                Batch(
                    ticks=[tick(origin, s, heads[origin, s]) for s in some],
                    quotes=[quote(origin, s, heads[origin, s]) for s in some],
                )
            )

    async def look(delay: float) -> None:
        await asyncio.sleep(delay)
        async with KafkaStream(address) as stream:
            snapshot = await stream.snapshot()
            known = {(q.origin, q.symbol): q.sequence or 0 for q in snapshot.quotes}
            reading = stream.read(snapshot.position, last_seen=snapshot.last_seen)
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
        KafkaLog(address, TopicPlan(partitions=3)) as one,
        KafkaLog(address) as two,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        readers = [group.create_task(look(delay / 5)) for delay in range(6)]
        await asyncio.gather(write(one, "machine1"), write(two, "machine2"))
        done.set()
        await asyncio.gather(*readers)


async def test_a_symbol_whose_quote_lags_far_behind_is_read_from_further_back(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "QUIET", 1)], quotes=[quote("o", "QUIET", 1)]))
        # Its later ticks come with no quote, as after a writer that died in between.
        await log.append(Batch(ticks=[tick("o", "QUIET", n) for n in (2, 3)]))
        for n in range(1, 10_001, 2_000):
            await log.append(Batch(ticks=[tick("o", "BUSY", m) for m in range(n, n + 2_000)]))
        await log.append(Batch(ticks=[tick("o", "QUIET", 4)], quotes=[quote("o", "BUSY", 10_000)]))
        snapshot = await log.snapshot()
        batches = [
            b async for b in log.read(snapshot.position, last_seen=snapshot.last_seen, follow=False)
        ]
        assert [g for b in batches for g in b.gaps] == []
        assert [t.sequence for b in batches for t in b.ticks if t.symbol == "QUIET"] == [2, 3, 4]
    async with ClusterClient(address) as asking:
        late = await read_snapshot(asking, await asking.topics())
    # By what was read at first, not by a search for what is missing afterwards.
    [seen] = late.window.values()
    assert [tick.sequence for tick in seen.records if tick.symbol == "QUIET"][-3:] == [2, 3, 4]


async def test_ticks_newer_than_any_quote_are_found_behind_many_others(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "QUIET", 1)], quotes=[quote("o", "QUIET", 1)]))
        await log.append(
            Batch(ticks=[tick("o", "QUIET", n) for n in (2, 3)])
        )  # their writer dies here
        for n in range(1, 20_001, 2_000):
            await log.append(Batch(ticks=[tick("o", "BUSY", m) for m in range(n, n + 2_000)]))
        await log.append(Batch(quotes=[quote("o", "BUSY", 20_000)]))
        snapshot = await log.snapshot()
        assert {q.sequence for q in snapshot.quotes} == {1, 20_000}
        await log.append(Batch(ticks=[tick("o", "QUIET", 4), tick("o", "BUSY", 20_001)]))
        batches = [
            b async for b in log.read(snapshot.position, last_seen=snapshot.last_seen, follow=False)
        ]
        assert [g for b in batches for g in b.gaps] == []
        found = [(t.symbol, t.sequence) for b in batches for t in b.ticks]
        assert found == [("QUIET", 2), ("QUIET", 3), ("QUIET", 4), ("BUSY", 20_001)]
        assert (await log.health()).holes == 0


async def test_a_reopened_log_continues_where_it_ended(address: KafkaAddress) -> None:
    async with KafkaLog(address) as log:
        log_id = log.id
        await log.append(
            Batch(
                ticks=[tick(o, s, n) for o in ("near", "far") for n in (1, 2) for s in SYMBOLS],
                gaps=[Gap("test", "far", "w", NOW, "stopped", from_=1, until=2)],
                quotes=[quote("far", s, 2) for s in SYMBOLS],
            )
        )
    async with KafkaLog(address) as log:
        assert log.id == log_id
        assert await log.last() == {(o, s): 2 for o in ("near", "far") for s in SYMBOLS}
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick("far", "S1", 4)]))
        await log.append(
            Batch(
                ticks=[tick("far", "S1", n) for n in (1, 2, 3)],
                gaps=[Gap("test", "far", "w", NOW, "stopped", from_=1, until=2)],
            )
        )
        batches = await read(log)
        assert sum(len(batch.ticks) for batch in batches) == 81
        assert sum(len(batch.gaps) for batch in batches) == 1


async def test_quotes_of_a_symbol_are_sent_once_a_second_and_at_the_end(
    address: KafkaAddress,
) -> None:
    begun = time.monotonic()
    async with KafkaLog(address) as log:
        for n in range(1, 6):
            await log.append(Batch(ticks=[tick("o", "A", n)], quotes=[quote("o", "A", n)]))
    took = time.monotonic() - begun
    async with KafkaStream(address) as stream:
        begin = await stream.find("start")
        quotes = [q async for b in stream.read(begin, follow=False, limit=1) for q in b.quotes]
        assert [q.sequence for q in quotes][-1] == 5
        assert len(quotes) <= 2 + took, "the first, one a second, and the last at the end"
        assert [q.sequence for q in (await stream.snapshot()).quotes] == [5]


async def test_a_waiting_quote_is_sent_even_if_nothing_follows(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address) as log, KafkaStream(address) as stream, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
        closed = replace(quote("o", "A", 1), time=NOW + 500, session="closed")
        await log.append(Batch(quotes=[closed]))
        async for batch in stream.read(await stream.find("start")):
            if closed in batch.quotes:
                break


async def test_messages_are_plain_json_with_key_and_headers(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        beat = Heartbeat("o", "w1", "test", NOW, NOW, 1, "ok", 1, 1)
        await log.append(
            Batch(ticks=[tick("o", "GC=F", 7)], quotes=[quote("o", "GC=F", 7)], heartbeats=[beat])
        )
    names = [address.prefix + ending for ending in ("", ".quotes", ".heartbeats")]
    consumer = AIOKafkaConsumer(bootstrap_servers=address.servers[0], auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(name, 0) for name in names])
    found: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while len(found) < 3:
            message = await consumer.getone()
            found[message.topic] = message
    await consumer.stop()
    headers = (("content-type", b"application/json"), ("schema-version", b"1"))
    assert {message.headers for message in found.values()} == {headers}
    assert [found[name].key for name in names] == [b"GC=F", b"o GC=F", b"w1 test"]
    assert found[names[0]].value == wire.encode(tick("o", "GC=F", 7))
    assert {message.timestamp_type for message in found.values()} == {1}  # LogAppendTime


async def test_foreign_and_broken_messages_are_counted_and_skipped(
    address: KafkaAddress,
) -> None:
    good = wire.encode(tick("o", "A", 2))
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
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
            {"key": b"A", "value": good.replace(b"102.0", b"0")},
            {"key": b"A", "value": good, "headers": [("schema-version", b"2")]},
            {"key": b"A", "value": good, "headers": [("schema-version", b"\xff")]},
            {"key": b"A", "value": good, "headers": [("schema-version", b"9" * 5_000)]},
            {"key": b"A", "value": wire.encode(quote("o", "A", 2))},
        ]
        await put(address, address.prefix, *foreign)
        for ending in (".gaps", ".quotes", ".heartbeats"):
            await put(address, address.prefix + ending, *foreign[:3])
        await log.append(Batch(ticks=[tick("o", "A", 2)]))
        ticks = [t.sequence for b in await read(log) for t in b.ticks]
        assert ticks == [1, 2]
        assert log.read_stats().broken == len(foreign) + 9
        health = await KafkaStream(address).health()
        assert (health.state, health.broken) == ("ok", len(foreign) + 6)  # gaps are not checked
        assert health.ticks == 2
        assert [q.symbol for q in (await log.snapshot()).quotes].count("A") == 1
    async with KafkaLog(address) as log:
        assert await log.last() == {("o", "A"): 2}


async def test_a_symbol_without_a_quote_is_shown_by_its_last_tick(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
        foreign = [
            {"key": b"MINE", "value": wire.encode(tick("p", "MINE", n))} for n in range(1, 6)
        ]
        await put(address, address.prefix, *foreign)
        snapshot = await log.snapshot()
        shown = {q.symbol: (q.sequence, q.price) for q in snapshot.quotes}
        assert shown == {"A": (1, 101.0), "MINE": (5, 105.0)}
        await put(
            address, address.prefix, {"key": b"MINE", "value": wire.encode(tick("p", "MINE", 6))}
        )
        batches = [
            b async for b in log.read(snapshot.position, last_seen=snapshot.last_seen, follow=False)
        ]
        assert [t.sequence for b in batches for t in b.ticks] == [6]
        assert log.read_stats() == ReadStats()


async def test_a_message_that_aiokafka_cannot_read_is_counted_and_skipped(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=2)) as log:
        await log.append(
            Batch(ticks=[tick("o", s, 1) for s in SYMBOLS], quotes=[quote("o", "A", 1)])
        )
        for _ in range(2):
            await put_unreadable(
                address,
                address.prefix,
                (b"foreign", wire.encode(tick("p", "foreign", 1))),
                (b"x", b"x"),
            )
        await put_unreadable(address, address.prefix + ".quotes", (b"x", b"x"))
        await log.append(
            Batch(ticks=[tick("o", s, 2) for s in SYMBOLS], quotes=[quote("o", "A", 2)])
        )
        found = [(t.symbol, t.sequence) for b in await read(log) for t in b.ticks]
        assert sorted(found) == sorted([*((s, n) for s in SYMBOLS for n in (1, 2)), ("foreign", 1)])
        assert (await log.health()).broken == 3
        assert [q.symbol for q in (await log.snapshot()).quotes].count("A") == 1
        assert (await log.last())["o", "S0"] == 2


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_messages_in_every_compression_are_read(address: KafkaAddress, codec: str) -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": address.servers[0], "compression.type": codec, "linger.ms": 50}
    )
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        ticks = [tick("o", "A", n) for n in range(1, 201)]
        for one in ticks:
            producer.produce(address.prefix, wire.encode(one), b"A", partition=0)
        assert await asyncio.to_thread(producer.flush, 10) == 0
        assert [t for b in await read(log) for t in b.ticks] == ticks


async def test_a_reader_that_retention_overtook_gets_a_gap_and_continues(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", n) for n in range(1, 21)]))
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


async def test_retention_runs_while_ticks_flow_and_reports_to_overtaken_readers(
    address: KafkaAddress,
) -> None:
    sequences = itertools.count(1)
    plan = TopicPlan(partitions=1, keep_for=2_000_000)
    async with KafkaLog(address, plan) as log, ClusterClient(address) as asking:
        await log.append(Batch(ticks=[tick("o", "A", next(sequences))]))
        position = (await anext(log.read(await log.find("start")))).position
        topics = await asking.topics()
        async with asyncio.timeout(30):
            while min((await asking.offsets(topics, BEGIN, 0)).values()) < 2:
                await log.append(Batch(ticks=[tick("o", "A", next(sequences))]))
                await asyncio.sleep(0.1)  # a steady flow: no segment is ever left to itself
        seen: list[int] = []
        gaps: list[Gap] = []
        async for batch in log.read(position, follow=False):
            seen += [t.sequence for t in batch.ticks]
            gaps += batch.gaps
        assert seen == list(range(seen[0], next(sequences)))
        assert seen[0] > 2
        assert {gap.reason for gap in gaps} == {"retention"}


async def test_a_span_whose_start_retention_deleted_is_read_from_there(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log, admin(address) as client:
        await log.append(Batch(ticks=[tick("o", "A", n) for n in range(1, 21)]))
        where = TopicPartition(address.prefix, 0)
        await client.delete_records({where: RecordsToDelete(before_offset=15)})
        spans = {where: (0, 18), TopicPartition(address.prefix + ".gaps", 0): (3, 9)}
        found = [m.offset async for _, some in span(address, spans) for m in some]
        assert found == [15, 16, 17]


async def test_a_reading_passes_invisible_markers_while_other_partitions_flow(
    address: KafkaAddress,
) -> None:
    """One partition ends with the marker of another program's transaction."""
    quiet, busy = name_in(0, 2), name_in(1, 2)
    async with KafkaLog(address, TopicPlan(partitions=2)) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", quiet, 1)]))
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": address.servers[0], "transactional.id": address.prefix}
        )
        await asyncio.to_thread(producer.init_transactions, 20)
        producer.begin_transaction()
        producer.produce(address.prefix, b"foreign", quiet.encode(), partition=0)
        await asyncio.to_thread(producer.commit_transaction, 20)

        async def flow() -> None:
            for n in itertools.count(1):
                await log.append(Batch(ticks=[tick("o", busy, n)]))
                await asyncio.sleep(0.02)

        flowing = asyncio.create_task(flow())
        begin = await log.find("start")
        seen = {t.symbol async for b in log.read(begin, follow=False) for t in b.ticks}
        flowing.cancel()
        assert quiet in seen


async def test_a_topic_with_another_policy_is_reported_and_left_alone(
    address: KafkaAddress,
) -> None:
    async with admin(address) as client:
        compacted = {"cleanup.policy": "compact"}
        topic = NewTopic(address.prefix, 1, 1, topic_configs=compacted)
        await client.create_topics([topic])
    with pytest.raises(StreamUnfit, match=r"cleanup.policy=compact where delete is needed"):
        async with KafkaLog(address):
            pass
    # Readers hear it too: no poller makes the other three.
    reader = KafkaStream(address)
    for read_something in (reader.snapshot(), reader.find("start"), reader.find_last(10)):
        with pytest.raises(StreamUnusable, match=r"cleanup.policy=compact where delete is needed"):
            await read_something
    health = await reader.health()
    assert health.state == "unusable"
    assert "kafka-configs.sh" in (health.problem or "")


async def test_a_cluster_that_is_not_complete_yet_is_waited_for(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    real = ClusterClient.ask

    async def ask(self: ClusterClient, request: Any) -> Any:
        nonlocal asked
        if isinstance(request, CreateTopicsRequest):
            asked += 1
            copies = 3 if asked == 1 else 1  # of one broker's cluster
            request.create_topic_requests = [
                (name, partitions, copies, *rest)
                for name, partitions, _, *rest in request.create_topic_requests
            ]
        return await real(self, request)

    monkeypatch.setattr(ClusterClient, "ask", ask)
    async with KafkaLog(address) as log:
        assert asked == 2
        await log.append(Batch(ticks=[tick("o", "A", 1)]))


async def test_a_cluster_that_stays_incomplete_is_reported(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "ANSWER", 1)
    with pytest.raises(StreamUnreachable, match="cannot make the topic"):
        async with KafkaLog(address, TopicPlan(replication=3)):
            pass


async def test_topics_are_created_even_while_no_controller_is_known(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is for a moment after a broker began, or was away for longer than its session.
    unknown = property(lambda _: None, lambda *_: None)
    monkeypatch.setattr(ClusterMetadata, "controller", unknown, raising=False)
    async with KafkaLog(address) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        assert await log.last() == {("o", "A"): 1}


async def test_ticks_are_found_by_time_even_if_the_brokers_clock_is_behind(
    address: KafkaAddress,
) -> None:
    ahead = (time.time_ns() // 1_000) + 60_000_000
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(
            Batch(ticks=[replace(tick("o", "A", n), received=ahead + n) for n in range(1, 11)])
        )
        reading = log.read(await log.find(ahead + 4), follow=False)
        found = [t.sequence async for batch in reading for t in batch.ticks]
        assert found == [4, 5, 6, 7, 8, 9, 10]


async def test_columns_arrive_even_if_their_caller_works_long_on_a_chunk(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Fetching):
        async def _fetch(self, limit: int, wait: float, *only: TopicPartition) -> Any:
            await asyncio.sleep(0.05)  # under way when the caller has the chunk before
            return await super()._fetch(min(1, limit), wait, *only)

    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3)]))
    monkeypatch.setattr(fetching, "Fetching", Slow)
    monkeypatch.setattr(fetching, "ANSWER", 1.0)

    def work() -> list[int]:
        seen: list[int] = []
        for chunk in KafkaStream(address).columns():
            if not seen:
                time.sleep(2)  # longer than a broker has to answer
            seen += chunk["sequence"]
        return seen

    assert await asyncio.to_thread(work) == [1, 2, 3]


async def test_a_reader_reports_topics_with_another_policy(address: KafkaAddress) -> None:
    async with KafkaLog(address) as log, admin(address) as client:
        assert (await log.health()).problem is None
        resource = ConfigResource(ConfigResourceType.TOPIC, address.prefix + ".quotes")
        resource.configs = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
        await client.alter_configs([resource])
        problem = (await KafkaStream(address).health()).problem
    assert problem is not None
    assert "cleanup.policy=compact where compact,delete is needed" in problem


@pytest.mark.parametrize("server", ["127.0.0.1:1", "no-such-host.invalid:9092"])
async def test_an_unreachable_broker_is_reported_with_the_cause(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: Any, *what: Any, **more: Any) -> Any:
        if f"{host}".endswith(".invalid"):  # as a resolver says, some of them after long
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *what, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
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


async def test_a_reader_that_came_first_waits_for_its_topics(address: KafkaAddress) -> None:
    async with KafkaStream(address) as stream:
        with pytest.raises(StreamMissing):
            await stream.find("start")
        async with KafkaLog(address) as log:
            await log.append(Batch(ticks=[tick("o", "A", 1)]))
        assert sum(len(batch.ticks) for batch in await read(stream)) == 1


def name_in(partition: int, partitions: int) -> str:
    """A symbol whose ticks lie in `partition`."""
    every = list(range(partitions))
    names = (f"N{n}" for n in range(10_000))
    return next(s for s in names if DefaultPartitioner()(s.encode(), every, every) == partition)


async def test_an_empty_batch_does_not_skip_ticks_that_are_still_held_back(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a hole is looked up, an empty batch's position stays before the ticks behind it."""
    looked = asyncio.Event()
    answer = asyncio.Event()

    async def slow(*what: Any) -> list[Gap]:
        looked.set()
        await answer.wait()
        return await gaps_between(*what)

    monkeypatch.setattr(missing, "gaps_between", slow)
    async with KafkaLog(address, TopicPlan(partitions=1)) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2)]))
        async with contextlib.aclosing(log.read(await log.find("start"))) as batches:
            assert [t.sequence for t in (await anext(batches)).ticks] == [1, 2]
            values = [wire.encode(tick("o", "A", n)) for n in (5, 6)]
            await put(address, address.prefix, *[{"key": b"A", "value": v} for v in values])
            await looked.wait()
            empty = await anext(batches)
            assert not empty
        answer.set()
        resumed = [b async for b in log.read(empty.position, follow=False)]
        assert [t.sequence for b in resumed for t in b.ticks] == [5, 6]


async def test_a_failed_lookup_does_not_lose_the_gap_that_retention_left(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def failing(*what: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise StreamUnreachable(address.url, "away for a moment")
        return await oldest_received(*what)

    async with KafkaLog(address, TopicPlan(partitions=1)) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", "A", n) for n in range(1, 21)]))
        begin = await log.find("start")
        async with admin(address) as client:
            topic = TopicPartition(address.prefix, 0)
            await client.delete_records({topic: RecordsToDelete(before_offset=15)})
        monkeypatch.setattr(following, "oldest_received", failing)
        seen: list[int] = []
        gaps: list[str] = []
        async with contextlib.aclosing(log.read(begin)) as batches:
            async for batch in batches:
                seen += [t.sequence for t in batch.ticks]
                gaps += [gap.reason for gap in batch.gaps]
                if seen[-1:] == [20]:
                    break
        assert (asked, seen, gaps) == (2, list(range(16, 21)), ["retention"])


async def test_a_partition_that_falls_silent_while_another_flows_is_detected(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Seen(Fetching):
        async def begin(self) -> None:
            await super().begin()
            made.append(self)

    monkeypatch.setattr(following, "Fetching", Seen)
    flowing, silent = (name_in(n, 2) for n in (0, 1))
    async with KafkaLog(address, TopicPlan(partitions=2)) as log, asyncio.timeout(40):
        await log.append(Batch(ticks=[tick("o", flowing, 1), tick("o", silent, 1)]))
        stream = KafkaStream(address, watch=0.6)
        sequence = 1
        last = {flowing: 0, silent: 0}

        async def read_on() -> None:
            async with contextlib.aclosing(stream.read(await stream.find("start"))) as batches:
                async for batch in batches:
                    last.update({t.symbol: t.sequence for t in batch.ticks})

        reader = asyncio.create_task(read_on())
        while last[silent] < 1:  # noqa: ASYNC110 - another task counts
            await asyncio.sleep(0.01)
        made[0]._consumer.pause(TopicPartition(address.prefix, 1))
        while len(made) < 2 or last[silent] < 3:
            sequence += 1
            await log.append(
                Batch(ticks=[tick("o", flowing, sequence), tick("o", silent, sequence)])
            )
            await asyncio.sleep(0.05)
        reader.cancel()
        await asyncio.wait([reader])
        assert len(made) >= 2  # on a machine that is held up, it may be made once more


async def test_a_reading_that_ends_by_an_unforeseen_error_raises_it(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("unforeseen")

    async with KafkaLog(address, TopicPlan(partitions=1)) as log, asyncio.timeout(20):
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        monkeypatch.setattr(following, "gather", broken)
        with pytest.raises(KeyError):
            await anext(log.read(await log.find("start")))


async def test_one_unreadable_message_among_many_partitions_is_skipped(
    address: KafkaAddress,
) -> None:
    partitions = 40
    symbol = name_in(partitions - 1, partitions)
    async with KafkaLog(address, TopicPlan(partitions=partitions)) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", symbol, 1)]))
        await put_unreadable(address, address.prefix, (b"x", b"x"), partition=partitions - 1)
        await log.append(Batch(ticks=[tick("o", symbol, 2)]))
        await log.append(Batch(ticks=[tick("o", name_in(0, partitions), 1)]))
        reading = log.read(await log.find("start"))
        seen: list[tuple[str, int]] = []
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                seen += [(t.symbol, t.sequence) for t in batch.ticks]
                if len(seen) == 3:
                    break
        assert sorted(seen) == sorted([(symbol, 1), (symbol, 2), (name_in(0, partitions), 1)])
        assert (await log.health()).broken >= 1


async def test_a_record_that_no_broker_accepts_is_refused_at_once(address: KafkaAddress) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        names = tuple(f"{'S' * 55}{n}" for n in range(20_000))
        long = Gap("test", "o", "w", NOW, "stopped", from_=1, until=2)
        force_setattr(long, "symbols", names)  # no record can be made that long
        with pytest.raises(InvalidRecord, match="longer than 900,000 bytes"):
            await log.append(Batch(gaps=[long]))
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        assert await log.last() == {("o", "A"): 1}


async def test_topics_created_by_hand_may_have_any_number_of_partitions(
    address: KafkaAddress,
) -> None:
    plan = TopicPlan(partitions=3)
    wanted = zip(("", ".gaps", ".quotes", ".heartbeats"), configurations(plan), strict=True)
    counts = {"": 3, ".gaps": 2, ".quotes": 1, ".heartbeats": 2}
    async with admin(address) as client:
        await client.create_topics(
            [
                NewTopic(address.prefix + ending, counts[ending], 1, topic_configs=dict(config))
                for ending, config in wanted
            ]
        )
    async with KafkaLog(address) as log:
        for n in (1, 2):
            await log.append(
                Batch(
                    ticks=[tick("o", s, n) for s in SYMBOLS],
                    quotes=[quote("o", s, n) for s in SYMBOLS],
                )
            )
        snapshot = await log.snapshot()
        assert sum(len(b.ticks) for b in await read(log)) == 2 * len(SYMBOLS)
    assert len(snapshot.quotes) == len(SYMBOLS)


async def test_added_partitions_are_reported_and_keep_each_symbols_order(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick("o", s, n) for s in SYMBOLS for n in (1, 2)]))
        begin = await log.find("start")
        stream = KafkaStream(address, watch=0.3)
        async with contextlib.aclosing(stream.read(begin)) as batches:
            await anext(batches)
            async with admin(address) as client:
                await client.create_partitions({address.prefix: NewPartitions(3)})
            with pytest.raises(StreamUnusable, match="had 1 partitions and has 3"):
                async for _ in batches:
                    pass
        with pytest.raises(StreamUnusable, match="no symbol's order is certain"):
            _ = [b async for b in stream.read(begin, follow=False)]


async def test_partitions_added_earlier_are_reported_to_a_later_writer(
    address: KafkaAddress,
) -> None:
    moved, stays = name_in(2, 3), name_in(0, 3)
    async with KafkaLog(address, TopicPlan(partitions=1)) as log, admin(address) as client:
        await log.append(Batch(ticks=[tick("o", s, n) for s in (moved, stays) for n in (1, 2)]))
        await client.create_partitions({address.prefix: NewPartitions(3)})
    words = f"ticks of {moved} lie in two partitions"
    async with KafkaLog(address) as log:
        await log.append(Batch(ticks=[tick("o", stays, 3)]))
        with pytest.raises(StreamUnusable, match=words):
            await log.append(Batch(ticks=[tick("o", moved, 3)]))
    stream = KafkaStream(address)
    assert sum(len(batch.ticks) for batch in await read(stream)) == 5
    # As a program writes it that does not look.
    value = wire.encode(tick("o", moved, 3))
    await put(address, address.prefix, {"key": moved.encode(), "value": value, "partition": 2})
    assert words in ((await stream.health()).problem or "")
    for asked in (stream.snapshot, KafkaLog(address).__aenter__):
        with pytest.raises(StreamUnusable, match=words):
            await asked()
    with pytest.raises(StreamUnusable, match=words):
        await read(stream)


async def test_a_topic_keeps_to_the_first_kind_of_prices_real_or_invented(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as one, KafkaLog(address) as two:
        await one.append(Batch(ticks=[tick("x", "A", 1)]))
        with pytest.raises(MixedPrices):
            await two.append(Batch(ticks=[tick("y", "B", 1, simulated=True)]))
        await one.append(Batch(ticks=[tick("x", "A", 2)]))
        assert [t.simulated for b in await read(one) for t in b.ticks] == [False, False]


async def test_one_silent_server_does_not_hide_the_others(address: KafkaAddress) -> None:
    async def swallow(_: Any, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    hung = asyncio.Event()
    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
    several = KafkaAddress((f"127.0.0.1:{port}", address.servers[0]), address.prefix)

    async def work(address: KafkaAddress, sequence: int) -> float:
        begin = time.monotonic()
        for _ in range(3):
            assert (await KafkaStream(address).health()).state == "ok"
        async with KafkaLog(address) as log:
            await log.append(Batch(ticks=[tick("o", "A", sequence)]))
            assert sum(len(b.ticks) for b in await read(log)) == sequence
        return time.monotonic() - begin

    try:
        alone = await work(address, 2)
        # Each of eight clients would wait for the silent one for half of this, or for all.
        assert await work(several, 3) < 3 * alone + ANSWER
    finally:
        hung.set()
        silent.close()


async def test_a_symbol_among_many_ticks_joins_its_waiting_quote(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
        await log.append(Batch(ticks=[tick("o", "A", 2)], quotes=[quote("o", "A", 2)]))  # it waits
        for n in range(1, 10_001, 2_000):
            await log.append(Batch(ticks=[tick("o", "B", m) for m in range(n, n + 2_000)]))
        snapshot = await log.snapshot()
        await log.append(Batch(ticks=[tick("o", "A", 3)]))
        batches = [
            b async for b in log.read(snapshot.position, last_seen=snapshot.last_seen, follow=False)
        ]
        sequence = next(q.sequence or 0 for q in snapshot.quotes if q.symbol == "A")
        assert [g for b in batches for g in b.gaps] == []
        followed = [t.sequence for b in batches for t in b.ticks if t.symbol == "A"]
        assert followed == list(range(sequence + 1, 4))


async def test_a_waiting_quote_survives_a_failure(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
        later = replace(quote("o", "A", 1), time=NOW + 500, received=NOW + 500)
        await log.append(Batch(quotes=[later]))  # acknowledged; it waits
        with monkeypatch.context() as patch:

            async def away(*_: Any) -> Any:
                raise StreamUnreachable(address.url, "away")

            patch.setattr(Producing, "send", away)
            with pytest.raises(StreamUnreachable):
                await log.append(Batch(ticks=[tick("o", "A", 2)]))
        await log.append(Batch(ticks=[tick("o", "A", 2)]))
    quotes = (await KafkaStream(address).snapshot()).quotes
    assert [q.time for q in quotes] == [later.time]


async def test_batches_are_compressed(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []

    def measured(answer: bytes) -> MemoryRecords:
        fetched.append(len(answer))
        return MemoryRecords(answer)

    monkeypatch.setattr("aiokafka.consumer.fetcher.MemoryRecords", measured)
    ticks = [tick("o", "A", n) for n in range(1, 1_001)]
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=ticks))
        assert [t for b in await read(log) for t in b.ticks] == ticks
    assert 0 < sum(fetched) < sum(len(wire.encode(t)) for t in ticks) / 4
