# ruff: noqa: T201 - a bench prints its figures
"""How fast the Kafka stream is, against bare clients: same broker, same run, same JSON and headers.

`pytest -m bench -s tests/bench/test_kafka.py`. Each is warmed first, and the best of some rounds
counts, turn by turn, because the machine is shared.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.serving import serving
from ticker import wire
from ticker.exchange import Exchange, Market, companies
from ticker.processes.child import environment
from ticker.records import Batch, Quote, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.kafka.messages import HEADERS
from ticker.streams.kafka.producing import BATCH_BYTES

pytestmark = pytest.mark.bench

BATCH = 5_000
BATCHES = 20
ROWS = BATCH * BATCHES
SYMBOLS = [f"SYM{n}" for n in range(500)]
NOW = 1_795_447_805_000_000


def ticks(origin: str, batch: int) -> list[Tick]:
    return [
        Tick(
            symbol=SYMBOLS[number % len(SYMBOLS)],
            source="exchange",
            origin=origin,
            sequence=number // len(SYMBOLS) + 1,
            time=NOW + number,
            received=NOW + number + 300_000,
            price=100 + number % 97 / 8,
            previous_price=100.25,
            day_change=1.5,
            volume=120_431 + number,
            bid=100.5,
            ask=100.75,
            simulated=True,
        )
        for number in range(batch * BATCH, (batch + 1) * BATCH)
    ]


def address(kafka: str) -> KafkaAddress:
    return KafkaAddress((kafka,), f"bench.{time.time_ns()}")


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


async def append_ours(kafka: str) -> float:
    batches = [ticks("bench", n) for n in range(BATCHES)]
    async with KafkaLog(address(kafka), TopicPlan(partitions=1)) as log:
        await log.append(
            Batch(ticks=ticks("warm", 0)[:1])
        )  # its producer is started before we measure

        async def work() -> None:
            for batch in batches:
                await log.append(Batch(ticks=batch))

        return await timed(work)


async def bare(kafka: str, work: Callable[[Any, str], Awaitable[None]]) -> float:
    """A topic as ours, and aiokafka's own producer with our settings."""
    where = address(kafka)
    async with KafkaLog(where, TopicPlan(partitions=1)):
        pass
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        compression_type="zstd",
    )
    await producer.start()
    try:
        await producer.partitions_for(where.prefix)
        return await timed(lambda: work(producer, where.prefix))
    finally:
        await producer.stop()


async def append_batches(kafka: str) -> float:
    batches = [ticks("bench", n) for n in range(BATCHES)]

    async def work(producer: Any, topic: str) -> None:
        for some in batches:
            futures = []
            batch = producer.create_batch()
            for tick in some:
                key, value = tick.symbol.encode(), wire.encode(tick)
                if batch.append(timestamp=None, key=key, value=value, headers=HEADERS) is None:
                    futures.append(await producer.send_batch(batch, topic, partition=0))
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=key, value=value, headers=HEADERS)
            futures.append(await producer.send_batch(batch, topic, partition=0))
            await asyncio.gather(*futures)

    return await bare(kafka, work)


async def append_single(kafka: str) -> float:
    batches = [ticks("bench", n) for n in range(BATCHES)]

    async def work(producer: Any, topic: str) -> None:
        for some in batches:
            futures = [
                await producer.send(
                    topic,
                    wire.encode(tick),
                    key=tick.symbol.encode(),
                    partition=0,
                    headers=HEADERS,
                )
                for tick in some
            ]
            await asyncio.gather(*futures)

    return await bare(kafka, work)


async def append_confluent(kafka: str) -> float:
    batches = [ticks("bench", n) for n in range(BATCHES)]
    where = address(kafka)
    async with KafkaLog(where, TopicPlan(partitions=1)):
        pass
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": kafka,
            "enable.idempotence": True,  # which brings acks=all
            "compression.type": "zstd",
            "batch.size": BATCH_BYTES,
            "linger.ms": 1,
        }
    )
    producer.list_topics(where.prefix, 10)
    headers: Any = HEADERS
    begin = time.perf_counter()
    for some in batches:
        for tick in some:
            producer.produce(
                where.prefix,
                wire.encode(tick),
                tick.symbol.encode(),
                partition=0,
                headers=headers,
            )
        producer.poll(0)
        producer.flush()
    return time.perf_counter() - begin


async def test_appending_keeps_up_with_a_bare_send_batch(kafka: str) -> None:
    await append_ours(kafka)
    ways = (append_ours, append_batches, append_confluent, append_single)
    rounds = [[await way(kafka) for way in ways] for _ in range(4)]
    ours, batches, confluent, single = (min(times) for times in zip(*rounds, strict=True))
    print(
        f"\nappend: ours {ROWS / ours:,.0f} ticks/s; bare send_batch {ROWS / batches:,.0f}: "
        f"{batches / ours:.2f}; confluent-kafka {ROWS / confluent:,.0f}: {confluent / ours:.2f}; "
        f"send {ROWS / single:,.0f}: {single / ours:.2f}"
    )
    assert batches / ours >= 0.8


