"""The loop from a stream into an unfinished recording: read, append, repeat.

Each tick and gap of the span reaches the log once, in the order of the stream, and is counted when
durable. If the stream is away, the recorder reports it and waits. A full disk ends the recording at
once. Heartbeats are left out: a replay does not need writers' signs of life. This module knows
no backend and no screen.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ticker.errors import StreamError, StreamMissing, StreamUnreachable, WrongPosition
from ticker.read_loop import Following
from ticker.records import MAX_TIME, Batch, Quote, Tick
from ticker.relay.filter import Filter
from ticker.relay.patience import next_batch
from ticker.streams.narrowing import as_tape
from ticker.streams.protocol import Log, Stream
from ticker.streams.sequence import Key
from ticker.streams.standing_facts import Facts
from ticker.streams.tape import Tape
from ticker.times import Moment
from ticker.waiting import wait_unless

if TYPE_CHECKING:  # it loads DuckDB, and commands must start fast
    from ticker.streams.unfinished import UnfinishedRecording

_LOOK_AGAIN: Final = 1.0
"""The longest time between two checks for a stream that is away (s)."""
WITHIN: Final = 4.0
"""How long a recording may still read after `stop` (s)."""
_WRITER: Final = "record"
"""The writer of the gaps that the recorder finds."""


class RecordingSpan(msgspec.Struct, frozen=True):
    """The part of a stream that is recorded. Times are `received` (µs, UTC)."""

    symbols: Collection[str] | None = None
    """`None`: all."""
    since: Moment = "end"
    """Inclusive."""
    until: int | None = None
    """Exclusive; `None`: no end."""
    count: int | None = None
    """The most ticks; `None`: no limit."""
    follow: bool = True
    """Whether to go on at the stream's end, and wait for new ticks."""


class RecordingProgress(msgspec.Struct):
    """What was recorded so far. What is counted is durable."""

    ticks: int = 0
    first: int | None = None
    """`received` of the first tick (µs, UTC)."""
    last: int | None = None
    """The latest `received` of a tick (µs, UTC)."""
    lag: int | None = None
    """The age of the last tick when it became durable (µs); 0 if nothing newer was there to
    record; `None` at first."""
    problem: str | None = None
    """Why the stream cannot be read now, in words; `None` if it can."""
    is_cut: bool = False
    """Whether time ran out (`WITHIN`) before all that the stream held was read."""
    simulated: bool = False
    """Whether the prices are invented."""
    symbols: frozenset[str] = frozenset()
    """The symbols that the stream holds or sent."""


