"""One reading of a log file in its thread: read, check the order, wait for what comes next.

SQLite does not announce a commit to other processes. So a reader polls `PRAGMA data_version`: often
after a commit, then less and less often. Where the system reports writes to the WAL (see
`watching.py`), a write ends the pause. The reader sleeps in a thread, because timers of an event
loop cost twice as much. Once a second it also checks whether the path still names its file. If the
file goes away, it waits. If another log takes its place, it reports a gap and reads from the start
(an older copy of its log: from the end). Knows no event loop: `SqliteRead.next` blocks for at most
about a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ticker.errors import StreamMissing, StreamUnreachable
from ticker.records import Batch, Gap, GapReason
from ticker.streams.reader import ReadRequest, ThreadRead
from ticker.streams.sqlite.opening import file_id
from ticker.streams.sqlite.reading import SqliteReader
from ticker.streams.sqlite.state import SqlitePosition
from ticker.streams.sqlite.watching import Watch


class _Pace(NamedTuple):
    """Pauses between two polls (s). They grow with the time since the last sign of a commit."""

    least: float
    growth: float
    """A pause is this share of that time, but at least `least` and at most `most`."""
    most: float

    def pause(self, silent: float) -> float:
        return min(self.most, max(self.least, silent * self.growth))


_POLLING: Final = _Pace(0.006, 0.015, 0.03)
_WATCHING: Final = _Pace(0.01, 0.5, 1.0)
_TOLD: Final = _Pace(0.001, 0.5, 1.0)
"""After a write was reported: its commit is a few milliseconds away."""
_DEAF: Final = 0.5
"""A watch that misses a commit after a longer silence than this (s) is given up."""
_AWAY: Final = 0.1
"""The pause if there is no file (s)."""


class SqliteRead(ThreadRead):
    """The state of one `read`."""

    def __init__(
        self,
        path: Path,
        request: ReadRequest,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(request)
        self._path = path
        self._place: SqlitePosition | None = None
        self._monotonic = monotonic
        self._sleep = sleep
        self._reader: SqliteReader | None = None
        self._file: tuple[int, int] | None = None
        self._watch: Watch | None = None
        self._is_told = False
        """Whether the watch reported a write since the last commit was seen."""
        self._is_deaf = False
        """Whether the system does not report writes to this file."""
        self._version = -1
        self._stirred = monotonic()
        """When the last sign of a commit came: the commit itself, or a write to the WAL."""
        self._looked = monotonic()
        self._done = False

    def stop(self) -> None:
        super().stop()
        if (watch := self._watch) is not None:
            watch.wake()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._unwatch()

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def next(self) -> Batch | None:
        """Return the next batch, an empty one after a second of silence, `None` at the end.

        Raises `StreamUnusable` and `WrongPosition`. Raises `StreamMissing` and `StreamUnreachable`
        only if it does not follow; otherwise it waits.
        """
        until = self._monotonic() + self.request.silence
        is_waiting = False
        while not (self.stopping.is_set() or self._done):
            try:
                if is_waiting:
                    self._wait(until)
                batch = self._take()
                if batch is not None or self._done:
                    return batch
            except (StreamMissing, StreamUnreachable) as error:
                self.close()
                if not self.request.follow:
                    raise
                self.problem = error.problem
            if self._monotonic() >= until:
                place = self._place
                return Batch(self.request.after if place is None else place.position())
            is_waiting = True
        return None

    def _take(self) -> Batch | None:
        """Return the next batch that is there now; `None` if there is none, or at a stop."""
        gaps: list[Gap] = []
        if self._reader is None:
            gaps += self._open()
        reader, place = self._reader, self._place
        assert reader is not None and place is not None  # noqa: S101, PT018 - _open made them
        self._version = reader.data_version()
        self.problem = None
        symbols, limit = self.request.symbols, self.request.limit
        while not self.stopping.is_set():
            found = reader.after(place, symbols, limit)
            if found.place.number != place.number:
                self._stirred = self._monotonic()
            gaps += self.missed(
                found.lost,
                found.place.origin,
                place.received,
                found.held_since,
                lost_gaps=found.lost_gaps,
            )
            new = found.batch
            ticks, holes, left = self.sequences.take(new.ticks, new.gaps, to_hole=True)
            if left:
                found = reader.after(place, symbols, limit, new.ticks[-left])
                new = found.batch
            self.broken += found.broken
            self._place = found.place
            self._done = found.at_end and not self.request.follow
            batch = msgspec.structs.replace(new, ticks=ticks, gaps=[*gaps, *new.gaps, *holes])
            if batch:
                return batch
            if found.at_end:
                # An empty batch brings the last position, so that the caller resumes after what
                # was skipped.
                return batch if self._done and found.place != place else None
            place = found.place  # the filter passed nothing in this span, but it was not the last
        return None

    def _open(self) -> list[Gap]:
        """Open the file. If it is another log or an older copy, move there and report a gap."""
        file = file_id(self._path)
        reader = SqliteReader(self._path)
        self._reader, self._file = reader, file
        old = self._place
        if old is None:
            try:
                self._place = reader.place(self.request.after)
            except BaseException:
                self.close()
                raise
            return []
        state = reader.state()
        if old.origin == state.origin and old.number <= state.position:
            return []
        if old.origin == state.origin:
            # In an older copy, new ticks reuse sequences that were seen: forget these. Another log
            # numbers under its own origin, so a known sequence in it is a true repeat.
            self.sequences.forget()
        self._place = reader.find("start" if old.origin != state.origin else "end")
        received = state.received or old.received  # an empty log has no time
        since, until = sorted((old.received, received))
        return [self.span_gap(GapReason.ANOTHER_LOG, state.origin, since, until)]

    def _wait(self, until: float) -> None:
        """Sleep until a commit, until the path names another file, or until `until`."""
        reader = self._reader
        if reader is None:
            self._sleep(_AWAY)
            return
        while not self.stopping.is_set():
            now = self._monotonic()
            if now >= until:
                return
            silent = now - self._stirred
            self._sleep_until_a_sign(silent, until - now)
            if reader.data_version() != self._version:
                self._judge_watch(silent)
                return
            if now - self._looked >= self.request.silence:
                self._looked = now
                if file_id(self._path) != self._file:
                    self.close()
                    return
                if self._watch is None and not self._is_deaf:
                    self._watch = Watch.begin(self._path)
                    self._is_deaf = self._watch is None
                    self._stirred = now  # the watch did not report writes before it began

    def _sleep_until_a_sign(self, silent: float, most: float) -> None:
        """Sleep until the next poll is due (at most `most` seconds), or a write is reported."""
        if self._watch is None:
            self._sleep(min(most, _POLLING.pause(silent)))
            return
        pace = _TOLD if self._is_told else _WATCHING
        if self._watch.wait(min(most, pace.pause(silent))):
            self._is_told = True
            self._stirred = self._monotonic()

    def _judge_watch(self, silent: float) -> None:
        """After a commit, give up the watch if it did not report the write that belongs to it."""
        if self._watch is not None and silent > _DEAF:
            self._is_deaf = not (self._is_told or self._watch.wait(0))
            if self._is_deaf:
                self._unwatch()
        self._is_told = False
