"""The four topics as they should be: made when missing, checked when present.

Ticks and gaps are kept by the time of their appending, quotes and heartbeats by key too. A topic
that is there with another policy is told, and none is made beside it: a compacted topic of ticks
would lose most of them, silently. Knows configurations; reads and writes no record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NotControllerError,
    TopicAlreadyExistsError,
)

from ticker.errors import StreamMissing, StreamUnfit, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.asking import Asking, Topics
from ticker.streams.kafka.connecting import ANSWER, begin, end, fault, prefer, told

WEEK: Final = 7 * 86_400_000_000
"""The default of `Plan.keep_for` (µs)."""

_CHECKED: Final = ("cleanup.policy", "message.timestamp.type")
_HEALING: Final = (InvalidReplicationFactorError, NotControllerError)
"""What a cluster says that is not complete yet."""
_PAUSE: Final = 0.02  # seconds between two looks at the metadata
_SEGMENTS: Final = {  # small ones, because the active segment is never compacted
    "segment.ms": str(10 * 60_000),
    "segment.bytes": str(16 * 2**20),
    "min.cleanable.dirty.ratio": "0.1",
}


class Plan(msgspec.Struct, frozen=True):
    """How topics are made that are missing; present ones keep what they have."""

    partitions: int = 3
    """Of ticks and quotes; gaps and heartbeats are few and have one."""
    replication: int = -1
    """Copies of each record; -1: the broker's own default."""
    keep_for: int = WEEK
    """How long ticks and gaps stay, from their appending (µs); -1: for ever."""
    keep_bytes: int = -1
    """Of ticks, per partition (bytes); -1: without a bound."""


def configurations(plan: Plan) -> tuple[Mapping[str, str], ...]:
    """Of ticks, gaps, quotes and heartbeats."""
    by_time = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(plan.keep_for // 1_000 if plan.keep_for >= 0 else -1),
    }
    by_key = {
        "cleanup.policy": "compact,delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(max(plan.keep_for, WEEK) // 1_000 if plan.keep_for >= 0 else -1),
        **_SEGMENTS,
    }
    ticks = {**by_time, "retention.bytes": str(plan.keep_bytes)}
    return ticks, by_time, by_key, by_key


async def ensure(asking: Asking, plan: Plan) -> Topics:
    """The topics, checked where they were present and made where they were missing.

    Raises `StreamUnfit`, before any is made, where one has another policy, and `StreamError`
    otherwise.
    """
    there = await asking.describe()
    if (problem := await unfit(asking, list(there))) is not None:
        raise StreamUnfit(asking.address.url, problem)
    if missing := [name for name in asking.names if name not in there]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=list(asking.address.servers),
            request_timeout_ms=int(ANSWER * 1_000),
            **asking.address.options,
        )
        with told(asking.address):
            await begin_admin(asking, admin)
            try:
                async with asyncio.timeout(ANSWER):
                    await _make(asking, admin, plan, missing)
            finally:
                await end(admin)
    return await _made(asking)


async def unfit(asking: Asking, present: Sequence[str]) -> str | None:
    """Which of the topics that are `present` has another policy than it must, and what to do."""
    if not present:
        return None
    needed = dict(zip(asking.names, configurations(Plan()), strict=True))
    for name, has in (await asking.configurations(present, _CHECKED)).items():
        for key in _CHECKED:
            should = needed[name][key]
            if sorted(str(has.get(key)).split(",")) != sorted(should.split(",")):
                return (
                    f"the topic {name} has {key}={has.get(key)} where {should} is needed. Use "
                    "another PREFIX, or alter it with Kafka's kafka-configs.sh"
                )
    return None


async def begin_admin(asking: Asking, admin: Any) -> None:
    """Start an admin client, whose `close` does nothing before it has begun."""
    try:
        async with asyncio.timeout(ANSWER):
            await prefer(asking.address, admin)
            await admin.start()
    except (KafkaError, OSError):
        await end(admin)
        # Asked again in the way that finds the cause.
        await begin(asking.address, admin._client)  # noqa: SLF001 - the same
        raise


async def _make(
    asking: Asking,
    admin: Any,
    plan: Plan,
    missing: list[str],
) -> None:
    wanted = dict(zip(asking.names, configurations(plan), strict=True))
    many = {asking.names[0], asking.names[2]}  # quotes lie in their symbol's partition
    answer = await admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=plan.partitions if name in many else 1,
                replication_factor=plan.replication,
                # aiokafka wants one of the two: the number of copies, or (empty) assignments.
                replica_assignments={} if plan.replication == -1 else None,
                topic_configs=dict(wanted[name]),
            )
            for name in missing
        ]
    )
    for name, code, *words in answer.topic_errors:
        kind = fault(code)
        if kind is None or kind is TopicAlreadyExistsError:  # somebody else was quicker
            continue
        problem = f"cannot make the topic {name}: {words[0] if words else kind.__name__}"
        if kind.retriable or kind in _HEALING:
            raise StreamUnreachable(asking.address.url, problem)
        raise StreamUnusable(asking.address.url, problem)


async def _made(asking: Asking) -> Topics:
    """The topics, once the brokers know them with their leaders."""
    until = asyncio.get_running_loop().time() + ANSWER
    while True:
        try:
            topics = await asking.topics()
        except StreamMissing:
            topics = None
        if topics is not None and all(leader >= 0 for leader in topics.leaders.values()):
            return topics
        if asyncio.get_running_loop().time() > until:
            raise StreamMissing(asking.address.url, "its topics do not appear")
        await asyncio.sleep(_PAUSE)
