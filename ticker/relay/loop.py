"""The loop from a stream to another log: read, append, note the place, and again.

It promises that every tick, gap, quote and heartbeat of the source reaches the destination in the
order of the source, each tick once, after a kill at any moment too; that a side which is away is
waited for and told; and that an end takes seconds, whatever the destination does. It appends in
bounded batches, one at a time, so a slow destination makes larger batches and nothing piles up. It
does not know what keeps either side, nor what shows its status.
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

from ticker.errors import (
    ConfigError,
    InvalidRecord,
    MixedPrices,
    RecordRefused,
    SameLog,
    SequenceConflict,
    StreamError,
    StreamMissing,
    StreamUnreachable,
    WrongPosition,
)
from ticker.health.states import WriterState
from ticker.records import Batch
from ticker.relay.checkpoint import Checkpoint
from ticker.relay.filter import Filter
from ticker.relay.position import RelayPosition
from ticker.relay.status import RelayReport, RelayStatus
from ticker.relay.stopping import Patience, first_of, let_go, next_batch
from ticker.streams.narrowing import as_served
from ticker.streams.protocol import Log, Stream
from ticker.streams.sequence import Key
from ticker.system_clock import now
from ticker.times import Moment
from ticker.units import SECOND

PATIENCE: Final = 60.0
"""A destination that neither takes nor refuses for so long counts as away (s)."""
SLOW_AFTER: Final = 3.0
"""… and is told to be silent after so long (s)."""
WITHIN: Final = 4.0
"""How long an end may go on delivering (s)."""
_CLOSING: Final = 1.5
"""… and how long the destination may take to let go after that (s)."""
REFRESH: Final = 86_400.0
"""Each quote is sent at least so often (s): a log may keep them by time, and an origin that still
lives is to stay; and after each connection, because the one before may have lost some."""
ATTEMPTS: Final = 5
"""How often a batch is sent again where another writer was faster."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
"""Screens take a poller for gone that is not heard some seconds after a destination is back."""


class _Behind(Exception):
    """The source must be read from its start again."""


