"""The configuration of the four topics: missing topics are created, present ones are checked.

Ticks and gaps are kept by the time of their appending; quotes and heartbeats also by key. A topic
with another policy is reported, and no other is created beside it: a compacted topic of ticks would
lose most of them without a sign. Reads and writes no record.
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
"""From so many copies on, one broker may be away while each record is still written twice."""
_HEALING: Final = (InvalidReplicationFactorError, NotControllerError)
"""Error codes of a cluster that is not complete yet."""
_PARTS: Final = 10  # this many segments hold what is kept: the broker deletes whole segments only
_SHORTEST: Final = 1_000  # of a segment (ms)
_LONGEST: Final = 86_400_000  # … and at most; the broker's own default is seven times longer
_SMALLEST: Final = 2**20  # of a segment (bytes); Kafka 4 allows no smaller one
_LARGEST: Final = 2**30  # the broker's own default
_PAUSE: Final = 0.02  # seconds between two looks at the metadata
_HEAL: Final = 0.2  # seconds before a cluster that is not complete is asked again
_SEGMENTS: Final = {  # small segments, because the active one is never compacted
    "segment.ms": str(10 * 60_000),
    "segment.bytes": str(16 * 2**20),
    "min.cleanable.dirty.ratio": "0.1",
}


class Plan(msgspec.Struct, frozen=True):
    """How missing topics are created. Present ones keep their configuration."""

    partitions: int = 3
    """Partitions of ticks and quotes. Gaps and heartbeats are few and have one."""
    replication: int = -1
    """Copies of each record; -1: the broker's default.

    From 3 copies on, 2 must be written before a record is acknowledged. With 2 copies, this rule
    would stop the writers whenever one broker is away.
    """
    keep_for: int = WEEK
    """How long ticks and gaps stay after they were appended (µs); -1: for ever.

    They stay up to a tenth longer, or a day if that is less, because whole segments are deleted.
    """
    keep_bytes: int = -1
    """The most bytes of ticks per partition, and a tenth more; -1: no bound."""


def configurations(plan: Plan) -> tuple[Mapping[str, str], ...]:
    """Return the configurations of ticks, gaps, quotes and heartbeats."""
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
    # Otherwise one copy may be enough to acknowledge. It is unknown how many copies a default
    # makes.
    copied = {"min.insync.replicas": "2"} if plan.replication >= _COPIED else {}
    return tuple({**each, **copied} for each in (ticks, by_time, by_key, by_key))


async def ensure(cluster: ClusterClient, plan: Plan) -> Topics:
    """Return the topics, after checking those present and creating the missing ones.

    Raises `StreamUnfit`, before any is created, if one has another policy. Raises other
    `StreamError`s for other failures.
    """
    there = await cluster.describe()
    if (wrong := (await policies(cluster, list(there))).wrong) is not None:
        raise StreamUnfit(cluster.address.url, wrong)
    if missing := [name for name in cluster.names if name not in there]:
        await _make(cluster, plan, missing)
    return await _made(cluster)


class Policies(msgspec.Struct, frozen=True):
    """How the topics are kept, in words."""

    wrong: str | None = None
    """The problem of a topic that has another policy than it must, and what to do."""
    hidden: str | None = None
    """Whether the user may not see the policies."""


async def policies(cluster: ClusterClient, present: Sequence[str]) -> Policies:
    """Check how the `present` topics are kept."""
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
    """Create the `missing` topics. Tries again while the cluster is not complete."""
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
            if kind is None or kind is TopicAlreadyExistsError:  # another program was faster
                continue
            why = words[0] if words else kind.__name__
            if kind is TopicAuthorizationFailedError:
                why = (
                    "this user may not create topics. Create it with another user, or allow CREATE"
                )
            problem = f"cannot make the topic {name}: {why}"
            if not kind.retriable and kind not in _HEALING:
                raise StreamUnusable(cluster.address.url, problem)
            healing = problem
        if healing is None:
            return
        if asyncio.get_running_loop().time() > until:
            raise StreamUnreachable(cluster.address.url, healing)
        await cluster.renew()  # ask again which broker is the controller
        await asyncio.sleep(_HEAL)


async def _made(cluster: ClusterClient) -> Topics:
    """Return the topics, once the brokers know them with their leaders."""
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
