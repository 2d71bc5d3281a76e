"""Runs one `read`: keeps a consumer going, makes batches, and reports what is missing.

One task fetches and fills a queue; the reader takes from the queue. So an empty batch comes in each
second of silence, even if the broker hangs. A watchdog asks the cluster for the ends. If the
consumer stops before an end, it is replaced. If topics are gone, the reading waits for them. If
they were created again, a gap is reported and they are read from their start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from aiokafka import TopicPartition

from ticker.errors import StreamMissing, StreamSilent, StreamUnreachable, WrongPosition
from ticker.records import Batch, Gap, GapReason, Position
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient, Topics
from ticker.streams.kafka.fetching import Fetching, OffsetOutOfRange
from ticker.streams.kafka.gathering import Messages, gather, in_order, split
from ticker.streams.kafka.messages import QUOTES, TICKS
from ticker.streams.kafka.missing import HoleLookup
from ticker.streams.kafka.position import Offsets, parse
from ticker.streams.kafka.snapshot import oldest_received
from ticker.streams.reader import ActiveRead, ReadRequest
from ticker.streams.sequence import Key
from ticker.system_clock import now

WATCH: Final = 2.0
"""Seconds after which the watchdog asks the cluster again."""

_AGAIN: Final = 0.3  # seconds before a stream that is away is tried again
_SLOW: Final = 2.0  # seconds after which the watchdog's question counts as unanswered
_STUCK: Final = 5  # a consumer that does not move for this many questions is stuck
_AHEAD: Final = 2  # batches made before the reader asks for them


class _Stalled(Exception):
    """The consumer must be replaced."""


class KafkaRead(ActiveRead):
    """The state of one `read`. Belongs to one event loop."""

    def __init__(
        self, address: KafkaAddress, request: ReadRequest, *, watch: float = WATCH
    ) -> None:
        super().__init__(request)
        self.rebuilt = 0
        """How often a consumer was replaced because it stopped delivering."""
        self._cluster = ClusterClient(address)
        self._lookup: HoleLookup  # known once the reading has a position
        self._watching = ClusterClient(address)  # its own client: a failure closes all connections
        self._given = request.after
        self._watch = watch
        self._topics: Topics | None = None
        self._offsets: dict[TopicPartition, int] = {}
        self._partition_of: dict[Key, int] = {}
        self._received = 0
        self._heard = 0.0  # when something came last (s, monotonic)
        # Batches that were not returned yet, with holes that are not explained yet. A new
        # consumer keeps them, because the offsets and sequences are already past them.
        self._ready: deque[tuple[Batch, list[Gap]]] = deque()
        self._queue: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(_AHEAD)
        self._task: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncGenerator[Batch, None]:
        self._task = asyncio.create_task(self._run())
        coming: asyncio.Future[Batch | Exception | None] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(self._queue.get())
                await asyncio.wait([coming], timeout=self.request.silence)
                if not coming.done():
                    if self.request.follow:
                        if not self._ready:  # otherwise stay before the ready batches
                            self._given = self._position()
                        yield Batch(self._given)
                    continue
                found, coming = coming.result(), None
                match found:
                    case Batch():
                        yield found
                    case None:
                        return
                    case error:
                        raise error
        finally:
            if coming is not None:
                coming.cancel()
            self._task.cancel()
            try:
                await asyncio.wait([self._task])
            finally:  # the closing task may be cancelled at this point
                await asyncio.gather(self._cluster.close(), self._watching.close())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    def _position(self) -> Position:
        if self._topics is None:
            return self.request.after
        return self._topics.place(self._offsets, self._received).position()

    async def _run(self) -> None:
        end: Exception | None = None
        try:
            while True:
                try:
                    await self._session()
                    break
                except (StreamMissing, StreamUnreachable) as error:
                    if not self.request.follow:
                        raise
                    self.problem = error.problem
                except _Stalled:
                    self.rebuilt += 1
                except asyncio.CancelledError:
                    if self._task is None or self._task.cancelling():
                        raise
                    self.rebuilt += 1  # aiokafka cancelled it by mistake
                await asyncio.sleep(_AGAIN)
        except Exception as error:  # noqa: BLE001 - the reader must hear of it
            end = error
        await self._queue.put(end)

    async def _session(self) -> None:
        """Run one consumer. Returns at the end if this reading does not follow."""
        cluster = self._cluster
        topics = await cluster.topics()
        ends = await cluster.offsets(topics, END)
        await self._hand_over(topics)
        await self._place(topics, ends)
        self.problem = None
        if not self.request.follow and self._at(ends):
            return
        fetching = Fetching(cluster.address, self._offsets)
        await fetching.begin()
        self._heard = asyncio.get_running_loop().time()
        tasks = [
            asyncio.create_task(self._consume(fetching, topics, ends)),
            asyncio.create_task(self._guard(topics)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:  # a second cancellation must not leave the consumer running
                await fetching.close()

    async def _place(self, topics: Topics, ends: Offsets) -> None:
        """Set the offsets to start from: the request's, or ours. Report if they are gone."""
        if self._topics is None:
            place = parse(self._cluster.address.url, self.request.after)
            offsets = topics.offsets(place)
            beyond = any(offset > ends[where] for where, offset in offsets.items())
            if place.id != topics.id or beyond:
                raise WrongPosition(self._cluster.address.url, self.request.after)
            self._offsets, self._received = offsets, place.received
            self._lookup = HoleLookup(self._cluster, dict(offsets), self.request.last_seen)
        elif self._topics.id != topics.id:
            # Keep the sequences: a relay first fills the new topics with what the old ones had.
            self._partition_of = {}
            self._offsets = dict.fromkeys(topics.all(), 0)
            self._lookup = HoleLookup(self._cluster, dict(self._offsets), {})
            await self._tell(topics, GapReason.ANOTHER_LOG)
        else:
            topics.check(self._topics.partitions[TICKS])
            # The number of partitions of quotes or heartbeats may have changed.
            self._offsets = {where: self._offsets.get(where, 0) for where in topics.all()}
        self._topics = topics
        await self._skip(topics, ends)

    async def _skip(self, topics: Topics, ends: Offsets) -> bool:
        """Skip what retention deleted. Return whether anything was skipped."""
        begins = await self._cluster.offsets(topics, BEGIN)
        # An unclean election can shorten a log. Then read on from its end.
        there = {
            where: min(max(offset, begins[where]), ends[where])
            for where, offset in self._offsets.items()
        }
        gone = [where for where, offset in self._offsets.items() if offset != there[where]]
        # Quotes and heartbeats need no gap: newer ones replace those that are gone.
        is_told = any(where.topic in topics.names[:QUOTES] for where in gone)
        ticks = {w: (begins[w], ends[w]) for w in gone if w.topic == topics.names[TICKS]}
        since = await oldest_received(self._cluster, ticks) or 0
        # Nothing is awaited from here until the gap is ready, so no failure comes between.
        self._offsets = there
        if is_told:
            self._lookup.passed = self.sequences.last_seen()
            await self._tell(topics, GapReason.RETENTION, since)
        return bool(gone)

    async def _tell(self, topics: Topics, reason: GapReason, until: int = 0) -> None:
        """Queue a gap from our latest `received` to `until`, when data are known again (µs, UTC).

        It concerns all symbols of this reading.
        """
        # If neither is known, the gap lies in the present.
        until = max(until, self._received) or now()
        gap = self.span_gap(reason, topics.id, self._received or until, until)
        self._topics = topics
        self._ready.append((Batch(self._position(), gaps=[gap]), []))
        await self._hand_over(topics)

    def _at(self, ends: Offsets) -> bool:
        return all(self._offsets[where] >= last for where, last in ends.items())

    async def _consume(self, fetching: Fetching, topics: Topics, ends: Offsets) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                found = await fetching.take(self.request.limit, self.request.silence / 2)
            except OffsetOutOfRange:
                await self._cluster.same_topics(topics.id)
                ends = await self._cluster.offsets(topics, END)
                if not await self._skip(topics, ends):
                    raise _Stalled from None  # the broker and the cluster disagree: look again
                for where, offset in self._offsets.items():
                    fetching.seek(where, offset)
                continue
            if found:
                self._take(topics, found)
                await self._hand_over(topics)
                self._heard = loop.time()
            # Step over offsets that are never delivered, such as transaction markers.
            for where in self._offsets.keys() - found.keys():
                self._offsets[where] = max(self._offsets[where], await fetching.position(where))
            if not self.request.follow and self._at(ends):
                ends = await self._cluster.offsets(topics, END)
                if self._at(ends):
                    # An empty batch brings the last position, so that the caller resumes after what
                    # was skipped.
                    if self._position() != self._given:
                        await self._queue.put(Batch(self._position()))
                    return

    async def _guard(self, topics: Topics) -> None:
        """Watch the consumer. Raises if it stops delivering a partition, or the topics change."""
        loop = asyncio.get_running_loop()
        stood: dict[TopicPartition, tuple[int, float]] = {}  # offset, and since when (s)
        while True:
            await asyncio.sleep(self._watch)
            if self._ready or not self._queue.empty():
                stood.clear()
                continue  # a slow reader is not a silent broker
            try:
                there, ends = await self._asked(topics)
            except StreamUnreachable as error:
                if not self.request.follow:
                    raise
                if loop.time() - self._heard > self._watch:
                    self.problem = error.problem
                continue
            if self.problem is not None or there.partitions != topics.partitions:
                raise _Stalled  # it was away, or has more partitions: a new session checks
            now = loop.time()
            unread = {where: at for where, at in self._offsets.items() if at < ends.get(where, at)}
            stood = {
                where: stood[where] if stood.get(where, (-1,))[0] == at else (at, now)
                for where, at in unread.items()
            }
            if any(now - since > _STUCK * self._watch for _, since in stood.values()):
                raise _Stalled

    async def _asked(self, topics: Topics) -> tuple[Topics, Offsets]:
        """Return the topics and their ends now. If the reading follows, wait at most `_SLOW`."""
        try:
            async with asyncio.timeout(_SLOW if self.request.follow else None):
                there = await self._watching.same_topics(topics.id)
                return there, await self._watching.offsets(there, END)
        except TimeoutError:
            raise StreamSilent(self._cluster.address.url) from None

    def _take(self, topics: Topics, found: Messages) -> None:
        """Make ready batches of `found`, and move the position past them. Awaits nothing."""
        for part in in_order(topics, found):
            while part:
                part = self._take_some(topics, part)  # noqa: PLW2901 - what is left of it

    def _take_some(self, topics: Topics, found: Messages) -> Messages:
        """Make one ready batch of `found`, and return what is left.

        A batch ends before a hole between its ticks.
        """
        came = gather(topics, found, self.request.symbols)
        fresh, holes, left = self.sequences.take(came.ticks, came.gaps, to_hole=True)
        rest: Messages = {}
        if left:
            found, rest = split(topics, found, came.ticks[-left])
            came = gather(topics, found, self.request.symbols)
        for partition, keys in came.keys_of.items():
            topics.check_partitions(self._partition_of, partition, keys)
        self.broken += came.broken
        for where, messages in found.items():
            self._offsets[where] = messages[-1].offset + 1
        self._received = max(self._received, came.newest())
        batch = Batch(
            self._position(),
            ticks=fresh,
            gaps=came.gaps,
            quotes=list(came.quotes.values()),
            heartbeats=list(came.beats.values()),
        )
        if batch or holes:
            self._ready.append((batch, holes))
        return rest

    async def _hand_over(self, topics: Topics) -> None:
        """Explain holes, and queue the ready batches. After a failure, the rest stays ready."""
        while self._ready:
            batch, holes = self._ready[0]
            if holes:
                look_up = self._lookup.look_up
                joined, gaps = await look_up(topics, batch, holes, self._offsets)
                # Nothing is awaited from here to `continue`, so no failure leaves half of it done.
                self.sequences.holes -= len(joined)
                batch = msgspec.structs.replace(batch, gaps=[*batch.gaps, *gaps])
                self._ready[0] = batch, []
                pieces = [*Batch(self._given, ticks=joined).pieces(self.request.limit)]
                self._ready.extendleft((piece, []) for piece in reversed(pieces))
                continue
            if batch:
                await self._queue.put(batch)
                self._given = batch.position
            self._ready.popleft()
