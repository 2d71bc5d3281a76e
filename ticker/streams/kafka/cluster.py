"""Asks the cluster which topics there are, and where they begin and end.

It makes one client when it first needs it, and a new one after every failure: a client of aiokafka
that lost its brokers may never find them again. Every answer comes within `ANSWER` seconds, or a
`StreamError`. Reads no record.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

import msgspec
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.offset import OffsetRequest

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.address import Address
from ticker.streams.kafka.connecting import ANSWER, CLOSED, begin, end, fault, map_errors
from ticker.streams.kafka.diagnosing import unreachable
from ticker.streams.kafka.metadata import Describe
from ticker.streams.kafka.position import KafkaPosition, Offsets
from ticker.streams.sequence import Key

ENDINGS: Final = ("", ".gaps", ".quotes", ".heartbeats")
"""Of the names of the four topics, in the order of writing."""

BEGIN: Final = -2
"""For `ClusterClient.offsets`: where a partition begins now."""
END: Final = -1
"""For `ClusterClient.offsets`: where a partition ends now."""

RECREATED: Final = "its topics were deleted and created again"
"""The problem of topics that have another id than before."""

_PASSING: Final = (
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
)
_TOPIC: Final = 2  # Kafka's number for what a configuration may be of
_PAUSE: Final = 0.1  # seconds before a question that met an election is asked again


class Topics(msgspec.Struct, frozen=True):
    """The four topics as they are now."""

    names: tuple[str, ...]
    partitions: tuple[int, ...]
    """How many each has."""
    id: str
    """8 letters made from the id of the ticks' topic. New topics of the same name have another."""
    leaders: Mapping[TopicPartition, int]
    url: str = ""
    """Of the stream, for errors."""

    def all(self, *which: int) -> list[TopicPartition]:
        """The partitions of the topics `which` (indices; none: of all four)."""
        return [
            TopicPartition(self.names[n], p)
            for n in which or range(len(self.names))
            for p in range(self.partitions[n])
        ]

    def check(self, partitions: int) -> None:
        """Raise `StreamUnusable` unless ticks have as many `partitions` as before.

        Otherwise a symbol's ticks lie in two partitions, and their order is not known.
        """
        if self.partitions[0] != partitions:
            words = (
                f"the topic {self.names[0]} had {partitions} partitions and has "
                f"{self.partitions[0]}: no symbol's order is sure any more. Use another PREFIX"
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
                    f"ticks of {key[1]} lie in two partitions of the topic {self.names[0]}, as "
                    "after some were added: their order is not sure any more. Use another PREFIX"
                )
                raise StreamUnusable(self.url, words)

    def place(self, offsets: Mapping[TopicPartition, int], received: int = 0) -> KafkaPosition:
        """`offsets` of all partitions as a place."""
        by_topic: list[Offsets] = [
            tuple(offsets[TopicPartition(name, p)] for p in range(count))
            for name, count in zip(self.names, self.partitions, strict=True)
        ]
        ticks, gaps, quotes, beats = by_topic
        return KafkaPosition(self.id, (ticks, gaps, quotes, beats), received)

    def offsets(self, place: KafkaPosition) -> dict[TopicPartition, int]:
        """A place as offsets; a partition that was added since begins at 0.

        Raises `StreamUnusable` where that is one of ticks.
        """
        self.check(len(place.offsets[0]))
        found = dict.fromkeys(self.all(), 0)
        for name, offsets in zip(self.names, place.offsets, strict=True):
            for partition, offset in enumerate(offsets):
                if (where := TopicPartition(name, partition)) in found:
                    found[where] = offset
        return found


