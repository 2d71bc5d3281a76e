"""Reads what a late reader and a new writer must know: last quotes, heartbeats and sequences.

It notes the ends of the topics. Up to these ends, it reads all quotes, and then the last ticks. It
reads further back while ticks are missing between a symbol's quote and its first tick. So reading
on from there has no hole, even while others write. A symbol with ticks but without a quote
(another program wrote them) gets a quote made of its last tick. Writes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from aiokafka import TopicPartition

from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient, Topics
from ticker.streams.kafka.fetching import span
from ticker.streams.kafka.gathering import Gathered
from ticker.streams.kafka.messages import BEATS, QUOTES, TICKS, Decoded, decode
from ticker.streams.kafka.position import KafkaPosition, Offsets, Spans
from ticker.streams.sequence import Key

WINDOW: Final = 8_000
"""The least number of ticks per partition that a late reader reads before the end.

It is more than can be written while a quote waits: `writer_state.WAITING_TICKS` plus one append of
a relay. So a symbol absent from the window has no tick newer than its quote.
"""

FURTHER: Final = 100_000
"""How far back (ticks per partition) writers read, and readers look for ticks without a quote."""


class Late(msgspec.Struct):
    """The result of `read_snapshot`. A reading that continues from it starts at `place`."""

    place: KafkaPosition
    begins: Offsets
    ends: Offsets
    quotes: dict[Key, Quote]
    """The quotes in the topic."""
    made: dict[Key, Quote]
    """Quotes made of the last ticks of symbols that have no quote."""
    beats: dict[tuple[str, str], Heartbeat]
    window: Mapping[TopicPartition, Decoded]
    tails: dict[Key, Tick]
    """The last tick of each symbol in the window."""
    partition_of: dict[Key, int]
    """(origin, symbol) → the partition of its ticks in the window."""
    whole: bool
    """Whether the window holds every tick that exists."""
    broken: int
    """How many messages were skipped because they are not valid records of their topic."""

    def batch(self) -> Batch:
        """Return the snapshot for readers."""
        quotes = self.quotes | self.made
        return Batch(
            self.place.position(),
            quotes=list(quotes.values()),
            heartbeats=list(self.beats.values()),
            last_seen=_sequences(quotes),
        )

    def lagging(self) -> list[Quote]:
        """Return a new quote for each symbol whose quote is missing or older than its last tick."""
        return [
            _as_quote(tick, self.quotes.get(key))
            for key, tick in self.tails.items()
            if key in self.made or tick.sequence > (self.quotes[key].sequence or 0)
        ]


async def read_snapshot(cluster: ClusterClient, topics: Topics, window_size: int = WINDOW) -> Late:
    """Read the snapshot. `window_size` is the least number of ticks per partition to read."""
    ends = await cluster.offsets(topics, END)
    begins = await cluster.offsets(topics, BEGIN)
    # If others write meanwhile, a quote may include ticks after the noted ends. This is harmless: a
    # reading drops these ticks as repeats.
    standing = Gathered()
    between = {where: (begins[where], ends[where]) for where in topics.all(QUOTES, BEATS)}
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for where, some in messages:
            standing.take(topics, where, some)
    quotes = standing.quotes
    window, whole = await _join(cluster, topics, (begins, ends), _sequences(quotes), window_size)
    broken = standing.broken + sum(each.broken for each in window.values())
    partition_of: dict[Key, int] = {}
    tails: dict[Key, Tick] = {}
    for where, each in window.items():
        last = _last_ticks(each.records)
        topics.check_partitions(partition_of, where.partition, last)
        tails |= last
    made = {key: _as_quote(tick) for key, tick in tails.items() if key not in quotes}
    last_seen = _sequences(quotes | made)
    offsets = dict(ends)
    for where, each in window.items():
        news = (
            offset
            for tick, offset in zip(each.records, each.offsets, strict=True)
            if tick.sequence > last_seen[tick.origin, tick.symbol]
        )
        offsets[where] = min(news, default=ends[where])
    received = max((quote.received for quote in quotes.values()), default=0)
    return Late(
        place=topics.place(offsets, received),
        begins=begins,
        ends=ends,
        quotes=quotes,
        made=made,
        beats=standing.beats,
        window=window,
        tails=tails,
        partition_of=partition_of,
        whole=whole,
        broken=broken,
    )


def _last_ticks(ticks: Iterable[Tick]) -> dict[Key, Tick]:
    last: dict[Key, Tick] = {}
    for tick in ticks:
        key = (tick.origin, tick.symbol)
        if key not in last or tick.sequence > last[key].sequence:
            last[key] = tick
    return last


def _as_quote(tick: Tick, quote: Quote | None = None) -> Quote:
    """Return `quote` updated by `tick`, or a quote made of the tick alone."""
    fields = {
        name: value for name, value in msgspec.structs.asdict(tick).items() if value is not None
    }
    return Quote(**(msgspec.structs.asdict(quote) | fields if quote is not None else fields))


def _sequences(quotes: Mapping[Key, Quote]) -> dict[Key, int]:
    return {key: quote.sequence or 0 for key, quote in quotes.items()}


async def _join(
    cluster: ClusterClient,
    topics: Topics,
    between: tuple[Offsets, Offsets],
    last_seen: Mapping[Key, int],
    size: int,
) -> tuple[dict[TopicPartition, Decoded], bool]:
    """Read the last ticks of each partition, back until they continue `last_seen` without a hole.

    Returns them, and whether they are all. `between` is where the partitions begin and end. `size`
    is the number of messages in the first step back.
    """
    begins, ends = between
    found = {where: Decoded() for where in topics.all(TICKS)}
    read_from = {where: ends[where] for where in found}
    wanted = [*found]
    while wanted:
        back = {where: max(begins[where], read_from[where] - size) for where in wanted}
        spans = {where: (at, read_from[where]) for where, at in back.items()}
        for where, earlier in (await ticks_between(cluster, spans)).items():
            found[where] = earlier.plus(found[where])
        read_from |= back
        wanted = [
            where
            for where in wanted
            if read_from[where] > begins[where] and not _joined(found[where].records, last_seen)
        ]
        size *= 4
    return found, all(read_from[where] == begins[where] for where in found)


def _joined(ticks: Iterable[Tick], last_seen: Mapping[Key, int]) -> bool:
    """Tell whether no tick is missing between a symbol's quote and its first tick here."""
    firsts: dict[Key, int] = {}
    for tick in ticks:
        firsts.setdefault((tick.origin, tick.symbol), tick.sequence)
    return all(first <= last_seen.get(key, first) + 1 for key, first in firsts.items())


async def ticks_between(cluster: ClusterClient, between: Spans) -> dict[TopicPartition, Decoded]:
    """Read the ticks of each partition between two offsets (the second is exclusive)."""
    found = {where: Decoded() for where in between}
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for where, some in messages:
            found[where] = found[where].plus(decode(some, Tick))
    return found


async def gaps_between(cluster: ClusterClient, between: Spans) -> list[Gap]:
    """Read the gap records of each partition between two offsets (the second is exclusive)."""
    found: list[Gap] = []
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for _, some in messages:
            found += decode(some, Gap).records
    return found


async def oldest_received(cluster: ClusterClient, between: Spans) -> int | None:
    """Return the earliest `received` among the first ticks of all partitions (µs, UTC).

    `between` is where the partitions begin and end. `None` if there is no tick.
    """
    firsts = {where: (begin, min(begin + 1, end)) for where, (begin, end) in between.items()}
    found = await ticks_between(cluster, firsts)
    return min((t.received for some in found.values() for t in some.records), default=None)
