"""Keeps a board up to date with a stream: takes a snapshot, then follows until cancelled.

`state` and `problem` say how the stream is. If the stream is silent and its reader reports trouble,
its health is checked. The clock and the pauses come in through parameters. This module knows no
screen: it calls back when something changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Sequence,
)
from contextlib import aclosing
from typing import Final

from ticker.board import Board
from ticker.errors import StreamError, StreamMissing, StreamUnusable
from ticker.health import StreamState
from ticker.read_loop import QUIET_AFTER, Following
from ticker.records import Batch
from ticker.stream_clock import StreamClock, TapeTime
from ticker.streams.history import last_day
from ticker.streams.protocol import ReadStats, Stream
from ticker.system_clock import monotonic, now
from ticker.units import SECOND

_HEALTH_EVERY: Final = 0.5
"""The time between two checks whether the stream is silent (s)."""
_AT_ONCE: Final = 500
"""The most ticks folded in before other tasks of the event loop may run."""
_PATIENCE: Final = 0.3
"""How long to wait for the health check before the stream is reported as unreachable (s)."""


class Follow:
    """The `Feed` that follows `stream`. `symbols` are the rows, in this order (`None`: all).

    Symbols in `beside` are read too, but have no row. `board` must be empty and made for these
    symbols; `None` makes a new one. `observe` is called with each batch after it was folded in.
    """

    def __init__(
        self,
        stream: Stream,
        symbols: Sequence[str] | None = None,
        *,
        beside: Collection[str] = (),
        board: Board | None = None,
        observe: Callable[[Batch], None] = lambda _: None,
        clock: Callable[[], int] = now,
        elapsed: Callable[[], int] = monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.stream = stream
        self.url = stream.url
        self.wall = clock
        self.clock = StreamClock(clock, elapsed)
        """Now (µs, UTC) on this stream: the tape's time if a replay fills it."""
        self.elapsed = elapsed
        """µs on a clock that never goes back, which measures durations."""
        self.began = elapsed()
        """When it was made (µs, by `elapsed`)."""
        self.board = board or Board(symbols, beside=beside)
        self.state = StreamState.OPENING
        self.problem: str | None = None
        """What is wrong with the stream, in the backend's words; `None` if nothing is."""
        self.next_try: int | None = None
        """When a stream that is away is tried again (µs, UTC); `None` during a try."""
        self.reconnects = 0
        """How often the stream was lost and read again."""
        self._is_lost = False
        """Whether it was read before, and is away now."""
        self._observe = observe
        self.symbols = None if symbols is None else list(symbols)
        """The wanted rows, in their order; `None` for all that the stream holds."""
        self._following = Following(
            stream,
            self._begin,
            self._lose,
            symbols=self._read,
            elapsed=elapsed,
            pause=pause,
        )
        self._on_change: Callable[[], None] = lambda: None
        self._wished_before: frozenset[str] | None = None
        """The symbols read before `choose` or `stand_beside` changed them; `None` if unchanged."""
        self._is_found = False
        """Whether a batch came since the start, or since the stream was last lost."""

    @property
    def tape(self) -> TapeTime | None:
        """Return the replay that fills the stream; `None` if it is live."""
        return self.clock.tape

    def read_stats(self) -> ReadStats:
        """Return the counts and the problem of the stream's reader; see `Feed`."""
        return self.stream.read_stats()

    @property
    def _readable(self) -> StreamState:
        """Return the state of the stream while it can be read."""
        return StreamState.OK if self.board.is_filled else StreamState.EMPTY

    @property
    def _read(self) -> Sequence[str] | None:
        """Return all symbols that are read: the rows, and those beside them."""
        return None if self.symbols is None else [*self.symbols, *self.board.beside]

    def choose(self, symbols: Sequence[str]) -> None:
        """Show these symbols from now on. New ones are read within a second."""
        self._choose(list(symbols), self.board.beside)

    def stand_beside(self, symbols: Collection[str]) -> None:
        """Read these beside the rows from now on."""
        self._choose(self.symbols, frozenset(symbols))

    def _choose(self, symbols: list[str] | None, beside: Collection[str]) -> None:
        if self._wished_before is None and self.symbols is not None:
            self._wished_before = frozenset([*self.board.symbols, *self.board.beside])
        self.symbols = symbols
        self.board.watch(symbols, beside=beside)
        self._following.symbols = self._read

    async def snapshot(self) -> Board:
        """Read a snapshot into the board. Raises `StreamError`; does not retry."""
        self._following.stood = await self._look()
        return self.board

    async def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
        """Yield what the stream holds of `symbols` since a day ago; see `Feed`."""
        async with aclosing(last_day(self.stream, self.clock(), symbols)) as batches:
            async for batch in batches:
                yield batch

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Follow until cancelled. `on_change` is called when the board or the state changed.

        It is called in the running event loop and must not raise.
        """
        self._on_change = on_change
        minding = asyncio.create_task(self._mind_health())
        try:
            while True:
                async with aclosing(self._following.batches()) as batches:
                    async for batch in batches:
                        before = self.state
                        for piece in batch.pieces(_AT_ONCE):
                            if piece is not batch:  # let keys and frames run between the pieces
                                await asyncio.sleep(0)
                            self._take(piece)
                        # An empty batch only says that the stream is alive: no reason for a frame.
                        if batch or self.state is not before:
                            on_change()
                        if self._wished_before is not None:
                            break  # then read again, for the symbols wanted now
        finally:
            minding.cancel()

    async def _begin(self, stood: Batch | None) -> Batch:
        """Take a snapshot if the stream is new or was replaced. Read newly wanted symbols."""
        self.next_try = None  # this is the next try
        if stood is None:
            stood = await self._look()
            self._on_change()
        elif self._wished_before is not None:
            await self._refill(self._wished_before)
            self._on_change()
        self._wished_before = None
        return stood

    async def _look(self) -> Batch:
        batch = await self.stream.snapshot()
        self._take(batch, read_at=self.clock.wall())
        return batch

    def _take(self, batch: Batch, read_at: int | None = None) -> None:
        was_found, self._is_found = self._is_found, True
        self.clock.take(batch.heartbeats, read_at=read_at)
        if batch:
            self.board.fold(batch, self.elapsed(), read_at=read_at)
            self._observe(batch)
        if batch or not was_found:
            self._tell(self._readable, None)

    async def _refill(self, known: frozenset[str]) -> None:
        """Fetch the quotes of the symbols that are not in `known`. Nothing else changes.

        Reading goes on from its old position. So it may repeat ticks of the new symbols, and the
        board drops them.
        """
        batch = await self.stream.snapshot()
        new = [quote for quote in batch.quotes if quote.symbol not in known]
        self.board.fold(found := Batch(batch.position, quotes=new), self.elapsed())
        self._observe(found)

    def _lose(self, error: StreamError, seconds: float) -> None:
        """Note that the stream is lost, and that it is tried again in `seconds`."""
        self._is_found = False
        if isinstance(error, StreamMissing):
            self._tell(StreamState.MISSING, None if not self.board.is_filled else error.problem)
        else:
            unusable = isinstance(error, StreamUnusable)
            self._tell(StreamState.UNUSABLE if unusable else StreamState.UNREACHABLE, error.problem)
        self.next_try = self.clock.wall() + round(seconds * SECOND)
        self._on_change()

    async def _mind_health(self) -> None:
        """Check the health of a silent stream. A reader that waits for it raises no error."""
        while True:
            await asyncio.sleep(_HEALTH_EVERY)
            silent = self._following.silent
            if silent is None or silent < QUIET_AFTER:
                continue
            found, problem = self._readable, None
            # A check costs the server work, so it is made only if the reader reports trouble.
            trouble = self.stream.read_stats().problem
            if trouble is not None:
                asking = asyncio.ensure_future(self.stream.health())
                try:
                    await asyncio.wait([asking], timeout=_PATIENCE)
                    if not asking.done() and self.state is StreamState.OK:
                        self._tell(StreamState.UNREACHABLE, trouble)
                        self._on_change()
                    health = await asking
                finally:
                    asking.cancel()
                if self._following.silent is None:
                    continue
                if health.state.is_away or health.state is StreamState.MISSING:
                    found, problem = health.state, health.problem
            before = (self.state, self.problem)
            self._tell(found, problem)
            if (self.state, self.problem) != before:
                self._on_change()

    def _tell(self, state: StreamState, problem: str | None) -> None:
        was_read, is_read = self.state is StreamState.OK, state is StreamState.OK
        if was_read and not is_read:
            # No heartbeat arrives from a stream that is away: do not blame the writers.
            self.board.writers.stream_lost(self.elapsed() - (self._following.silent or 0))
            self._is_lost = True
        elif is_read and not was_read:
            self.board.writers.stream_found(self.elapsed())
            self.reconnects += self._is_lost
            self._is_lost = False
        self.state = state
        self.problem = problem
        self.next_try = None
