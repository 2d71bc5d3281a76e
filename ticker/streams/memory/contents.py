"""What a log in memory holds, how an append changes it, and what retention deletes.

One lock guards it, so readers may be in any thread and any event loop.
"""

from __future__ import annotations

import bisect
import operator
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec

from ticker.errors import SequenceConflict, WrongPosition
from ticker.records import Gap, Heartbeat, Hold, Position, Quote, Tick
from ticker.streams.append_check import ahead, check_append, check_simulated, tick_content
from ticker.streams.origin import new_origin
from ticker.streams.reader import Lost
from ticker.streams.sequence import Key

_FORM: Final = re.compile(r"([a-z0-9]{1,32}):([0-9]{1,18}):([0-9]{1,18})")
_RECORD: Final = 128
"""The approximate size of a tick (bytes)."""


class Entry(msgspec.Struct, frozen=True):
    """A tick or gap of the log."""

    place: int
    """The number of records stored up to it."""
    record: Tick | Gap
    received: int
    """The newest `received` of all entries so far (µs, UTC)."""
    appended: int
    """When it was appended (µs, UTC)."""


_place: Final = operator.attrgetter("place")


class Contents:
    """What a log holds. `lock` guards it, and is notified of each append.

    A position is the number of records before it, with the time of the newest of them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = new_origin()
        self.lock = threading.Condition()
        self.end = 0
        self.entries: list[Entry] = []
        self.quotes: dict[Key, tuple[int, Quote]] = {}
        """The last of each (origin, symbol), with its number."""
        self.beats: dict[tuple[str, str], tuple[int, Heartbeat]] = {}
        """The last of each (writer, source), with its number."""
        self.last: dict[Key, int] = {}
        self.simulated: bool | None = None
        self.held: dict[str, int] = {}
        """Reader → the number of the last record that it has finished with."""
        self.pruned = 0
        """The number of the last entry that retention deleted."""
        self._appended = 0
        self._pruned: Entry | None = None
        self._pruned_ticks: dict[Key, Entry] = {}
        """The last deleted tick of each (origin, symbol)."""
        self._pruned_gap = 0

    @property
    def size(self) -> int:
        """Return the approximate size of the ticks and gaps (bytes)."""
        return len(self.entries) * _RECORD

    def position(self, place: int) -> Position:
        """Return the position after the record at `place`."""
        behind = bisect.bisect_right(self.entries, place, key=_place)
        before = self.entries[behind - 1] if behind else self._pruned
        return Position(f"{self.origin}:{place}:{0 if before is None else before.received}")

    def parse(self, position: object) -> tuple[int, int]:
        """Return the place of `position`, and its time.

        Raises `WrongPosition` for another log's.
        """
        form = _FORM.fullmatch(position) if isinstance(position, str) else None
        if form is None or form[1] != self.origin or int(form[2]) > self.end:
            raise WrongPosition(self.url, position)
        return int(form[2]), int(form[3])

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

    def append(
        self,
        ticks: Sequence[Tick],
        gaps: Sequence[Gap],
        quotes: Sequence[Quote],
        heartbeats: Sequence[Heartbeat],
        now: int,
    ) -> None:
        """See `Log.append`; nothing is stored if it raises. `now` is the time (µs, UTC)."""
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
        known = {entry.record for entry in self.entries} if gaps else ()
        fresh: list[Tick | Gap] = [gap for gap in gaps if gap not in known]
        before = self.entries[-1] if self.entries else self._pruned
        received = 0 if before is None else before.received
        for record in (*fresh, *checked.fresh):
            received = max(received, record.received)
            self.entries.append(Entry(self._next(), record, received, now))
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
        self._appended = now

    def has_leapt(self, now: int, keep_for: int | None) -> bool:
        """Tell whether all would be too old, after a long pause or by a wrong clock."""
        return keep_for is not None and now - self._appended > keep_for

    def prune(self, before: int | None, keep_bytes: int | None, through: int) -> int:
        """Delete the oldest entries, and count the ticks among them.

        Deleted are those appended until `before` (µs, UTC; `None`: not by time), and as many as
        exceed `keep_bytes`. Nothing after `through` is deleted, and nothing that is held.
        """
        bound = min([through, *self.held.values()])
        too_many = 0
        if keep_bytes is not None:
            too_many = max(0, len(self.entries) - keep_bytes // _RECORD)
        gone = 0
        for number, entry in enumerate(self.entries):
            is_old = before is not None and entry.appended <= before
            if entry.place > bound or not (is_old or number < too_many):
                break
            gone = number + 1
            self._forget(entry)
        deleted = sum(isinstance(entry.record, Tick) for entry in self.entries[:gone])
        del self.entries[:gone]
        return deleted

    def _forget(self, entry: Entry) -> None:
        self._pruned, self.pruned = entry, entry.place
        if isinstance(entry.record, Tick):
            self._pruned_ticks[entry.record.origin, entry.record.symbol] = entry
        else:
            self._pruned_gap = entry.place

    def lost(self, place: int, symbols: Collection[str] | None) -> list[Lost]:
        """Return the ticks after `place` that retention has deleted."""
        return [
            Lost(key, entry.record.sequence)
            for key, entry in self._pruned_ticks.items()
            if entry.place > place
            and isinstance(entry.record, Tick)
            and (symbols is None or key[1] in symbols)
        ]

    def has_lost_gap(self, place: int) -> bool:
        """Tell whether retention has deleted a gap after `place`."""
        return self._pruned_gap > place

    @property
    def held_since(self) -> int:
        """Return when the oldest tick that is held was received (µs, UTC)."""
        for entry in self.entries:
            if isinstance(entry.record, Tick):
                return entry.record.received
        return 0 if self._pruned is None else self._pruned.received

    def holds(self) -> dict[str, Hold]:
        """Return reader → the position of its hold, and how many ticks wait after it."""
        return {
            reader: Hold(self.position(place), self.count(place))
            for reader, place in self.held.items()
        }

    def _next(self) -> int:
        self.end += 1
        return self.end
