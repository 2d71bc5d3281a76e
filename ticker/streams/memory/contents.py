"""What a log in memory holds, and how an append changes it. It keeps everything.

One lock guards it, so readers may be in any thread and any event loop.
"""

from __future__ import annotations

import bisect
import operator
import re
import threading
from collections.abc import Iterator
from typing import Final

import msgspec

from ticker.errors import SequenceConflict, WrongPosition
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.streams.append_check import ahead, check_append, tick_content
from ticker.streams.mixed_prices import check_simulated
from ticker.streams.new_origin import new_origin
from ticker.streams.sequence import Key

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18})")
_RECORD: Final = 128
"""The approximate size of a tick (bytes)."""


class Entry(msgspec.Struct, frozen=True):
    """A tick or gap of the log."""

    place: int
    """The number of records stored up to this one, inclusive."""
    record: Tick | Gap


_place: Final = operator.attrgetter("place")


class Contents:
    """What a log holds. `lock` guards it; after an append, the log notifies those that wait on it.

    A position is the number of records before it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = new_origin()
        self.lock = threading.Condition()
        self.end = 0
        self.entries: list[Entry] = []
        self.quotes: dict[Key, tuple[int, Quote]] = {}
        """The last quote of each (origin, symbol), with its place."""
        self.beats: dict[tuple[str, str], tuple[int, Heartbeat]] = {}
        """The last heartbeat of each (writer, source), with its place."""
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None

    @property
    def size(self) -> int:
        """Return the approximate size of the ticks and gaps (bytes)."""
        return len(self.entries) * _RECORD

    def position(self, place: int) -> Position:
        """Return the position after the record at `place`."""
        return Position(f"{self.origin}:{place}")

    def parse(self, position: object) -> int:
        """Return the place of `position`. Raises `WrongPosition` if this log never gave it out."""
        form = _FORM.fullmatch(position) if isinstance(position, str) else None
        if form is None or form[1] != self.origin or int(form[2]) > self.end:
            raise WrongPosition(self.url, position)
        return int(form[2])

    def after(self, place: int) -> Iterator[Entry]:
        """Return the entries after `place`."""
        first = bisect.bisect_right(self.entries, place, key=_place)
        return map(self.entries.__getitem__, range(first, len(self.entries)))

    def count(self, place: int) -> int:
        """Count the ticks after `place`."""
        return sum(isinstance(entry.record, Tick) for entry in self.after(place))

    def ticks(self) -> list[Tick]:
        """Return all ticks that are held."""
        return [entry.record for entry in self.entries if isinstance(entry.record, Tick)]

    def append(self, batch: Batch) -> None:
        """See `Log.append`. The caller holds `lock`. If it raises, nothing is stored."""
        simulated = check_simulated(self.url, self.simulated, batch.ticks, batch.quotes)
        checked = check_append(batch.ticks, batch.gaps, self.last, self.origin)
        wrong = checked.wrong
        if checked.repeats:
            stored = {(t.origin, t.symbol, t.sequence): tick_content(t) for t in self.ticks()}
            for tick in checked.repeats:
                key = (tick.origin, tick.symbol)
                if stored.get((*key, tick.sequence), tick_content(tick)) != tick_content(tick):
                    wrong[key] = self.last[key] + 1
        if wrong := wrong or ahead(batch.quotes, checked.heads, self.last, self.origin):
            raise SequenceConflict(self.url, wrong)
        self.simulated = simulated
        known = {entry.record for entry in self.entries} if batch.gaps else ()
        fresh: list[Tick | Gap] = [gap for gap in batch.gaps if gap not in known]
        for record in (*fresh, *checked.fresh):
            self.entries.append(Entry(self._next(), record))
        self.last |= checked.heads
        for quote in batch.quotes:
            key = quote.key
            _, old = self.quotes.get(key, (0, None))
            if old is None or (old != quote and quote.version >= old.version):
                self.quotes[key] = (self._next(), quote)
        for beat in batch.heartbeats:
            writer = beat.key
            if writer not in self.beats or self.beats[writer][1] != beat:
                self.beats[writer] = (self._next(), beat)

    def _next(self) -> int:
        self.end += 1
        return self.end
