"""What the log holds of a poller's symbols, and how an answer is added to it.

It promises that ticks continue the log whoever else writes: what it remembers is read from the log
at the start, after every conflict and every failed writing, and whenever the log has moved on
without it. An answer is compared anew each time, so nothing is numbered twice. It knows no source
and no pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ticker.changes import Changes, changes
from ticker.errors import SequenceConflict, StreamError
from ticker.records import Gap, Heartbeat, Quote
from ticker.streams.protocol import Log

ATTEMPTS: Final = 5
"""How often an answer is compared anew after a conflict, before the next poll is left to do it."""

LOOK_AGAIN: Final = 1_000_000
"""How long it may take to notice that another poller moved the log on (µs): a price that came back
to what we know would otherwise never be told."""

ALIVE: Final = 2
"""A writer counts as alive for so many of its intervals (and a second) after its last sign."""


class Look(msgspec.Struct, frozen=True):
    """The last time, as far as the log tells, that somebody looked at our symbols."""

    time: int
    """µs, UTC."""
    interval: int
    """What was announced between two polls (µs); 0 if nothing was."""
    symbols: tuple[str, ...] | None
    """What was looked at; `None`: all of this writer's."""


class Ledger:
    """One poller's side of a log that others may write too."""

    def __init__(self, log: Log, *, source: str, writer: str) -> None:
        self._log = log
        self._source = source
        self._writer = writer
        self._known: dict[str, Quote] = {}
        self._last: dict[str, int] = {}
        self._doubtful = True
        self._looked = 0

    @property
    def origin(self) -> str:
        """The log's, under which ticks are numbered here."""
        return self._log.origin

    async def read(self) -> Sequence[Heartbeat]:
        """Learn anew what the log holds; the heartbeats in it. Raises `StreamError`."""
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

    def last_look(
        self,
        heartbeats: Iterable[Heartbeat],
        symbols: Sequence[str],
        *,
        now: int,
        own: bool = True,
    ) -> Look | None:
        """Since when nobody looked at `symbols`, going by what `read` found.

        This writer's own sign of life counts, and that of other pollers of the same source that are
        gone by now (the same person, with another watchlist). Those still alive do not: they look
        at symbols of their own; nor, without `own`, does this writer, for what is new to it. `None`
        if nobody ever looked. `now`: µs, UTC.
        """
        beats = [
            beat
            for beat in heartbeats
            if beat.source == self._source and (own or beat.writer != self._writer)
        ]
        looks = [
            (beat.time, beat.interval, beat.writer)
            for beat in beats
            # A failed poll was no look.
            if beat.state in {"ok", "stopped"}
            and (
                beat.writer == self._writer
                or beat.state == "stopped"
                or now - beat.received > ALIVE * beat.interval + LOOK_AGAIN
            )
        ]
        seen = [quote for symbol in symbols if (quote := self._known.get(symbol))]
        looks += [(quote.received, 0, "") for quote in seen if quote.source == self._source]
        if not looks or not seen:
            return None
        time, interval, _ = max(looks)
        ours = [beat for beat in beats if beat.writer == self._writer]
        if ours:
            return Look(time, max(beat.interval for beat in ours), None)
        return Look(time, interval, tuple(quote.symbol for quote in seen))

    async def keep(
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

    async def twin_looked(self, since: int) -> int | None:
        """When another poller of this writer's name last got an answer after `since` (µs, UTC).

        Two pollers with the same machine, source and symbols share one name: a span in which only
        one of them was cut off is no gap.
        """
        try:
            heartbeats = await self.read()
        except StreamError:
            return None
        return max(
            (
                beat.time
                for beat in heartbeats
                if beat.writer == self._writer and beat.state == "ok" and beat.time > since
            ),
            default=None,
        )
