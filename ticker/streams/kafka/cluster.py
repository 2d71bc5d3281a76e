"""Asks the cluster which topics exist, and where they begin and end.

It makes a client when it first needs one, and a new one after every failure: an aiokafka client
that lost its brokers may never find them again. A question waits at most `ANSWER` seconds for its
answer. A failure takes a few seconds more, to find the cause. Reads no record.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import msgspec
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.offset import OffsetRequest

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.connecting import ANSWER, CLOSED, end, fault, map_errors, start
from ticker.streams.kafka.diagnosing import unreachable
from ticker.streams.kafka.metadata import Describe
from ticker.streams.kafka.position import KafkaPosition, Offsets
from ticker.streams.sequence import Key

ENDINGS: Final = ("", ".gaps", ".quotes", ".heartbeats")
"""The suffixes of the topics of ticks, gaps, quotes and heartbeats."""

BEGIN: Final = -2
"""For `ClusterClient.offsets`: the offset where a partition begins now."""
END: Final = -1
"""For `ClusterClient.offsets`: the offset where a partition ends now."""

RECREATED: Final = "its topics were deleted and created again: open it again"
"""The problem when topics have another id than before."""

_PAUSE: Final = 0.1  # seconds before a question is asked again


class Topics(msgspec.Struct, frozen=True):
    """The four topics as they are now."""

    names: tuple[str, ...]
    partitions: tuple[int, ...]
    """How many partitions each topic has."""
    id: str
    """8 letters or digits from Kafka's id of the topic of ticks. A recreated topic has another."""
    leaders: Offsets
    url: str = ""
    """The URL of the stream, for errors."""

    def all(self, *which: int) -> list[TopicPartition]:
        """Return the partitions of the topics with the indices `which` (none: of all four)."""
        return [
            TopicPartition(self.names[n], p)
            for n in which or range(len(self.names))
            for p in range(self.partitions[n])
        ]

    def check(self, partitions: int) -> None:
        """Raise `StreamUnusable` unless the topic of ticks still has this many `partitions`.

        If the number changed, a symbol's ticks may lie in two partitions, in an unknown order.
        """
        if self.partitions[0] != partitions:
            words = (
                f"the topic {self.names[0]} had {partitions} partitions and has "
                f"{self.partitions[0]}: no symbol's order is certain now. Use another PREFIX"
            )
            raise StreamUnusable(self.url, words)

    def check_partitions(
        self, partition_of: dict[Key, int], partition: int, keys: Iterable[Key]
    ) -> None:
        """Note in `partition_of` that ticks of `keys`, (origin, symbol), lie in `partition`.

        Raises `StreamUnusable` if one of them lies in another partition too.
        """
        for key in keys:
            if partition_of.setdefault(key, partition) != partition:
                words = (
                    f"ticks of {key[1]} lie in two partitions of the topic {self.names[0]}, "
                    "probably because some were added: their order is uncertain. Use another PREFIX"
                )
                raise StreamUnusable(self.url, words)

    def place(self, offsets: Offsets, received: int = 0) -> KafkaPosition:
        """Return the position at `offsets`, which must have all partitions."""
        by_topic = tuple(
            tuple(offsets[TopicPartition(name, p)] for p in range(count))
            for name, count in zip(self.names, self.partitions, strict=True)
        )
        return KafkaPosition(self.id, by_topic, received)

    def offsets(self, place: KafkaPosition) -> dict[TopicPartition, int]:
        """Return the offsets in `place`; 0 for partitions that were added since.

        Raises `StreamUnusable` if the topic of ticks has another number of partitions now.
        """
        self.check(len(place.offsets[0]))
        found = dict.fromkeys(self.all(), 0)
        for name, offsets in zip(self.names, place.offsets, strict=True):
            for partition, offset in enumerate(offsets):
                if (where := TopicPartition(name, partition)) in found:
                    found[where] = offset
        return found


