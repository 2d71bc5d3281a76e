"""`RecordingStream`: the `Tape` protocol over a recording.

Here synchronous work meets the event loop: questions go to a thread, each `read` has a cursor of
its own. A recording never changes, so a reading that follows stays at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from ticker.health import Health, StreamState
from ticker.records import Batch, Position, Tick
from ticker.streams.arguments import (
    checked_last_seen,
    checked_moment,
    checked_number,
    checked_place,
    checked_symbols,
)
from ticker.streams.base import BaseStream
from ticker.streams.digest import Digest
from ticker.streams.facts import quote_of
from ticker.streams.protocol import Move, ReadStats, SessionChange, Timeline
from ticker.streams.recording.layout import Manifest
from ticker.streams.recording.marks import largest_moves, session_changes
from ticker.streams.recording.reading import RecordingReader, to_tick
from ticker.streams.recording.searching import next_tick
from ticker.streams.sequence import Key, SequenceTracker

_R = TypeVar("_R")

SILENCE: Final = 1.0
"""An empty batch comes after this many seconds at the end (s)."""


class _Reading:
    """One `read` under way."""

    def __init__(self, order: SequenceTracker) -> None:
        self.order = order
        self.stopped = asyncio.Event()

    def read_stats(self) -> ReadStats:
        """See `base.ActiveRead`."""
        return ReadStats(0, self.order.holes, self.order.repeats)

    def stop(self) -> None:
        """Make it end soon."""
        self.stopped.set()


class RecordingStream(BaseStream[_Reading]):
    """A reader of the recording at `path`. Implements `Tape`; never changes the file.

    `mend` is called before the file is opened: it finishes what a killed recorder left.
    """

    def __init__(self, path: Path, *, mend: Callable[[Path], object] = lambda _: None) -> None:
        super().__init__(str(path))
        self._path = path
        self._mend = mend
        self._opened: RecordingReader | None = None
        self._opening = asyncio.Lock()

    async def manifest(self) -> Manifest:
        """What the recording says that it holds. Raises `StreamError`."""
        return (await self._reader()).manifest

    async def digests(self) -> Mapping[Key, Digest]:
        return {
            (each.origin, each.symbol): Digest(each.first, each.last, each.count, each.digest, 0)
            for each in (await self.manifest()).spans
        }

    async def snapshot(self) -> Batch:
        reader = await self._reader()
        return await self.snapshot_at(reader.place(reader.end))

    async def snapshot_at(self, position: Position) -> Batch:
        quotes = await self._ask(lambda reader: reader.quotes(reader.row(position)))
        last = {(quote.origin or "", quote.symbol): quote.sequence or 0 for quote in quotes}
        return Batch(position, quotes=quotes, last_seen=last)

    async def last_ticks(self, time: int) -> Batch:
        def look(reader: RecordingReader) -> tuple[int, list[tuple[int, Tick]]]:
            row = reader.first_from(time + 1)
            return row, reader.last_ticks(row)

        row, found = await self._ask(look)
        reader = await self._reader()
        return Batch(reader.place(row), ticks=[tick for _, tick in found])

    async def next_tick(
        self, time: int, *, symbols: Collection[str] | None = None, forward: bool = True
    ) -> int | None:
        chosen = checked_symbols(symbols)
        return await self._ask(lambda reader: next_tick(reader, time, chosen, forward=forward))

    async def timeline(self) -> Timeline:
        reader = await self._reader()
        gaps = sorted(((each.due, each.gap) for each in reader.gaps), key=_due)
        return Timeline(gaps, sorted(((each.due, each.facts) for each in reader.facts), key=_due))

    async def index(self) -> None:
        await self._ask(RecordingReader.make_index)

    async def moves(self, start: int, end: int, count: int) -> Sequence[Move]:
        return await self._ask(
            lambda reader: largest_moves(reader.ask, reader.source, start, end, count)
        )

    async def session_changes(self, start: int, end: int) -> Sequence[SessionChange]:
        return await self._ask(
            lambda reader: session_changes(reader.ask, reader.source, start, end)
        )

    async def find(self, when: int | Literal["start", "end"]) -> Position:
        place = checked_place(when)
        return await self._ask(lambda reader: reader.place(reader.find(place)))

    async def find_last(self, ticks: int, *, symbols: Collection[str] | None = None) -> Position:
        count, chosen = checked_number("ticks", ticks, 0), checked_symbols(symbols)
        return await self._ask(lambda reader: reader.place(reader.find_last(count, chosen)))

    async def step(self, position: Position, ticks: int) -> Position:
        reader = await self._reader()
        row = min(reader.row(position), reader.manifest.ticks)
        return reader.place(max(0, min(row + ticks, reader.manifest.ticks)))

    async def count(self, after: Position) -> int:
        reader = await self._reader()
        return max(0, reader.manifest.ticks - reader.row(after))

    async def read(
        self,
        after: Position | Literal["start", "end"],
        *,
        last_seen: Mapping[Key, int] | None = None,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,
    ) -> AsyncGenerator[Batch, None]:
        chosen, most = checked_symbols(symbols), checked_number("limit", limit, 1)
        position = await self._position(after)
        reader = await self._reader()
        begin = reader.row(position)
        reading = _Reading(SequenceTracker(checked_last_seen(last_seen)))
        wanted = None if chosen is None else frozenset(chosen)
        with self._under_way(reading):
            batches = _batches(reader, begin, wanted, most, reading.order)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                if reading.stopped.is_set():
                    return
                yield batch
            while follow and not reading.stopped.is_set():
                try:
                    async with asyncio.timeout(SILENCE):
                        await reading.stopped.wait()
                except TimeoutError:
                    yield Batch(reader.place(reader.end))

    def columns(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        begin, end = checked_moment("since", since), checked_moment("until", until)
        with self._open() as reader:
            yield from reader.columns(checked_symbols(symbols), begin, end)

    def arrays(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        begin, end = checked_moment("since", since), checked_moment("until", until)
        with RecordingReader(self._path) as reader:
            yield from reader.arrays(checked_symbols(symbols), begin, end)

    async def close(self, within: float = 5.0) -> int:
        await super().close(within)
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        return 0

    async def _read_health(self) -> Health:
        manifest = (await self._reader()).manifest
        return Health(
            stream=self.url,
            state=StreamState.OK if manifest.ticks else StreamState.EMPTY,
            ticks=manifest.ticks,
            symbols=len({span.symbol for span in manifest.spans}),
            first=manifest.first,
            last=manifest.last,
            size=(await asyncio.to_thread(self._path.stat)).st_size,
            simulated=manifest.simulated,
            is_finished=True,
        )

    async def _reader(self) -> RecordingReader:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(self._open)
            return self._opened

    def _open(self) -> RecordingReader:
        self._mend(self._path)
        return RecordingReader(self._path)

    async def _ask(self, question: Callable[[RecordingReader], _R]) -> _R:
        reader = await self._reader()

        def answer() -> _R:
            with reader.cursor() as cursor:
                return question(cursor)

        return await asyncio.to_thread(answer)


def _due(placed: tuple[int, object]) -> int:
    return placed[0]


def _batches(
    reader: RecordingReader,
    begin: int,
    symbols: frozenset[str] | None,
    limit: int,
    order: SequenceTracker,
) -> Iterator[Batch]:
    """The batches from row `begin` on; gaps come before the ticks of their batch."""
    with reader.cursor() as cursor:
        stops = sorted(
            {placed.row for placed in cursor.gaps_between(begin + 1, cursor.end, symbols)}
        )
        ends = [*stops, cursor.end]
        facts = {row for row in (placed.row for placed in cursor.facts) if row > begin}
        for end in ends:
            for first, last, rows in _pieces(cursor, begin, end, symbols, limit):
                gaps = [p.gap for p in cursor.gaps_between(first, first + 1, symbols)]
                start, left = first, len(rows)
                while True:
                    # A hole ends a batch too: within one, gaps come before ticks.
                    some = rows[len(rows) - left :]
                    ticks, holes, left = order.take_to_hole([tick for _, tick in some], gaps)
                    stop = rows[-left][0] if left else last
                    quotes = _told(cursor, start, stop, symbols) if facts else ()
                    yield Batch(cursor.place(stop), ticks, [*gaps, *holes], quotes)
                    start, gaps = stop, []
                    if not left:
                        break
            begin = end


def _pieces(
    reader: RecordingReader, begin: int, end: int, symbols: frozenset[str] | None, limit: int
) -> Iterator[tuple[int, int, list[tuple[int, Tick]]]]:
    """First row, row behind the last, and the ticks between with their rows: at most `limit`."""
    waiting: list[tuple[Any, ...]] = []
    for rows in reader.rows(begin, end, symbols, limit):
        waiting += rows
        while len(waiting) > limit:
            some, waiting = waiting[:limit], waiting[limit:]
            last = int(some[-1][0]) + 1
            yield begin, last, [(row[0], to_tick(row)) for row in some]
            begin = last
    if begin < end:
        yield begin, end, [(row[0], to_tick(row)) for row in waiting]


def _told(
    reader: RecordingReader, first: int, last: int, symbols: frozenset[str] | None
) -> list[Any]:
    """Quotes for the facts that became true in the rows from `first` up to `last` (exclusive)."""
    keys = {
        (placed.facts.origin, placed.facts.symbol)
        for placed in reader.facts
        if first < placed.row <= last and (symbols is None or placed.facts.symbol in symbols)
    }
    if not keys:
        return []
    facts = reader.facts_before(last)
    return [
        quote_of(tick, facts[tick.origin, tick.symbol])
        for _, tick in reader.last_ticks(last)
        if (tick.origin, tick.symbol) in keys
    ]
