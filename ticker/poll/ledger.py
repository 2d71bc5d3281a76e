"""What the log holds of a poller's symbols, and how an answer is added to it.

It promises that ticks continue the log while others write: what it remembers is read from the log
at the start, after every conflict and every failed writing, and whenever the log has moved on
without it. An answer is compared again each time, so nothing is numbered twice. It knows no source
and no pace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from ticker.changes import Changes, changes
from ticker.errors import SequenceConflict
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.units import SECOND

ATTEMPTS: Final = 5
"""How often an answer is compared again after a conflict, before the next poll is left to do it."""

LOOK_AGAIN: Final = SECOND
"""How long it may take to notice that another poller moved the log on (µs): a price that came back
to what we know would otherwise never be told."""


class PollLog(Protocol):
    """What a poller needs of a `NumberingLog`."""

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

    async def append(
        self,
        ticks: Sequence[Tick] = (),
        *,
        gaps: Sequence[Gap] = (),
        quotes: Sequence[Quote] = (),
        heartbeats: Sequence[Heartbeat] = (),
    ) -> object:
        """See `Log.append`."""
        ...


class Ledger:
    """One poller's side of a log that others may write too."""

    def __init__(self, log: PollLog) -> None:
        self._log = log
        self._known: dict[str, Quote] = {}
        self._last: dict[str, int] = {}
        self._doubtful = True
        self._looked = 0

    @property
    def origin(self) -> str:
        """The log's, under which ticks are numbered here."""
        return self._log.origin

    @property
    def known(self) -> Mapping[str, Quote]:
        """Symbol → the log's last quote, as far as we know."""
        return self._known

    async def read(self) -> Sequence[Heartbeat]:
        """Learn again what the log holds; the heartbeats in it. Raises `StreamError`."""
        origin = self._log.origin
        # In this order: where a tick comes in between, its quote tells of it, price and all.
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
        now: Callable[[], int],
        elapsed: int,
        gaps: Sequence[Gap],
        heartbeat: Callable[[Changes], Heartbeat | None],
    ) -> Changes | None:
        """Compare `quotes` with the log and append what follows; durable on return.

        `heartbeat` gives the one to write with it, if one is due; where nothing is new and none is
        due, nothing is written. `None` if other pollers were faster at each of `ATTEMPTS`: then
        nothing was written. Raises `StreamError`.
        """
        if elapsed - self._looked >= LOOK_AGAIN and not self._doubtful:
            self._looked = elapsed
            last = await self._log.last()
            mine = {(self._log.origin, symbol): number for symbol, number in self._last.items()}
            self._doubtful = any(last.get(key) != number for key, number in mine.items())
        refused: Mapping[str, str] | None = None
        for _ in range(ATTEMPTS):
            if self._doubtful:
                await self.read()
            found = changes(
                self._known, quotes, origin=self._log.origin, now=now(), last=self._last
            )
            # Another poller's newer answer makes ours old without anything being wrong with it:
            # only what was refused before a conflict is worth telling.
            refused = found.refused if refused is None else refused
            found = msgspec.structs.replace(found, refused=refused)
            beat = heartbeat(found)
            if not (found.ticks or found.quotes or gaps or beat):
                return found
            try:
                await self.append(found, gaps=gaps, heartbeats=[beat] if beat else [])
            except SequenceConflict:
                continue
            return found
        return None

    async def append(
        self,
        found: Changes,
        *,
        gaps: Sequence[Gap] = (),
        heartbeats: Sequence[Heartbeat] = (),
    ) -> None:
        """Append, and remember it once it is durable. Raises `StreamError`."""
        try:
            await self._log.append(
                found.ticks, gaps=gaps, quotes=found.quotes, heartbeats=heartbeats
            )
        except BaseException:
            # Whether it was written is not known (cancelled half-way?): the log will tell.
            self._doubtful = True
            raise
        self._known.update((quote.symbol, quote) for quote in found.quotes)
        self._last.update((tick.symbol, tick.sequence) for tick in found.ticks)