class ClusterClient:
    """Asks one cluster about the topics of one prefix.

    Only one task at a time may ask, because a failure closes the connections.
    """

    def __init__(self, address: KafkaAddress) -> None:
        self.address = address
        self.names = tuple(address.prefix + ending for ending in ENDINGS)
        self._client: Any = None
        self._brokers: list[str] = []  # HOST:PORT, as the cluster advertises them
        self._newest: Topics | None = None
        self._closed = False

    async def renew(self) -> None:
        """Close the client; the next question makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await end(client)

    async def close(self) -> None:
        """Close for good. A pending or later question raises `StreamUnreachable`."""
        self._closed = True
        await self.renew()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def topics(self) -> Topics:
        """Return the four topics. Raises `StreamMissing` unless all exist."""
        there = await self.describe()
        missing = [name for name in self.names if name not in there]
        if missing:
            raise StreamMissing(self.address.url, f"has no topic {', '.join(missing)}")
        digest = hashlib.sha256(there[self.names[0]]["topic_id"]).digest()
        leaders = {
            TopicPartition(name, partition["partition"]): partition["leader"]
            for name in self.names
            for partition in there[name]["partitions"]
        }
        self._newest = Topics(
            self.names,
            tuple(len(there[name]["partitions"]) for name in self.names),
            base64.b32encode(digest)[:8].decode().lower(),
            leaders,
            self.address.url,
        )
        return self._newest

    async def same_topics(self, topics_id: str) -> Topics:
        """Return the topics as they are now. Raises `StreamMissing` if they were created again."""
        topics = await self.topics()
        if topics.id != topics_id:
            raise StreamMissing(self.address.url, RECREATED)
        return topics

    async def ask(self, request: Any) -> Any:
        """Send `request` (of `aiokafka.protocol`) to the controller or another broker.

        A cluster that has just started names no controller yet. With KRaft, every broker forwards
        requests to the controller.
        """
        [answer] = await self._ask({None: request})
        return answer

    async def describe(self) -> dict[str, Mapping[str, Any]]:
        """Return name → description, for each of the four topics that exists."""
        answer = (await self.ask(Describe(self.names))).to_object()
        found: dict[str, Mapping[str, Any]] = {}
        for topic in answer["topics"]:
            match fault(topic["error_code"]):
                case None:
                    found[topic["name"]] = topic
                case kind if kind is not UnknownTopicOrPartitionError:
                    with map_errors(self.address):
                        raise kind(topic["name"])
        return found

    async def offsets(self, topics: Topics, when: int, *which: int) -> dict[TopicPartition, int]:
        """Return each partition's offset at `when`: `BEGIN`, `END` or a time of appending (ms).

        A time gives the first offset at or after it; -1 if there is none. `which` are indices of
        topics (default: all four). Raises `StreamMissing` if it notices that the topics were
        created again.
        """
        until = asyncio.get_running_loop().time() + ANSWER
        while True:
            # Leaders may have moved since.
            newest = self._newest or topics
            leaders = newest.leaders if newest.id == topics.id else topics.leaders
            try:
                with map_errors(self.address):
                    return await self._offsets(leaders, topics.all(*which), when)
            except StreamUnreachable:
                # There was an election or a deletion, or the leader died. Ask for the topics again:
                # if no broker answers, that raises the right error.
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(_PAUSE)
                await self.same_topics(topics.id)

    async def _offsets(
        self, leaders: Offsets, partitions: Iterable[TopicPartition], when: int
    ) -> dict[TopicPartition, int]:
        by_node: dict[int | None, Any] = defaultdict(lambda: defaultdict(list))
        for where in partitions:
            if where not in leaders:  # recreated; `Topics.id` covers only the topic of ticks
                raise StreamMissing(self.address.url, RECREATED)
            leader = leaders[where]
            if leader < 0:
                raise LeaderNotAvailableError(where)
            by_node[leader][where.topic].append((where.partition, when))
        requests = {node: OffsetRequest(-1, 0, [*asked.items()]) for node, asked in by_node.items()}
        found: dict[TopicPartition, int] = {}
        for answer in await self._ask(requests):
            for topic, offsets in answer.topics:
                for partition, code, _, offset in offsets:
                    if (kind := fault(code)) is not None:
                        raise kind(topic)
                    found[TopicPartition(topic, partition)] = offset
        return found

    async def _ask(self, requests: Mapping[int | None, Any]) -> list[Any]:
        """Send each node (`None`: any) its request, and return the answers.

        Retries once with a new client: after a broker restarts, the old client has dead
        connections.
        """
        try:
            with map_errors(self.address):
                async with asyncio.timeout(ANSWER):
                    fresh = self._client is None
                    try:
                        return await self._send(requests)
                    except (KafkaError, OSError):
                        await self.renew()
                        if fresh:
                            raise
                        return await self._send(requests)
        except StreamError as error:
            await self.renew()
            if isinstance(error, StreamUnreachable) and not self._closed:
                why = await unreachable(self.address, self._brokers)
                if why is not None:
                    raise StreamUnreachable(self.address.url, why) from error
            raise

    async def _send(self, requests: Mapping[int | None, Any]) -> list[Any]:
        if self._client is None and not self._closed:
            self._brokers = []
            self._client = await start(
                AIOKafkaClient, self.address, ANSWER / 2, request_timeout_ms=int(ANSWER * 500)
            )
            self._brokers = [_where(broker) for broker in self._client.cluster.brokers()]
        client = self._client
        if self._closed:
            await self.renew()
            raise StreamUnreachable(self.address.url, CLOSED)
        return [
            await client.send(await _anybody(client) if node is None else node, request)
            for node, request in requests.items()
        ]


def _where(broker: Any) -> str:
    """Return HOST:PORT of a broker, as in a URL."""
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return f"{host}:{broker.port}"


async def _anybody(client: Any) -> Any:
    """Return the id of a broker that can be reached: the controller, if possible.

    KRaft names a random broker as controller, and that broker may be dead.
    """
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)
    if (controller := client.cluster.controller) is not None:
        nodes.insert(0, controller.nodeId)
    for node in nodes:
        if await client.ready(node):
            return node
    raise NodeNotReadyError