class ClusterClient:
    """Asks one cluster about one prefix. One task at a time: a failure closes the connections."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.names = tuple(address.prefix + ending for ending in ENDINGS)
        self._client: Any = None
        self._brokers: list[str] = []  # HOST:PORT, as the cluster advertises them
        self._newest: Topics | None = None
        self._closed = False
        self._lock = asyncio.Lock()

    async def renew(self) -> None:
        """Close the client; the next question makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await end(client)

    async def close(self) -> None:
        """Close for good: a question under way, or asked later, raises `StreamUnreachable`."""
        self._closed = True
        await self.renew()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def topics(self) -> Topics:
        """The four topics; raises `StreamMissing` unless all are there."""
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

    async def ask(self, request: Any) -> Any:
        """A broker's answer to `request` of `aiokafka.protocol`: the controller's if it is known.

        A cluster that has just started names none; with KRaft, every broker forwards to it.
        """
        return (await self._ask({None: request}))[None]

    async def describe(self) -> dict[str, Mapping[str, Any]]:
        """Those of the four topics that are there → what the broker says of them."""
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

    async def configurations(
        self, names: Iterable[str], keys: Sequence[str]
    ) -> dict[str, Mapping[str, str]]:
        """Topic → the values of `keys` that it has; none of a topic whose user may not see them."""
        wanted = [(_TOPIC, name, list(keys)) for name in names]
        answer = await self.ask(DescribeConfigsRequest(wanted))
        found: dict[str, Mapping[str, str]] = {}
        for code, words, _, name, entries in answer.resources:
            kind = fault(code)
            if kind is TopicAuthorizationFailedError:
                continue
            if kind is not None:
                with map_errors(self.address):
                    raise kind(words)
            found[name] = {entry[0]: entry[1] for entry in entries}
        return found

    async def offsets(
        self, topics: Topics, when: int | Mapping[TopicPartition, int], *which: int
    ) -> dict[TopicPartition, int]:
        """Per partition the first offset at `when` (`BEGIN`, `END`, or ms of appending), or -1.

        `which` are indices of the topics asked about; none: all four. -1: nothing that late.
        Raises `StreamMissing` where `topics` were made again, if that is noticed.
        """
        partitions = topics.all(*which)
        wanted = when if not isinstance(when, int) else dict.fromkeys(partitions, when)
        until = asyncio.get_running_loop().time() + ANSWER
        while True:
            # Leaders may have moved since.
            newest = self._newest or topics
            leaders = newest.leaders if newest.id == topics.id else topics.leaders
            try:
                return await self._offsets(leaders, wanted)
            except (*_PASSING, StreamUnreachable) as error:
                # An election or a deletion, or the leader was killed just now. Look at the topics
                # again: if nobody answers, that is the answer.
                if asyncio.get_running_loop().time() > until:
                    with map_errors(self.address):
                        raise
                await asyncio.sleep(_PAUSE)
                if (await self.topics()).id != topics.id:
                    raise StreamMissing(self.address.url, RECREATED) from error

    async def _offsets(
        self, leaders: Mapping[TopicPartition, int], wanted: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        by_node: dict[Any, Any] = defaultdict(lambda: defaultdict(list))
        for where, when in wanted.items():
            if where not in leaders:  # its topic, and not that of the ticks, which has the id
                raise StreamMissing(self.address.url, RECREATED)
            leader = leaders[where]
            if leader < 0:
                raise LeaderNotAvailableError(where)
            by_node[leader][where.topic].append((where.partition, when))
        answers = await self._ask(
            {node: OffsetRequest(-1, 0, list(asked.items())) for node, asked in by_node.items()}
        )
        found: dict[TopicPartition, int] = {}
        for answer in answers.values():
            for topic, partitions in answer.topics:
                for partition, code, _, offset in partitions:
                    if (kind := fault(code)) is not None:
                        if kind in _PASSING:
                            raise kind(topic)
                        with map_errors(self.address):
                            raise kind(topic)
                    found[TopicPartition(topic, partition)] = offset
        return found

    async def _ask(self, requests: Mapping[Any, Any]) -> dict[Any, Any]:
        """Node id (`None`: any) → request, all answered; one fresh client is tried after a fault.

        A broker that was restarted has left the old client with dead connections.
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

    async def _send(self, requests: Mapping[Any, Any]) -> dict[Any, Any]:
        async with self._lock:
            if self._client is None and not self._closed:
                self._brokers = []
                client = AIOKafkaClient(
                    bootstrap_servers=list(self.address.servers),
                    request_timeout_ms=int(ANSWER * 500),
                    **self.address.options(),
                )
                await begin(self.address, client, ANSWER / 2)
                self._client = client
                self._brokers = [_where(broker) for broker in client.cluster.brokers()]
            client = self._client
        if self._closed:
            await self.renew()
            raise StreamUnreachable(self.address.url, CLOSED)
        answers: dict[Any, Any] = {}
        for node, request in requests.items():
            where = await _anybody(client) if node is None else node
            answers[node] = await client.send(where, request)
        return answers


def _where(broker: Any) -> str:
    """HOST:PORT of a broker, as a URL has it."""
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return f"{host}:{broker.port}"


async def _anybody(client: Any) -> Any:
    """A broker that can be reached, the controller first: one named may just have been killed.

    KRaft names a random broker as controller.
    """
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)
    if (controller := client.cluster.controller) is not None:
        nodes.insert(0, controller.nodeId)
    for node in nodes:
        if await client.ready(node):
            return node
    raise NodeNotReadyError


def spans(
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    partitions: Iterable[TopicPartition],
) -> dict[TopicPartition, tuple[int, int]]:
    """The first and the end offset of each of `partitions`, without those that are empty."""
    return {
        where: (begins[where], ends[where]) for where in partitions if begins[where] < ends[where]
    }
