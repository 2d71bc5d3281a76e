"""Writes one poller's answers to its log: ticks, quotes, gaps and heartbeats.

Each answer is one transaction. There is one heartbeat for each poll, and one for each interval
without a poll; at most one a second, unless the state or the symbols change. This module sends no
request, and does not decide the interval or the end.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from ticker.changes import Changes
from ticker.errors import StreamError, StreamMissing
from ticker.health.states import WriterState
from ticker.poll.clock import Clock
from ticker.poll.gaps import GapTracker, GoodAnswer
from ticker.poll.ledger import Ledger, PollLog
from ticker.poll.outcome import Outcome, PollRequest
from ticker.poll.schedule import PollSchedule
from ticker.poll.status import Written
from ticker.records import Batch, Gap, GapReason, Heartbeat, Quote
from ticker.sources.protocol import Answer, Source
from ticker.units import SECOND

BEAT_EVERY: Final = SECOND
"""The shortest time between two heartbeats (µs), unless the state or the symbols change."""
FAREWELL: Final = 2.0
"""How long writing the last heartbeat may take (s)."""
_LISTED: Final = 10_000
"""The most symbols that a heartbeat lists: no record may grow without bound."""
_REFUSED: Final = 5_000
"""The most refused symbols, with their reasons, that a heartbeat lists."""


def writer_name(host: str, source: Source, symbols: Iterable[str]) -> str:
    """Return the id under which a poller writes heartbeats and gaps.

    It is made from the machine, the source and the symbols. So it stays the same after a restart,
    without a file or a lock. Two pollers that are the same in all three share one name: an answer
    of one counts for both, and a gap is written only if neither polled.
    """
    words = "\0".join((host, source.url, *sorted(symbols)))
    return f"{source.name}-{blake2b(words.encode(), digest_size=4).hexdigest()}"


class LogWriter:
    """Writes the answers of `source` to `log` under the name `writer`.

    Heartbeats announce the interval of `schedule`.
    """

    def __init__(
        self, log: PollLog, source: Source, writer: str, clock: Clock, schedule: PollSchedule
    ) -> None:
        self._log = log
        self._source = source
        self._writer = writer
        self._clock = clock
        self._schedule = schedule
        self._ledger = Ledger(log, clock)
        self.gaps = GapTracker(self._ledger, source=source.name, writer=writer)
        self.said: Heartbeat | None = None
        """The last heartbeat, even if it was not due and not written; `None` before the first."""
        self._written: Heartbeat | None = None
        """The last heartbeat that was written."""
        self._written_at = 0
        self._refused: Mapping[str, str] = {}
        """Symbol → why the last good answer had no price for it."""

    async def answer(
        self, answer: Answer, outcome: Outcome, request: PollRequest
    ) -> Written | None:
        """Append the ticks, quotes and gaps of `answer`, and a heartbeat if one is due.

        Returns `None`, with nothing written, if other pollers were faster. Raises `StreamError`.
        """
        wall, now = self._clock.wall(), self._clock.elapsed()
        good = GoodAnswer(wall, now, self._schedule.every)
        if answer.cut is not None:
            self.gaps.cut(answer.cut, answer.cut_since)

        def heartbeat(found: Changes) -> Heartbeat:
            refused = {**answer.refused, **found.refused}
            last_good = wall if outcome.is_good else None
            return self.heartbeat(request, outcome, refused=refused, last_good=last_good)

        gaps: list[Gap] = []
        if outcome.is_good:
            gaps = await self.gaps.gaps(request, outcome.missed, good)
        is_due = self._is_due(outcome.state, _listed(request.symbols), now)
        found = await self._ledger.append_answer(
            answer.quotes, gaps=gaps, heartbeat=heartbeat if is_due else None
        )
        if found is None:
            return None
        self.said = heartbeat(found)
        if is_due:
            self._written, self._written_at = self.said, now
        refused = {**answer.refused, **found.refused}
        if outcome.is_good:
            self._refused = refused
            self.gaps.seen(request.symbols, outcome.missed, good)
        if outcome.reason is not None:
            self.gaps.trouble(outcome.reason)
        elif outcome.retry_at is not None:  # the next answer will be late
            self.gaps.trouble(GapReason.RATE_LIMITED)
        return Written(len(found.ticks), len(found.quotes), len(gaps), refused)

    def _is_due(self, state: str, symbols: Sequence[str] | None, now: int) -> bool:
        """Tell whether the heartbeat of an answer must be written with it."""
        last = self._written
        return (
            last is None
            or (state, symbols) != (last.state, last.symbols)
            or self._schedule.every >= BEAT_EVERY
            or now - self._written_at >= BEAT_EVERY
        )

    def next_beat(self) -> int | None:
        """Return when a heartbeat is due if no answer comes; `None` before the first."""
        if self._written is None:
            return None
        # If polls are fast, leave time for one more answer. An earlier repeat would postpone the
        # heartbeat of that answer each time.
        every = self._schedule.every
        return self._written_at + (every if every >= BEAT_EVERY else BEAT_EVERY + every)

    async def pushed(self, quotes: Sequence[Quote]) -> Written | None:
        """Append quotes that the source pushed. Returns and raises like `answer`."""
        found = await self._ledger.append_answer(quotes)
        if found is None:
            return None
        return Written(len(found.ticks), len(found.quotes), 0, found.refused)

    def heartbeat(
        self,
        request: PollRequest,
        outcome: Outcome,
        *,
        answered: int = 0,
        refused: Mapping[str, str] | None = None,
        last_good: int | None = None,
    ) -> Heartbeat:
        """Return a heartbeat about `request`.

        `refused` is given after an answer: all other symbols count as answered. Without an answer,
        `answered` is the number to report, and the refusals are those of the last good answer.
        """
        symbols, source = request.symbols, self._source
        if refused is not None:
            answered = len(symbols) - len(refused)
        else:
            refused = {symbol: why for symbol, why in self._refused.items() if symbol in symbols}
        return Heartbeat(
            origin=self._log.origin,
            writer=self._writer,
            source=source.name,
            time=request.wall,
            received=self._clock.wall(),
            interval=self._schedule.every,
            state=outcome.state,
            asked=len(symbols),
            answered=answered,
            refused=dict(itertools.islice(refused.items(), _REFUSED)),
            retry_at=outcome.retry_at,
            last_good=last_good or self.gaps.last_good,
            symbols=_listed(symbols),
            source_url=source.url if source.url != source.name else None,
            problem=outcome.problem,
        )

    async def beat(self, beat: Heartbeat) -> None:
        """Write a heartbeat without an answer. Raises `StreamError`."""
        self.said = self._written = beat
        self._written_at = self._clock.elapsed()
        await self._ledger.append(Batch(heartbeats=[beat]))

    async def repeat(self, said: Heartbeat) -> None:
        """Write the heartbeat `said` again. It may be from another log. Raises `StreamError`."""
        # This log does not hold the good answers of another log, so `last_good` is replaced.
        await self.beat(
            msgspec.structs.replace(
                said,
                origin=self._log.origin,
                received=self._clock.wall(),
                last_good=self.gaps.last_good,
            )
        )

    async def farewell(self, request: PollRequest, answered: int) -> bool:
        """Write the last heartbeat. Returns false if the log was deleted or replaced."""
        if self.said is None:  # no heartbeat was written, so no reader expects a last one
            return True
        beat = self.heartbeat(request, Outcome(WriterState.STOPPED), answered=answered)
        try:
            async with asyncio.timeout(FAREWELL):
                await self._ledger.append(Batch(heartbeats=[beat]))
        except StreamMissing:
            return False
        except (StreamError, TimeoutError):
            pass
        return True


def _listed(symbols: tuple[str, ...]) -> tuple[str, ...] | None:
    return symbols if len(symbols) <= _LISTED else None
