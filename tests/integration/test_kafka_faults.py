"""What is done to a broker, and what its writers and readers make of it.

Two readers follow while one writes 2,000 ticks a second. Per (origin, symbol) each reader's ticks
are 1, 2, 3 … n, those that were acknowledged; and so says an oracle that is independent of our
code, aiokafka's own consumer and plain JSON. `-m slow` runs the long rounds.
"""

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import OutOfOrderSequenceNumber

from tests.cable import Cable
from tests.kafka_broker import free_port
from ticker.errors import SequenceConflict, StreamError, StreamMissing, StreamUnreachable
from ticker.records import Gap, Quote, Tick
from ticker.relay import HoldBookmark, Relay
from ticker.streams.kafka import Address, KafkaLog, KafkaStream, Plan
from ticker.streams.kafka.asking import END, ENDINGS, Asking
from ticker.streams.kafka.following import Reading
from ticker.streams.kafka.late import TICKS
from ticker.streams.protocol import Log
from ticker.streams.sqlite import SqliteLog

NOW = 1_795_447_805_000_000
SYMBOLS = [f"S{n}" for n in range(20)]
EACH = 5  # ticks of each symbol in an append: 100, 20 times a second

Key = tuple[str, str]


@pytest.fixture(scope="module")
def broker(make_broker: Callable[..., Any]) -> Any:
    broker = make_broker()
    broker.start()
    return broker


@pytest.fixture
def address(broker: Any) -> Address:
    return Address((broker.address,), f"faults.{time.time_ns() % 10**9}")


def tick(origin: str, symbol: str, sequence: int) -> Tick:
    at = NOW + sequence
    return Tick(symbol, "test", origin, sequence, at, at, 100.0 + sequence % 7)


@dataclass
class Flow:
    """A writer and two readers at work."""

    address: Address
    acknowledged: dict[Key, int] = field(default_factory=dict)
    seen: list[dict[Key, list[int]]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    anew: int = 0
    """How often a reader was told that another log lies in the place of the one it read."""
    refusals: list[StreamError] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, log: Log, origin: str) -> None:
        heads = dict.fromkeys(SYMBOLS, 0)
        while not self.stop.is_set():
            begin = asyncio.get_running_loop().time()
            ticks = [tick(origin, s, heads[s] + n) for n in range(1, EACH + 1) for s in SYMBOLS]
            quotes = [Quote(s, "test", NOW, NOW, 1.0, origin, heads[s] + EACH) for s in SYMBOLS]
            while True:  # as a relay does: the same again until it is acknowledged
                try:
                    await log.append(ticks, quotes=quotes)
                    break
                except StreamUnreachable as error:
                    self.refusals.append(error)
            for symbol in SYMBOLS:
                heads[symbol] += EACH
                self.acknowledged[origin, symbol] = heads[symbol]
            spent = asyncio.get_running_loop().time() - begin
            await asyncio.sleep(max(0.0, 0.05 - spent))

    async def read(self, stream: KafkaStream) -> None:
        seen: dict[Key, list[int]] = defaultdict(list)
        self.seen.append(seen)
        async for batch in stream.read(await stream.find("start")):
            for gap in batch.gaps:
                if gap.reason == "another log lies in its place":
                    self.anew += 1
                    seen.clear()
                else:
                    self.gaps.append(gap)
            for t in batch.ticks:
                seen[t.origin, t.symbol].append(t.sequence)
            if self.written.is_set() and {k: len(v) for k, v in seen.items()} == self.acknowledged:
                return


