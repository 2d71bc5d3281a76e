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
from ticker.liveness import is_alive
from ticker.records import Gap, Heartbeat, Quote
from ticker.streams.protocol import Log

ATTEMPTS: Final = 5
"""How often an answer is compared anew after a conflict, before the next poll is left to do it."""

LOOK_AGAIN: Final = 1_000_000
"""How long it may take to notice that another poller moved the log on (µs): a price that came back
to what we know would otherwise never be told."""

BEATS_LAG: Final = 1_000_000
"""How much newer (µs) than its writer's last heartbeat a quote may be: fast polls do not beat each
time."""


class Look(msgspec.Struct, frozen=True):
    """The last time, as far as the log tells, that somebody looked at these symbols."""

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

    def own_beat(self, heartbeats: Iterable[Heartbeat]) -> Heartbeat | None:
        """The last sign of life of this writer's name among `heartbeats`."""
        ours = (b for b in heartbeats if (b.writer, b.source) == (self._writer, self._source))
        return next(ours, None)

    def last_looks(
        self,
        heartbeats: Iterable[Heartbeat],
        symbols: Sequence[str],
        *,
        now: int,
        own: bool = True,
    ) -> list[Look]:
        """Since when nobody looked at `symbols`, going by what `read` found.

        Each symbol that somebody ever looked at is in one `Look`, with those that the same poller
        looked at last. A heartbeat does not name its symbols, so for each symbol we know only that
        it was looked at when its quote came, and for how long whoever got that quote went on
        looking. That was this writer, if it was there by then (unless the symbols are new to it:
        not `own`); else the one, of those pollers of the same source that are gone by now, that
        stopped first. Rather too long a gap than one that is hidden. Pollers still alive do not
        count: they look at symbols of their own. `now`: µs, UTC.
        """
        beats = [beat for beat in heartbeats if beat.source == self._source]
        mine = self.own_beat(beats) if own else None
        gone = [b for b in beats if b.writer != self._writer and not is_alive(b, now)]
        gone.sort(key=lambda beat: beat.last_good or 0)
        found: dict[str, Look] = {}
        for symbol in symbols:
            quote = self._known.get(symbol)
            if quote is None:
                continue
            ours = quote.source == self._source
            if mine is not None and (not ours or _explains(mine, quote)):
                looker: Heartbeat | None = mine
            elif ours:
                looker = next((beat for beat in gone if _explains(beat, quote)), None)
            else:
                continue
            if looker is not None and looker.last_good is not None:
                key, time, interval = looker.writer, looker.last_good, looker.interval
            elif ours:
                key, time, interval = f"at {quote.received}", 0, mine.interval if mine else 0
            else:
                continue
            # One look for all that one poller asked for at once, though their quotes differ.
            time = max(time, quote.received if ours else 0)
            if (before := found.get(key)) is not None:
                time = max(time, before.time)
                together = (*(before.symbols or ()), symbol)
            else:
                together = (symbol,)
            found[key] = Look(time, interval, together)
        if mine is not None and found.keys() == {mine.writer}:
            # Those of which nothing is known yet are in it too.
            return [msgspec.structs.replace(look, symbols=None) for look in found.values()]
        return [*found.values()]

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
        own = self.own_beat(heartbeats)
        good = None if own is None else own.last_good
        return good if good is not None and good > since else None


def _explains(beat: Heartbeat, quote: Quote) -> bool:
    """Whether the writer of `beat` may be the one that got `quote`."""
    if beat.last_good is None:
        return False
    # With its last words a poller tells its very last answer.
    lag = 0 if beat.state == "stopped" else BEATS_LAG
    return quote.received <= beat.last_good + lag
