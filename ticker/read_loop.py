"""The loop that follows any stream: it begins, resumes and retries with back-off.

The clock and the pauses come in through parameters. The loop shows nothing: it calls `on_loss` when
the stream is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Final

from ticker.back_off import BackOff
from ticker.errors import StreamError, StreamMissing, StreamUnreachable
from ticker.records import Batch
from ticker.streams.protocol import Stream
from ticker.system_clock import monotonic
from ticker.units import SECOND

QUIET_AFTER: Final = 5 * SECOND
"""After this time without a new record, the reader looks for the reason (µs)."""

_MISSING_PAUSE: Final = 0.2
"""The pause while the stream does not exist yet (s). Short, because a demo soon creates it."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


class Following:
    """Yields the batches of `stream`, and resumes when the stream is lost.

    `begin` is called before each reading with the last batch that was read, or `None` at first. It
    returns the batch after which to read. A lost stream is resumed at the same place, after a pause
    of at most `longest` seconds. If this fails, `begin` is called with `None`, because the stream
    may be another one by now. `on_loss` is called at each loss with the error and the pause (s). To
    give up, it raises the error.
    """

    def __init__(
        self,
        stream: Stream,
        begin: Callable[[Batch | None], Awaitable[Batch]],
        on_loss: Callable[[StreamError, float], None],
        *,
        symbols: Collection[str] | None = None,
        longest: float = _LONGEST_PAUSE,
        elapsed: Callable[[], int] = monotonic,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.symbols = symbols
        """The symbols of the next reading; `None` for all."""
        self.stood: Batch | None = None
        """The batch after which a reading continues; `None` before the first has begun."""
        self.ticked = elapsed()
        """When the last tick came, or `begin` was last called with `None` (µs, by `elapsed`)."""
        self._stream = stream
        self._begin = begin
        self._on_loss = on_loss
        self._longest = longest
        self._elapsed = elapsed
        self._pause = pause
        self._heard: int | None = None
        """When the last record came (µs, by `elapsed`); `None` if nothing is being read."""
        self._back_off = BackOff()

    @property
    def silent(self) -> int | None:
        """Return how long no record came (µs); `None` if nothing is being read."""
        return None if self._heard is None else self._elapsed() - self._heard

    async def batches(self, *, follow: bool = True) -> AsyncGenerator[Batch, None]:
        """Yield each batch. Without `follow`, stop at the present end of the stream."""
        while True:
            try:
                async with aclosing(self._read(follow=follow)) as batches:
                    async for batch in batches:
                        yield batch
            except StreamError as error:
                seconds = self._lose(error)
                self._on_loss(error, seconds)
                await self._pause(seconds)
            else:
                return

    async def _read(self, *, follow: bool) -> AsyncGenerator[Batch, None]:
        """Read once. Raises `StreamError` when the stream is lost."""
        is_new = self.stood is None
        self.stood = stood = await self._begin(self.stood)
        self._heard = now = self._elapsed()
        if is_new:
            self._back_off.reset()
            self.ticked = now
        reading = self._stream.read(
            stood.position, last_seen=stood.last_seen, symbols=self.symbols, follow=follow
        )
        try:
            async with aclosing(reading) as batches:
                async for batch in batches:
                    self._note(batch)
                    yield batch
        finally:
            self._heard = None
        if follow:
            raise StreamUnreachable(self._stream.url, "it ended while it was being followed")

    def _note(self, batch: Batch) -> None:
        self._back_off.reset()
        # The snapshot's sequences are needed until something after it is read.
        if self.stood is None or batch.position != self.stood.position:
            self.stood = batch
        if batch:
            self._heard = self._elapsed()
        if batch.ticks:
            self.ticked = self._elapsed()

    def _lose(self, error: StreamError) -> float:
        """Note that the stream is lost. Returns the wait before the next attempt (s)."""
        wait = self._back_off.wait(_FIRST_PAUSE, self._longest)
        if self._back_off.failures > 1:
            self.stood = None
        return _MISSING_PAUSE if isinstance(error, StreamMissing) else wait
