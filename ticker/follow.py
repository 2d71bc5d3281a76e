"""The loop that keeps a board up with a stream: snapshot, then follow, for as long as it is run.

It waits for a stream that is not there yet, resumes where it stood when one went away, retries with
back-off, and says in `state` and `problem` how things are. The clock and the pauses come in through
parameters. Knows no screen: its caller is told when something changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from typing import Final

from ticker.board import Board
from ticker.clock import StreamClock, TapeTime
from ticker.errors import StreamError, StreamMissing, StreamUnreachable, StreamUnusable
from ticker.health import StreamState
from ticker.records import Batch, Position
from ticker.streams.history import last_day
from ticker.streams.protocol import Stream
from ticker.system_clock import monotonic, now
from ticker.units import SECOND

_MISSING_PAUSE: Final = 0.2
"""Between two looks for a stream that nobody made yet (s): short, a demo is being waited for."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0
_HEALTH_EVERY: Final = 0.5
"""Between two looks at a silent stream (s), which is asked how it is if its reading has trouble."""
_AT_ONCE: Final = 0.3
"""An answer that takes longer (s) is not waited for before the trouble is told."""
_ASK_AFTER: Final = 2 * SECOND
"""A stream without a record for this long is asked how it is (µs)."""


class Follow:
    """The `Feed` that follows `stream`; `symbols` (None: all) are the rows, in that order.

    `board` is one of these symbols that knows nothing yet; a new one if it is `None`.
    """

    def __init__(
        self,
        stream: Stream,
        symbols: Sequence[str] | None = None,
        *,
        board: Board | None = None,
        clock: Callable[[], int] = now,
        elapsed: Callable[[], int] = monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.stream = stream
        self.clock = StreamClock(clock, elapsed)
        """Now (µs, UTC) on this stream: the tape's time while a replay fills it."""
        self.elapsed = elapsed
        """µs on a clock that never goes back: what durations are measured by."""
        self.began = elapsed()
        """When it was made (µs, by `elapsed`)."""
        self.board = board or Board(symbols)
        self.state = StreamState.OPENING
        self.problem: str | None = None
        """What is wrong with the stream, in a sentence from the backend; absent while all is well.
        """
        self.next_try: int | None = None
        """When a stream that is away is asked again (µs, UTC); absent while it is being asked."""
        self._symbols = None if symbols is None else list(symbols)
        self._pause = pause
        self._position: Position | None = None
        self._last_seen: Mapping[tuple[str, str], int] = {}
        """What a snapshot told, as long as nothing was read after it."""
        self._wished_before: frozenset[str] | None = None
        """The symbols read so far, while others are wished for; `None` while nothing changed."""
        self._failures = 0
        """Attempts since the last batch."""
        self._away_since: int | None = None
        """Since when the stream does not follow, after it did (µs, by `elapsed`)."""
        self._heard: int | None = None
        """When the last record came (µs, by `elapsed`); `None` while nothing is being read."""

    @property
    def url(self) -> str:
        """Where the stream is, without secrets."""
        return self.stream.url

    @property
    def wall(self) -> Callable[[], int]:
        """The time of day (µs, UTC)."""
        return self.clock.wall

    @property
    def tape(self) -> TapeTime | None:
        """The replay that fills the stream; `None` while it is live."""
        return self.clock.tape

    @property
    def broken(self) -> int:
        """Records passed over, because they could not be read."""
        return self.stream.read_stats().broken

    @property
    def trouble(self) -> str | None:
        """Why the stream is away, in words; `None` while it is read, or was never there."""
        is_well = self.state in (StreamState.OPENING, StreamState.OK)
        return None if is_well else self.problem

    @property
    def symbols(self) -> Sequence[str] | None:
        """The rows wished, in their order; `None` for all that the stream holds."""
        return self._symbols

    @property
    def _readable(self) -> StreamState:
        """How the stream is while it can be read."""
        return StreamState.OK if self.board.is_filled else StreamState.EMPTY

    def choose(self, symbols: Sequence[str]) -> None:
        """Watch these from now on; the loop reads what it lacks within a second."""
        if self._wished_before is None:
            self._wished_before = frozenset(self.board.symbols)
        self._symbols = list(symbols)
        self.board.watch(self._symbols)

    async def snapshot(self) -> Board:
        """One look: the board as the stream is now. Raises `StreamError`, and does not wait."""
        batch = await self.stream.snapshot()
        self._position, self._last_seen = batch.position, batch.last_seen
        self._take(batch, read_at=self.clock.wall())
        return self.board

    async def history(self, symbols: Collection[str]) -> AsyncIterator[Batch]:
        """Yield what the stream holds of `symbols` since a day ago; see `Feed`."""
        async with aclosing(last_day(self.stream, self.clock(), symbols)) as batches:
            async for batch in batches:
                yield batch

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Follow until cancelled; `on_change` is called when the board or the state changed.

        It is called in the running event loop and must not raise.
        """
        minding = asyncio.create_task(self._mind_health(on_change))
        try:
            while True:
                try:
                    await self._follow(on_change)
                except StreamError as error:
                    seconds = self._lose(error)
                    self.next_try = self.clock.wall() + round(seconds * SECOND)
                    on_change()
                    await self._pause(seconds)
                    self.next_try = None  # this is it, however long the answer takes
        finally:
            self._heard = None
            minding.cancel()

    async def _follow(self, on_change: Callable[[], None]) -> None:
        """Read until the wishes change; raises `StreamError` when the stream is lost."""
        if self._position is None:
            await self.snapshot()
            on_change()
        elif self._wished_before is not None:
            await self._refill(self._wished_before)
            on_change()
        self._wished_before = None
        assert self._position is not None  # noqa: S101  for the type checker
        reading = self.stream.read(self._position, last_seen=self._last_seen, symbols=self._symbols)
        self._heard = self.elapsed()
        try:
            async with aclosing(reading) as batches:
                async for batch in batches:
                    before = self.state
                    self._take(batch)
                    if batch.position != self._position:
                        self._position, self._last_seen = batch.position, batch.last_seen
                    # "Still here" is no change: a screen would spend a frame on it.
                    if batch or self.state is not before:
                        on_change()
                    if self._wished_before is not None:
                        return
        finally:
            self._heard = None
        raise StreamUnreachable(self.stream.url, "it ended while it was being followed")

    def _take(self, batch: Batch, read_at: int | None = None) -> None:
        found_again = self._failures > 0 or self.state is StreamState.OPENING
        self._failures = 0
        self.clock.take(batch.heartbeats, read_at=read_at)
        if batch:
            self._heard = now = self.elapsed()
            self.board.fold(batch, now, read_at=read_at)
        if batch or found_again:
            self._tell(self._readable, None)

    async def _refill(self, known: frozenset[str]) -> None:
        """Fetch the quotes of symbols that were not read before; the others go on where they were.

        Reading stays at its position: what it repeats of the new symbols, the board knows already.
        """
        batch = await self.stream.snapshot()
        quotes = [quote for quote in batch.quotes if quote.symbol not in known]
        self.board.fold(Batch(batch.position, quotes=quotes), self.elapsed())

    def _lose(self, error: StreamError) -> float:
        """Note that the stream is lost; how long to wait before the next attempt (s)."""
        self._failures += 1
        if self._failures > 1:
            # Resuming did not help: the stream may be another one by now. Look again.
            self._position = None
        if isinstance(error, StreamMissing):
            self._tell(StreamState.MISSING, None if not self.board.is_filled else error.problem)
            return _MISSING_PAUSE
        unusable = isinstance(error, StreamUnusable)
        self._tell(StreamState.UNUSABLE if unusable else StreamState.UNREACHABLE, error.problem)
        return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures - 1, 10)))

    async def _mind_health(self, on_change: Callable[[], None]) -> None:
        """Ask a stream that is read but silent how it is: it waits for its server by itself."""
        while True:
            await asyncio.sleep(_HEALTH_EVERY)
            if self._heard is None or self.elapsed() - self._heard < _ASK_AFTER:
                continue
            found, problem = self._readable, None
            # Asking costs a server work; a reading that has no trouble of its own has told already.
            trouble = self.stream.read_stats().problem
            if trouble is not None:
                asking = asyncio.ensure_future(self.stream.health())
                try:
                    await asyncio.wait([asking], timeout=_AT_ONCE)
                    if not asking.done() and self.state is StreamState.OK:
                        self._tell(StreamState.UNREACHABLE, trouble)
                        on_change()
                    health = await asking
                finally:
                    asking.cancel()
                if self._heard is None:
                    continue
                if health.state.is_away or health.state is StreamState.MISSING:
                    found, problem = health.state, health.problem
            before = (self.state, self.problem)
            self._tell(found, problem)
            if (self.state, self.problem) != before:
                on_change()

    def _tell(self, state: StreamState, problem: str | None) -> None:
        if state is not StreamState.OK and self.state is StreamState.OK:
            self._away_since = self.elapsed()
        elif state is StreamState.OK and self._away_since is not None:
            self.board.writers.excuse(self._away_since, self.elapsed())
            self._away_since = None
        self.state = state
        self.problem = problem
        self.next_try = None
