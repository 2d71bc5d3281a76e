"""A log in the memory of one process: for tests, and for programs that need no file.

`async with open_log("memory:NAME")` creates it. Every reader and writer of that name in this
process shares it; it ends with the process. It numbers ticks, and keeps everything. One lock guards
it, so readers may be in any thread and any event loop.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import operator
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, Self

from ticker.errors import SequenceConflict, StreamMissing, StreamUnreachable, WrongPosition
from ticker.health import Health, StreamState
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.streams.appending import ahead, check_append, check_simulated, tick_content
from ticker.streams.base import BaseStream
from ticker.streams.origin import new_origin
from ticker.streams.protocol import NumberingLog
from ticker.streams.reader import ColumnRequest, ReadRequest, ThreadRead
from ticker.streams.sequence import Key

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18})")


class _Contents:
    """What a log holds. `lock` guards it, and is notified of each append.

    A position is the number of records stored before it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = new_origin()
        self.lock = threading.Condition()
        self.end = 0
        self.entries: list[tuple[int, Tick | Gap]] = []
        """With the position behind each."""
        self.quotes: dict[Key, tuple[int, Quote]] = {}
        """The last of each (origin, symbol)."""
        self.beats: dict[tuple[str, str], tuple[int, Heartbeat]] = {}
        """The last of each (writer, source)."""
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None

    def position(self, number: int) -> Position:
        return Position(f"{self.origin}:{number}")

    def number(self, position: object) -> int:
        """Raises `WrongPosition` unless this log gave it out."""
        form = _FORM.fullmatch(position) if isinstance(position, str) else None
        if form is None or form[1] != self.origin or int(form[2]) > self.end:
            raise WrongPosition(self.url, position)
        return int(form[2])

    def after(self, number: int) -> Iterator[tuple[int, Tick | Gap]]:
        """The entries behind a position."""
        first = bisect.bisect_right(self.entries, number, key=operator.itemgetter(0))
        return map(self.entries.__getitem__, range(first, len(self.entries)))

    def ticks(self) -> list[Tick]:
        return [entry for _, entry in self.entries if isinstance(entry, Tick)]

    def append(
        self,
        ticks: Sequence[Tick],
        gaps: Sequence[Gap],
        quotes: Sequence[Quote],
        heartbeats: Sequence[Heartbeat],
    ) -> None:
        """See `Log.append`; nothing is stored if it raises."""
        simulated = check_simulated(self.url, self.simulated, ticks, quotes)
        checked = check_append(ticks, gaps, self.last, self.origin)
        wrong = checked.wrong
        if checked.repeats:
            stored = {(t.origin, t.symbol, t.sequence): tick_content(t) for t in self.ticks()}
            for tick in checked.repeats:
                key = (tick.origin, tick.symbol)
                if stored.get((*key, tick.sequence), tick_content(tick)) != tick_content(tick):
                    wrong[key] = self.last[key] + 1
        if wrong := wrong or ahead(quotes, checked.heads, self.last, self.origin):
            raise SequenceConflict(self.url, wrong)
        self.simulated = simulated
        known = {entry for _, entry in self.entries} if gaps else ()
        fresh: list[Tick | Gap] = [gap for gap in gaps if gap not in known]
        for entry in (*fresh, *checked.fresh):
            self.entries.append((self._next(), entry))
        self.last |= checked.heads
        for quote in quotes:
            key = (quote.origin or "", quote.symbol)
            _, old = self.quotes.get(key, (0, None))
            if old is None or (old != quote and quote.version >= old.version):
                self.quotes[key] = (self._next(), quote)
        for beat in heartbeats:
            writer = (beat.writer, beat.source)
            if writer not in self.beats or self.beats[writer][1] != beat:
                self.beats[writer] = (self._next(), beat)

    def _next(self) -> int:
        self.end += 1
        return self.end


_LOGS: Final[dict[str, _Contents]] = {}
"""URL → what lies there, in this process."""


