"""Writes a log: prepares its topics, checks sequences, sends records in order.

It sends gaps, then ticks, then quotes, then heartbeats. Each kind is acknowledged before the next
is sent. The last sequences are read from the topics when the log is entered, and again after every
failure. Each origin has one writer (a relay, or a program that numbers its ticks). If two send the
same ticks, readers drop the repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from ticker import wire
from ticker.errors import (
    InvalidRecord,
    MixedPrices,
    SequenceConflict,
    StreamError,
    StreamUnreachable,
)
from ticker.records import Batch, Position, Record
from ticker.streams.append_check import check_simulated
from ticker.streams.kafka import topics as making
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient, Topics
from ticker.streams.kafka.messages import BEATS, GAPS, HEADERS, QUOTES, TICKS, key
from ticker.streams.kafka.producing import DELIVERY, Message, Producing
from ticker.streams.kafka.snapshot import (
    FURTHER,
    gaps_between,
    read_snapshot,
    ticks_between,
)
from ticker.streams.kafka.writer_state import QUOTE_EVERY, Sequences, WaitingQuotes
from ticker.streams.sequence import Key

_SURE: Final = 0.1  # seconds: too short to delete topics and create them again
_partition: Final[Any] = DefaultPartitioner()


class KafkaWriter:
    """Writes one set of topics. Appends wait for one another; any task may call `close`."""

    def __init__(
        self, address: KafkaAddress, plan: making.TopicPlan, delivery: float = DELIVERY
    ) -> None:
        self.topics: Topics  # known once it is open
        self._address = address
        self._plan = plan
        self._cluster = ClusterClient(address)
        self._producing = Producing(address, delivery)
        self._lock = asyncio.Lock()
        self._known: Sequences | None = None  # None: the log must be read again
        self._quotes = WaitingQuotes()
        self._ends: dict[TopicPartition, int] = {}  # end offsets; we know all records before them
        self._behind: dict[TopicPartition, int] = {}  # the offsets after our last messages
        self._placed: dict[Key, int] = {}  # the partition of earlier ticks
        self._pending = 0
        self._later: asyncio.Task[None] | None = None  # sends the quotes that wait
        self._met_at = 0.0  # when we last saw that the topics are the same (s, monotonic)
        self._settled = False  # whether no other writer can have decided `simulated` before us

    async def open(self) -> None:
        """Create or check the topics, and read what they hold."""
        self.topics = await making.ensure(self._cluster, self._plan)
        await self._learn()

    async def last(self) -> Mapping[Key, int]:
        """Return (origin, symbol) → the last sequence that the log holds now."""
        async with self._lock:
            known = await self._caught_up()
            return dict(known.last)

    async def append(self, batch: Batch) -> Position:
        """See `Log.append`."""
        async with self._appending(len(batch.ticks)):
            known = await self._ready()
            if known.simulated is None:  # the first price decides whether all are invented
                known = await self._caught_up()
            fresh, heads = known.check(batch)
            for each in heads:
                self.topics.check_partitions(self._placed, self._partition(each[1], TICKS), [each])
            news = known.new_gaps(batch.gaps)
            await self._send(GAPS, news)
            known.saw_gaps(news)
            await self._send(TICKS, fresh)
            known.wrote(batch, heads)
            self._quotes.offer(batch.quotes, len(fresh))
            if not self._settled and known.simulated is not None:
                # If two writers wrote a first price at once, the later one sees the other's here.
                await self._caught_up()
                self._settled = True
            await self._send_quotes(asyncio.get_running_loop().time())
            await self._send(BEATS, list({beat.key: beat for beat in batch.heartbeats}.values()))
            if not batch:
                return self.topics.place(await self._cluster.offsets(self.topics, END)).position()
            heard: list[Record] = [*fresh[-1:], *batch.gaps, *batch.quotes, *batch.heartbeats]
            received = max((record.received for record in heard), default=0)
            behind = {w: max(last, self._behind.get(w, 0)) for w, last in self._ends.items()}
            return self.topics.place(behind, received).position()

    @contextlib.asynccontextmanager
    async def _appending(self, ticks: int) -> AsyncGenerator[None, None]:
        """Wait until no other append runs. Clean up after this one, which has `ticks` ticks."""
        async with self._lock:
            self._pending = ticks
            try:
                yield
            except BaseException as error:  # also when cancelled
                if isinstance(error, SequenceConflict | MixedPrices | InvalidRecord):
                    self._pending = 0  # refused, so not undelivered
                if not isinstance(error, SequenceConflict):
                    self._known = None  # it is unknown what arrived
                raise
            self._pending = 0
            if self._later is None and self._quotes.due(None):
                self._later = asyncio.create_task(self._send_later())

    async def _send_later(self) -> None:
        """Wait for `QUOTE_EVERY`, then send the quotes that wait, even without another append."""
        try:
            await asyncio.sleep(QUOTE_EVERY)
            async with self._lock:
                self._later = None
                if self._known is not None:
                    await self._send_quotes(None)
        except StreamError:
            self._known = None  # the next append reports it

    async def _send_quotes(self, now: float | None) -> None:
        """Send the quotes that are due at `now` (s, monotonic; `None`: all that wait)."""
        due = self._quotes.due(now)
        await self._send(QUOTES, due)
        self._quotes.sent(due, asyncio.get_running_loop().time())

    async def close(self, within: float) -> int:
        """Close in about `within` seconds. Return the number of unacknowledged ticks."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        if self._later is not None and not self._lock.locked():
            self._later.cancel()
        try:
            async with asyncio.timeout(max(0.1, within - 1)), self._lock:
                if self._known is not None:
                    await self._send_quotes(None)
        except (StreamError, TimeoutError):
            pass  # the ticks have the prices already; what takes longer is cut off
        await self._producing.close(max(0.5, until - loop.time()))
        if self._later is not None:
            self._later.cancel()
        await self._cluster.close()
        return self._pending

    async def _send(self, which: int, records: Sequence[Record]) -> None:
        """Send `records` to the topic with the index `which`, and wait until they are durable."""
        if not records:
            return
        await self._same_topics()
        by_partition: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[self._partition(getattr(record, "symbol", None), which)].append(record)
        sent = await self._producing.send(
            self.topics.names[which],
            {partition: map(_message, some) for partition, some in by_partition.items()},
        )
        self._met_at = asyncio.get_running_loop().time()
        for where, batches in sent.items():
            for first, count in batches:
                if 0 <= first < self._ends[where]:
                    words = "lost what it had acknowledged, or its topics were created again"
                    raise StreamUnreachable(self._address.url, words)
                self._behind[where] = max(self._behind.get(where, 0), first + count)
                if self._ends[where] == first:  # otherwise another writer wrote in between
                    self._ends[where] = first + count

    def _partition(self, symbol: str | None, which: int) -> int:
        """Return the partition of a symbol's ticks or quotes. All other records have 0.

        If topics were made by hand, quotes may have another number of partitions than ticks.
        """
        if symbol is None or which == GAPS:
            return 0
        return _partition_of(symbol, self.topics.partitions[which])

    async def _same_topics(self) -> None:
        """Raise `StreamMissing` if the topics were created again since our last write.

        A broker silently accepts what an old producer sends to new topics of the same name. The
        broker is not asked right after a write, because the topics are the same then.
        """
        if asyncio.get_running_loop().time() - self._met_at > _SURE:
            await self._cluster.same_topics(self.topics.id)
            self._met_at = asyncio.get_running_loop().time()

    async def _ready(self) -> Sequences:
        """Return what the log holds. After a failure, it is read again first."""
        if self._known is not None:
            await self._same_topics()
            return self._known
        topics = await self._cluster.same_topics(self.topics.id)
        topics.check(self.topics.partitions[TICKS])
        self.topics = topics
        return await self._learn()

    async def _caught_up(self) -> Sequences:
        """Return what the log holds, after reading what others wrote since."""
        known = await self._ready()
        ends = await self._cluster.offsets(self.topics, END)
        gaps = {where: (self._ends[where], ends[where]) for where in self.topics.all(GAPS)}
        ticks = {where: (self._ends[where], ends[where]) for where in self.topics.all(TICKS)}
        known.saw_gaps(await gaps_between(self._cluster, gaps))
        for others in (await ticks_between(self._cluster, ticks)).values():
            if not self._settled:
                known.simulated = check_simulated(
                    self._address.url, known.simulated, others.records
                )
            known.saw(others.records)
        self._ends.update(ends)
        return known

    async def _learn(self) -> Sequences:
        """Read the quotes, the last ticks and the gaps in the topics."""
        topics = self.topics
        late = await read_snapshot(self._cluster, topics, FURTHER)
        known = Sequences(self._address.url)
        known.saw(late.quotes.values())
        known.saw(late.tails.values())
        # A broker may have lost ticks and kept their quote. So the ticks decide, not the quote.
        known.last.update({each: tick.sequence for each, tick in late.tails.items()})
        begins = await self._cluster.offsets(topics, BEGIN, GAPS)
        between = {where: (begin, late.ends[where]) for where, begin in begins.items()}
        known.saw_gaps(await gaps_between(self._cluster, between))
        # A writer may have died between ticks and their quote. Once the ticks lie before the
        # window, readers would see only the old quote. So write a new one.
        lagging = [] if late.whole else late.lagging()
        self._quotes.begin(late.quotes.values(), lagging, known.last)
        self._placed = late.partition_of
        self._settled = known.simulated is not None
        self._known = known
        self._ends, self._behind = dict(late.ends), {}
        self._met_at = asyncio.get_running_loop().time()
        return known


@functools.lru_cache(maxsize=50_000)
def _partition_of(symbol: str, partitions: int) -> int:
    every = list(range(partitions))
    return int(_partition(symbol.encode(), every, every))


def _message(record: Record) -> Message:
    return key(record), wire.encode(record), HEADERS
