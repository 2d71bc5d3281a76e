"""Remembers what the log holds of a poller's symbols, and adds answers to the log.

Ticks continue the log correctly even if other pollers write to it: the log is read at the start,
after every conflict, after every failed write, and after another poller has written. The answer is
then compared again, so that no sequence is used twice. This module knows no source and no interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from ticker.changes import Changes, changes
from ticker.errors import SequenceConflict
from ticker.poll.clock import Clock
from ticker.records import Batch, Gap, Heartbeat, Quote
from ticker.units import SECOND

ATTEMPTS: Final = 5
"""How often an answer is tried if other pollers are faster. Then it is dropped."""

LOOK_AGAIN: Final = SECOND
"""An answer checks whether others wrote to the log if the last check is this old (µs).

Without the check, a tick may be missed: another poller writes a new price, and we get the old one
again.
"""


class PollLog(Protocol):
    """The part of `NumberingLog` that a poller needs."""

    @property
    def origin(self) -> str:
        """See `NumberingLog.origin`."""
        ...

    async def last(self) -> Mapping[tuple[str, str], int]:
        """See `Log.last`."""
        ...

    async def snapshot(self) -> Batch:
        """See `Stream.snapshot`."""
        ...

    async def append(self, batch: Batch) -> object:
        """See `Log.append`."""
        ...


class Ledger:
    """What one poller knows of its log, to which others may write too."""

    def __init__(self, log: PollLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._known: dict[str, Quote] = {}
        self._last: dict[str, int] = {}
        self._doubtful = True
        self._looked = 0

    @property
    def origin(self) -> str:
        """The origin of the log."""
        return self._log.origin

    @property
    def known(self) -> Mapping[str, Quote]:
        """Symbol → the last quote of the log, as last read or written here."""
        return self._known

    async def read(self) -> Sequence[Heartbeat]:
        """Read again what the log holds. Returns its last heartbeats. Raises `StreamError`."""
        origin = self._log.origin
        # First the sequences: if a tick comes in between, its quote has its sequence and price.
        last = await self._log.last()
        snapshot = await self._log.snapshot()
        self._known = {quote.symbol: quote for quote in snapshot.quotes if quote.origin == origin}
        self._last = {symbol: number for (of, symbol), number in last.items() if of == origin}
        for quote in self._known.values():
            self._last[quote.symbol] = max(quote.sequence or 0, self._last.get(quote.symbol, 0))
        self._doubtful = False
        return [beat for beat in snapshot.heartbeats if beat.origin == origin]

    async def append_answer(
        self,
        quotes: Sequence[Quote],
        *,
        gaps: Sequence[Gap] = (),
        heartbeat: Callable[[Changes], Heartbeat] | None = None,
    ) -> Changes | None:
        """Append `gaps`, and what is new in `quotes` compared with the log; durable on return.

        `heartbeat` makes a heartbeat to append too; `None`: none is due. If nothing is new, appends
        nothing. Returns `None`, with nothing written, if other pollers were faster `ATTEMPTS`
        times. Raises `StreamError`.
        """
        elapsed = self._clock.elapsed()
        if elapsed - self._looked >= LOOK_AGAIN and not self._doubtful:
            self._looked = elapsed
            last = await self._log.last()
            origin = self._log.origin
            self._doubtful = any(last.get((origin, s)) != n for s, n in self._last.items())
        refused: Mapping[str, str] | None = None
        for _ in range(ATTEMPTS):
            if self._doubtful:
                await self.read()
            now, origin = self._clock.wall(), self._log.origin
            found = changes(self._known, quotes, origin=origin, now=now, last=self._last)
            # After a conflict, our quotes may be refused as older than another poller's. Only the
            # refusals of the first attempt are about the source, and reported.
            refused = found.refused if refused is None else refused
            found = msgspec.structs.replace(found, refused=refused)
            beats = [] if heartbeat is None else [heartbeat(found)]
            if not (found.ticks or found.quotes or gaps or beats):
                return found
            try:
                await self.append(
                    Batch(ticks=found.ticks, gaps=gaps, quotes=found.quotes, heartbeats=beats)
                )
            except SequenceConflict:
                continue
            return found
        return None

    async def append(self, batch: Batch) -> None:
        """Append `batch`, and remember it when it is durable. Raises `StreamError`."""
        try:
            await self._log.append(batch)
        except BaseException:
            # After an error or a cancellation it may have been written. So read the log again.
            self._doubtful = True
            raise
        self._known.update((quote.symbol, quote) for quote in batch.quotes)
        self._last.update((tick.symbol, tick.sequence) for tick in batch.ticks)
