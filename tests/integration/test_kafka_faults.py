"""Faults of a broker cost its writers and readers no tick.

Two readers follow while one writes 2,000 ticks a second, and an oracle judges (`kafka_flow`).
`-m slow` runs the long rounds.
"""

import asyncio
import contextlib
import math
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import RecordsToDelete
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OutOfOrderSequenceNumber
from msgspec.structs import replace

from tests.cable import Cable
from tests.kafka_broker import Broker, free_port
from tests.kafka_flow import (
    SYMBOLS,
    Flow,
    Key,
    admin,
    away,
    delete_topics,
    flowing,
    frozen,
    killed,
    moved_on,
    suffer,
    tick,
)
from ticker.errors import SequenceConflict, StreamMissing, StreamUnreachable
from ticker.records import Batch, Gap, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan, writing
from ticker.streams.kafka.cluster import END, ClusterClient
from ticker.streams.kafka.connecting import ANSWER
from ticker.streams.kafka.following import KafkaRead
from ticker.streams.kafka.messages import TICKS
from ticker.streams.reader import ReadRequest

RESTART = 1.0
"""No Kafka takes connections again sooner after a kill (s)."""
UNDER_WAY = 4.0
"""By then what was under way when a fault began has come, on a busy machine too (s)."""
GIVEN_UP = 6.0
"""By then a client whose broker does not answer is let go (s)."""


async def test_a_killed_broker_costs_no_tick(broker: Broker, address: KafkaAddress) -> None:
    await suffer(address, killed(broker), seconds=RESTART)


async def test_a_broker_that_freezes_costs_no_tick(broker: Broker, address: KafkaAddress) -> None:
    await suffer(address, frozen(broker, 12), seconds=12 - UNDER_WAY)


async def test_two_machines_on_one_symbol_do_not_conflict(address: KafkaAddress) -> None:
    async with flowing(address, "machine1", "machine2") as flow:
        await moved_on(flow)


@pytest.mark.slow
async def test_a_broker_killed_five_times_costs_no_tick(
    broker: Broker, address: KafkaAddress
) -> None:
    await suffer(address, *(killed(broker) for _ in range(5)), seconds=RESTART)


@pytest.mark.slow
async def test_a_broker_frozen_for_30_s_costs_no_tick(
    broker: Broker, address: KafkaAddress
) -> None:
    await suffer(address, frozen(broker, 30), seconds=30 - UNDER_WAY)


@pytest.mark.slow
async def test_a_broker_away_for_2_min_costs_no_tick(broker: Broker, address: KafkaAddress) -> None:
    await suffer(address, away(broker, 120), seconds=120 - UNDER_WAY)


@pytest.mark.parametrize("seconds", [12, pytest.param(120, marks=pytest.mark.slow)])
async def test_a_broker_behind_a_cut_cable_costs_no_tick(
    make_broker: Callable[..., Any], seconds: float
) -> None:
    port = free_port()
    broker = make_broker(f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}")
    broker.start()
    cable = Cable("127.0.0.1", broker.port)

    async def cut() -> None:
        cable.cut()
        await asyncio.sleep(seconds)
        cable.mend()

    async with cable.listening(port):
        address = KafkaAddress((f"127.0.0.1:{port}",), "cut")
        await suffer(address, cut(), seconds=seconds - UNDER_WAY)
    broker.kill()


async def test_over_a_slow_link_every_tick_comes_and_a_writer_begins(
    make_broker: Callable[..., Any],
) -> None:
    port = free_port()
    broker = make_broker(f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}")
    broker.start()
    address = KafkaAddress((f"127.0.0.1:{port}",), "slow")
    chance = random.Random(5)  # noqa: S311 - prices that do not compress
    made = [
        replace(tick("o", symbol, n), price=chance.uniform(1, 1e6), bid=chance.uniform(1, 1e6))
        for n in range(1, 4_001)
        for symbol in SYMBOLS
    ]
    async with Cable("127.0.0.1", broker.port).listening(port), KafkaLog(address) as log:
        for n in range(0, len(made), 5_000):
            await log.append(Batch(ticks=made[n : n + 5_000]))
    line = Cable("127.0.0.1", broker.port, rate=500_000)  # 4 Mbit/s
    async with line.listening(port), asyncio.timeout(90), KafkaStream(address) as stream:
        seen: list[Tick] = []
        reading = KafkaRead(address, ReadRequest(await stream.find("start")))
        async with contextlib.aclosing(reading.batches()) as batches:
            async for batch in batches:
                seen += batch.ticks
                if len(seen) == len(made):
                    break
        for n, symbol in enumerate(SYMBOLS):
            same = [t for t in seen if t.symbol == symbol] == made[n :: len(SYMBOLS)]
            assert same, symbol  # too many to show
        assert reading.rebuilt == 0
        assert line.passed > 2_000_000, "too little to fill the line for long"
        async with KafkaLog(address) as log:
            assert set((await log.last()).values()) == {4_000}
    broker.kill()


