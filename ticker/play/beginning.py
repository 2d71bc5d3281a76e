"""Where a replay begins, and what was known there: nothing of what came later.

Reads a stream; knows no backend. A tape tells at once what was known at a moment. Of any other
stream, all that lies before the beginning is read once for the last price of each symbol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from ticker.errors import StreamError
from ticker.play.timed import Timed, by_time, in_order, within
from ticker.records import Batch, Quote, Tick
from ticker.streams import as_served, as_tape
from ticker.streams.facts import Facts, facts_of, fixed, quote_of
from ticker.streams.protocol import Stream, Tape
from ticker.units import DAY, MINUTE

SILENCE: Final = 30 * MINUTE
"""A session begins after so long without a tick (µs)."""

Key = tuple[str, str]
"""(origin, symbol)."""


class Span(msgspec.Struct, frozen=True):
    """What of a stream is played: by `received`, µs, UTC."""

    symbols: tuple[str, ...] | None = None
    """`None`: all."""
    since: int | None = None
    """Inclusive; `None`: from the start."""
    until: int | None = None
    """Exclusive; `None`: to the end."""


class NothingToPlay(StreamError):
    """The stream holds no tick in the span that was asked for."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream, "holds no tick to play there")


class Beginning(msgspec.Struct, frozen=True):
    """A replay before its first record."""

    facts: Mapping[Key, Facts]
    """What was true of each (origin, symbol) all along."""
    known: Sequence[Quote]
    """The last price of each (origin, symbol) before the span."""
    first: Sequence[Timed]
    """The first records, a tick among them."""
    rest: AsyncGenerator[Sequence[Timed], None]
    """Those that follow. To be closed."""

    @property
    def time(self) -> int:
        """When the first record is due (µs of the tape)."""
        return self.first[0][0]


async def begin(stream: Stream, span: Span) -> Beginning:
    """Read up to the first tick. Raises `NothingToPlay`, and `StreamError`."""
    snapshot = await stream.snapshot()
    # No later price or session: they would tell the tape what comes.
    facts = {(q.origin or "", q.symbol): fixed(facts_of(q)) for q in snapshot.quotes}
    known: Sequence[Quote] = ()
    tape = as_tape(stream)
    if span.since is not None and tape is not None:
        known = await _known_at(tape, span.symbols, span.since)
    elif span.since is not None:
        last = await asyncio.to_thread(_last_before, stream, span.symbols, span.since)
        known = [quote_of(tick, facts.get((tick.origin, tick.symbol))) for tick in last]
    records = _records(stream, span)
    first: list[Timed] = []
    async for some in records:
        first += some
        if any(isinstance(record, Tick) for _, record in some):
            return Beginning(facts, known, first, records)
    raise NothingToPlay(stream.url)


async def _records(stream: Stream, span: Span) -> AsyncGenerator[Sequence[Timed], None]:
    """The span in the order of the tape, in chunks."""
    position = await stream.find("start" if span.since is None else span.since)
    reading = stream.read(position, symbols=span.symbols, follow=False)
    # What lies on servers comes partition by partition: only all of it can be put in order.
    gathered: list[Batch] | None = [] if as_served(stream) is not None else None
    floor = 0
    async with aclosing(reading) as batches:
        async for batch in batches:
            wanted = within(batch, span.since, span.until)
            if not wanted:
                continue
            if gathered is not None:
                gathered.append(wanted)
                continue
            timed = in_order(wanted, floor)
            floor = timed[-1][0]
            yield timed
    if gathered:
        yield by_time(gathered)


async def _known_at(tape: Tape, symbols: Sequence[str] | None, since: int) -> Sequence[Quote]:
    """The quote of each (origin, symbol) as it was known at `since` (µs)."""
    before = await tape.snapshot_at(await tape.find(since))
    return [quote for quote in before.quotes if symbols is None or quote.symbol in symbols]


def _last_before(stream: Stream, symbols: Iterable[str] | None, since: int) -> Iterable[Tick]:
    """The last tick of each (origin, symbol) before `since` (µs). Synchronous, for a thread."""
    chosen = None if symbols is None else list(symbols)
    last: dict[Key, tuple[Any, ...]] = {}
    for chunk in stream.columns(symbols=chosen, until=since):
        for row in zip(*(chunk[name] for name in _FIELDS), strict=True):
            last[row[_ORIGIN], row[_SYMBOL]] = row
    return [Tick(*row) for row in last.values()]


_FIELDS: Final = Tick.__struct_encode_fields__
_ORIGIN: Final = _FIELDS.index("origin")
_SYMBOL: Final = _FIELDS.index("symbol")


def session_start(stream: Stream, last: int, span: Span) -> int:
    """Where the last session begins: `received` (µs) of the first tick after the last silence.

    `last` is `received` of the last tick. Synchronous, for a thread. Looks back a day, and further
    where that is one session.
    """
    back = DAY
    while True:
        since = max(0, last - back)
        begins, before = None, None
        wanted: dict[str, Any] = {"symbols": span.symbols, "since": since, "until": span.until}
        for chunk in stream.columns(**wanted, fields=["received"]):
            for received in chunk["received"]:
                if before is None or received - before >= SILENCE:
                    begins, is_first = received, before is None
                before = received if before is None else max(before, received)
        if begins is None:
            if since == 0:
                return last
        elif not is_first or since == 0:
            return int(begins)
        back *= 8
