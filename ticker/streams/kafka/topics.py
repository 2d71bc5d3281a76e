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
from aiokafka.errors import (
    InvalidReplicationFactorError,
    NotControllerError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import CreateTopicsRequest

from ticker.errors import StreamMissing, StreamUnfit, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.cluster import ClusterClient, Topics
from ticker.streams.kafka.connecting import ANSWER, fault
from ticker.units import DAY

WEEK: Final = 7 * DAY
"""The default of `Plan.keep_for` (µs)."""

_CHECKED: Final = ("cleanup.policy", "message.timestamp.type")
_COPIED: Final = 3
"""Copies from which on one broker may be away and a record still be written twice."""
_HEALING: Final = (InvalidReplicationFactorError, NotControllerError)
"""What a cluster says that is not complete yet."""
_PARTS: Final = 10  # so many segments make up what is kept: the broker deletes whole ones only
_SHORTEST: Final = 1_000  # of a segment (ms)
_LONGEST: Final = 86_400_000  # … and at most, which is seven times shorter than the broker's own
_SMALLEST: Final = 2**20  # of a segment (bytes); Kafka 4 allows none that is smaller
_LARGEST: Final = 2**30  # the broker's own
_PAUSE: Final = 0.02  # seconds between two looks at the metadata
_HEAL: Final = 0.2  # seconds before a cluster that is not complete is asked again
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
    """Copies of each record; -1: the broker's own default. Of 3 and more, 2 are written before it
    is acknowledged (of 2, that would stop the writers when one broker is away)."""
    keep_for: int = WEEK
    """How long ticks and gaps stay, from their appending (µs); -1: for ever. A tenth longer, or a
    day if that is less, because they go by the segment."""
    keep_bytes: int = -1
    """Of ticks, per partition (bytes), and a tenth more; -1: without a bound."""


def configurations(plan: Plan) -> tuple[Mapping[str, str], ...]:
    """Of ticks, gaps, quotes and heartbeats."""
    by_time = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(plan.keep_for // 1_000 if plan.keep_for >= 0 else -1),
    }
    if plan.keep_for >= 0:
        part = plan.keep_for // 1_000 // _PARTS
        by_time["segment.ms"] = str(min(max(part, _SHORTEST), _LONGEST))
    by_key = {
        "cleanup.policy": "compact,delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(max(plan.keep_for, WEEK) // 1_000 if plan.keep_for >= 0 else -1),
        **_SEGMENTS,
    }
    ticks = {**by_time, "retention.bytes": str(plan.keep_bytes)}
    if plan.keep_bytes >= 0:
        ticks["segment.bytes"] = str(min(max(plan.keep_bytes // _PARTS, _SMALLEST), _LARGEST))
    # Otherwise acknowledged by all in sync may mean by one; how many a default makes is not known.
    copied = {"min.insync.replicas": "2"} if plan.replication >= _COPIED else {}
    return tuple({**each, **copied} for each in (ticks, by_time, by_key, by_key))


async def ensure(cluster: ClusterClient, plan: Plan) -> Topics:
    """The topics, checked where they were present and made where they were missing.

    Raises `StreamUnfit`, before any is made, where one has another policy, and `StreamError`
    otherwise.
    """
    there = await cluster.describe()
    if (wrong := (await policies(cluster, list(there))).wrong) is not None:
        raise StreamUnfit(cluster.address.url, wrong)
    if missing := [name for name in cluster.names if name not in there]:
        await _make(cluster, plan, missing)
    return await _made(cluster)


class Policies(msgspec.Struct, frozen=True):
    """What a look at how topics are kept has found, in words."""

    wrong: str | None = None
    """Which topic has another policy than it must, and what to do."""
    hidden: str | None = None
    """Whether a user with few rights may not look: its topics are as their maker says."""


async def policies(cluster: ClusterClient, present: Sequence[str]) -> Policies:
    """Look at how the topics that are `present` are kept."""
    if not present:
        return Policies()
    needed = dict(zip(cluster.names, configurations(Plan()), strict=True))
    seen = await cluster.configurations(present, _CHECKED)
    hidden = None
    if len(seen) < len(present):
        hidden = (
            "this user may not see how its topics are kept, so that is not checked. To have it "
            f"checked, allow DESCRIBE_CONFIGS on the topics {cluster.address.prefix}*"
        )
    for name, has in seen.items():
        for key in _CHECKED:
            should = needed[name][key]
            if sorted(str(has.get(key)).split(",")) != sorted(should.split(",")):
                wrong = (
                    f"the topic {name} has {key}={has.get(key)} where {should} is needed. Use "
                    "another PREFIX, or alter it with Kafka's kafka-configs.sh"
                )
                return Policies(wrong, hidden)
    return Policies(hidden=hidden)


async def _make(cluster: ClusterClient, plan: Plan, missing: Sequence[str]) -> None:
    """Ask for the topics that are `missing`, again while the cluster is not complete yet."""
    configured = dict(zip(cluster.names, configurations(plan), strict=True))
    many = {cluster.names[0], cluster.names[2]}  # quotes lie in their symbol's partition
    wanted: list[Any] = [
        (
            name,
            plan.partitions if name in many else 1,
            plan.replication,
            [],  # the brokers choose where the partitions lie
            list(configured[name].items()),
        )
        for name in missing
    ]
    until = asyncio.get_running_loop().time() + ANSWER
    while True:
        answer = await cluster.ask(CreateTopicsRequest(wanted, int(ANSWER * 250), False))
        healing = None
        for name, code, *words in answer.topic_errors:
            kind = fault(code)
            if kind is None or kind is TopicAlreadyExistsError:  # somebody else was quicker
                continue
            why = words[0] if words else kind.__name__
            if kind is TopicAuthorizationFailedError:
                why = "this user may not (CREATE). Let one make it who may, or allow it"
            problem = f"cannot make the topic {name}: {why}"
            if not kind.retriable and kind not in _HEALING:
                raise StreamUnusable(cluster.address.url, problem)
            healing = problem
        if healing is None:
            return
        if asyncio.get_running_loop().time() > until:
            raise StreamUnreachable(cluster.address.url, healing)
        await cluster.renew()  # who the controller is, is asked again
        await asyncio.sleep(_HEAL)


async def _made(cluster: ClusterClient) -> Topics:
    """The topics, once the brokers know them with their leaders."""
    until = asyncio.get_running_loop().time() + ANSWER
    while True:
        try:
            topics = await cluster.topics()
        except StreamMissing:
            topics = None
        if topics is not None and all(leader >= 0 for leader in topics.leaders.values()):
            return topics
        if asyncio.get_running_loop().time() > until:
            raise StreamMissing(cluster.address.url, "its topics do not appear")
        await asyncio.sleep(_PAUSE)
