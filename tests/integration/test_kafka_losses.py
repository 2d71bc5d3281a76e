"""A relay sends again what topics lost: all of them, one, or their end."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.kafka_broker import Broker
from tests.kafka_flow import delete_topics
from ticker.records import Batch, Gap, Quote, Tick
from ticker.relay import HoldCheckpoint, Relay, RelayStatus
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.sqlite import SqliteLog

ONE = TopicPlan(partitions=1)


def tick(origin: str, sequence: int) -> Tick:
    now = time.time_ns() // 1_000
    return Tick("A", "yahoo", origin, sequence, now, now, 1.0 + sequence)


def quote(origin: str, sequence: int) -> Quote:
    now = time.time_ns() // 1_000
    return Quote("A", "yahoo", now, now, 1.0 + sequence, origin, sequence)


class Machine:
    """A local log, and a relay from it."""

    def __init__(self, local: SqliteLog, bookmark: HoldCheckpoint, address: KafkaAddress) -> None:
        self.local = local
        self._told = asyncio.Event()
        self.relay = Relay(
            local, lambda: KafkaLog(address, ONE), bookmark, name="r", on_status=self._hear
        )

    def _hear(self, _: RelayStatus) -> None:
        self._told.set()

    async def append(self, *sequences: int) -> None:
        origin = self.local.origin
        made = [tick(origin, n) for n in sequences]
        await self.local.append(Batch(ticks=made, quotes=[quote(origin, sequences[-1])]))

    async def until(self, holds: Callable[[RelayStatus], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds(self.relay.status):
                self._told.clear()
                await self._told.wait()


@contextlib.asynccontextmanager
async def machine(folder: Path, address: KafkaAddress) -> AsyncIterator[Machine]:
    async with SqliteLog(folder / "local.sqlite") as local:
        here = Machine(local, HoldCheckpoint(local, address.url, folder / "met"), address)
        running = asyncio.create_task(here.relay.run())
        try:
            yield here
        finally:
            here.relay.stop()
            report = await running
        assert report.waiting == 0


async def arrived(address: KafkaAddress) -> tuple[list[int], list[Gap]]:
    ticks: list[int] = []
    gaps: list[Gap] = []
    async with KafkaStream(address) as stream:
        async for batch in stream.read(await stream.find("start"), follow=False):
            ticks += [tick.sequence for tick in batch.ticks]
            gaps += batch.gaps
    return ticks, gaps


async def test_topics_recreated_during_a_silence_get_everything(
    tmp_path: Path, address: KafkaAddress
) -> None:
    async with machine(tmp_path, address) as here:
        await here.append(*range(1, 6))
        await here.until(lambda status: status.ticks == 5)
        await delete_topics(address)
        async with KafkaLog(address, ONE):
            pass  # another machine was faster
        await asyncio.sleep(0.2)  # the silence
        await here.append(6, 7, 8)
        await here.until(lambda status: status.ticks == 5 + 8)
    assert await arrived(address) == (list(range(1, 9)), [])


async def test_ticks_deleted_while_their_quotes_stay_are_sent_again(
    tmp_path: Path, address: KafkaAddress
) -> None:
    async with machine(tmp_path, address) as here:
        await here.append(*range(1, 6))
        await here.until(lambda status: status.ticks == 5)
        async with KafkaStream(address) as stream:
            reading = stream.read(await stream.find("start"))
            while not (await anext(reading)).quotes:  # which comes once its second is over
                pass
            await reading.aclose()
        await delete_topics(address, "")
        await here.append(6)
        await here.until(lambda status: "but has quotes of ticks" in (status.problem or ""))
        await delete_topics(address)
        await here.until(lambda status: status.ticks == 5 + 6)
    assert await arrived(address) == (list(range(1, 7)), [])


async def test_acknowledged_ticks_that_a_broker_lost_are_sent_again(
    tmp_path: Path, broker: Broker, address: KafkaAddress
) -> None:
    data, kept = broker.folder / "data", tmp_path / "kept"
    async with machine(tmp_path, address) as here:
        await here.append(*range(1, 6))
        await here.until(lambda status: status.ticks == 5)
        broker.kill()
        await asyncio.to_thread(shutil.copytree, data, kept)
        await asyncio.to_thread(broker.start)
        await here.append(*range(6, 11))
        await here.until(lambda status: status.ticks == 10)
        broker.kill()
        # The power failed before its disk had written the rest.
        await asyncio.to_thread(shutil.rmtree, data)
        await asyncio.to_thread(shutil.copytree, kept, data)
        await asyncio.to_thread(broker.start)
        await here.append(11)
        await here.until(lambda status: status.ticks == 10 + 6)
    assert await arrived(address) == (list(range(1, 12)), [])
