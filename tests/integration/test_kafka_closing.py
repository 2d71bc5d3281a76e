"""A closed log leaves no client, no producer and no task, even if it was busy."""

import asyncio
from typing import Any

import pytest

from tests.kafka_broker import Broker
from tests.kafka_flow import tick
from ticker.errors import StreamUnreachable
from ticker.records import Batch
from ticker.streams.kafka import KafkaAddress, KafkaLog, TopicPlan
from ticker.streams.kafka.cluster import ClusterClient
from ticker.streams.kafka.producing import Producing


def tasks() -> set[str]:
    """Return the running tasks of aiokafka and of ticker."""
    every = asyncio.all_tasks() - {asyncio.current_task()}
    return {getattr(task.get_coro(), "__qualname__", "") for task in every}


async def ended() -> None:
    async with asyncio.timeout(30):
        while tasks():  # noqa: ASYNC110 - they send no notification
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (ClusterClient, "offsets"),
        (ClusterClient, "topics"),
        (Producing, "send"),
    ],
)
async def test_a_delayed_append_does_not_outlive_its_log(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch, where: type, what: str
) -> None:
    held, go_on = asyncio.Event(), asyncio.Event()
    passed = getattr(where, what)

    async def hold(*words: Any) -> Any:
        held.set()
        await go_on.wait()
        return await passed(*words)

    log = KafkaLog(address, TopicPlan(partitions=1))
    await log.__aenter__()
    await asyncio.sleep(0.15)  # long enough for another check of the topics before a message
    monkeypatch.setattr(where, what, hold)
    appending = asyncio.create_task(log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3)])))
    await held.wait()
    assert await log.close(1.5) == 3
    go_on.set()
    with pytest.raises(StreamUnreachable):
        await appending
    await ended()


async def test_an_append_in_progress_succeeds_before_its_log_closes(
    address: KafkaAddress,
) -> None:
    log = KafkaLog(address, TopicPlan(partitions=1))
    await log.__aenter__()
    appending = asyncio.create_task(log.append(Batch(ticks=[tick("o", "A", n) for n in (1, 2, 3)])))
    await asyncio.sleep(0)
    assert await log.close(5) == 0
    await appending
    await ended()


async def test_repeatedly_cancelled_appends_leave_nothing_behind(
    broker: Broker, address: KafkaAddress
) -> None:
    log = KafkaLog(address, TopicPlan(partitions=1))
    await log.__aenter__()
    await log.append(Batch(ticks=[tick("o", "A", 1)]))
    broker.freeze()
    try:
        appending = asyncio.create_task(log.append(Batch(ticks=[tick("o", "A", 2)])))
        await asyncio.sleep(0.05)
        for _ in range(3):
            appending.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await appending
        await log.close(1)
        await ended()
    finally:
        broker.thaw()