@pytest.mark.slow  # test_forward_kafka shows the relay, a test below the readers
async def test_topics_deleted_during_a_flow_are_recreated_with_everything(
    address: KafkaAddress, tmp_path: Path
) -> None:
    async with flowing(address, "machine", local=tmp_path / "local.sqlite") as flow:
        await moved_on(flow)
        await delete_topics(address)
        async with asyncio.timeout(60):
            while flow.anew < 2:  # noqa: ASYNC110 - each reader reports it once
                await asyncio.sleep(0.05)
        await moved_on(flow)
    assert flow.anew == 2


async def test_retention_reports_only_to_the_readers_that_it_overtook(
    address: KafkaAddress,
) -> None:
    seen: dict[Key, list[int]] = defaultdict(list)
    gaps: list[Gap] = []
    rests, passed = asyncio.Event(), asyncio.Event()

    async def read_slowly(stream: KafkaStream, flow: Flow) -> None:
        async for batch in stream.read(await stream.find("start"), limit=500):
            for t in batch.ticks:
                assert t == tick(t.origin, t.symbol, t.sequence)
                seen[t.origin, t.symbol].append(t.sequence)
            gaps.extend(batch.gaps)
            rests.set()
            await passed.wait()
            last = {key: found[-1] for key, found in seen.items()}
            if flow.written.is_set() and last == flow.acknowledged:
                return

    async with (
        KafkaStream(address) as stream,
        asyncio.timeout(120),
        asyncio.TaskGroup() as group,
        flowing(address, "machine", whole=False) as flow,
    ):
        group.create_task(read_slowly(stream, flow))
        await rests.wait()
        await moved_on(flow)
        async with ClusterClient(address) as asking, admin(address) as client:
            ends = await asking.offsets(await asking.topics(), END, TICKS)
            await moved_on(flow)  # the two others are past these
            await client.delete_records({w: RecordsToDelete(end) for w, end in ends.items()})
        passed.set()
    told = [gap for gap in gaps if gap.symbol is None]
    assert [gap.reason for gap in told] == ["retention"]
    holes = {gap.symbol: gap for gap in gaps if gap.symbol is not None}
    assert {gap.reason for gap in holes.values()} == {"retention"}
    assert holes.keys() == set(SYMBOLS)
    for (_, symbol), found in seen.items():
        hole = holes[symbol]
        assert hole.first_sequence is not None
        assert hole.last_sequence is not None
        missing = range(hole.first_sequence, hole.last_sequence + 1)
        assert sorted([*found, *missing]) == list(range(1, found[-1] + 1))


async def test_deleted_topics_are_reported_and_read_again_once_they_are_back(
    address: KafkaAddress,
) -> None:
    async with KafkaStream(address, watch=0.5) as stream:
        async with KafkaLog(address, delivery=3) as log:
            log_id = log.id
            await log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3)]))
            reading = stream.read(await stream.find("start"))
            batches = aiter(reading)
            async with asyncio.timeout(30):
                assert [t.sequence for t in (await anext(batches)).ticks] == [1, 2, 3]
                await delete_topics(address)
                while (health := await stream.health()).state != "missing":
                    assert not await anext(batches)
                assert health.problem is not None
                assert "has no topic" in health.problem
                with pytest.raises((StreamMissing, StreamUnreachable)):
                    await log.append(Batch(ticks=[tick("o", "A", 4)]))
                with pytest.raises(StreamMissing):
                    await log.append(Batch(ticks=[tick("o", "A", 4)]))
                with pytest.raises(StreamMissing):
                    await stream.snapshot()
        async with KafkaLog(address) as log, asyncio.timeout(30):
            assert log.id != log_id
            await log.append(Batch(ticks=[tick("o", "A", n) for n in range(1, 6)]))
            seen: list[int] = []
            gaps: list[Gap] = []
            async for batch in batches:
                seen += [t.sequence for t in batch.ticks]
                gaps += batch.gaps
                if len(seen) == 2:
                    break
        assert seen == [4, 5]  # earlier ticks are not repeated
        assert [gap.reason for gap in gaps] == ["replaced by another log"]


async def test_a_silent_broker_is_detected_before_its_pollers_seem_gone(
    broker: Broker, address: KafkaAddress
) -> None:
    async with KafkaLog(address) as log, KafkaStream(address) as stream:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        begin = await stream.find("start")
        async with contextlib.aclosing(stream.read(begin)) as batches:
            assert (await anext(batches)).ticks
            broker.freeze()
            try:
                # Long before any question to it is given up, after 8 s.
                async with asyncio.timeout(6):
                    while stream.read_stats().problem is None:
                        assert not await anext(batches)
                assert stream.read_stats().problem == "does not answer"
            finally:
                broker.thaw()
            async with asyncio.timeout(20):
                while stream.read_stats().problem is not None:
                    assert not await anext(batches)


