"""What one poller writes to its log: ticks, quotes and gaps of each answer, and signs of life.

It promises one transaction for each answer, and heartbeats as `HeartbeatPace` paces them. It asks
nothing, and decides no pace and no end.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ticker.changes import Changes
from ticker.errors import StreamError, StreamMissing
from ticker.health.states import WriterState
from ticker.poll.clock import Clock
from ticker.poll.gaps import GapTracker
from ticker.poll.heartbeats import HeartbeatPace
from ticker.poll.ledger import Ledger, PollLog
from ticker.poll.outcome import Outcome
from ticker.records import Gap, Heartbeat, Quote
from ticker.sources.protocol import Answer, Source

FAREWELL: Final = 2.0
"""How long the last heartbeat may take (seconds)."""
_LISTED: Final = 10_000
"""Of more symbols a heartbeat does not tell which they are: no record may grow without bound …"""
_REFUSED: Final = 5_000
"""… and so many at most, why they were refused."""


class Written(msgspec.Struct, frozen=True):
    """What became of one answer: durable in the log."""

    ticks: int
    quotes: int
    gaps: int
    refused: Mapping[str, str]


class Asked(msgspec.Struct, frozen=True):
    """One asking."""

    symbols: tuple[str, ...]
    wall: int
    """When it was sent (µs, UTC) …"""
    elapsed: int
    """… and by the clock that never goes back (µs)."""
    every: int
    """The interval that was announced then (µs)."""


class LogWriter:
    """Writes to `log` under the name `writer` what `source` says."""

    def __init__(self, log: PollLog, source: Source, writer: str, clock: Clock) -> None:
        self._log = log
        self._source = source
        self._writer = writer
        self._clock = clock
        self._ledger = Ledger(log)
        self.gaps = GapTracker(self._ledger, source=source.name, writer=writer)
        self.beats = HeartbeatPace()

    async def begin(self, symbols: Sequence[str]) -> None:
        """Learn what the log holds. Raises `StreamError`."""
        heartbeats = await self._ledger.read()
        self.gaps.begin(heartbeats, symbols, self._clock.wall())

    async def answer(
        self, answer: Answer, outcome: Outcome, asked: Asked, every: int
    ) -> Written | None:
        """Append what follows from `answer`; the next poll is due in `every` (µs).

        `None` if other pollers were faster: then nothing was written. Raises `StreamError`.
        """
        wall, now = self._clock.wall(), self._clock.elapsed()
        beat: Heartbeat | None = None

        def heartbeat(found: Changes) -> Heartbeat | None:
            nonlocal beat
            refused = {**answer.refused, **found.refused}
            last_good = wall if outcome.is_good else None
            beat = self.heartbeat(asked, outcome, every, refused=refused, last_good=last_good)
            return beat if self.beats.is_due(beat, now) else None

        gaps: list[Gap] = []
        if outcome.is_good:
            gaps = await self.gaps.gaps(
                asked.symbols,
                wall,
                now,
                asked.every,
                waited=now - asked.elapsed,
                missed=outcome.missed,
            )
        found = await self._ledger.append_answer(
            answer.quotes, now=self._clock.wall, elapsed=now, gaps=gaps, heartbeat=heartbeat
        )
        if found is None:
            return None
        if beat is not None:
            if self.beats.is_due(beat, now):
                self.beats.note(beat, now)
            else:
                self.beats.hear(beat)
        if outcome.is_good:
            self.gaps.seen(wall, now, every, outcome.missed)
        refused = {**answer.refused, **found.refused}
        return Written(len(found.ticks), len(found.quotes), len(gaps), refused)

    async def pushed(self, quotes: Sequence[Quote]) -> Written | None:
        """Append what the source sent by itself; `None` and errors as in `answer`."""
        found = await self._ledger.append_answer(
            quotes,
            now=self._clock.wall,
            elapsed=self._clock.elapsed(),
            gaps=(),
            heartbeat=lambda _: None,
        )
        if found is None:
            return None
        return Written(len(found.ticks), len(found.quotes), 0, found.refused)

    def heartbeat(
        self,
        asked: Asked,
        outcome: Outcome,
        every: int,
        *,
        answered: int = 0,
        refused: Mapping[str, str] | None = None,
        last_good: int | None = None,
    ) -> Heartbeat:
        """A sign of life after `asked`; where `refused` are told, all others were `answered`."""
        symbols, source = asked.symbols, self._source
        return Heartbeat(
            origin=self._log.origin,
            writer=self._writer,
            source=source.name,
            time=asked.wall,
            received=self._clock.wall(),
            interval=every,
            state=outcome.state,
            asked=len(symbols),
            answered=answered if refused is None else len(symbols) - len(refused),
            refused=dict(itertools.islice((refused or {}).items(), _REFUSED)),
            retry_at=outcome.retry_at,
            last_good=last_good or self.gaps.last_good,
            symbols=symbols if len(symbols) <= _LISTED else None,
            source_url=source.url if source.url != source.name else None,
            problem=outcome.problem,
        )

    async def beat(self, beat: Heartbeat) -> None:
        """Write a sign of life without an answer. Raises `StreamError`."""
        self.beats.note(beat, self._clock.elapsed())
        await self._ledger.append(Changes(), heartbeats=[beat])

    async def again(self, said: Heartbeat) -> None:
        """Say in this log what was `said` in another. Raises `StreamError`."""
        # Of the good answers that went with the other log, it must not tell in this one.
        await self.beat(
            msgspec.structs.replace(
                said,
                origin=self._log.origin,
                received=self._clock.wall(),
                last_good=self.gaps.last_good,
            )
        )

    async def farewell(self, asked: Asked, answered: int, every: int) -> bool:
        """Say the last words; false if the log was taken away."""
        if not self.beats:  # it never wrote here, so nobody misses it
            return True
        beat = self.heartbeat(asked, Outcome(WriterState.STOPPED), every, answered=answered)
        try:
            async with asyncio.timeout(FAREWELL):
                await self._ledger.append(Changes(), heartbeats=[beat])
        except StreamMissing:
            return False
        except (StreamError, TimeoutError):
            pass
        return True
