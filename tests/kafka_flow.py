"""A flow of ticks through Kafka during a fault: one task writes, two read, and all is checked.

For each (origin, symbol), each reader must get the ticks 1, 2, 3 … n, equal to those that were
acknowledged. aiokafka's own consumer with plain JSON, without our code, must find the same. Every
field of a tick follows from its identity, so each tick can be checked when it comes. A fault must
stop every writer and reader for a while: without an effect it proves nothing.
"""

import asyncio
import contextlib
import json
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from ticker.errors import StreamError, StreamUnreachable
from ticker.records import Batch, Gap, Quote, Tick
from ticker.relay import HoldCheckpoint, Relay
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.kafka.cluster import ENDINGS
from ticker.streams.protocol import Log
from ticker.streams.sqlite import SqliteLog

NOW = 1_795_447_805_000_000
SYMBOLS = [f"S{n}" for n in range(20)]
EACH = 5  # ticks per symbol in one append, which has 100; 20 appends a second

Key = tuple[str, str]


def fields(origin: str, symbol: str, sequence: int) -> dict[str, Any]:
    """Return the JSON fields of a tick. Prices rarely repeat."""
    chance = zlib.crc32(f"{origin} {symbol} {sequence}".encode())
    at = NOW + sequence * 10_000
    return {
        "symbol": symbol,
        "source": "test",
        "origin": origin,
        "sequence": sequence,
        "time": at,
        "received": at + 5_000,
        "price": (chance + 1) / 1_000,
    }


def tick(origin: str, symbol: str, sequence: int) -> Tick:
    return Tick(**fields(origin, symbol, sequence))


