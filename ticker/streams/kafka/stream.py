"""`KafkaStream` reads and `KafkaLog` also writes: the protocols over four Kafka topics.

Both delegate: positions to `finding`, snapshots to `snapshot`, reading to `following`, writing to
`writing`. They add the problems that readings noticed, the health of the stream, and `columns` for
callers that have no event loop.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from ticker.errors import (
    StreamError,
    StreamMissing,
    StreamUnreachable,
    StreamUnusable,
    WrongPosition,
)
from ticker.health import Health, StreamState
from ticker.records import Batch, Position, Tick
from ticker.streams.arguments import checked_batch
from ticker.streams.base import BaseStream
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient
from ticker.streams.kafka.fetching import span
from ticker.streams.kafka.finding import find, find_last
from ticker.streams.kafka.following import WATCH, KafkaRead
from ticker.streams.kafka.messages import TICKS, decode
from ticker.streams.kafka.position import parse
from ticker.streams.kafka.producing import DELIVERY
from ticker.streams.kafka.snapshot import oldest_received, read_snapshot
from ticker.streams.kafka.topics import TopicPlan, policies
from ticker.streams.kafka.writing import KafkaWriter
from ticker.streams.protocol import Log, Served
from ticker.streams.reader import ColumnRequest, ReadRequest
from ticker.streams.sequence import SequenceTracker
from ticker.streams.sync import blocking


class KafkaStream(BaseStream, Served):
    """A reader of the topics at `address`. It creates no topic. `watch` (s): see `WATCH`."""

    def __init__(self, address: KafkaAddress, *, watch: float = WATCH) -> None:
        super().__init__(address.url)
        self._address = address
        self._watch = watch

    async def log_id(self) -> str:
        async with ClusterClient(self._address) as cluster:
            return (await cluster.topics()).id

    async def snapshot(self) -> Batch:
        async with self._cluster() as cluster:
            late = await read_snapshot(cluster, await cluster.topics())
        self._passed_over(late.broken)
        return late.batch()

    async def _find(self, place: int | Literal["start", "end"]) -> Position:
        async with self._cluster() as cluster:
            return (await find(cluster, place)).position()

    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position:
        async with self._cluster() as cluster:
            return (await find_last(cluster, ticks, symbols)).position()

    async def count(self, after: Position) -> int:
        place = parse(self.url, after)
        async with self._cluster() as cluster:
            topics = await cluster.topics()
            if place.id != topics.id:
                raise WrongPosition(self.url, after)
            begins = await cluster.offsets(topics, BEGIN, TICKS)
            ends = await cluster.offsets(topics, END, TICKS)
            offsets = topics.offsets(place)
        return sum(max(0, ends[w] - max(begins[w], offsets[w])) for w in ends)

    async def _begin(self, request: ReadRequest) -> KafkaRead:
        return KafkaRead(self._address, request, watch=self._watch)

    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        with contextlib.closing(blocking(self._chunks(request))) as chunks:
            yield from chunks

    async def _chunks(
        self, request: ColumnRequest
    ) -> AsyncGenerator[Mapping[str, Sequence[Any]], None]:
        async with self._cluster() as cluster:
            topics = await cluster.topics()
            ends = await cluster.offsets(topics, END, TICKS)
            begin = await find(cluster, "start" if request.since is None else request.since)
            offsets = topics.offsets(begin)
            sequences = SequenceTracker()
            between = {where: (offsets[where], end) for where, end in ends.items()}
            async with contextlib.aclosing(span(cluster.address, between)) as messages:
                async for _, some in messages:
                    ticks, _, _ = sequences.take(decode(some, Tick).records)
                    if (chunk := request.chunk(ticks)) is not None:
                        yield chunk

    @contextlib.asynccontextmanager
    async def _cluster(self) -> AsyncGenerator[ClusterClient, None]:
        """Yield a client for a few questions.

        Raises `StreamUnusable` if a topic is missing and another one has a wrong policy: then no
        poller could create the missing one.
        """
        async with ClusterClient(self._address) as cluster:
            try:
                yield cluster
            except StreamMissing as error:
                problem = None
                with contextlib.suppress(StreamError):  # otherwise raise `StreamMissing`
                    problem, _ = await policies(cluster, list(await cluster.describe()))
                if problem is None:
                    raise
                raise StreamUnusable(self.url, problem) from error

    async def _read_health(self) -> Health:
        async with self._cluster() as cluster:
            topics = await cluster.topics()
            late = await read_snapshot(cluster, topics)
            between = {where: (late.begins[where], late.ends[where]) for where in late.window}
            first = await oldest_received(cluster, between)
            wrong, hidden = await policies(cluster, topics.names)
        count = sum(end - begin for begin, end in between.values())
        held = [tick for some in late.window.values() for tick in some.records]
        quotes = late.quotes | late.made
        return Health(
            stream=self.url,
            state=StreamState.OK if count or late.batch() else StreamState.EMPTY,
            problem=wrong or hidden,
            ticks=len(held) if late.whole else count,
            symbols=len({symbol for _, symbol in quotes}),
            first=first,
            last=max((tick.received for tick in held), default=None),
            simulated=next((quote.simulated for quote in quotes.values()), None),
            broken=late.broken,
            heartbeats=tuple(late.beats.values()),
        )


class KafkaLog(KafkaStream, Log):
    """The log at `address`. Entering it creates missing topics by `plan`.

    An append may take `delivery` seconds to send to one topic. A broker that takes longer counts as
    away, and the next append first looks up what arrived. An append also asks the cluster for its
    topics, unless another append came just before. That may take 8 s.
    """

    def __init__(
        self, address: KafkaAddress, plan: TopicPlan | None = None, *, delivery: float = DELIVERY
    ) -> None:
        super().__init__(address)
        self._plan = plan or TopicPlan()
        self._delivery = delivery
        self._writer: KafkaWriter | None = None

    @property
    def id(self) -> str:
        return self._entered().topics.id

    async def last(self) -> Mapping[tuple[str, str], int]:
        return await self._entered().last()

    async def append(self, batch: Batch) -> Position:
        return await self._entered().append(checked_batch(batch))

    async def close(self, within: float = 5.0) -> int:
        await super().close(within)
        writer, self._writer = self._writer, None
        return 0 if writer is None else await writer.close(within)

    async def __aenter__(self) -> Self:
        if self._writer is None:
            writer = KafkaWriter(self._address, self._plan, self._delivery)
            try:
                await writer.open()
            except BaseException:
                await writer.close(0.5)
                raise
            self._writer = writer
        return self

    def _entered(self) -> KafkaWriter:
        if self._writer is None:
            raise StreamUnreachable(self.url, "the log is not open: use `async with`")
        return self._writer