class Recording:
    """One recording of `span` of `source` into `part`. `run` it once.

    `log` is the log of `part`; both must be entered. `on_change` is called after each change of
    `progress`, and must not block. `clock` returns the time (µs, UTC).
    """

    def __init__(
        self,
        source: Stream,
        part: UnfinishedRecording,
        log: Log,
        span: RecordingSpan,
        *,
        clock: Callable[[], int],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.progress = RecordingProgress()
        self._source = source
        self._part = part
        self._log = log
        self._span = span
        self._clock = clock
        self._on_change = on_change
        self._filter = Filter(_WRITER)
        self._stopping = asyncio.Event()
        self._started: set[Key] = set()
        self._ended: set[Key] = set()
        self._since = span.since
        self._stood: Batch | None = None
        """The batch after which to read; `None` before the first."""
        pause = partial(wait_unless, self._stopping)
        self._following = Following(
            source, self._begin, self._lose, symbols=span.symbols, longest=_LOOK_AGAIN, pause=pause
        )
        self._to_come: list[tuple[int, Facts]] = []

    def stop(self) -> None:
        """Stop `run` after it has recorded what the stream holds now, for at most `WITHIN` s."""
        self._stopping.set()

    @property
    def is_full(self) -> bool:
        """Tell whether `count` ticks of the span were recorded."""
        return self._span.count is not None and self.progress.ticks >= self._span.count

    async def run(self) -> None:
        """Record until stopped, or to the end of the span.

        Raises `StreamNotWritable` if the log takes no more. With `follow`, waits while the source
        is missing or unreachable. If another log has replaced the source, records that log from its
        start. Raises all other errors of the source.
        """
        self._filter.begin(self._log.id, {}, whole=False)
        if self._span.follow:
            await self._read(follow=True)
        if self.is_full:
            return
        try:
            async with asyncio.timeout(WITHIN if self._span.follow else None):
                await self._read(follow=False)
        except TimeoutError:
            self.progress.is_cut = True
        except (StreamMissing, StreamUnreachable) as error:
            if error.stream != self._source.url or not self._span.follow:
                raise

    async def _read(self, *, follow: bool) -> None:
        """Read to the stream's end or, with `follow`, until stopped. Ends when `is_full`."""
        async with aclosing(self._following.batches(follow=follow)) as reading:
            while (batch := await next_batch(reading, self._stopping, follow=follow)) is not None:
                await self._take(batch)
                problem = self._source.read_stats().problem
                self._tell(None if problem is None else f"{self._source.url}: {problem}")
                if self.is_full:
                    return

    async def _begin(self, stood: Batch | None) -> Batch:
        """Return the batch after which to read: the last one, or one where the span begins."""
        if stood is not None:
            self._stood = stood
        elif self._stood is None:
            self._stood = await self._first()
        return self._stood

    def _lose(self, error: StreamError, _seconds: float) -> None:
        """Report that the source is away. Raises `error` if waiting does not help."""
        if isinstance(error, WrongPosition):  # another log is in its place
            self._following.stood = self._stood = None
            self._since = "start"
            return
        can_wait = self._span.follow and not self._stopping.is_set()
        if not (can_wait and isinstance(error, (StreamMissing, StreamUnreachable))):
            raise error
        if isinstance(error, StreamMissing) and self._since == "end":
            self._since = "start"  # there is no stream yet: all that it will hold is new
        self._tell(str(error))

    async def _first(self) -> Batch:
        """Return a batch at the position where the span begins. Save the symbols' facts there."""
        is_now = self._since == "end"
        snapshot = await self._source.snapshot()
        wanted = [quote for quote in snapshot.quotes if self._is_wanted(quote)]
        self.progress.symbols |= {quote.symbol for quote in snapshot.quotes}
        self.progress.simulated = any(quote.simulated for quote in snapshot.quotes)
        if (tape := as_tape(self._source)) is not None:
            self._part.tell_facts(self.progress.ticks, await self._facts_of(tape))
        else:
            # For a past moment, only the facts that never change are true.
            self._part.tell(self.progress.ticks, wanted, fixed_only=not is_now)
        return snapshot if is_now else Batch(await self._source.find(self._since))

    async def _facts_of(self, tape: Tape) -> Iterable[Facts]:
        """Return the facts of `tape` that are true where the recording begins. Keep later ones."""
        first = self._since if isinstance(self._since, int) else 1  # due at 0: true at the start
        end = MAX_TIME if self._since == "end" else first
        known: dict[Key, Facts] = {}
        for due, facts in (await tape.timeline()).facts:
            if not self._is_wanted(facts):
                continue
            if due < end:
                known[facts.origin, facts.symbol] = facts
            else:
                self._to_come.append((due, facts))
        return known.values()

    def _tell_due(self, ticks: Iterable[Tick]) -> None:
        """Save the facts of a tape that become true before one of `ticks`, each at its tick.

        Facts that become true after the last tick wait for a later batch.
        """
        latest = self.progress.last or 0
        for number, tick in enumerate(ticks, self.progress.ticks):
            latest = max(latest, tick.received)
            while self._to_come and self._to_come[0][0] < latest:
                self._part.tell_facts(number, [self._to_come.pop(0)[1]])
            if not self._to_come:
                return

    def _is_wanted(self, told: Quote | Facts) -> bool:
        return self._span.symbols is None or told.symbol in self._span.symbols

    async def _take(self, batch: Batch) -> None:
        """Append the part of `batch` in the span. It is durable on return."""
        progress = self.progress
        fresh = self._filter.fresh(self._cut_out(batch))
        if not (fresh.ticks or fresh.gaps or fresh.quotes):
            progress.lag = 0
            return
        # Facts first: a durable tick has its facts. Facts without a tick are written with the next
        # tick, so that no replay shows them too early.
        self._tell_due(fresh.ticks)
        self._part.tell(progress.ticks + max(1, len(fresh.ticks)), fresh.quotes)
        await self._log.append(fresh)
        self._filter.delivered(fresh)
        progress.ticks += len(fresh.ticks)
        if fresh.ticks:
            times = [tick.received for tick in fresh.ticks]
            progress.first = times[0] if progress.first is None else progress.first
            progress.last = max(*times, progress.last or 0)
            progress.lag = max(0, self._clock() - times[-1])
            progress.simulated |= fresh.ticks[-1].simulated
            progress.symbols |= {tick.symbol for tick in fresh.ticks}

    def _cut_out(self, batch: Batch) -> Batch:
        """Return the part of `batch` in the span.

        The ticks of one (origin, symbol) are one piece without holes, even if a clock was set back.
        """
        span = self._span
        first = span.since if isinstance(span.since, int) else 0
        end = math.inf if span.until is None else span.until
        ticks: list[Tick] = []
        for tick in batch.ticks:
            key = (tick.origin, tick.symbol)
            if tick.received >= end:
                self._ended.add(key)
            if tick.received >= first:
                self._started.add(key)
            if key in self._started and key not in self._ended:
                ticks.append(tick)
        if span.count is not None:
            ticks = ticks[: span.count - self.progress.ticks]
        return Batch(
            batch.position,
            ticks=ticks,
            gaps=[gap for gap in batch.gaps if first <= gap.received < end],
            quotes=[quote for quote in batch.quotes if first <= quote.received < end],
        )

    def _tell(self, problem: str | None) -> None:
        self.progress.problem = problem
        self._on_change()
