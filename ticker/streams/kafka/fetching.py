"""Fetches messages of chosen partitions from chosen offsets, with one aiokafka consumer.

The assignment is manual: there is no group, and nothing is committed. `Fetching` returns what
comes. `span` yields what lies between two offsets, and ends.

A consumer may stop fetching for ever while its broker is well (aio-libs/aiokafka #1154, #1037,
#703). `span` gives up after `ANSWER` seconds without a message. Users of `Fetching` must watch it
themselves. A consumer also never gets past a message with a header name that is not UTF-8. C
clients can write one. `Unreadable` is returned in its place. Knows nothing of records.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from ticker.errors import StreamSilent
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.connecting import ANSWER, end, map_errors, start
from ticker.streams.kafka.internals import let_fetches_wait
from ticker.streams.kafka.position import Offsets, Spans

_AT_ONCE: Final = 10_000  # the most messages of a span returned at once
_LOOK: Final = 0.2  # seconds of silence before a span checks whether it has ended
_REQUEST_MS: Final = 10_000  # if a fetch takes longer, the broker hangs
_FETCH_BYTES: Final = 2**19  # bytes of one answer: at 0.5 Mbit/s it arrives within _REQUEST_MS
_WAIT_MS: Final = 400  # how long a broker holds a fetch that finds nothing
_BEHIND_MS: Final = 5  # the same while messages are unread: their next fetch waits for this one
_SEARCH: Final = 2.0  # seconds to search for the unreadable message
_GLANCE: Final = 0.02  # seconds between two checks for new messages


class Unreadable(msgspec.Struct, frozen=True):
    """Stands in for a message that aiokafka cannot read."""

    offset: int
    key: None = None
    value: None = None
    headers: tuple[()] = ()
    timestamp: int = 0
    timestamp_type: int = 0


class Fetching:
    """A running consumer. One task at a time calls `take`."""

    def __init__(self, address: KafkaAddress, offsets: Offsets, *, reset: str = "none") -> None:
        """`reset`: where to continue if an offset does not exist (aiokafka's auto_offset_reset)."""
        self._address = address
        self._reset = reset
        self._offsets = dict(offsets)  # the next offset of each partition
        self._consumer: Any = None

    async def begin(self) -> None:
        """Start the consumer. Raises `StreamUnreachable` with the reason."""
        self._consumer = await start(
            AIOKafkaConsumer,
            self._address,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset=self._reset,
            request_timeout_ms=_REQUEST_MS,
            fetch_max_wait_ms=_BEHIND_MS,
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_FETCH_BYTES,
            metadata_max_age_ms=30_000,
        )
        self._consumer.assign(list(self._offsets))
        self._again()

    async def take(self, limit: int, wait: float) -> Mapping[TopicPartition, list[Any]]:
        """Return at most `limit` messages, or none after `wait` seconds of silence.

        Raises `OffsetOutOfRange` for partitions whose next offset was deleted or is beyond the end,
        if there is no `reset`.
        """
        with map_errors(self._address):
            try:
                async with asyncio.timeout(wait + ANSWER):
                    try:
                        found = await self._fetch(limit, wait)
                    except UnicodeDecodeError:
                        found = await self._fetch_past(limit)
            except OffsetOutOfRangeError as error:
                self._again()
                raise OffsetOutOfRange from error
        for where, messages in found.items():
            self._offsets[where] = messages[-1].offset + 1
        # aiokafka leaves partitions with unread messages out of a fetch. If the others have
        # nothing new, that fetch delays the next one.
        behind = sum(map(len, found.values())) >= limit
        let_fetches_wait(self._consumer, _BEHIND_MS if behind else _WAIT_MS)
        return found

    async def _fetch(
        self, limit: int, wait: float, *only: TopicPartition
    ) -> Mapping[TopicPartition, list[Any]]:
        found: Mapping[TopicPartition, list[Any]] = await self._consumer.getmany(
            *only, timeout_ms=int(wait * 1_000), max_records=limit
        )
        return found

    async def _fetch_past(self, limit: int) -> Mapping[TopicPartition, list[Any]]:
        """Return the messages before an unreadable one, and an `Unreadable` in its place.

        Each partition gets a share of `limit`, so that a busy one does not hide the broken one.
        aiokafka cannot read the rest of the record batch either, so each call skips one message.
        """
        self._again()
        found: defaultdict[TopicPartition, list[Any]] = defaultdict(list)
        share = max(1, limit // len(self._offsets))
        loop = asyncio.get_running_loop()
        until = loop.time() + _SEARCH
        while loop.time() < until:
            for where in self._offsets:
                try:
                    while len(found[where]) < share and (some := await self._fetch(1, 0, where)):
                        found[where] += some[where]
                except UnicodeDecodeError:
                    offset = await self.position(where)
                    self._consumer.seek(where, offset + 1)
                    found[where].append(Unreadable(offset))
                    until = 0.0
                    break
            await asyncio.sleep(_GLANCE)
        return {where: messages for where, messages in found.items() if messages}

    def _again(self) -> None:
        """Seek to the offsets after what was returned.

        After an error, aiokafka skips messages that it fetched and did not return.
        """
        for where, offset in self._offsets.items():
            self._consumer.seek(where, offset)

    async def position(self, where: TopicPartition) -> int:
        """Return the consumer's next offset. It also moves past offsets without a message."""
        with map_errors(self._address):
            async with asyncio.timeout(ANSWER):  # a reset asks the broker
                return int(await self._consumer.position(where))

    def seek(self, where: TopicPartition, offset: int) -> None:
        """Continue `where` from `offset`."""
        self._offsets[where] = offset
        self._consumer.seek(where, offset)

    def pause(self, where: TopicPartition) -> None:
        """Stop fetching this partition."""
        self._offsets.pop(where, None)
        self._consumer.pause(where)

    async def close(self) -> None:
        """Stop the consumer, in bounded time."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end(consumer)


class OffsetOutOfRange(Exception):
    """The next offset of a partition does not exist."""


async def span(
    address: KafkaAddress, spans: Spans
) -> AsyncGenerator[tuple[TopicPartition, list[Any]], None]:
    """Yield messages by partition, from the first offset (inclusive) to the second (exclusive)."""
    left = {where: (first, last) for where, (first, last) in spans.items() if first < last}
    if not left:
        return
    # From an offset that retention deleted, the consumer goes on to the first that is there.
    fetching = Fetching(address, {where: left[where][0] for where in left}, reset="earliest")
    await fetching.begin()
    loop = asyncio.get_running_loop()
    heard = loop.time()
    try:
        while left:
            found = await fetching.take(_AT_ONCE, _LOOK)
            for where, messages in found.items():
                first, last = left.get(where, (0, 0))
                if not first < messages[-1].offset + 1 < last:
                    left.pop(where, None)
                    fetching.pause(where)
                if some := [m for m in messages if first <= m.offset < last]:
                    yield where, some
                heard = loop.time()  # the caller may have taken long
            if not found:
                at = {where: await fetching.position(where) for where in left}
                left = {w: between for w, between in left.items() if at[w] in range(*between)}
                if left and loop.time() - heard > ANSWER:
                    raise StreamSilent(address.url, "no messages come")
    finally:
        await fetching.close()
