"""Messages of the four topics as records, sorted by kind: what a batch is made of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition

from ticker.records import Gap, Heartbeat, Quote, Tick
from ticker.streams.kafka.asking import Topics
from ticker.streams.kafka.late import BEATS, GAPS, QUOTES, TICKS, newer
from ticker.streams.kafka.messages import decode
from ticker.streams.order import Key


class Gathered(msgspec.Struct):
    """What came together."""

    ticks: list[Tick] = []
    """Ascending per partition, so for each symbol."""
    gaps: list[Gap] = []
    quotes: dict[Key, Quote] = {}
    """The newest of each (origin, symbol)."""
    beats: dict[tuple[str, str], Heartbeat] = {}
    """The last of each (writer, source)."""
    lanes: dict[int, set[Key]] = {}
    """Partition → (origin, symbol) of the ticks that came from it."""
    broken: int = 0
    """Messages passed over, because they are no records of their topic."""

    def newest(self) -> int:
        """The latest `received` (µs, UTC), looking at the last tick only; 0 if nothing came."""
        last = [tick.received for tick in self.ticks[-1:]]
        last += [gap.received for gap in self.gaps]
        last += [quote.received for quote in self.quotes.values()]
        last += [beat.received for beat in self.beats.values()]
        return max(last, default=0)


def gather(
    topics: Topics,
    found: Mapping[TopicPartition, Sequence[Any]],
    symbols: Collection[str] | None,
) -> Gathered:
    """The records in `found`; with `symbols`, ticks, quotes and gaps of these only."""
    came = Gathered()
    for where, messages in found.items():
        match topics.names.index(where.topic):
            case n if n == TICKS:
                decoded = decode(messages, Tick)
                came.ticks += decoded.records
                came.lanes[where.partition] = {(t.origin, t.symbol) for t in decoded.records}
            case n if n == GAPS:
                decoded = decode(messages, Gap)
                came.gaps += decoded.records
            case n if n == QUOTES:
                decoded = decode(messages, Quote)
                for quote in decoded.records:
                    key = (quote.origin or "", quote.symbol)
                    if newer(quote, came.quotes.get(key)):
                        came.quotes[key] = quote
            case n if n == BEATS:
                decoded = decode(messages, Heartbeat)
                came.beats |= {(beat.writer, beat.source): beat for beat in decoded.records}
        came.broken += decoded.broken
    if symbols is not None:
        came.ticks = [tick for tick in came.ticks if tick.symbol in symbols]
        came.gaps = [gap for gap in came.gaps if _concerns(gap, symbols)]
        came.quotes = {k: quote for k, quote in came.quotes.items() if quote.symbol in symbols}
    return came


def _concerns(gap: Gap, symbols: Collection[str]) -> bool:
    """Whether `gap` is about one of `symbols`, or about all."""
    if gap.symbol is not None:
        return gap.symbol in symbols
    return gap.symbols is None or any(symbol in symbols for symbol in gap.symbols)
