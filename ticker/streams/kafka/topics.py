"""Creates missing topics, and checks the configuration of those that exist.

All records are deleted by their time of appending. Of quotes and heartbeats, only the last of each
key is kept. A topic with another policy is reported, and then no topic is created: a compacted
topic of ticks would silently lose most of them. Reads and writes no record.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka.errors import (
    InvalidReplicationFactorError,
    NotControllerError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from ticker.errors import StreamMissing, StreamUnfit, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.cluster import ClusterClient, Topics
from ticker.streams.kafka.connecting import ANSWER, fault, map_errors
from ticker.streams.kafka.messages import QUOTES, TICKS
from ticker.units import DAY

WEEK: Final = 7 * DAY
"""The default of `TopicPlan.keep_for` (µs)."""

_CHECKED: Final = ("cleanup.policy", "message.timestamp.type")
_TOPIC: Final = 2  # Kafka's number for the resource type "topic"
_COPIED: Final = 3
"""With this many copies or more, two can be written even if one broker is away."""
_HEALING: Final = (InvalidReplicationFactorError, NotControllerError)
"""Errors of a cluster that is not complete yet."""
_PARTS: Final = 10  # segments that hold what is kept: the broker deletes whole segments only
_SHORTEST: Final = 1_000  # the shortest segment (ms)
_LONGEST: Final = 86_400_000  # the longest segment (ms); the broker's default is 7 times longer
_SMALLEST: Final = 2**20  # the smallest segment (bytes); Kafka 4 allows no smaller one
_LARGEST: Final = 2**30  # the largest segment (bytes): the broker's default
_PAUSE: Final = 0.02  # seconds before the metadata are asked for again
_HEAL: Final = 0.2  # seconds before a cluster that is not complete is asked again
_SEGMENTS: Final = {  # small segments, because the active one is never compacted
    "segment.ms": str(10 * 60_000),
    "segment.bytes": str(16 * 2**20),
    "min.cleanable.dirty.ratio": "0.1",
}


class TopicPlan(msgspec.Struct, frozen=True):
    """How missing topics are created. Existing topics keep their configuration."""

    partitions: int = 3
    """Partitions of ticks and quotes. Gaps and heartbeats are few and have one."""
    replication: int = -1
    """Copies of each record; -1: the broker's default.

    With 3 copies or more, a record is acknowledged when 2 are written. With 2 copies, this rule
    would stop the writers whenever one broker is away.
    """
    keep_for: int = WEEK
    """How long ticks and gaps stay after they were appended (µs); -1: for ever.

    They stay up to a tenth longer, but at most a day longer: whole segments are deleted.
    """
    keep_bytes: int = -1
    """The most bytes of ticks per partition, and up to a tenth (or 1 MiB) more; -1: no bound."""


def configurations(plan: TopicPlan) -> tuple[Mapping[str, str], ...]:
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
    # Without this setting, one copy may be enough to acknowledge. It is not set if the broker
    # chooses the number of copies, because that is unknown here.
    copied = {"min.insync.replicas": "2"} if plan.replication >= _COPIED else {}
    return tuple({**each, **copied} for each in (ticks, by_time, by_key, by_key))


async def ensure(cluster: ClusterClient, plan: TopicPlan) -> Topics:
    """Check the topics that exist, create the missing ones, and return all once they have leaders.

    Raises `StreamUnfit` if one has another policy, before any is created. Raises other
    `StreamError`s for other failures. Tries again while the cluster is not complete.
    """
    there = await cluster.describe()
    wrong, _ = await policies(cluster, list(there))
    if wrong is not None:
        raise StreamUnfit(cluster.address.url, wrong)
    missing = [name for name in cluster.names if name not in there]
    until = asyncio.get_running_loop().time() + ANSWER
    while True:
        problem = await _create(cluster, plan, missing) if missing else None
        if problem is None:
            missing = []
            with contextlib.suppress(StreamMissing):
                topics = await cluster.topics()
                if all(leader >= 0 for leader in topics.leaders.values()):
                    return topics
        else:
            await cluster.renew()  # ask again which broker is the controller
        if asyncio.get_running_loop().time() > until:
            if problem is not None:
                raise StreamUnreachable(cluster.address.url, problem)
            raise StreamMissing(cluster.address.url, "its topics do not appear")
        await asyncio.sleep(_PAUSE if problem is None else _HEAL)


async def policies(cluster: ClusterClient, present: Sequence[str]) -> tuple[str | None, str | None]:
    """Check the policies of the topics that are `present`.

    Returns two problems, in words for the user, or `None` for each: that a topic has the wrong
    policy, and that the user may not see the policies.
    """
    if not present:
        return None, None
    needed = dict(zip(cluster.names, configurations(TopicPlan()), strict=True))
    wanted = [(_TOPIC, name, list(_CHECKED)) for name in present]
    answer = await cluster.ask(DescribeConfigsRequest(wanted))
    hidden = wrong = None
    for code, words, _, name, entries in answer.resources:
        kind = fault(code)
        if kind is TopicAuthorizationFailedError:
            hidden = (
                "this user may not see how its topics are kept, so their policies are not checked. "
                f"To check them, allow DESCRIBE_CONFIGS on the topics {cluster.address.prefix}*"
            )
            continue
        if kind is not None:
            with map_errors(cluster.address):
                raise kind(words)
        has = {entry[0]: entry[1] for entry in entries}
        for key in _CHECKED:
            should = needed[name][key]
            if sorted(str(has.get(key)).split(",")) != sorted(should.split(",")):
                wrong = wrong or (
                    f"the topic {name} has {key}={has.get(key)} where {should} is needed. Use "
                    "another PREFIX, or alter it with Kafka's kafka-configs.sh"
                )
    return wrong, hidden


async def _create(cluster: ClusterClient, plan: TopicPlan, missing: Sequence[str]) -> str | None:
    """Create the `missing` topics. Return why the cluster cannot yet; `None` if it did."""
    configured = dict(zip(cluster.names, configurations(plan), strict=True))
    many = {cluster.names[TICKS], cluster.names[QUOTES]}  # quotes lie in their symbol's partition
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
    problem = None
    answer = await cluster.ask(CreateTopicsRequest(wanted, int(ANSWER * 250), False))
    for name, code, *words in answer.topic_errors:
        kind = fault(code)
        if kind is None or kind is TopicAlreadyExistsError:  # another program was faster
            continue
        why = words[0] if words else kind.__name__
        if kind is TopicAuthorizationFailedError:
            why = "this user may not create topics. Create it with another user, or allow CREATE"
        problem = f"cannot make the topic {name}: {why}"
        if not kind.retriable and kind not in _HEALING:
            raise StreamUnusable(cluster.address.url, problem)
    return problem