@dataclass
class Flow:
    """A writer and two readers at work."""

    address: KafkaAddress
    acknowledged: dict[Key, int] = field(default_factory=dict)
    seen: list[dict[Key, list[int]]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    anew: int = 0
    """How often a reader reported that another log replaced the one it read."""
    refusals: list[StreamError] = field(default_factory=list)
    moments: list[list[float]] = field(default_factory=list)
    """For each writer and reader: when it got acknowledgements or ticks (s, of the loop)."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    def pauses(self, since: float) -> list[float]:
        """Return each writer's and reader's longest time without progress after `since` (s)."""
        now = asyncio.get_running_loop().time()
        return [
            max(later - earlier for earlier, later in pairwise([since, *after, now]))
            for after in ([at for at in each if at > since] for each in self.moments)
        ]

    async def write(self, log: Log, origin: str) -> None:
        heads = dict.fromkeys(SYMBOLS, 0)
        moments: list[float] = []
        self.moments.append(moments)
        loop = asyncio.get_running_loop()
        while not self.stop.is_set():
            begin = loop.time()
            ticks = [tick(origin, s, heads[s] + n) for n in range(1, EACH + 1) for s in SYMBOLS]
            quotes = [Quote(s, "test", NOW, NOW, 1.0, origin, heads[s] + EACH) for s in SYMBOLS]
            while True:  # like a relay: send the same again until it is acknowledged
                try:
                    await log.append(Batch(ticks=ticks, quotes=quotes))
                    break
                except StreamUnreachable as error:
                    self.refusals.append(error)
            for symbol in SYMBOLS:
                heads[symbol] += EACH
                self.acknowledged[origin, symbol] = heads[symbol]
            moments.append(loop.time())
            await asyncio.sleep(max(0.0, 0.05 - (moments[-1] - begin)))

    async def read(self, stream: KafkaStream) -> None:
        seen: dict[Key, list[int]] = defaultdict(list)
        self.seen.append(seen)
        moments: list[float] = []
        self.moments.append(moments)
        async for batch in stream.read(await stream.find("start")):
            for gap in batch.gaps:
                if gap.reason == "replaced by another log":
                    self.anew += 1
                else:
                    self.gaps.append(gap)
            for t in batch.ticks:
                assert t == tick(t.origin, t.symbol, t.sequence), "not the tick that was written"
                seen[t.origin, t.symbol].append(t.sequence)
            if batch.ticks:
                moments.append(asyncio.get_running_loop().time())
            if self.written.is_set() and {k: len(v) for k, v in seen.items()} == self.acknowledged:
                return


@contextlib.asynccontextmanager
async def flowing(
    address: KafkaAddress,
    *origins: str,
    local: Path | None = None,
    whole: bool = True,
    replication: int = -1,
) -> AsyncIterator[Flow]:
    """Run two readers and a writer for each of `origins`, and check everything at the end.

    `local`: the file of a local log to write to; a relay sends on from it, as in a poller.
    `whole=False`: the beginning of the topics was deleted. `replication`: for the topics' plan.
    """
    flow = Flow(address)
    async with contextlib.AsyncExitStack() as stack:

        def topics() -> KafkaLog:
            return KafkaLog(address, TopicPlan(partitions=2, replication=replication), delivery=8)

        logs: list[Log] = []
        relaying = None
        if local is None:
            logs = [await stack.enter_async_context(topics()) for _ in origins]
        else:
            file = await stack.enter_async_context(SqliteLog(local))
            logs = [file] * len(origins)
            place = HoldCheckpoint(file, address.url, local.with_suffix(".met"))
            relay = Relay(file, topics, place, name="relay")
            relaying = asyncio.create_task(relay.run())
        streams = [await stack.enter_async_context(KafkaStream(address)) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            writers = [
                group.create_task(flow.write(log, origin))
                for log, origin in zip(logs, origins, strict=True)
            ]
            if relaying is not None:
                while (await streams[0].health()).state != "ok":  # noqa: ASYNC110 - the topic may be written by others
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
            assert (await relaying).waiting == 0
    assert flow.gaps == []
    for seen in flow.seen:
        assert seen == {key: list(range(1, n + 1)) for key, n in flow.acknowledged.items()}
    there = await on_the_topic(address)
    assert {key: max(found) for key, found in there.items()} == flow.acknowledged
    # A repeat is harmless, so a sequence may come again, but only after all earlier ones.
    for found in there.values():
        first = 1 if whole else found[0]
        assert list(dict.fromkeys(found)) == list(range(first, max(found) + 1))


async def on_the_topic(address: KafkaAddress) -> dict[Key, list[int]]:
    """Return the sequences in the topic, with aiokafka's own consumer and plain JSON."""
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
                        identity = value["origin"], value["symbol"], value["sequence"]
                        assert value == {"type": "tick", **fields(*identity)}
                        assert message.key == value["symbol"].encode()
                        found[value["origin"], value["symbol"]].append(value["sequence"])
    finally:
        await consumer.stop()
    return found


@contextlib.asynccontextmanager
async def admin(address: KafkaAddress) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=address.servers[0])
    await client.start()
    try:
        async with asyncio.timeout(30):  # a broker that was away names no controller for a moment
            while client._client.cluster.controller is None:
                await client._client.force_metadata_update()
        yield client
    finally:
        await client.close()


async def delete_topics(address: KafkaAddress, *endings: str) -> None:
    async with admin(address) as client:
        await client.delete_topics([address.prefix + ending for ending in endings or ENDINGS])


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
        while sum(  # noqa: ASYNC110 - otherwise three tasks would have to set an event
            flow.acknowledged.values()
        ) < before + 2_000 or any(
            sum(map(len, seen.values())) < before + 2_000 for seen in flow.seen
        ):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def stalled(flow: Flow, seconds: float) -> AsyncIterator[None]:
    """Check that the block stops each writer and reader for `seconds`, and all continue."""
    begin = asyncio.get_running_loop().time()
    yield
    await moved_on(flow)
    pauses = flow.pauses(begin)
    assert min(pauses) >= seconds, f"not felt by all: the longest pauses were {pauses} s"


async def suffer(address: KafkaAddress, *faults: Awaitable[None], seconds: float) -> None:
    """Check that each of `faults` stops the flow for `seconds` at least, and loses no tick."""
    async with flowing(address, "machine") as flow:
        for fault in faults:
            async with stalled(flow, seconds):
                await fault
