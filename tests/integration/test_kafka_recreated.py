"""Topics recreated while they are in use: all of them, or one with fewer or more partitions.

The watchdog of a reading looks at the cluster once in a while; what is done between two looks must
be noticed by what becomes of it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from msgspec.structs import replace

from tests.kafka_flow import admin, delete_topics, tick
from ticker import wire
from ticker.errors import StreamError, StreamMissing
from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan, following
from ticker.streams.kafka.cluster import END, ENDINGS, ClusterClient
from ticker.streams.kafka.fetching import Fetching, OffsetOutOfRange
from ticker.streams.kafka.topics import configurations

ONE, THREE = TopicPlan(partitions=1), TopicPlan(partitions=3)
NEVER = 3_600.0


def ticks(*sequences: int) -> list[Tick]:
    return [tick("o", "A", n) for n in sequences]


def quote(sequence: int, origin: str = "o") -> Quote:
    now = time.time_ns() // 1_000
    return Quote("A", "test", now, now, 1.0, origin, sequence)


class Reader:
    """The batches that a reader gets, with its positions."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self.gaps: list[Gap] = []
        self.logs: list[str] = []
        """The id of the log in each tick's position."""
        self._rests = 0  # batches without anything, one a second of silence
        self._changed = asyncio.Condition()

    async def run(self, stream: KafkaStream, after: Any, last_seen: Any = None) -> None:
        async for batch in stream.read(after, last_seen=last_seen):
            async with self._changed:
                self.sequences += [t.sequence for t in batch.ticks]
                self.logs += [batch.position.split(":")[0]] * len(batch.ticks)
                self.gaps += batch.gaps
                self._rests += not batch
                self._changed.notify_all()

    async def until(self, *sequences: int) -> None:
        """Wait until its last ticks are these."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(
                lambda: self.sequences[-len(sequences) :] == list(sequences)
            )

    async def rested(self, times: int) -> None:
        """Wait for so many seconds of silence from now on."""
        until = self._rests + times
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: self._rests >= until)


@contextlib.asynccontextmanager
async def reading(stream: KafkaStream, after: Any, last_seen: Any = None) -> AsyncIterator[Reader]:
    reader = Reader()
    task = asyncio.create_task(reader.run(stream, after, last_seen))
    try:
        yield reader
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_shorter_log_in_anothers_place_is_not_taken_for_retention(
    address: KafkaAddress,
) -> None:
    async with KafkaStream(address, watch=NEVER) as stream:
        async with KafkaLog(address, ONE) as log:
            await log.append(Batch(ticks=ticks(*range(1, 101))))
            old = log.id
        async with reading(stream, await stream.find("start")) as reader:
            await reader.until(99, 100)
            await reader.rested(2)
            await delete_topics(address)
            async with KafkaLog(address, ONE) as log:
                new = log.id
                await log.append(Batch(ticks=ticks(*range(1, 11))))
                await log.append(Batch(ticks=[tick("p", "A", n) for n in range(1, 4)]))
                await reader.until(1, 2, 3)
            assert [gap.reason for gap in reader.gaps] == ["replaced by another log"]
            # Earlier ticks are not repeated.
            assert reader.sequences == [*range(1, 101), *range(1, 4)]
            assert reader.logs == [old] * 100 + [new] * 3


@pytest.mark.parametrize(
    "ending",
    [
        ".quotes",
        pytest.param(".gaps", marks=pytest.mark.slow),
        pytest.param(".heartbeats", marks=pytest.mark.slow),
    ],
)
async def test_one_topic_recreated_with_fewer_partitions_loses_no_tick(
    address: KafkaAddress, ending: str
) -> None:
    async with KafkaLog(address, THREE) as log, KafkaStream(address, watch=0.5) as stream:

        def own(sequence: int) -> list[Tick]:
            return [tick("o", "A", sequence)]

        await log.append(Batch(ticks=own(1), quotes=[quote(1, "o")]))
        before = await stream.find("end")
        async with reading(stream, await stream.find("start")) as reader:
            await reader.until(1)
            await make_anew(address, ending, 1)
            await reader.rested(3)  # the watchdog has looked
            # It is reported in our words, by this append or by the next.
            with contextlib.suppress(StreamError):
                await log.append(Batch(ticks=own(2), quotes=[quote(2, "o")]))
            await log.append(Batch(ticks=own(2), quotes=[quote(2, "o")]))
            await log.append(Batch(ticks=own(3), quotes=[quote(3, "o")]))
            await reader.until(1, 2, 3)
            assert reader.gaps == []
        with contextlib.suppress(StreamError):  # a position beyond the end of that topic
            async for _ in stream.read(before, follow=False):
                pass


async def make_anew(address: KafkaAddress, ending: str, partitions: int) -> None:
    plan = configurations(THREE)
    policy = dict(zip(ENDINGS, plan, strict=True))[ending]
    name = address.prefix + ending
    await delete_topics(address, ending)
    async with admin(address) as client, ClusterClient(address) as asking:
        while name in await asking.describe():  # noqa: ASYNC110 - a broker sends no notification
            await asyncio.sleep(0.05)
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(policy))])
        while name not in await asking.describe():  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.05)


async def test_a_hole_in_a_recreated_log_is_reported(address: KafkaAddress) -> None:
    async with KafkaStream(address, watch=0.5) as stream:
        async with KafkaLog(address, ONE) as log:
            await log.append(Batch(ticks=ticks(*range(1, 5)), quotes=[quote(4)]))
            snapshot = await stream.snapshot()
            await log.append(Batch(ticks=ticks(5)))
        async with reading(stream, snapshot.position, snapshot.last_seen) as reader:
            await reader.until(5)  # otherwise its position may be refused in the new log
            await delete_topics(address)
            async with KafkaLog(address, THREE) as log:
                await log.append(Batch(ticks=ticks(*range(1, 7))))
                await reader.until(6)
                await put(address, tick("o", "A", 9))
                await reader.until(6, 9)
            told = [(gap.first_sequence, gap.last_sequence) for gap in reader.gaps[1:]]
            assert told == [(7, 8)]


async def put(address: KafkaAddress, record: Tick) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address.servers[0])
    await producer.start()
    try:
        key, value = record.symbol.encode(), wire.encode(record)
        await producer.send_and_wait(address.prefix, key=key, value=value)
    finally:
        await producer.stop()


async def test_a_log_with_recreated_topics_says_nothing_about_the_new_ones(
    address: KafkaAddress,
) -> None:
    async with KafkaLog(address, ONE) as old:
        await old.append(Batch(ticks=ticks(*range(1, 6))))
        await delete_topics(address)
        async with KafkaLog(address, ONE) as log:
            await log.append(Batch(ticks=ticks(1)))
            await asyncio.sleep(0.15)  # longer than topics that took something are surely the same
            with pytest.raises(StreamMissing):
                await old.last()
            with pytest.raises(StreamMissing):
                await old.append(Batch())


async def test_a_leader_that_moved_is_asked_at_once(address: KafkaAddress) -> None:
    async with KafkaLog(address, ONE):
        pass
    async with ClusterClient(address) as asking:
        topics = await asking.topics()
        client = asking._client
        gone = replace(topics, leaders=dict.fromkeys(topics.leaders, 99))
        assert set((await asking.offsets(gone, END)).values()) == {0}
        assert asking._client is client


async def test_a_reading_that_cannot_continue_starts_again_after_a_pause(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AGAIN", NEVER)
    async with KafkaLog(address, ONE) as log:
        await log.append(Batch(ticks=ticks(1)))

    async def take(*_: object) -> None:
        raise OffsetOutOfRange

    monkeypatch.setattr(Fetching, "take", take)
    made = 0
    begin = Fetching.begin

    async def count(fetching: Any) -> None:
        nonlocal made
        made += 1
        await begin(fetching)

    monkeypatch.setattr(Fetching, "begin", count)
    async with KafkaStream(address) as stream:
        batches = aiter(stream.read(await stream.find("start")))
        async with asyncio.timeout(30):
            for _ in range(2):
                assert not await anext(batches)  # seconds of silence
    assert made == 1