class Relay:
    """One relay. `run` it once; `stop` may be called meanwhile, from its event loop.

    `source` must be usable as it is and is not closed here; `destination` makes a new log for
    every connection. `name` is the writer of the gaps that the relay finds itself. `since` is where
    a relay begins that has no place kept. `follow`: go on at the source's present end, and wait for
    a side that is away. Without, end there and raise; what the source gets after the beginning is
    not promised, and does not count as undelivered. `on_status` must not block.
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
        on_status: Callable[[RelayStatus], None] | None = None,
        clock: Callable[[], int] = now,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
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
        self._tell = on_status or (lambda _: None)
        self._clock = clock
        self._pause = pause
        self._random = random
        self._patience = Patience(patience, silence, self._tell_silence)
        self._filter = Filter(name)
        self._stop = asyncio.Event()
        self._within = WITHIN
        self._failures = 0
        self._has_delivered = False
        self._from_start = False  # what is read now
        self._looked_back: dict[Key, int] = {}
        self.undelivered: int | None = None
        """Ticks that waited when `run` ended; `None` where that could not be counted."""
        self._status = RelayStatus(WriterState.STARTING, destination().url)

    @property
    def status(self) -> RelayStatus:
        """How it is now; what `on_status` was last told."""
        return self._status

    @property
    def sent(self) -> dict[Key, int]:
        """(origin, symbol) → the first sequence that this relay delivered itself."""
        return self._filter.sent

    def stop(self, within: float = WITHIN) -> None:
        """End `run`: deliver up to the present end of the source, for at most `within` seconds."""
        self._within = within
        self._stop.set()

    async def run(self) -> RelayReport:
        """Relay until stopped, or to the present end of the source where it does not follow.

        Raises `MixedPrices`, `RecordRefused`, `SameLog` and others that do not heal; of those of a
        destination the others only before anything was delivered: one that has worked is waited
        for. Where it does not follow, raises `StreamUnreachable` and `StreamMissing` too. What was
        delivered before is kept in mind.
        """
        work = asyncio.create_task(self._work())
        try:
            await first_of(work, self._stop)
            if not work.done():
                await asyncio.wait([work], timeout=self._within)
        finally:
            if not work.done():
                work.cancel()
                # What hangs on is left to itself: an end must not wait for it.
                await asyncio.wait([work], timeout=_CLOSING + 0.5)
        self.undelivered = await self._place.count()
        self._say(state=WriterState.STOPPED, next_try=None)
        if work.done() and not work.cancelled() and (error := work.exception()) is not None:
            raise error
        done, repeats = self._status, self._filter.repeats
        return RelayReport(done.ticks, done.gaps, repeats, self.undelivered, done.problem)

    # Connections

    async def _work(self) -> None:
        """Until stopped or done; sides that are away are tried again and again."""
        while True:
            ending = self._stop.is_set()
            try:
                await self._place.begin()
                async with self._connected() as log:
                    await self._carry(log)
                    return
            except WrongPosition as error:
                if error.stream != self._source.url or not self._place.is_kept:
                    raise
                await self._place.forget()
            except StreamError as error:
                if not self._heals(error):
                    raise
                if ending:
                    self._say(problem=str(error))
                    return
                await self._wait_after(error)

    def _heals(self, error: StreamError) -> bool:
        """Whether trying again may help."""
        if not self._follow or isinstance(error, (MixedPrices, RecordRefused, SameLog)):
            return False
        if error.stream == self._source.url:
            return isinstance(error, StreamUnreachable)
        return isinstance(error, (StreamUnreachable, StreamMissing)) or self._has_delivered

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Log]:
        try:
            log = self._make()
        except ConfigError as error:  # a file of its security that was there at the beginning
            raise StreamUnreachable(self._status.destination, str(error)) from error
        # Not `async with`: its end might take as long as it likes.
        await self._patience.wait(log.url, log.__aenter__())
        try:
            served = as_served(self._source)
            if served is not None and await served.log_id() == log.id:
                raise SameLog(log.url, self._source.url)
            last = await self._patience.wait(log.url, log.last())
            await self._place.meet(log.url, log.id, last)
            self._filter.begin(log.id, last, whole=self._place.whole)
            yield log
        finally:
            closing = asyncio.ensure_future(log.close(_CLOSING))
            await asyncio.wait([closing], timeout=_CLOSING + 0.25)
            let_go(closing)

    async def _wait_after(self, error: StreamError) -> None:
        """Say that a side is away, and wait, ever longer; a stop ends the waiting."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        pause *= 0.75 + 0.5 * self._random()
        self._failures += 1
        waiting = await self._place.count()
        is_source = error.stream == self._source.url
        self._say(
            state=WriterState.STREAM_UNREACHABLE,
            away=error.stream if is_source else self._status.destination,
            problem=str(error),
            next_try=self._clock() + round(pause * SECOND),
            waiting=waiting,
        )
        await first_of(asyncio.ensure_future(self._pause(pause)), self._stop, cancel=True)

    # Passing on

    async def _carry(self, log: Log) -> None:
        """Catch up, send what no batch brought, follow; again each day; then deliver the rest."""
        while True:
            since = self._monotonic()
            # Taken before the catching up, so that it tells of no tick that is not delivered then.
            snapshot = await self._source.snapshot()
            self._say_following()
            self._filter.look_anew()
            try:
                await self._pass_on(log, follow=False)
                self._look_back(self._filter.lacking(snapshot))
                await self._send(log, self._filter.unseen(snapshot, self._place.reached))
                if not self._follow or self._stop.is_set():
                    break
                await self._pass_on(log, follow=True, until=since + REFRESH)
            except _Behind:
                await self._place.rewind()
                continue
            if self._stop.is_set():
                break
        if self._follow:
            with contextlib.suppress(_Behind):  # there is no time now: the next run looks back
                await self._pass_on(log, follow=False)
        await self._place.note()

    def _look_back(self, behind: Mapping[Key, int]) -> None:
        """Raise `_Behind` where the destination lost ticks that were sent there before.

        It lost what it had acknowledged, as a broker does whose disk had not written it yet; the
        source may have it still. Once for each loss: what is found nowhere becomes a gap.
        """
        lost = {key: last for key, last in behind.items() if self._looked_back.get(key) != last}
        if lost and not self._from_start:
            self._looked_back |= lost
            raise _Behind

    async def _pass_on(self, log: Log, *, follow: bool, until: float = math.inf) -> None:
        """One reading of the source; a following one ends when stopped, or soon after `until`."""
        place = self._place
        assert place.reached is not None  # noqa: S101  (it was begun)
        self._from_start, place.is_start = place.is_start, False
        batches = self._source.read(place.reached, follow=follow, limit=self._limit)
        async with contextlib.aclosing(batches) as reading:
            while (batch := await next_batch(reading, self._stop, follow=follow)) is not None:
                await self._send(log, batch)
                self._failures = 0
                if not batch:
                    self._tell_source()
                # In silence nothing else would ever note the last place.
                await (place.note_at_times() if batch else place.note())
                if self._monotonic() > until:
                    break

    def _tell_source(self) -> None:
        """Whether a source that brings nothing is away: its reading waits for it by itself."""
        problem = self._source.read_stats().problem
        if problem is None:
            self._say_following()
        else:
            url = self._source.url
            self._say(
                state=WriterState.STREAM_UNREACHABLE,
                away=url,
                problem=f"{url}: {problem}",
                waiting=None,
            )

    async def _send(self, log: Log, batch: Batch) -> None:
        """Append what of `batch` is new to the destination; durable on return."""
        for _ in range(ATTEMPTS):
            fresh = self._filter.fresh(batch)
            self._look_back(self._filter.behind)
            if not fresh:
                break
            try:
                appending = log.append(
                    fresh.ticks, gaps=fresh.gaps, quotes=fresh.quotes, heartbeats=fresh.heartbeats
                )
                await self._patience.wait(log.url, appending)
            except SequenceConflict:
                last = await self._patience.wait(log.url, log.last())
                self._filter.begin(log.id, last, whole=self._place.whole)
                continue
            except InvalidRecord as error:  # the same would come again and again
                words = f"cannot keep a record that lies in {self._source.url} ({error})"
                raise RecordRefused(log.url, words) from error
            self._filter.delivered(fresh)
            self._has_delivered = True
            self._status = msgspec.structs.replace(
                self._status,
                ticks=self._status.ticks + len(fresh.ticks),
                gaps=self._status.gaps + len(fresh.gaps),
            )
            self._tell(self._status)
            self._say_following()
            break
        else:
            raise StreamUnreachable(log.url, "another writer is faster, or its ticks are others")
        self._place.reached = batch.position

    async def _tell_silence(self, url: str) -> None:
        """Say that the destination keeps us waiting for long, and how much waits."""
        waiting = await self._place.count()
        if self._status.state is not WriterState.STREAM_UNREACHABLE:
            problem = f"{url}: does not answer"
            self._say(
                state=WriterState.STREAM_UNREACHABLE, away=url, problem=problem, next_try=None
            )
        self._say(waiting=waiting)

    def _say_following(self) -> None:
        """Both sides answer."""
        self._say(state=WriterState.FOLLOWING, away=None, problem=None, next_try=None, waiting=None)

    def _say(self, **news: Any) -> None:
        status = msgspec.structs.replace(self._status, **news)
        if status != self._status:
            self._status = status
            self._tell(status)
