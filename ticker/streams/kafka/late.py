"""What a late reader and a new writer must know: the last quotes, heartbeats and sequences.

The quotes are read to their end; then the ticks a little before the ends that they had at first,
and further back as long as a symbol's first tick lies beyond its quote's sequence + 1. So the place
at which following begins joins the quotes without a hole, while others write. A symbol that
has ticks and no quote (a producer of somebody else wrote them) is shown by its last tick. Reads
through `fetching`; writes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

import msgspec
from aiokafka import TopicPartition

from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka.cluster import BEGIN, END, ClusterClient, Topics, spans
from ticker.streams.kafka.fetching import span
from ticker.streams.kafka.messages import decode
from ticker.streams.kafka.position import KafkaPosition
from ticker.streams.sequence import Key

WINDOW: Final = 8_000
"""Ticks of each partition that a late reader looks at before their end, at least.

More than are written while a quote waits (`sequences.WAITING_TICKS`) and in one append of a relay:
of a symbol that it does not see there, no tick lies before its quote.
"""

FURTHER: Final = 100_000
"""… and that a writer looks at, or a reader that misses some which no quote told of, at least."""

TICKS, GAPS, QUOTES, BEATS = range(4)


class Seen(msgspec.Struct, frozen=True):
    """One tick of the window: what it is, and where it lies."""

    tick: Tick
    offset: int


class Late(msgspec.Struct):
    """What was found; `place` joins `quotes`."""

    place: KafkaPosition
    begins: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    quotes: dict[Key, Quote]
    made: dict[Key, Quote]
    """Of the last ticks of symbols that have no quote."""
    beats: dict[tuple[str, str], Heartbeat]
    window: Mapping[TopicPartition, list[Seen]]
    partition_of: dict[Key, int]
    """(origin, symbol) → the partition in which its ticks of the window lie."""
    whole: bool
    """The window holds every tick there is."""
    broken: int
    """Messages passed over, because they are no records of their topic."""

    def batch(self) -> Batch:
        """As a snapshot."""
        return Batch(
            self.place.position(),
            quotes=[*self.quotes.values(), *self.made.values()],
            heartbeats=list(self.beats.values()),
            last_seen=self.last_seen(),
        )

    def last_seen(self) -> dict[Key, int]:
        """(origin, symbol) → the sequence up to which its quote is true."""
        return _sequences(self.quotes | self.made)

    def last_records(self) -> dict[Key, Tick | Quote]:
        """(origin, symbol) → the record with its last sequence, as far as the window shows."""
        return _heads(self.quotes, self.window)

    def tails(self) -> dict[Key, int]:
        """(origin, symbol) → the last sequence of its ticks in the window."""
        tails: dict[Key, int] = {}
        for seen in self.window.values():
            for at in seen:
                key = (at.tick.origin, at.tick.symbol)
                tails[key] = max(tails.get(key, 0), at.tick.sequence)
        return tails


def newer(quote: Quote, known: Quote | None) -> bool:
    """Whether `quote` replaces `known`: unless it has a lower sequence, or an earlier time."""
    return known is None or quote.version >= known.version


async def read_snapshot(cluster: ClusterClient, topics: Topics, window: int = WINDOW) -> Late:
    """See the module. Raises `StreamError`."""
    ends = await cluster.offsets(topics, END)
    begins = await cluster.offsets(topics, BEGIN)
    quotes: dict[Key, Quote] = {}
    beats: dict[tuple[str, str], Heartbeat] = {}
    # The ends of the quotes are noted after those of the ticks, and no later than they are read:
    # a quote written since tells of more ticks than we need to skip, which is harmless.
    standing = spans(begins, ends, topics.all(QUOTES, BEATS))
    broken = 0
    async with contextlib.aclosing(span(cluster.address, standing)) as messages:
        async for where, found in messages:
            if where.topic == topics.names[QUOTES]:
                decoded = decode(found, Quote)
                for quote in decoded.records:
                    key = (quote.origin or "", quote.symbol)
                    if newer(quote, quotes.get(key)):
                        quotes[key] = quote
            else:
                decoded = decode(found, Heartbeat)
                for beat in decoded.records:
                    beats.pop((beat.writer, beat.source), None)  # in the order of the log
                    beats[beat.writer, beat.source] = beat
            broken += decoded.broken
    seen, whole, foreign = await _join(cluster, topics, (begins, ends), _sequences(quotes), window)
    partition_of: dict[Key, int] = {}
    for where, some in seen.items():
        topics.check_partitions(
            partition_of, where.partition, {(at.tick.origin, at.tick.symbol) for at in some}
        )
    made = {
        key: as_quote(head)
        for key, head in _heads(quotes, seen).items()
        if isinstance(head, Tick) and key not in quotes
    }
    last_seen = _sequences(quotes | made)
    offsets = dict(ends)
    for where, some in seen.items():
        news = (
            at.offset
            for at in some
            if at.tick.sequence > last_seen.get((at.tick.origin, at.tick.symbol), 0)
        )
        offsets[where] = min(news, default=ends[where])
    received = max((quote.received for quote in quotes.values()), default=0)
    place = topics.place(offsets, received)
    return Late(
        place, begins, ends, quotes, made, beats, seen, partition_of, whole, broken + foreign
    )


def _heads(
    quotes: Mapping[Key, Quote], window: Mapping[TopicPartition, list[Seen]]
) -> dict[Key, Tick | Quote]:
    heads: dict[Key, Tick | Quote] = dict(quotes)
    for seen in window.values():
        for at in seen:
            key = (at.tick.origin, at.tick.symbol)
            known = heads.get(key)
            if known is None or at.tick.sequence > (known.sequence or 0):
                heads[key] = at.tick
    return heads


def as_quote(tick: Tick, quote: Quote | None = None) -> Quote:
    """`quote` with what `tick` tells, or what a tick alone tells."""
    fields = {
        name: value for name, value in msgspec.structs.asdict(tick).items() if value is not None
    }
    return Quote(**(msgspec.structs.asdict(quote) | fields if quote is not None else fields))


def _sequences(quotes: Mapping[Key, Quote]) -> dict[Key, int]:
    return {key: quote.sequence or 0 for key, quote in quotes.items()}


async def _join(
    cluster: ClusterClient,
    topics: Topics,
    between: tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, int]],
    last_seen: Mapping[Key, int],
    window: int,
) -> tuple[dict[TopicPartition, list[Seen]], bool, int]:
    """The ticks of each partition from where they join `last_seen`, and whether these are all.

    And the number of messages passed over. `between` are where the partitions begin and end.
    """
    begins, ends = between
    seen: dict[TopicPartition, list[Seen]] = {where: [] for where in topics.all(TICKS)}
    read_from = {where: ends[where] for where in seen}
    wanted = dict.fromkeys(seen, window)
    broken = 0
    while wanted:
        back = {where: max(begins[where], read_from[where] - n) for where, n in wanted.items()}
        found, foreign = await _ticks(
            cluster, {where: (back[where], read_from[where]) for where in wanted}
        )
        broken += foreign
        for where, some in found.items():
            seen[where] = some + seen[where]
        read_from.update(back)
        wanted = {
            where: 4 * n
            for where, n in wanted.items()
            if read_from[where] > begins[where] and not _joined(seen[where], last_seen)
        }
    return seen, read_from == {where: begins[where] for where in seen}, broken


def _joined(seen: list[Seen], last_seen: Mapping[Key, int]) -> bool:
    """Whether the first tick of every symbol that has a quote follows it, or comes before."""
    firsts: dict[Key, int] = {}
    for at in seen:
        firsts.setdefault((at.tick.origin, at.tick.symbol), at.tick.sequence)
    return all(first <= last_seen.get(key, first) + 1 for key, first in firsts.items())


async def ticks_between(
    cluster: ClusterClient, between: Mapping[TopicPartition, tuple[int, int]]
) -> dict[TopicPartition, list[Seen]]:
    """The ticks of each partition between two offsets."""
    return (await _ticks(cluster, between))[0]


async def _ticks(
    cluster: ClusterClient, between: Mapping[TopicPartition, tuple[int, int]]
) -> tuple[dict[TopicPartition, list[Seen]], int]:
    """The same, and the number of messages passed over."""
    found: dict[TopicPartition, list[Seen]] = {where: [] for where in between}
    broken = 0
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for where, some in messages:
            decoded = decode(some, Tick)
            broken += decoded.broken
            found[where] += map(Seen, decoded.records, decoded.offsets)
    return found, broken


async def gaps_between(
    cluster: ClusterClient, between: Mapping[TopicPartition, tuple[int, int]]
) -> list[Gap]:
    """The gap records between two offsets."""
    found: list[Gap] = []
    async with contextlib.aclosing(span(cluster.address, between)) as messages:
        async for _, some in messages:
            found += decode(some, Gap).records
    return found
