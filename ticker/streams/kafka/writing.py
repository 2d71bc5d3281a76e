"""Writes a log: prepares its topics, checks sequences, sends records in order.

It sends gaps, then ticks, then quotes, then heartbeats. Each kind is acknowledged before the next
is sent. The last sequences are read from the topics when the log is entered, and again after every
failure. Each origin has one writer (a relay, or a program that numbers its ticks). If two send the
same ticks, readers drop the repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from ticker import wire
from ticker.errors import (
    SequenceConflict,
    StreamError,
    StreamMissing,
    StreamUnreachable,
)
from ticker.records import Batch, Position, Quote, Record, Tick
from ticker.streams.append_check import check_simulated
from ticker.streams.kafka import topics as making
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.cluster import BEGIN, END, RECREATED, ClusterClient, Topics, spans
from ticker.streams.kafka.messages import BEATS, GAPS, HEADERS, QUOTES, TICKS, key
from ticker.streams.kafka.producing import DELIVERY, Message, Producing
from ticker.streams.kafka.snapshot import (
    FURTHER,
    as_quote,
    gaps_between,
    read_snapshot,
    ticks_between,
)
from ticker.streams.kafka.writer_state import QUOTE_EVERY, Sequences
from ticker.streams.sequence import Key

_SURE: Final = 0.1  # seconds: too short to delete topics and create them again
_REOPEN: Final = f"{RECREATED}: open it again"


class KafkaWriter:
    """Writes one set of topics. Appends wait for one another; any task may call `close`."""

    def __init__(
        self, address: KafkaAddress, plan: making.Plan, delivery: float = DELIVERY
    ) -> None:
        self._address = address
        self._plan = plan
        self._cluster = ClusterClient(address)
        self._producing = Producing(address, delivery)
        self._lock = asyncio.Lock()
        self._topics: Topics  # known once it is open
        self._known: Sequences | None = None  # None: must be read again
        self._ends: dict[TopicPartition, int] = {}  # end offsets; we know all records before them
        self._behind: dict[TopicPartition, int] = {}  # the offsets after our last messages
        self._routes: dict[str, tuple[bytes, int]] = {}
        self._placed: dict[Key, int] = {}  # the partition of earlier ticks
        self._partition: Any = DefaultPartitioner()
        self._pending = 0
        self._later: asyncio.Task[None] | None = None  # sends the quotes that wait
        self._unsent: list[Quote] = []  # quotes that waited when a failure made us forget the state
        self._met_at = 0.0  # when we last saw that the topics are the same (s, monotonic)
        self._settled = False  # whether it is certain if the prices are real or invented
        self.id = ""

    async def open(self) -> None:
        """Create or check the topics, and read what they hold."""
        self._topics = await making.ensure(self._cluster, self._plan)
        self.id = self._topics.id
        await self._learn()

    async def last(self) -> Mapping[Key, int]:
        """Return (origin, symbol) → the last sequence that the log holds now."""
        async with self._lock:
            known, _ = await self._caught_up()
            return dict(known.last)

    async def append(self, batch: Batch) -> Position:
        """See `Log.append`."""
        async with self._appending(len(batch.ticks)):
            known, topics = await self._ready()
            if known.simulated is None:  # the first price decides whether all are invented
                known, topics = await self._caught_up()
            fresh, heads = known.check(batch)
            for which in heads:
                route = self._routes.get(which[1]) or self._route(which[1])
                topics.check_partitions(self._placed, route[1], [which])
            news = known.new_gaps(batch.gaps)
            if news:
                await self._send(GAPS, {0: [(None, wire.encode(gap), HEADERS) for gap in news]})
                known.saw_gaps(news)
            await self._send(TICKS, self._messages(fresh))
            known.wrote(batch, heads, len(fresh))
            if not self._settled and known.simulated is not None:
                # If two writers wrote a first price at once, the later one sees the other's here.
                await self._caught_up()
                self._settled = True
            now = asyncio.get_running_loop().time()
            due = known.due(now)
            await self._send(QUOTES, self._by_symbol(due))
            known.sent(due, now)
            beats = list({beat.key: beat for beat in batch.heartbeats}.values())
            await self._send(BEATS, {0: [_message(beat) for beat in beats]} if beats else {})
            if not batch:
                return topics.place(await self._cluster.offsets(topics, END)).position()
            heard: tuple[Record, ...] = (
                *fresh[-1:],
                *batch.gaps,
                *batch.quotes,
                *batch.heartbeats,
            )
            received = max((record.received for record in heard), default=0)
            behind = {w: max(last, self._behind.get(w, 0)) for w, last in self._ends.items()}
            return topics.place(behind, received).position()

    @contextlib.asynccontextmanager
    async def _appending(self, ticks: int) -> AsyncGenerator[None, None]:
        """Wait until no other append runs. Clean up after this one, which has `ticks` ticks."""
        async with self._lock:
            self._pending = ticks
            try:
                yield
            except SequenceConflict:
                self._pending = 0
                raise
            except BaseException:  # also when cancelled
                self._lose()
                raise
            self._pending = 0
            if self._later is None and self._known is not None and self._known.due(None):
                self._later = asyncio.create_task(self._send_later())

    def _lose(self) -> None:
        """Forget the state: it is unknown what arrived, so the next append reads the topics again.

        The quotes that wait are kept, because their ticks were acknowledged.
        """
        if self._known is not None:
            self._unsent = self._known.due(None)
        self._known = None

    async def _send_later(self) -> None:
        """Wait for `QUOTE_EVERY`, then send the quotes that wait, even without another append."""
        try:
            await asyncio.sleep(QUOTE_EVERY)
            async with self._lock:
                self._later = None
                if self._known is not None:
                    await self._send_waiting(self._known)
        except StreamError:
            self._lose()  # the next append reports it

    async def _send_waiting(self, known: Sequences) -> None:
        waiting = known.due(None)
        await self._send(QUOTES, self._by_symbol(waiting))
        known.sent(waiting, asyncio.get_running_loop().time())

    async def close(self, within: float) -> int:
        """Close in about `within` seconds. Return the number of unacknowledged ticks."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        if self._later is not None and not self._lock.locked():
            self._later.cancel()
        try:
            async with asyncio.timeout(max(0.1, within - 1)), self._lock:
                if self._known is not None:
                    await self._send_waiting(self._known)
        except (StreamError, TimeoutError):
            pass  # the ticks have the prices already; what takes longer is cut off
        await self._producing.close(max(0.5, until - loop.time()))
        if self._later is not None:
            self._later.cancel()
        await self._cluster.close()
        return self._pending

    def _messages(self, ticks: Sequence[Tick]) -> dict[int, Iterable[Message]]:
        """Return partition → messages of `ticks`."""
        routes, encode = self._routes, wire.encode
        by_partition: dict[int, list[Tick]] = defaultdict(list)
        for tick in ticks:
            route = routes.get(tick.symbol) or self._route(tick.symbol)
            by_partition[route[1]].append(tick)
        return {
            partition: ((routes[tick.symbol][0], encode(tick), HEADERS) for tick in some)
            for partition, some in by_partition.items()
        }

    async def _send(self, which: int, messages: Mapping[int, Iterable[Message]]) -> None:
        if not messages:
            return
        await self._same_topics()
        sent = await self._producing.send(self._topics.names[which], messages)
        self._met_at = asyncio.get_running_loop().time()
        for where, batches in sent.items():
            for first, count in batches:
                if 0 <= first < self._ends[where]:
                    words = "lost what it had acknowledged, or its topics were created again"
                    raise StreamUnreachable(self._address.url, words)
                self._behind[where] = max(self._behind.get(where, 0), first + count)
                if self._ends[where] == first:  # otherwise another writer wrote in between
                    self._ends[where] = first + count

    async def _same_topics(self) -> None:
        """Raise `StreamMissing` if the topics were created again since our last write.

        A broker silently accepts what an old producer sends to new topics of the same name. The
        broker is not asked right after a write, because the topics are the same then.
        """
        if asyncio.get_running_loop().time() - self._met_at > _SURE:
            found = await self._cluster.topics()
            if found.id != self.id:
                raise StreamMissing(self._address.url, _REOPEN)
            self._met_at = asyncio.get_running_loop().time()

    def _route(self, symbol: str) -> tuple[bytes, int]:
        partitions = list(range(self._topics.partitions[TICKS]))
        name = symbol.encode()
        route = self._routes[symbol] = (name, self._partition(name, partitions, partitions))
        return route

    def _by_symbol(self, quotes: Iterable[Quote]) -> dict[int, list[Message]]:
        """Return partition → messages of `quotes`.

        If topics were made by hand, quotes may have another number of partitions than ticks.
        """
        partitions = list(range(self._topics.partitions[QUOTES]))
        by_partition: dict[int, list[Message]] = defaultdict(list)
        for quote in quotes:
            partition = self._partition(quote.symbol.encode(), partitions, partitions)
            by_partition[partition].append(_message(quote))
        return by_partition

    async def _ready(self) -> tuple[Sequences, Topics]:
        """Return the state and the topics. After a failure, they are read again first."""
        if self._known is None:
            topics = await self._cluster.topics()
            if topics.id != self.id:
                raise StreamMissing(self._address.url, _REOPEN)
            topics.check(self._topics.partitions[TICKS])
            self._topics = topics
            await self._learn()
        else:
            await self._same_topics()
        assert self._known is not None  # noqa: S101 - it was just read
        return self._known, self._topics

    async def _caught_up(self) -> tuple[Sequences, Topics]:
        """Return the state and the topics, after reading what others wrote since."""
        known, topics = await self._ready()
        ends = await self._cluster.offsets(topics, END)
        ahead = spans(self._ends, ends, ends)
        gaps = {where: s for where, s in ahead.items() if where.topic == topics.names[GAPS]}
        ticks = {where: s for where, s in ahead.items() if where.topic == topics.names[TICKS]}
        if gaps:
            known.saw_gaps(await gaps_between(self._cluster, gaps))
        if ticks:
            for others in (await ticks_between(self._cluster, ticks)).values():
                if not self._settled:
                    known.simulated = check_simulated(
                        self._address.url, known.simulated, others.records
                    )
                known.saw(others.records)
        self._ends.update(ends)
        return known, topics

    async def _learn(self) -> None:
        """Read the quotes, the last ticks and the gaps in the topics."""
        topics = self._topics
        late = await read_snapshot(self._cluster, topics, FURTHER)
        known = Sequences(self._address.url)
        known.saw(late.quotes.values())
        heads = late.heads
        known.saw(head for head in heads.values() if isinstance(head, Tick))
        # A broker may have lost ticks and kept their quote. So the ticks decide, not the quote.
        known.last.update(late.tails())
        begins = await self._cluster.offsets(topics, BEGIN, GAPS)
        known.saw_gaps(
            await gaps_between(self._cluster, spans(begins, late.ends, topics.all(GAPS)))
        )
        if not late.whole:
            # A writer may have died between ticks and their quote. Once the ticks lie before the
            # window, readers would see only the old quote. So write a new one.
            lagging = [
                as_quote(head, late.quotes.get(which))
                for which, head in heads.items()
                if isinstance(head, Tick)
            ]
            known.offer(lagging)
        left = [
            quote for quote in self._unsent if (quote.sequence or 0) <= known.last.get(quote.key, 0)
        ]
        known.offer(left)
        self._unsent = []
        self._placed = late.partition_of
        self._settled = known.simulated is not None
        self._known = known
        self._ends, self._behind = dict(late.ends), {}
        self._met_at = asyncio.get_running_loop().time()


def _message(record: Record) -> Message:
    return key(record), wire.encode(record), HEADERS
