"""Finds positions by time, and by counting back from the end.

Kafka finds offsets by the time of appending. A record is appended after it was received, so no
wanted tick lies before the offset found. From there, messages that were received too early are
skipped, up to a bound. The position is exact in an ordinary log. It may be too early in a log that
a replay wrote.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Collection
from typing import Any, Final, Literal

from aiokafka import TopicPartition

from ticker.records import Tick
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient, Topics
from ticker.streams.kafka.fetching import span
from ticker.streams.kafka.messages import KINDS, TICKS, decode
from ticker.streams.kafka.position import KafkaPosition, Offsets

SLACK: Final = 5_000
"""A broker's clock may be this much further behind a poller's than its last messages show (ms)."""
SCAN: Final = 50_000
"""`find` stops skipping after this many messages."""
BACK: Final = 1_000_000
"""`find_last` stops searching backwards after this many messages of a partition."""


async def find(cluster: ClusterClient, when: int | Literal["start", "end"]) -> KafkaPosition:
    """See `Stream.find`."""
    topics = await cluster.topics()
    if when == "start":
        return topics.place(await cluster.offsets(topics, BEGIN))
    ends = await cluster.offsets(topics, END)
    if when == "end":
        return topics.place(ends)
    lag = SLACK + await _clock_lag(cluster, topics, ends)
    offsets = await _offsets_at(cluster, topics, max(0, when // 1_000 - lag), ends)
    ahead = {where for where, offset in offsets.items() if offset < ends[where]}
    between = {where: (offset, ends[where]) for where, offset in offsets.items()}
    passed = 0
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for where, some in messages:
            if where not in ahead:
                continue  # found already
            decoded = decode(some, KINDS[topics.names.index(where.topic)])
            offsets[where] = some[-1].offset + 1
            for record, offset in zip(decoded.records, decoded.offsets, strict=True):
                if record.received >= when:
                    offsets[where] = offset
                    ahead.remove(where)
                    break
            passed += len(some)
            if not ahead or passed > SCAN:
                break
        else:  # all records up to the ends were received before `when`
            offsets |= {where: ends[where] for where in ahead}
    return topics.place(offsets)


async def _offsets_at(
    cluster: ClusterClient, topics: Topics, when: int, ends: Offsets
) -> dict[TopicPartition, int]:
    """Return the offset of the first message appended at or after `when` (ms), or the end."""
    found = await cluster.offsets(topics, when)
    return {where: offset if offset >= 0 else ends[where] for where, offset in found.items()}


async def _clock_lag(cluster: ClusterClient, topics: Topics, ends: Offsets) -> int:
    """Return by how much the broker's clock is behind that of the last writers (ms; at least 0)."""
    last = {w: (ends[w] - 1, ends[w]) for w in topics.all(TICKS) if ends[w] > 0}
    found = 0
    async with contextlib.aclosing(span(cluster.address, last)) as messages:
        async for _, some in messages:
            for record in decode(some, Tick).records:
                found = max(found, record.received // 1_000 - some[-1].timestamp)
    return found


async def find_last(
    cluster: ClusterClient, ticks: int, symbols: Collection[str] | None
) -> KafkaPosition:
    """See `Stream.find_last`. The last ticks are those that were appended last."""
    topics = await cluster.topics()
    ends = await cluster.offsets(topics, END)
    if ticks <= 0:
        return topics.place(ends)
    begins = await cluster.offsets(topics, BEGIN, TICKS)
    last: list[tuple[int, int, Any]] = []  # appended (ms), offset, partition
    read_from = {where: ends[where] for where in begins}
    size = ticks
    while True:
        back = {where: max(begins[where], read_from[where] - size) for where in begins}
        async with contextlib.aclosing(
            span(cluster.address, {where: (back[where], read_from[where]) for where in begins})
        ) as messages:
            async for where, some in messages:
                times = {message.offset: message.timestamp for message in some}
                decoded = decode(some, Tick)
                last += (
                    (times[offset], offset, where)
                    for tick, offset in zip(decoded.records, decoded.offsets, strict=True)
                    if symbols is None or tick.symbol in symbols
                )
        read_from = back
        looked = max(ends[where] - read_from[where] for where in begins)
        if len(last) >= ticks or read_from == begins or looked >= BACK:
            break
        size *= 4
    chosen = heapq.nlargest(ticks, last)
    if len(chosen) < ticks and read_from == begins:
        return topics.place(await cluster.offsets(topics, BEGIN))
    # In the other topics, the position is at the time when the first of these ticks was appended.
    since = min((time for time, _, _ in chosen), default=0)
    offsets = await _offsets_at(cluster, topics, since, ends)
    for where in begins:
        offsets[where] = min((o for _, o, w in chosen if w == where), default=ends[where])
    return topics.place(offsets)