@pytest.mark.parametrize(
    ("sure", "within"),
    [
        pytest.param(math.inf, 2.0, id="that sends at once"),
        pytest.param(0, ANSWER, id="that asks first", marks=pytest.mark.slow),
    ],
)
async def test_an_append_and_an_end_are_bounded_while_the_broker_is_away(
    broker: Broker,
    address: KafkaAddress,
    monkeypatch: pytest.MonkeyPatch,
    sure: float,
    within: float,
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(writing, "_SURE", sure)
    async with KafkaLog(address, delivery=2) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        broker.freeze()
        try:
            begin = loop.time()
            with pytest.raises(StreamUnreachable):
                await log.append(Batch(ticks=[tick("o", "A", 2)]))
            assert loop.time() - begin < within + GIVEN_UP
            begin = loop.time()
            assert await log.close(5) == 1
            assert loop.time() - begin < 8
        finally:
            broker.thaw()


async def test_an_abandoned_producer_leaves_no_task_behind(
    broker: Broker, address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()
    waiting: set[Any] = set()

    async def wait(*_: Any) -> None:
        # As aiokafka does in a cluster, for an answer that a closed client is never given.
        waiting.add(asyncio.current_task())
        await never.wait()

    monkeypatch.setattr(AIOKafkaClient, "_maybe_wait_metadata", wait)
    monkeypatch.setattr(writing, "_SURE", math.inf)  # it sends at once, and asks nothing first
    async with KafkaLog(address, delivery=2) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        waiting.clear()
        broker.kill()
        try:
            with pytest.raises(StreamUnreachable):
                await log.append(Batch(ticks=[tick("o", "A", 2)]))
            assert waiting
            async with asyncio.timeout(2):
                await asyncio.wait(waiting)
        finally:
            await asyncio.to_thread(broker.start)


async def test_an_end_during_an_append_reports_what_is_undelivered(
    broker: Broker, address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(writing, "_SURE", math.inf)  # it sends at once, and asks nothing first
    async with KafkaLog(address) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        broker.freeze()
        try:
            appending = asyncio.create_task(
                log.append(Batch(ticks=[tick("o", "A", n) for n in (2, 3, 4)]))
            )
            await asyncio.sleep(0.1)
            begin = loop.time()
            assert await log.close(5) == 3
            assert loop.time() - begin < 8
            with pytest.raises(StreamUnreachable):
                await appending
        finally:
            broker.thaw()


async def test_a_producer_that_lost_its_sequence_is_recreated(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with KafkaLog(address, TopicPlan(partitions=1)) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        writer: Any = log._writer
        producing = writer._producing
        first = producing._producer

        async def refuse(*_: Any, **__: Any) -> Any:
            # aiokafka does this with each further message, until the producer is replaced.
            raise OutOfOrderSequenceNumber

        monkeypatch.setattr(producing._producer, "send_batch", refuse)
        with pytest.raises(StreamUnreachable):
            await log.append(Batch(ticks=[tick("o", "A", 2)]))
        await log.append(Batch(ticks=[tick("o", "A", n) for n in (2, 3)]))
        assert producing._producer is not first
        assert await log.last() == {("o", "A"): 3}
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick("o", "A", 5)]))


async def test_a_consumer_that_falls_silent_is_recreated(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = 0
    real = AIOKafkaConsumer.getmany

    async def getmany(self: Any, *only: Any, **options: Any) -> Any:
        nonlocal silent
        if silent == 1:  # the second answer of the first consumer never comes
            await asyncio.sleep(options["timeout_ms"] / 1_000)
            return {}
        found = await real(self, *only, **options)
        silent += bool(found) and silent == 0
        return found

    async with KafkaLog(address) as log:
        await log.append(Batch(ticks=[tick("o", "A", 1)]))
        monkeypatch.setattr(AIOKafkaConsumer, "getmany", getmany)
        reading = KafkaRead(address, ReadRequest(await log.find("start"), limit=9), watch=0.3)
        seen: list[int] = []
        async with asyncio.timeout(20), contextlib.aclosing(reading.batches()) as batches:
            async for batch in batches:
                seen += [t.sequence for t in batch.ticks]
                if seen == [1]:
                    await log.append(Batch(ticks=[tick("o", "A", 2)]))
                    seen.append(0)
                if reading.rebuilt:
                    silent = 2
                if seen[-1] == 2:
                    break
        assert seen == [1, 0, 2]
        assert reading.rebuilt >= 1


async def test_aiokafka_alone_still_hangs_where_ticker_does_not(
    broker: Broker, address: KafkaAddress
) -> None:
    """The reason for all this: if it ever ends by itself, we may trust it more (#1101)."""
    async with KafkaLog(address):
        pass
    producer = AIOKafkaProducer(
        bootstrap_servers=address.servers[0], enable_idempotence=True, request_timeout_ms=1_000
    )
    await producer.start()
    await producer.client._wait_on_metadata(address.prefix)
    broker.freeze()
    try:
        await producer.send(address.prefix, b"{}", partition=0)
        stopping = asyncio.create_task(producer.stop())
        done, _ = await asyncio.wait([stopping], timeout=4)
        assert not done
    finally:
        broker.thaw()
    async with asyncio.timeout(30):
        await stopping