async def test_reading_keeps_up_with_a_bare_getmany(kafka: str) -> None:
    where = address(kafka)
    rows = 3 * ROWS
    async with KafkaLog(where, TopicPlan(partitions=1)) as log:
        for n in range(3 * BATCHES):  # long enough for the beginning not to count
            await log.append(Batch(ticks=ticks("bench", n)))

    async def ours() -> float:
        async with KafkaStream(where) as stream:
            begin = await stream.find("start")

            async def work() -> None:
                seen = 0
                async for batch in stream.read(begin, follow=False):
                    seen += len(batch.ticks)
                assert seen == rows

            return await timed(work)

    async def getmany() -> float:
        async def work() -> None:
            consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
            await consumer.start()
            partition = TopicPartition(where.prefix, 0)
            consumer.assign([partition])
            consumer.seek(partition, 0)
            seen = 0
            while seen < rows:
                found = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
                for messages in found.values():
                    seen += len([wire.decode(message.value) for message in messages])
            await consumer.stop()

        return await timed(work)

    rounds = [(await ours(), await getmany()) for _ in range(4)][1:]
    read, least = (min(times) for times in zip(*rounds, strict=True))
    print(
        f"\nread: ours {rows / read:,.0f} ticks/s; bare getmany with decoding "
        f"{rows / least:,.0f}: {least / read:.2f}"
    )
    assert least / read >= 0.8


async def test_a_tick_comes_to_its_reader_soon(kafka: str) -> None:
    where = address(kafka)
    delays: list[float] = []
    async with KafkaLog(where) as log, KafkaStream(where) as stream:
        sent: dict[int, float] = {}

        async def follow() -> None:
            async for batch in stream.read(await stream.find("start")):
                at = time.perf_counter()
                delays.extend(at - sent[t.sequence] for t in batch.ticks[:1])
                if batch.ticks and batch.ticks[-1].sequence == 300:
                    return

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(follow())
            await asyncio.sleep(1)
            for n in range(1, 301):
                sent[n] = time.perf_counter()
                await log.append(Batch(ticks=[Tick("A", "bench", "bench", n, NOW, NOW, 1.0)]))
                await asyncio.sleep(0.01)
    p50, p99 = median(delays) * 1_000, quantiles(delays, n=100)[98] * 1_000
    print(f"\nappend to reader: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert p50 < 50


@pytest.fixture
def moving() -> Iterator[str]:
    """The source URL of 20 stocks that move ten times a second; a sync fixture, for its thread."""
    with serving(Exchange(Market(7, listings=companies(20), every=100_000), port=0)) as (
        host,
        port,
    ):
        yield f"exchange:{host}:{port}"


async def test_a_polled_price_comes_to_its_reader_soon(
    kafka: str, moving: str, tmp_path: Path
) -> None:
    """All the way: source → `ticker poll`'s local log → its relay → Kafka → reader."""
    where = address(kafka)
    symbols = [f"S{n:04}" for n in range(1, 21)]
    words = [sys.executable, "-P", "-m", "ticker", "poll", *symbols, "--every", "100ms"]
    words += ["--source", moving, "--stream", where.url, "--quiet"]
    env = {**environment(), "XDG_STATE_HOME": str(tmp_path)}
    poller = await asyncio.create_subprocess_exec(*words, env=env)
    delays: list[float] = []
    try:
        async with asyncio.timeout(90), KafkaStream(where) as stream:
            while (await stream.health()).state != "ok":  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.1)
            reading = stream.read(await stream.find("end"))
            async with contextlib.aclosing(reading) as batches:
                async for batch in batches:
                    now = time.time_ns() // 1_000
                    delays += [now - tick.received for tick in batch.ticks[:1]]
                    if len(delays) == 300:
                        break
    finally:
        poller.terminate()
        await poller.wait()
    p50, p99 = median(delays) / 1_000, quantiles(delays, n=100)[98] / 1_000
    print(f"\npoll to reader: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert p50 < 100


async def test_a_late_reader_has_a_full_board_soon(kafka: str) -> None:
    """500 symbols after a burst of 200,000 ticks with their quotes."""
    where = address(kafka)
    async with KafkaLog(where) as log:
        for n in range(40):
            some = ticks("bench", n)
            quotes = [
                Quote(t.symbol, t.source, t.time, t.received, t.price, t.origin, t.sequence)
                for t in some[-500:]
            ]
            simulated = [
                Quote(
                    q.symbol,
                    q.source,
                    q.time,
                    q.received,
                    q.price,
                    q.origin,
                    q.sequence,
                    simulated=True,
                )
                for q in quotes
            ]
            await log.append(Batch(ticks=some, quotes=simulated))
    async with KafkaStream(where) as stream:
        begin = time.perf_counter()
        snapshot = await stream.snapshot()
        taken = time.perf_counter() - begin
    print(f"\nlate reader: {len(snapshot.quotes)} quotes in {taken:.2f} s")
    assert len(snapshot.quotes) == 500
    assert taken < 3
