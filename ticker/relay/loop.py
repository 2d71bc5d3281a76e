"""The loop from a stream to another log: read, append, save the position, repeat.

Every tick, gap, quote and heartbeat of the source reaches the destination in the order of the
source, each tick once, even after a kill at any moment. If the source or the destination is away,
the relay reports it and waits. Stopping takes seconds, whatever the destination does. The relay
reads and appends one bounded batch at a time, so a slow destination never fills the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random as _random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from ticker.back_off import BackOff
from ticker.errors import (
    ConfigError,
    InvalidRecord,
    MixedPrices,
    RecordRefused,
    SameLog,
    SequenceConflict,
    StreamError,
    StreamMissing,
    StreamSilent,
    StreamUnreachable,
    WrongPosition,
)
from ticker.health.states import WriterState
from ticker.records import Batch
from ticker.relay.checkpoint import Checkpoint
from ticker.relay.filter import Filter
from ticker.relay.patience import Patience, first_of, next_batch
from ticker.relay.position import RelayPosition
from ticker.relay.status import RelayStatus
from ticker.streams.narrowing import as_served
from ticker.streams.protocol import Log, Stream
from ticker.streams.sequence import Key
from ticker.system_clock import now
from ticker.times import Moment
from ticker.units import SECOND
from ticker.waiting import wait_unless

PATIENCE: Final = 60.0
"""A destination that does not answer for this time counts as away (s)."""
SLOW_AFTER: Final = 3.0
"""A destination that does not answer is reported as silent after this time (s)."""
WITHIN: Final = 4.0
"""How long a relay may still deliver after it was stopped (s)."""
_CLOSING: Final = 1.5
"""How long closing the destination may take after that (s)."""
REFRESH: Final = 86_400.0
"""Each quote is sent again after this time (s), because a log may keep quotes for a limited time.
They are also sent after each connection, because the destination may have lost some."""
ATTEMPTS: Final = 5
"""How often a batch is tried if another writer is faster."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
"""The longest wait between two attempts, before jitter (s): readers tolerate 10 s of silence."""


class _MustReread(Exception):
    """The source must be read from its start again."""