class MemoryRead(ThreadRead):
    """The state of one `read`."""

    def __init__(self, contents: _Contents, request: ReadRequest) -> None:
        super().__init__(request)
        self._contents = contents
        self._number = contents.number(request.after)
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
                if self._number < contents.end:
                    batch = self._take()
                    self._done = not self.request.follow and self._number == contents.end
                    if batch or self._done:
                        return batch
                elif not self.request.follow:
                    return None
                elif not contents.lock.wait(self.request.silence):
                    return Batch(contents.position(self._number))
        return None

    def _take(self) -> Batch:
        """What comes next, up to a gap that follows a tick."""
        contents, symbols = self._contents, self.request.symbols
        ticks: list[Tick] = []
        places: list[int] = []
        gaps: list[Gap] = []
        begin, end = self._number, contents.end
        for place, entry in contents.after(begin):
            if isinstance(entry, Tick):
                if symbols is not None and entry.symbol not in symbols:
                    continue
                if len(ticks) == self.request.limit:
                    end = place - 1
                    break
                ticks.append(entry)
                places.append(place)
            elif entry.concerns(symbols):
                if ticks:
                    end = place - 1
                    break
                gaps.append(entry)
        fresh, holes, left = self.sequences.take_to_hole(ticks, gaps)
        if left:
            end = places[-left] - 1
        self._number = end
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
        contents = self._contents()
        with contents.lock:
            return Batch(
                contents.position(contents.end),
                quotes=[quote for _, quote in sorted(contents.quotes.values())],
                heartbeats=[beat for _, beat in sorted(contents.beats.values())],
                last_seen=dict(contents.last),
            )

    async def count(self, after: Position) -> int:
        contents = self._contents()
        with contents.lock:
            behind = contents.after(contents.number(after))
            return sum(isinstance(entry, Tick) for _, entry in behind)

    async def _find(self, place: int | Literal["start", "end"]) -> Position:
        contents = self._contents()
        with contents.lock:
            match place:
                case "start":
                    return contents.position(0)
                case "end":
                    return contents.position(contents.end)
            kept = (contents.entries, contents.quotes.values(), contents.beats.values())
            every: Iterator[Any] = itertools.chain.from_iterable(kept)
            late = (number - 1 for number, record in every if record.received >= place)
            return contents.position(min(late, default=contents.end))

    async def _find_last(self, ticks: int, symbols: Collection[str] | None) -> Position:
        contents = self._contents()
        with contents.lock:
            places = [
                place
                for place, entry in contents.entries
                if isinstance(entry, Tick) and (symbols is None or entry.symbol in symbols)
            ]
            if ticks == 0:
                return contents.position(contents.end)
            return contents.position(places[-ticks] - 1 if len(places) >= ticks else 0)

    async def _begin(self, request: ReadRequest) -> MemoryRead:
        return MemoryRead(self._contents(), request)

    def _columns(self, request: ColumnRequest) -> Iterator[Mapping[str, Sequence[Any]]]:
        contents = self._contents()
        with contents.lock:
            chunk = request.chunk(contents.ticks())
        if chunk is not None:
            yield chunk

    async def _read_health(self) -> Health:
        contents = self._contents()
        with contents.lock:
            received = [tick.received for tick in contents.ticks()]
            is_empty = not (received or contents.quotes or contents.beats)
            return Health(
                stream=self.url,
                state=StreamState.EMPTY if is_empty else StreamState.OK,
                ticks=len(received),
                symbols=len({symbol for _, symbol in contents.last}),
                first=received[0] if received else None,
                last=received[-1] if received else None,
                simulated=contents.simulated,
                heartbeats=tuple(beat for _, beat in sorted(contents.beats.values())),
            )

    def _contents(self) -> _Contents:
        try:
            return _LOGS[self.url]
        except KeyError:
            raise StreamMissing(self.url, "there is no such log in this process") from None


class MemoryLog(MemoryStream, NumberingLog):
    """The log at `url`. Entering creates it if it does not exist."""

    _entered: _Contents | None = None

    @property
    def id(self) -> str:
        return self._open().origin

    @property
    def origin(self) -> str:
        return self._open().origin

    async def last(self) -> Mapping[Key, int]:
        contents = self._open()
        with contents.lock:
            return dict(contents.last)

    async def append(
        self,
        ticks: Sequence[Tick] = (),
        *,
        gaps: Sequence[Gap] = (),
        quotes: Sequence[Quote] = (),
        heartbeats: Sequence[Heartbeat] = (),
    ) -> Position:
        contents = self._open()
        with contents.lock:
            contents.append(ticks, gaps, quotes, heartbeats)
            contents.lock.notify_all()
            position = contents.position(contents.end)
        await asyncio.sleep(0)  # an append lets others run, as one that waits for a disk
        return position

    async def close(self, within: float = 5.0) -> int:
        self._entered = None
        return await super().close(within)

    async def __aenter__(self) -> Self:
        self._entered = _LOGS.setdefault(self.url, _Contents(self.url))
        return self

    def _open(self) -> _Contents:
        if self._entered is None:
            raise StreamUnreachable(self.url, "the log is not open: use `async with`")
        return self._entered
