"""`RecordingStream`: the `Tape` protocol over a recording.

It runs the synchronous work in threads. Each question and each `read` has its own cursor. A
recording never changes, so a reading that follows stays at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, TypeVar

from ticker.health import Health, StreamState
from ticker.records import Batch, Gap, Position
from ticker.streams.arguments import checked_symbols
from ticker.streams.base import BaseStream
from ticker.streams.digest import Digest
from ticker.streams.reader import ActiveRead, ColumnRequest, ReadRequest
from ticker.streams.recording.following import RecordingRead
from ticker.streams.recording.layout import Manifest
from ticker.streams.recording.marks import largest_moves, session_changes
from ticker.streams.recording.reading import RecordingReader
from ticker.streams.recording.searching import last_ticks, next_tick, quotes
from ticker.streams.sequence import Key
from ticker.streams.tape import Move, SessionChange, Timeline

_R = TypeVar("_R")


class RecordingStream(BaseStream):
    """A reader of the recording at `path`. Implements `Tape`.

    Before it opens the file, it calls `mend` with `path`, to finish what a killed recorder left.
    """

    def __init__(self, path: Path, *, mend: Callable[[Path], object] = lambda _: None) -> None:
        super().__init__(str(path))
        self._path = path
        self._mend = mend
        self._opened: RecordingReader | None = None
        self._opening = asyncio.Lock()

    async def manifest(self) -> Manifest:
        """Return the manifest. Raises `StreamError`."""
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
        known = await self._ask(lambda reader: quotes(reader, reader.row(position)))
        last = {quote.key: quote.sequence or 0 for quote in known}
        return Batch(position, quotes=known, last_seen=last)

    async def last_ticks(self, time: int) -> Batch:
        def look(reader: RecordingReader) -> Batch:
            row = reader.first_from(time + 1)
            return Batch(reader.place(row), ticks=last_ticks(reader, row))

        return await self._ask(look)

    async def next_tick(
        self, time: int, *, symbols: Collection[str] | None = None, forward: bool = True
    ) -> int | None:
        chosen = checked_symbols(symbols)
        return await self._ask(lambda reader: next_tick(reader, time, chosen, forward=forward))

    async def timeline(self) -> Timeline:
        reader = await self._reader()
        gaps = sorted(((each.due, each.gap) for each in reader.gaps), key=itemgetter(0))
        facts = sorted(((each.due, each.facts) for each in reader.facts), key=itemgetter(0))
        return Timeline(gaps, facts)

    async def gaps(self) -> Sequence[Gap]:
        return [placed.gap for placed in (await self._reader()).gaps]

    async def index(self) -> None:
        await self._ask(RecordingReader.make_index)

    async def moves(
        self, start: int, end: int, *, symbols: Collection[str] | None = None, count: int
    ) -> Sequence[Move]:
        chosen = checked_symbols(symbols)
        return await self._ask(
            lambda reader: largest_moves(reader.ask, reader.source, (start, end, chosen), count)
        )

    async def session_changes(
        self, start: int, end: int, *, symbols: Collection[str] | None = None
    ) -> Sequence[SessionChange]:
        chosen = checked_symbols(symbols)
        return await self._ask(
            lambda reader: session_changes(reader.ask, reader.source, (start, end, chosen))
        )

    async def _find(self, place: int | Literal["start", "end"]) -> Position:
        return await self._ask(lambda reader: reader.place(reader.find(place)))

    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position:
        return await self._ask(lambda reader: reader.place(reader.find_last(ticks, symbols)))

    async def step(
        self, position: Position, ticks: int, *, symbols: Collection[str] | None = None
    ) -> Position:
        chosen = checked_symbols(symbols)
        return await self._ask(
            lambda reader: reader.place(reader.step(reader.row(position), ticks, chosen))
        )

    async def count(self, after: Position) -> int:
        reader = await self._reader()
        return max(0, reader.manifest.ticks - reader.row(after))

    async def _begin(self, request: ReadRequest) -> ActiveRead:
        reader = await self._reader()
        return RecordingRead(reader, reader.row(request.after), request)

    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        with self._open() as reader:
            yield from reader.columns(request)

    def _arrays(self, request: ColumnRequest) -> Iterator[Mapping[str, Any]]:
        with self._open() as reader:
            yield from reader.arrays(request)

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
        cursor = (await self._reader()).cursor()

        def answer() -> _R:
            with cursor:
                return question(cursor)

        task = asyncio.ensure_future(asyncio.to_thread(answer))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            cursor.interrupt()
            # Until the thread ends, the connection cannot be closed: a cursor of it is in use.
            await asyncio.wait([task])
            task.exception()  # retrieve it, so that asyncio does not log it
            raise
