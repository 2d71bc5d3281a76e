"""Several brokers: one is killed, another leads, and no tick is lost.

As `test_kafka_faults` does it on one: two readers, 2,000 ticks a second, an oracle of other code.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka.protocol.admin import DescribeConfigsRequest

from tests.kafka_broker import Broker, free_port
from tests.kafka_flow import flowing, moved_on, stalled
from ticker.streams.kafka import KafkaAddress, KafkaLog, KafkaStream, TopicPlan
from ticker.streams.kafka.cluster import ClusterClient

NODES = 3
TOPIC = 2
"""Kafka's number for the resource type "topic"."""
MISSED = 2.0
"""A broker's session lasts 3 s after its last message. Only then do the others continue."""


@pytest.fixture(scope="module")
def brokers(make_broker: Callable[..., Broker]) -> Iterator[list[Broker]]:
    """Start three brokers. Kafka's defaults would make one copy; our plan asks for more."""
    controllers = [free_port() for _ in range(NODES)]
    found = [make_broker(controllers=controllers, node=n + 1) for n in range(NODES)]
    for broker in found:
        broker.launch()
    for broker in found:
        broker.wait()
    yield found
    for broker in found:
        broker.kill()


@pytest.fixture
def address(brokers: list[Broker]) -> KafkaAddress:
    return KafkaAddress(tuple(broker.address for broker in brokers), f"c{time.time_ns()}")


def left(before: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Return the tasks of abandoned clients."""
    return [task for task in asyncio.all_tasks() - before if not task.done()]


async def well(address: KafkaAddress) -> None:
    """Wait until health is ok again, as it must be without the killed one.

    A question waits 8 s for who leads now. Where the killed one was the active controller, another
    is elected before it names any, and that may take longer. Before the flow's first ticks arrive
    the stream is empty.
    """
    health = None
    try:
        async with asyncio.timeout(120):
            while health is None or (health.state, health.problem) != ("ok", None):
                health = await KafkaStream(address).health()
    except TimeoutError:
        raise AssertionError(f"not ok: {health}") from None


@pytest.mark.parametrize(("replication", "least"), [(NODES, "2"), (2, "1"), (-1, "1")])
async def test_two_of_three_replicas_confirm_each_record(
    address: KafkaAddress, replication: int, least: str
) -> None:
    async with (
        KafkaLog(address, TopicPlan(replication=replication)),
        ClusterClient(address) as asking,
    ):
        wanted = [(TOPIC, name, ["min.insync.replicas"]) for name in asking.names]
        answer = await asking.ask(DescribeConfigsRequest(wanted))
    has = {name: [entry[:2] for entry in entries] for *_, name, entries in answer.resources}
    assert has == {name: [("min.insync.replicas", least)] for name in asking.names}


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.slow)])
async def test_killing_each_broker_in_turn_loses_no_tick(
    brokers: list[Broker], address: KafkaAddress, rounds: int
) -> None:
    before = asyncio.all_tasks()
    async with flowing(address, "machine1", "machine2", replication=NODES) as flow:
        for number in range(rounds):
            broker = brokers[number % NODES]
            async with stalled(flow, MISSED):
                broker.kill()
                await well(address)
            await asyncio.to_thread(broker.start)
            await moved_on(flow)
    assert left(before) == []


@pytest.mark.slow
async def test_a_cluster_without_a_majority_is_waited_for(
    brokers: list[Broker], address: KafkaAddress
) -> None:
    before = asyncio.all_tasks()
    async with (
        flowing(address, "machine1", "machine2", replication=NODES) as flow,
        stalled(flow, 15 - 1),  # what was under way may come yet
    ):
        for broker in brokers[1:]:
            broker.kill()
        await asyncio.sleep(15)
        for broker in brokers[1:]:
            broker.launch()
        for broker in brokers[1:]:
            await asyncio.to_thread(broker.wait)
    assert left(before) == []
    words = {refusal.problem for refusal in flow.refusals}
    assert not [told for told in words if "Error" in told], words