@contextlib.asynccontextmanager
async def flowing(
    address: Address, *origins: str, local: Path | None = None, whole: bool = True
) -> AsyncIterator[Flow]:
    """Two readers follow and each of `origins` writes; at the end all is as it must be.

    `local`: into a log there, from which a relay sends on, as a poller does. Not `whole`: the
    beginning of the topics was deleted.
    """
    flow = Flow(address)
    async with contextlib.AsyncExitStack() as stack:

        def topics() -> KafkaLog:
            return KafkaLog(address, Plan(partitions=2), delivery=8)

        logs: list[Log] = []
        relaying = None
        if local is None:
            logs = [await stack.enter_async_context(topics()) for _ in origins]
        else:
            file = await stack.enter_async_context(SqliteLog(local))
            logs = [file] * len(origins)
            place = HoldBookmark(file, address.url, local.with_suffix(".met"))
            relay = Relay(file, topics, place, name="relay")
            relaying = asyncio.create_task(relay.run())
        streams = [await stack.enter_async_context(KafkaStream(address)) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            writers = [
                group.create_task(flow.write(log, origin))
                for log, origin in zip(logs, origins, strict=True)
            ]
            if relaying is not None:
                while (await streams[0].health()).state != "ok":  # noqa: ASYNC110 - a topic of others
                    await asyncio.sleep(0.05)
            readers = [group.create_task(flow.read(stream)) for stream in streams]
            await asyncio.sleep(1)
            yield flow
            await asyncio.sleep(1)
            flow.stop.set()
            async with asyncio.timeout(60):
                await asyncio.gather(*writers)
                flow.written.set()
                await asyncio.gather(*readers)
        if relaying is not None:
            relay.stop()
            assert (await relaying).undelivered == 0
    assert flow.gaps == []
    for seen in flow.seen:
        assert seen == {key: list(range(1, n + 1)) for key, n in flow.acknowledged.items()}
    there = await on_the_topic(address)
    assert {key: max(found) for key, found in there.items()} == flow.acknowledged
    # Sent twice is harmless, so a number may lie there again: after all that came before it.
    for found in there.values():
        first = 1 if whole else found[0]
        assert list(dict.fromkeys(found)) == list(range(first, max(found) + 1))


async def on_the_topic(address: Address) -> dict[Key, list[int]]:
    """By aiokafka's own consumer and plain JSON: the sequences as they lie there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address.servers[0])
    await consumer.start()
    try:
        partitions = [
            TopicPartition(address.prefix, p)
            for p in consumer.partitions_for_topic(address.prefix) or (0, 1)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        left = await consumer.end_offsets(partitions)
        found: dict[Key, list[int]] = defaultdict(list)
        async with asyncio.timeout(30):
            while [p for p, end in left.items() if await consumer.position(p) < end]:
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    for message in messages:
                        value = json.loads(message.value)
                        found[value["origin"], value["symbol"]].append(value["sequence"])
    finally:
        await consumer.stop()
    return found


async def killed(broker: Any) -> None:
    broker.kill()
    await asyncio.to_thread(broker.start)


async def frozen(broker: Any, seconds: float) -> None:
    broker.freeze()
    await asyncio.sleep(seconds)
    broker.thaw()


async def away(broker: Any, seconds: float) -> None:
    broker.kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(broker.start)


async def moved_on(flow: Flow, within: float = 60) -> None:
    """Wait until ticks flow again, from the writers to both readers."""
    before = sum(flow.acknowledged.values())
    async with asyncio.timeout(within):
        while sum(  # noqa: ASYNC110 - three parties would have to set an event
            flow.acknowledged.values()
        ) < before + 2_000 or any(
            sum(map(len, seen.values())) < before + 2_000 for seen in flow.seen
        ):
            await asyncio.sleep(0.05)


async def suffer(address: Address, *faults: Awaitable[None]) -> None:
    async with flowing(address, "machine") as flow:
        for fault in faults:
            await fault
            await moved_on(flow)


async def test_a_killed_broker_costs_no_tick(broker: Any, address: Address) -> None:
    await suffer(address, killed(broker))


async def test_a_broker_that_freezes_costs_no_tick(broker: Any, address: Address) -> None:
    await suffer(address, frozen(broker, 9))


async def test_two_machines_on_one_symbol_do_not_meet(address: Address) -> None:
    async with flowing(address, "machine1", "machine2") as flow:
        await moved_on(flow)


@pytest.mark.slow
async def test_a_broker_killed_five_times_costs_no_tick(broker: Any, address: Address) -> None:
    await suffer(address, *(killed(broker) for _ in range(5)))


@pytest.mark.slow
async def test_a_broker_frozen_for_30_s_costs_no_tick(broker: Any, address: Address) -> None:
    await suffer(address, frozen(broker, 30))


@pytest.mark.slow
async def test_a_broker_away_for_2_min_costs_no_tick(broker: Any, address: Address) -> None:
    await suffer(address, away(broker, 120))


@pytest.mark.parametrize("seconds", [9, pytest.param(120, marks=pytest.mark.slow)])
async def test_a_broker_behind_a_cut_cable_costs_no_tick(
    make_broker: Callable[..., Any], seconds: float
) -> None:
    port = free_port()
    broker = make_broker(f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}")
    broker.start()
    cable = Cable("127.0.0.1", broker.port)

    async def cut() -> None:
        cable.cut()
        await asyncio.sleep(1)
        before = cable.passed
        await asyncio.sleep(seconds - 1)
        assert cable.passed == before > 0
        cable.mend()

    async with cable.listening(port):
        await suffer(Address((f"127.0.0.1:{port}",), "cut"), cut())
    broker.kill()


@contextlib.asynccontextmanager
async def admin(address: Address) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=address.servers[0])
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def delete_topics(address: Address) -> None:
    async with admin(address) as client:
        await client.delete_topics([address.prefix + ending for ending in ENDINGS])


async def test_topics_deleted_under_a_flow_are_made_anew_and_get_all(
    address: Address, tmp_path: Path
) -> None:
    async with flowing(address, "machine", local=tmp_path / "local.sqlite") as flow:
        await moved_on(flow)
        await delete_topics(address)
        async with asyncio.timeout(60):
            while flow.anew < 2:  # noqa: ASYNC110 - each reader is told once
                await asyncio.sleep(0.05)
        await moved_on(flow)
    assert flow.anew == 2


async def test_of_those_that_follow_only_the_one_that_retention_passed_by_is_told(
    address: Address,
) -> None:
    seen: dict[Key, list[int]] = defaultdict(list)
    gaps: list[Gap] = []
    rests, passed = asyncio.Event(), asyncio.Event()

    async def read_slowly(stream: KafkaStream, flow: Flow) -> None:
        async for batch in stream.read(await stream.find("start"), limit=500):
            for t in batch.ticks:
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
        async with Asking(address) as asking, admin(address) as client:
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


async def test_topics_deleted_under_us_are_told_and_read_anew_once_they_are_back(
    address: Address,
) -> None:
    async with KafkaStream(address, watch=0.5) as stream:
        async with KafkaLog(address, delivery=3) as log:
            origin = log.origin
            await log.append([tick("o", "A", n) for n in (1, 2, 3)])
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
                    await log.append([tick("o", "A", 4)])
                with pytest.raises(StreamMissing):
                    await log.append([tick("o", "A", 4)])
                with pytest.raises(StreamMissing):
                    await stream.snapshot()
        async with KafkaLog(address) as log, asyncio.timeout(30):
            assert log.origin != origin
            await log.append([tick("o", "A", n) for n in (1, 2)])
            seen: list[int] = []
            gaps: list[Gap] = []
            async for batch in batches:
                seen += [t.sequence for t in batch.ticks]
                gaps += batch.gaps
                if len(seen) == 2:
                    break
        assert seen == [1, 2]
        assert [gap.reason for gap in gaps] == ["another log lies in its place"]


async def test_an_append_and_an_end_are_bounded_while_the_broker_is_away(
    broker: Any, address: Address
) -> None:
    loop = asyncio.get_running_loop()
    async with KafkaLog(address, delivery=2) as log:
        await log.append([tick("o", "A", 1)])
        broker.freeze()
        try:
            begin = loop.time()
            with pytest.raises(StreamUnreachable):
                await log.append([tick("o", "A", 2)])
            assert loop.time() - begin < 8
            begin = loop.time()
            assert await log.close(5) == 1
            assert loop.time() - begin < 8
        finally:
            broker.thaw()


async def test_an_end_in_the_middle_of_an_append_says_what_is_undelivered(
    broker: Any, address: Address
) -> None:
    loop = asyncio.get_running_loop()
    async with KafkaLog(address) as log:
        await log.append([tick("o", "A", 1)])
        broker.freeze()
        try:
            appending = asyncio.create_task(log.append([tick("o", "A", n) for n in (2, 3, 4)]))
            await asyncio.sleep(0.1)
            begin = loop.time()
            assert await log.close(5) == 3
            assert loop.time() - begin < 8
            with pytest.raises(StreamUnreachable):
                await appending
        finally:
            broker.thaw()


async def test_a_producer_that_lost_its_sequence_is_made_anew(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with KafkaLog(address, Plan(partitions=1)) as log:
        await log.append([tick("o", "A", 1)])
        writer: Any = log._writer
        producing = writer._producing
        assert producing.made == 1

        async def refuse(*_: Any, **__: Any) -> Any:
            # As aiokafka does from then on, whatever is sent, until the producer is another.
            raise OutOfOrderSequenceNumber

        monkeypatch.setattr(producing._producer, "send_batch", refuse)
        with pytest.raises(StreamUnreachable):
            await log.append([tick("o", "A", 2)])
        await log.append([tick("o", "A", n) for n in (2, 3)])
        assert producing.made == 2
        assert await log.last() == {("o", "A"): 3}
        with pytest.raises(SequenceConflict):
            await log.append([tick("o", "A", 5)])


async def test_a_consumer_that_falls_silent_is_made_anew(
    address: Address, monkeypatch: pytest.MonkeyPatch
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
        await log.append([tick("o", "A", 1)])
        monkeypatch.setattr(AIOKafkaConsumer, "getmany", getmany)
        reading = Reading(
            address, await log.find("start"), None, symbols=None, follow=True, limit=9, watch=0.3
        )
        seen: list[int] = []
        async with asyncio.timeout(20), contextlib.aclosing(reading.batches()) as batches:
            async for batch in batches:
                seen += [t.sequence for t in batch.ticks]
                if seen == [1]:
                    await log.append([tick("o", "A", 2)])
                    seen.append(0)
                if reading.rebuilt:
                    silent = 2
                if seen[-1] == 2:
                    break
        assert seen == [1, 0, 2]
        assert reading.rebuilt >= 1


async def test_aiokafka_alone_hangs_where_we_do_not(broker: Any, address: Address) -> None:
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