class Relay:
    """One relay. `run` it once; `stop` may be called while it runs, from its event loop.

    `source` must be open, and the caller closes it. `destination` makes a new log for every
    connection. `name` is the writer of the gaps that the relay itself finds. A relay without a
    saved position begins at `since`. `stop` sets `stopping`; then the relay may still deliver for
    `within` seconds.

    With `follow`, the relay goes on at the source's end, and waits while either side is away.
    Without `follow`, it ends at the source's end, and raises an error if a side is away. Ticks that
    the source gets after the start may then be left out, and do not count as undelivered.
    `on_status` must not block.
    """

    def __init__(
        self,
        source: Stream,
        destination: Callable[[], Log],
        checkpoint: Checkpoint,
        *,
        name: str,
        since: Moment = "start",
        follow: bool = True,
        limit: int = 5_000,
        on_status: Callable[[RelayStatus], None] = lambda _: None,
        stopping: asyncio.Event | None = None,
        within: float = WITHIN,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[asyncio.Event, float], Awaitable[object]] = wait_unless,
        random: Callable[[], float] = _random.random,
        patience: float = PATIENCE,
        silence: float = SLOW_AFTER,
    ) -> None:
        self._source = source
        self._make = destination
        self._monotonic = monotonic
        self._place = RelayPosition(source, checkpoint, since, monotonic, bounded=not follow)
        self._follow = follow
        self._limit = limit
        self._tell = on_status
        self._pause = pause
        self._back_off = BackOff(random)
        self._patience = Patience(patience, silence, self._tell_silence)
        self._filter = Filter(name)
        self._stop = stopping or asyncio.Event()
        self._within = within
        self._has_delivered = False
        self._from_start = False  # whether the source is being read from its start
        self._looked_back: dict[Key, int] = {}
        self.status = RelayStatus(WriterState.STARTING, destination().url)
        """What `on_status` was last given."""
        self.sent: Mapping[Key, int] = self._filter.sent
        """(origin, symbol) → the first sequence that this relay delivered."""

    def stop(self) -> None:
        """Stop `run`: deliver up to the present end of the source, for `within` seconds at most."""
        self._stop.set()

    async def run(self) -> RelayStatus:
        """Relay until stopped, or to the present end of the source if it does not follow.

        Returns the last status. Its `waiting` counts what is undelivered, also if this raises.

        With `follow`, waits while a side is unreachable or the destination is missing, and raises
        `MixedPrices`, `RecordRefused`, `SameLog` and errors of the source. Other errors of the
        destination are raised only until something was delivered; then the relay tries again.
        Without `follow`, every error is raised. The position of what was delivered is saved.
        """
        work = asyncio.create_task(self._work())
        try:
            await first_of(work, self._stop)
            if not work.done():
                await asyncio.wait([work], timeout=self._within)
        finally:
            if not work.done():
                work.cancel()
                # Do not wait for a task that hangs: stopping must be quick.
                await asyncio.wait([work], timeout=_CLOSING + 0.5)
        waiting, last = await self._place.count(), self.status
        problem = f"{last.away}: {last.problem}" if last.away else last.problem
        counts = {"waiting": waiting, "repeats": self._filter.repeats}
        self._say(state=WriterState.STOPPED, away=None, problem=problem, next_try=None, **counts)
        if work.done() and not work.cancelled() and (error := work.exception()) is not None:
            raise error
        return self.status

    # Connections

    async def _work(self) -> None:
        """Run until stopped or done. Tries again and again while a side is away."""
        while True:
            ending = self._stop.is_set()
            try:
                await self._place.begin()
                async with self._connected() as log:
                    await self._relay(log)
                    return
            except WrongPosition as error:
                if error.stream != self._source.url or self._place.saved is None:
                    raise
                await self._place.forget()
            except StreamError as error:
                if not self._heals(error):
                    raise
                if ending:
                    self._say(away=error.stream, problem=error.problem)
                    return
                await self._wait_after(error)

    def _heals(self, error: StreamError) -> bool:
        """Tell whether trying again may help."""
        if not self._follow or isinstance(error, (MixedPrices, RecordRefused, SameLog)):
            return False
        if error.stream == self._source.url:
            return isinstance(error, StreamUnreachable)
        return isinstance(error, (StreamUnreachable, StreamMissing)) or self._has_delivered

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Log]:
        try:
            log = self._make()
        except ConfigError as error:  # a security file became unreadable after the start
            raise StreamUnreachable(self.status.destination, str(error)) from error
        # Not `async with`: it sets no time limit for closing.
        await self._patience.wait(log.url, log.__aenter__())
        try:
            served = as_served(self._source)
            if served is not None and await served.log_id() == log.id:
                raise SameLog(log.url, self._source.url)
            last = await self._patience.wait(log.url, log.last())
            await self._place.connect(log.url, log.id, last)
            self._filter.begin(log.id, last, whole=self._place.whole)
            yield log
        finally:
            closing = asyncio.ensure_future(log.close(_CLOSING))
            # Retrieve its exception, so that asyncio does not log it.
            closing.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait([closing], timeout=_CLOSING + 0.25)
            closing.cancel()

    async def _wait_after(self, error: StreamError) -> None:
        """Report that a side is away, and wait with back-off. `stop` ends the wait."""
        pause = self._back_off.wait(_FIRST_PAUSE, _LONGEST_PAUSE)
        waiting = await self._place.count()
        is_source = error.stream == self._source.url
        self._say_away(
            error.stream if is_source else self.status.destination,
            error.problem,
            reason=error.reason if isinstance(error, StreamSilent) else None,
            next_try=now() + round(pause * SECOND),
            waiting=waiting,
        )
        await self._pause(self._stop, pause)

    # Delivering

    async def _relay(self, log: Log) -> None:
        """Deliver the backlog, then the quotes and heartbeats that it did not hold, then follow.

        Repeat this each day (`REFRESH`). After `stop`, deliver the rest.
        """
        while True:
            since = self._monotonic()
            # Taken before the backlog is read, so that the backlog includes all its ticks.
            snapshot = await self._source.snapshot()
            self._say_following()
            self._filter.restart_counting()
            try:
                await self._read_once(log, follow=False)
                self._check_for_losses(self._filter.lacking(snapshot))
                await self._send(log, self._filter.unseen(snapshot, self._place.reached))
                if not self._follow or self._stop.is_set():
                    break
                await self._read_once(log, follow=True, until=since + REFRESH)
            except _MustReread:
                await self._place.rewind()
                continue
            if self._stop.is_set():
                break
        if self._follow:
            with contextlib.suppress(_MustReread):  # there is no time now: the next run checks
                await self._read_once(log, follow=False)
        await self._place.save()

    def _check_for_losses(self, behind: Mapping[Key, int]) -> None:
        """Raise `_MustReread` if the destination lost ticks that were sent before.

        A broker may lose ticks that it acknowledged but had not written to disk. The source is then
        read again, once for each loss. Ticks that it no longer has become a gap.
        """
        lost = {key: last for key, last in behind.items() if self._looked_back.get(key) != last}
        if lost and not self._from_start:
            self._looked_back |= lost
            raise _MustReread

    async def _read_once(self, log: Log, *, follow: bool, until: float = math.inf) -> None:
        """Deliver to the source's end or, with `follow`, until stopped or `until` (monotonic s)."""
        place = self._place
        assert place.reached is not None  # noqa: S101 - it was begun
        self._from_start, place.is_start = place.is_start, False
        batches = self._source.read(place.reached, follow=follow, limit=self._limit)
        async with contextlib.aclosing(batches) as reading:
            while (batch := await next_batch(reading, self._stop, follow=follow)) is not None:
                await self._send(log, batch)
                self._back_off.reset()
                if not batch:
                    self._tell_source()
                # An empty batch means silence: save now, because no later batch may come to do it.
                await place.save(only_if_due=bool(batch))
                if self._monotonic() > until:
                    break

    def _tell_source(self) -> None:
        """Report whether a silent source is away. The read itself raises nothing: it waits."""
        problem = self._source.read_stats().problem
        if problem is None:
            self._say_following()
        else:
            self._say_away(self._source.url, problem, waiting=None)

    async def _send(self, log: Log, batch: Batch) -> None:
        """Append the records of `batch` that the destination lacks. They are durable on return."""
        for _ in range(ATTEMPTS):
            fresh = self._filter.fresh(batch)
            self._check_for_losses(self._filter.behind)
            if not fresh:
                break
            try:
                await self._patience.wait(log.url, log.append(fresh))
            except SequenceConflict:
                last = await self._patience.wait(log.url, log.last())
                self._filter.begin(log.id, last, whole=self._place.whole)
                continue
            except InvalidRecord as error:  # a retry would send the same record again
                words = f"cannot store a record of {self._source.url} ({error})"
                raise RecordRefused(log.url, words) from error
            self._filter.delivered(fresh)
            self._has_delivered = True
            self.status = msgspec.structs.replace(
                self.status,
                ticks=self.status.ticks + len(fresh.ticks),
                gaps=self.status.gaps + len(fresh.gaps),
            )
            self._tell(self.status)
            self._say_following()
            break
        else:
            raise StreamUnreachable(log.url, "another writer is faster, or its ticks differ")
        self._place.reached = batch.position

    async def _tell_silence(self, url: str) -> None:
        """Report that the destination does not answer, and how many ticks wait."""
        waiting = await self._place.count()
        if self.status.state is not WriterState.STREAM_UNREACHABLE:
            self._say_away(url, "does not answer", next_try=None)
        self._say(waiting=waiting)

    def _say_away(self, url: str, problem: str, reason: str | None = None, **news: Any) -> None:
        away = WriterState.STREAM_UNREACHABLE
        self._say(state=away, away=url, problem=problem, reason=reason, **news)

    def _say_following(self) -> None:
        clear = dict.fromkeys(("away", "problem", "reason", "next_try", "waiting"))
        self._say(state=WriterState.FOLLOWING, **clear)

    def _say(self, **news: Any) -> None:
        status = msgspec.structs.replace(self.status, **news)
        if status != self.status:
            self.status = status
            self._tell(status)
