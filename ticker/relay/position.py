"""Tracks where one relay stands in its source: the position now, and the saved checkpoint.

The checkpoint may lag behind the position, and is never ahead of it. If another log has replaced
the destination, the relay returns to the source's start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

from ticker.errors import StreamError, StreamUnreachable, StreamUnusable
from ticker.figures import count_text
from ticker.records import Position
from ticker.relay.checkpoint import Checkpoint, KnownDestination
from ticker.streams.protocol import Stream
from ticker.streams.sequence import Key
from ticker.times import Moment

SAVE_EVERY: Final = 1.0
"""The shortest time between two saves (s), because each waits for the disk."""
_COUNTING: Final = 2.0
"""How long counting the waiting ticks may take (s)."""


class RelayPosition:
    """The position in `source`. A relay without a checkpoint begins at `since`.

    `bounded`: ticks that the source gets after `begin` do not count as waiting.
    """

    def __init__(
        self,
        source: Stream,
        checkpoint: Checkpoint,
        since: Moment,
        monotonic: Callable[[], float],
        *,
        bounded: bool = False,
    ) -> None:
        self.reached: Position | None = None
        """The position after all that was delivered; `None` before `begin`."""
        self.saved: Position | None = None
        """The saved checkpoint; `None` if there is none."""
        self.whole = False
        """Whether all of the source was sent to the destination, from the start."""
        self.is_start = False
        """Whether `reached` is the source's start."""
        self._source = source
        self._checkpoint = checkpoint
        self._since = since
        self._bounded = bounded
        self._end: Position | None = None
        self._monotonic = monotonic
        self._saved_at = monotonic()

    async def begin(self) -> None:
        """Find the position to continue from, and save it. Later calls do nothing."""
        if self.reached is not None:
            return
        if self._bounded:
            self._end = await self._source.find("end")
        self.reached = self.saved = await self._checkpoint.load()
        if self.reached is None:
            await self._start(self._since)

    async def connect(self, url: str, origin: str, last: Mapping[Key, int]) -> None:
        """Note that the destination `url` is connected. `origin` is its id.

        `last` is (origin, symbol) → its last sequence. If another origin was known before, `url` is
        a new log, and the relay returns to the source's start. Raises `StreamUnusable` if this new
        log has sequences of the source already (its ticks were deleted, but quotes stayed).
        Raises it too if the destination holds more of the source's ticks than the source: new ticks
        would reuse sequence numbers that were already sent, and would be dropped as repeats.
        """
        numbering, own = await self._checkpoint.own()
        own_there = {key: last[key] for key in last if key[0] == numbering}
        if lacking := sum(max(0, own_there[key] - own.get(key, 0)) for key in own_there):
            words = (
                f"lacks {count_text(lacking, 'tick')} of its own that {url} has: it is an older "
                "copy, and its new ticks would reuse sequence numbers that were already sent. Move "
                "it away: the next start creates a new log in its place"
            )
            raise StreamUnusable(self._source.url, words)
        known = await self._checkpoint.destination()
        if known is None:
            self.whole = self.is_start
        elif known.origin == origin:
            self.whole = known.whole
            return
        else:
            if own_there:
                words = (
                    f"is a new log, but has quotes of ticks of {self._source.url}. To send all "
                    "again, delete what is left of it (on Kafka: its four topics). If it has the "
                    "ticks, run once: ticker forward FROM TO --forget"
                )
                raise StreamUnusable(url, words)
            await self.rewind()
            self.whole = True
        await self._checkpoint.save_destination(KnownDestination(origin, self.whole))

    async def rewind(self) -> None:
        """Return to the source's start. Ticks that the destination has are not sent again."""
        await self._start("start")

    async def forget(self) -> None:
        """Delete the checkpoint, because the source was replaced: all of it is new."""
        await self._checkpoint.forget()
        self.reached = self.saved = None
        self.is_start = False
        self._since = "start"

    async def save(self, *, only_if_due: bool = False) -> None:
        """Save the position if it has moved. If the source is away, the next call tries again.

        `only_if_due`: do nothing if the last call was less than `SAVE_EVERY` seconds ago.
        """
        if only_if_due and self._monotonic() - self._saved_at < SAVE_EVERY:
            return
        self._saved_at = self._monotonic()
        if self.reached is None or self.reached == self.saved:
            return
        with contextlib.suppress(StreamUnreachable):
            await self._checkpoint.save(self.reached)
            self.saved = self.reached

    async def count(self) -> int | None:
        """Save the position, then count the ticks that wait after it; `None` if unknown."""
        try:
            async with asyncio.timeout(_COUNTING):
                await self.save()
                waiting = await self._checkpoint.waiting()
                if waiting and self._end is not None:
                    # If the position is past this end, fewer ticks follow it than follow the end.
                    waiting = max(0, waiting - await self._source.count(self._end))
                return waiting
        except (TimeoutError, StreamError):
            return None

    async def _start(self, since: Moment) -> None:
        place = await self._source.find(since)
        await self._checkpoint.save(place)
        self.reached = self.saved = place
        self.is_start = since == "start"
