"""Turns messages of the four topics into the records of a batch. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition

from ticker.records import Gap, Heartbeat, Quote, Record, Tick
from ticker.streams.kafka.cluster import Topics
from ticker.streams.kafka.messages import BEATS, GAPS, KINDS, QUOTES, TICKS, decode
from ticker.streams.sequence import Key

Messages = Mapping[TopicPartition, Sequence[Any]]


class Gathered(msgspec.Struct):
    """The records of a batch, by kind."""

    ticks: list[Tick] = []
    """In the order of each partition, so in order for each symbol."""
    gaps: list[Gap] = []
    quotes: dict[Key, Quote] = {}
    """The newest of each (origin, symbol)."""
    beats: dict[tuple[str, str], Heartbeat] = {}
    """The last of each (writer, source)."""
    keys_of: dict[int, set[Key]] = {}
    """Partition → (origin, symbol) of the ticks that came from it."""
    broken: int = 0
    """How many messages were skipped because they are not valid records of their topic."""

    def take(self, topics: Topics, where: TopicPartition, messages: Sequence[Any]) -> None:
        """Add the records in `messages`, which come from `where`."""
        which = topics.names.index(where.topic)
        decoded = decode(messages, KINDS[which])
        self.broken += decoded.broken
        if which == TICKS:
            self.ticks += decoded.records
            self.keys_of[where.partition] = {(t.origin, t.symbol) for t in decoded.records}
        elif which == GAPS:
            self.gaps += decoded.records
        elif which == QUOTES:
            for quote in decoded.records:
                known = self.quotes.get(quote.key)
                if known is None or quote.version >= known.version:
                    self.quotes[quote.key] = quote
        elif which == BEATS:
            for beat in decoded.records:
                self.beats.pop(beat.key, None)  # keep the order of the log
                self.beats[beat.key] = beat

    def newest(self) -> int:
        """Return the latest `received` of the last tick and all other records (µs, UTC), or 0."""
        records: list[Record] = [*self.ticks[-1:], *self.gaps]
        records += [*self.quotes.values(), *self.beats.values()]
        return max((record.received for record in records), default=0)


def in_order(topics: Topics, found: Messages) -> Iterator[Messages]:
    """Split `found` into parts in which no gap was appended after a tick.

    The times of appending decide, because offsets of different topics cannot be compared.
    """
    gaps = [m for where, some in found.items() if where.topic == topics.names[GAPS] for m in some]
    rest = found
    for at in sorted({message.timestamp for message in gaps}):
        early = {where: _appended_before(at, messages) for where, messages in rest.items()}
        if any(some for where, some in early.items() if where.topic == topics.names[TICKS]):
            yield {where: some for where, some in early.items() if some}
            rest = {where: some[len(early[where]) :] for where, some in rest.items()}
    yield {where: some for where, some in rest.items() if some}


def split(topics: Topics, found: Messages, tick: Tick) -> tuple[Messages, Messages]:
    """Split `found` before `tick`, in the order in which `gather` takes ticks.

    All gaps go into the first part, and all quotes and heartbeats into the second.
    """
    early: dict[TopicPartition, Sequence[Any]] = {}
    late: dict[TopicPartition, Sequence[Any]] = {}
    is_past = False
    for where, messages in found.items():
        cut = 0
        if where.topic == topics.names[GAPS]:
            cut = len(messages)
        elif where.topic == topics.names[TICKS] and not is_past:
            decoded = decode(messages, Tick)
            is_past = tick in decoded.records
            cut = len(messages)
            if is_past:
                offset = decoded.offsets[decoded.records.index(tick)]
                cut = sum(message.offset < offset for message in messages)
        for part, some in ((early, messages[:cut]), (late, messages[cut:])):
            if some:
                part[where] = some
    return early, late


def _appended_before(at: int, messages: Sequence[Any]) -> Sequence[Any]:
    """Return the messages at the beginning of `messages` that were appended before `at` (ms)."""
    return [*itertools.takewhile(lambda message: message.timestamp < at, messages)]


def gather(topics: Topics, found: Messages, symbols: Collection[str] | None) -> Gathered:
    """Gather the records in `found`. With `symbols`: ticks, quotes and gaps of these only."""
    came = Gathered()
    for where, messages in found.items():
        came.take(topics, where, messages)
    if symbols is not None:
        came.ticks = [tick for tick in came.ticks if tick.symbol in symbols]
        came.gaps = [gap for gap in came.gaps if gap.concerns(symbols)]
        came.quotes = {k: quote for k, quote in came.quotes.items() if quote.symbol in symbols}
    return came
