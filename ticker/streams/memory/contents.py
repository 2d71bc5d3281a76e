"""What a log in memory holds, and how an append changes it. It keeps everything.

One lock guards it, so readers may be in any thread and any event loop.
"""

from __future__ import annotations

import bisect
import operator
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from ticker.errors import WrongPosition
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.streams.append_check import check_append, check_simulated, tick_content
from ticker.streams.new_origin import new_origin
from ticker.streams.sequence import Key

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18})")


class Contents:
    """What a log holds. `lock` guards it; after an append, the log notifies those that wait on it.

    A record's place is the number of records stored up to it, inclusive. A position is the number
    of records before it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = new_origin()
        self.lock = threading.Condition()
        self.end = 0
        self.entries: list[tuple[int, Tick | Gap]] = []
        """The ticks and gaps, with their places."""
        self.quotes: dict[Key, tuple[int, Quote]] = {}
        """The last quote of each (origin, symbol), with its place."""
        self.beats: dict[tuple[str, str], tuple[int, Heartbeat]] = {}
        """The last heartbeat of each (writer, source), with its place."""
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None

    def position(self, place: int) -> Position:
        """Return the position after the record at `place`."""
        return Position(f"{self.origin}:{place}")

    def parse(self, position: object) -> int:
        """Return the place of `position`. Raises `WrongPosition` if this log never gave it out."""
        form = _FORM.fullmatch(position) if isinstance(position, str) else None
        if form is None or form[1] != self.origin or int(form[2]) > self.end:
            raise WrongPosition(self.url, position)
        return int(form[2])

    def after(self, place: int) -> Iterator[tuple[int, Tick | Gap]]:
        """Return the entries after `place`."""
        first = bisect.bisect_right(self.entries, place, key=operator.itemgetter(0))
        return map(self.entries.__getitem__, range(first, len(self.entries)))

    def ticks(self) -> list[Tick]:
        """Return all ticks that are held."""
        return [record for _, record in self.entries if isinstance(record, Tick)]

    def append(self, batch: Batch) -> None:
        """See `Log.append`. The caller holds `lock`. If it raises, nothing is stored."""
        simulated = check_simulated(self.url, self.simulated, batch.ticks, batch.quotes)
        ticks, heads = check_append(self.url, batch, self.last, self.origin, self._differing)
        self.simulated = simulated
        known = {record for _, record in self.entries} if batch.gaps else ()
        fresh: list[Tick | Gap] = [gap for gap in batch.gaps if gap not in known]
        for record in (*fresh, *ticks):
            self.entries.append((self._next(), record))
        self.last |= heads
        for quote in batch.quotes:
            key = quote.key
            _, old = self.quotes.get(key, (0, None))
            if old is None or (old != quote and quote.version >= old.version):
                self.quotes[key] = (self._next(), quote)
        for beat in batch.heartbeats:
            writer = beat.key
            if writer not in self.beats or self.beats[writer][1] != beat:
                self.beats[writer] = (self._next(), beat)

    def _differing(self, repeats: Sequence[Tick]) -> list[Key]:
        """Return the keys of `repeats` that differ from the stored tick."""
        stored = {(t.origin, t.symbol, t.sequence): t for t in self.ticks()}
        twins = [stored.get((t.origin, t.symbol, t.sequence), t) for t in repeats]
        return [
            (tick.origin, tick.symbol)
            for tick, twin in zip(repeats, twins, strict=True)
            if tick_content(tick) != tick_content(twin)
        ]

    def _next(self) -> int:
        self.end += 1
        return self.end
