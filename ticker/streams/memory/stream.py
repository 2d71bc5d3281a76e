"""`MemoryStream` reads a log in memory. `MemoryLog` also writes it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, Self

from ticker.errors import StreamMissing, StreamUnreachable
from ticker.health import Health, StreamState
from ticker.records import Batch, Gap, Position, Tick
from ticker.streams.arguments import checked_batch
from ticker.streams.base import BaseStream
from ticker.streams.memory.contents import Contents
from ticker.streams.protocol import NumberingLog
from ticker.streams.reader import ColumnRequest, ReadRequest, ThreadRead
from ticker.streams.sequence import Key

_LOGS: Final[dict[str, Contents]] = {}
"""URL → its log, in this process."""
_RECORD: Final = 128
"""The approximate size of a tick (bytes)."""


class MemoryRead(ThreadRead):
    """The state of one `read`."""

    def __init__(self, contents: Contents, request: ReadRequest) -> None:
        super().__init__(request)
        self._contents = contents
        self._place = contents.parse(request.after)
        self._done = False

    def stop(self) -> None:
        super().stop()
        with self._contents.lock:
            self._contents.lock.notify_all()

    def close(self) -> None: ...

    def next(self) -> Batch | None:
        contents = self._contents
        with contents.lock:
            while not (self.stopping.is_set() or self._done):
                if self._place < contents.end:
                    batch = self._take()
                    self._done = not self.request.follow and self._place == contents.end
                    if batch or self._done:
                        return batch
                elif not self.request.follow:
                    return None
                elif not contents.lock.wait(self.request.silence):
                    return Batch(contents.position(self._place))
        return None

    def _take(self) -> Batch:
        """Return the next batch. It ends before a gap that follows a tick."""
        contents, symbols = self._contents, self.request.symbols
        ticks: list[Tick] = []
        places: list[int] = []
        gaps: list[Gap] = []
        begin, end = self._place, contents.end
        for place, record in contents.after(begin):
            if isinstance(record, Tick):
                if symbols is not None and record.symbol not in symbols:
                    continue
                if len(ticks) == self.request.limit:
                    end = place - 1
                    break
                ticks.append(record)
                places.append(place)
            elif record.concerns(symbols):
                if ticks:
                    end = place - 1
                    break
                gaps.append(record)
        fresh, holes, left = self.sequences.take(ticks, gaps, to_hole=True)
        if left:
            end = places[-left] - 1
        self._place = end
        quotes = [q for at, q in sorted(contents.quotes.values()) if begin < at <= end]
        beats = [beat for at, beat in sorted(contents.beats.values()) if begin < at <= end]
        return Batch(
            contents.position(end),
            ticks=fresh,
            gaps=[*gaps, *holes],
            quotes=[quote for quote in quotes if symbols is None or quote.symbol in symbols],
            heartbeats=beats,
        )


class MemoryStream(BaseStream):
    """A reader of the log at `url`."""

    async def snapshot(self) -> Batch:
        with self._locked() as contents:
            return Batch(
                contents.position(contents.end),
                quotes=[quote for _, quote in sorted(contents.quotes.values())],
                heartbeats=[beat for _, beat in sorted(contents.beats.values())],
                last_seen=dict(contents.last),
            )

    async def count(self, after: Position) -> int:
        with self._locked() as contents:
            held = contents.after(contents.parse(after))
            return sum(isinstance(record, Tick) for _, record in held)

    async def _find(self, place: int | Literal["start", "end"]) -> Position:
        with self._locked() as contents:
            match place:
                case "start":
                    return contents.position(0)
                case "end":
                    return contents.position(contents.end)
            every: Iterator[tuple[int, Any]] = itertools.chain(
                contents.entries,
                contents.quotes.values(),
                contents.beats.values(),
            )
            late = (at - 1 for at, record in every if record.received >= place)
            return contents.position(min(late, default=contents.end))

    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position:
        with self._locked() as contents:
            places = [
                place
                for place, record in contents.entries
                if isinstance(record, Tick) and (symbols is None or record.symbol in symbols)
            ]
            if ticks == 0:
                return contents.position(contents.end)
            return contents.position(places[-ticks] - 1 if len(places) >= ticks else 0)

    async def _begin(self, request: ReadRequest) -> MemoryRead:
        return MemoryRead(self._contents(), request)

    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        with self._locked() as contents:
            chunk = request.chunk(contents.ticks())
        if chunk is not None:
            yield chunk

    async def _read_health(self) -> Health:
        with self._locked() as contents:
            received = [tick.received for tick in contents.ticks()]
            is_empty = not (received or contents.quotes or contents.beats)
            return Health(
                stream=self.url,
                state=StreamState.EMPTY if is_empty else StreamState.OK,
                ticks=len(received),
                symbols=len({symbol for _, symbol in contents.last}),
                first=received[0] if received else None,
                last=received[-1] if received else None,
                size=len(contents.entries) * _RECORD,
                simulated=contents.simulated,
                heartbeats=tuple(beat for _, beat in sorted(contents.beats.values())),
            )

    def _contents(self) -> Contents:
        try:
            return _LOGS[self.url]
        except KeyError:
            raise StreamMissing(self.url, "there is no such log in this process") from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Contents]:
        contents = self._contents()
        with contents.lock:
            yield contents


class MemoryLog(MemoryStream, NumberingLog):
    """The log at `url`. Entering creates it if it does not exist."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._entered: Contents | None = None

    @property
    def id(self) -> str:
        return self._open().origin

    async def last(self) -> Mapping[Key, int]:
        contents = self._open()
        with contents.lock:
            return dict(contents.last)

    async def append(self, batch: Batch) -> Position:
        contents = self._open()
        with contents.lock:
            contents.append(checked_batch(batch))
            contents.lock.notify_all()
            position = contents.position(contents.end)
        await asyncio.sleep(0)  # let other tasks run, as an append to a disk does
        return position

    async def close(self, within: float = 5.0) -> int:
        self._entered = None
        return await super().close(within)

    async def __aenter__(self) -> Self:
        self._entered = _LOGS.setdefault(self.url, Contents(self.url))
        return self

    def _open(self) -> Contents:
        if self._entered is None:
            raise StreamUnreachable(self.url, "the log is not open: use `async with`")
        return self._entered
