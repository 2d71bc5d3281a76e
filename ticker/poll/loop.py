"""The loop from a source to a log: ask, compare, append, tell, wait for the next slot.

It promises one request at a time, on an absolute schedule that neither drifts nor catches up; a
heartbeat for each poll (at most one a second) and for each change of state or symbols; a gap record
for each span in which nobody looked, its own absence included; to go on as it was in another log
where one was taken away; and a stop that takes seconds, whatever the source does. It does not know
where quotes come from, what keeps the ticks, or who shows them.
"""

from __future__ import annotations

import asyncio
import itertools
import random as _random
from collections.abc import Callable, Iterable, Mapping, Sequence
from socket import gethostname
from typing import Any, Final

import msgspec

from ticker.changes import Changes
from ticker.errors import (
    RateLimited,
    SourceError,
    SourceUnreachable,
    StreamError,
    StreamMissing,
    StreamUnreachable,
)
from ticker.health.states import WriterState
from ticker.poll.clock import Clock, SystemClock
from ticker.poll.gaps import GapTracker
from ticker.poll.heartbeats import HeartbeatPace, writer_name
from ticker.poll.ledger import Ledger, PollLog
from ticker.poll.one_request import PATIENCE, SourceRequests
from ticker.poll.schedule import PollSchedule
from ticker.poll.status import PollReport, PollStatus
from ticker.records import Gap, GapReason, Heartbeat, check_symbol
from ticker.sources.protocol import Answer, Source
from ticker.units import DAY, SECOND

FAREWELL: Final = 2.0
"""How long the last heartbeat may take (seconds)."""
_LISTED: Final = 10_000
"""Of more symbols a heartbeat does not tell which they are: no record may grow without bound …"""
_REFUSED: Final = 5_000
"""… and so many at most, why they were refused."""

_ANSWERING: Final = frozenset(
    {WriterState.STARTING, WriterState.OK, WriterState.SLOW, WriterState.NO_PRICES}
)
"""States in which a source may be asked sooner than planned."""
_STATES: Final = {
    GapReason.RATE_LIMITED: WriterState.RATE_LIMITED,
    GapReason.UNREACHABLE: WriterState.UNREACHABLE,
    GapReason.UNREADABLE: WriterState.UNREADABLE,
}
"""Why nobody looks, as `_gap_reason` says it → the state of the poller meanwhile."""


class Poll:
    """One poller. `run` it once; everything else may be called while it runs, from its event loop.

    `log` must be entered; neither it nor `source` is closed here. `every` is the wished interval
    (µs; `None`: the source's own), `duration` (µs) and `count` (ticks) end it; `count` never cuts
    an answer in two, so a few more may be kept. `on_status` is called after each poll and whenever
    something changes, and must not block.
    """

    def __init__(
        self,
        source: Source,
        log: PollLog,
        symbols: Iterable[str],
        *,
        every: int | None = None,
        duration: int | None = None,
        count: int | None = None,
        clock: Clock | None = None,
        on_status: Callable[[PollStatus], None] | None = None,
        random: Callable[[], float] = _random.random,
        host: str | None = None,
        patience: int = PATIENCE,
    ) -> None:
        self._source = source
        self._log = log
        self._symbols = list(dict.fromkeys(symbols))
        self._clock = clock or SystemClock()
        self._tell = on_status or (lambda _: None)
        self._asking = SourceRequests(source, patience)
        self.writer = writer_name(host or gethostname(), source, self._symbols)
        self._ledger = Ledger(log)
        self._duration = duration
        self._count = count
        self._wake = asyncio.Event()
        self._began = False
        self._stopping = False
        self._status = PollStatus(WriterState.STARTING, writer=self.writer, source=source.name)
        now = self._clock.elapsed()
        self._end: int | None = None
        self._schedule = PollSchedule(
            source, every, symbols=len(self._symbols), now=now, random=random
        )
        self._asked, self._asked_at = self._clock.wall(), now
        self._beats = HeartbeatPace()
        self._said: Heartbeat | None = None
        self._answers = 0
        self._trouble: tuple[WriterState | None, str | None] = None, None
        self._gaps = GapTracker(self._ledger, source=source.name, writer=self.writer)
        source.listen(self._wake.set)

    @property
    def status(self) -> PollStatus:
        """How it is now; what `on_status` was last told."""
        return self._status

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it asks for now, in order."""
        return tuple(self._symbols)

    def add(self, symbols: Iterable[str]) -> None:
        """Ask for these too, within a second if the source allows it. Known ones stay as they are.

        Raises `InvalidRecord` for what can be no symbol, and then adds none.
        """
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._symbols]
        for symbol in new:
            check_symbol(symbol)
        if not new:
            return
        self._symbols += new
        self._gaps.expect(new)
        self._hasten()
        self._wake.set()

    def remove(self, symbols: Iterable[str]) -> None:
        """Ask for these no longer; unknown ones are passed over. What is in the log stays."""
        gone = set(symbols)
        self._symbols = [symbol for symbol in self._symbols if symbol not in gone]
        self._wake.set()

    def move(self, log: PollLog) -> None:
        """Let the next `run` go on in `log`, entered by then: the one so far was taken away.

        What the poller asks for, its pace, its end and its counts are its own and stay as they are.
        What it knew of the log, and of when it last looked for it, is learned again.
        """
        self._log = log
        self._ledger = Ledger(log)
        self._gaps = GapTracker(self._ledger, source=self._source.name, writer=self.writer)
        self._said, self._beats = self._beats.newest or self._said, HeartbeatPace()
        self._say(gone=self._status.ticks)

    def stop(self) -> None:
        """End `run` cleanly, within seconds, whatever the source does. From its event loop only."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> PollReport:
        """Poll until stopped, or until `duration` or `count` is reached.

        Raises `StreamNotWritable` (disk full), `MixedPrices` and the other errors of a stream that
        will not heal; whatever was counted before is durable. After `StreamMissing` the poller can
        `move` to another log and be run once more: it has not stopped, and does not say so. A
        source that fails, and a stream that is away for a while, are waited for and told in the
        status and the heartbeats.
        """
        heartbeats = await self._ledger.read()
        wall, now = self._clock.wall(), self._clock.elapsed()
        self._gaps.begin(heartbeats, self._symbols, wall)
        try:
            await self._begin(now)
            while (why := self._why_end()) is None:
                await self._rest()
                if self._why_end() is None:
                    await self._poll()
        except StreamMissing:
            raise
        except BaseException:
            await self._farewell()
            raise
        is_log_gone = not await self._farewell()
        done = self._status
        return PollReport(
            polls=done.polls,
            ticks=done.ticks,
            quotes=done.quotes,
            gaps=done.gaps,
            refused=done.refused,
            why=why,
            answers=self._answers,
            trouble=self._trouble[0],
            problem=self._trouble[1],
            gone=done.gone,
            is_log_gone=is_log_gone,
        )

    async def _begin(self, now: int) -> None:
        """Ask at once the first time; in a log that took another's place, as soon as may be."""
        if not self._began:
            self._began = True
            self._schedule.begin(now)
            self._end = None if self._duration is None else now + self._duration
            return
        self._hasten()
        if self._said is not None and self._schedule.due > now + SECOND:
            # Nobody finds out otherwise that there is a poller, nor what it waits for. Of the good
            # answers that went with the other log, it must not tell in this one.
            beat = msgspec.structs.replace(
                self._said,
                origin=self._log.origin,
                received=self._clock.wall(),
                last_good=self._gaps.last_good,
            )
            await self._beat(beat)

    # Waiting, and the end

    def _why_end(self) -> str | None:
        if self._stopping:
            return "stopped"
        if self._end is not None and self._clock.elapsed() >= self._end:
            return "duration"
        if self._count is not None and self._status.ticks >= self._count:
            return "count"
        return None

    async def _rest(self) -> None:
        """Wait for the next slot, showing signs of life."""
        while self._why_end() is None and (now := self._clock.elapsed()) < self._schedule.due:
            next_beat = self._beats.next_due(self._schedule.every)
            if next_beat is not None and next_beat <= now:
                await self._beat(self._beats.again(self._clock.wall()))
                continue
            due = self._schedule.due
            await self._wait(due if next_beat is None else min(due, next_beat))
            await self._take_pushed()

    async def _wait(self, until: int) -> None:
        await self._clock.wait(self._wake, until if self._end is None else min(until, self._end))
        self._wake.clear()

    async def _farewell(self) -> bool:
        """Say the last words; false if the log was taken away."""
        self._say(state=WriterState.STOPPED)
        if not self._beats:  # it never wrote here, so nobody misses it
            return True
        beat = self._heartbeat(WriterState.STOPPED, self.symbols, self._status.answered, {})
        try:
            async with asyncio.timeout(FAREWELL):
                await self._ledger.append(Changes(), heartbeats=[beat])
        except StreamMissing:
            self._say(gone=self._status.ticks)
            return False
        except (StreamError, TimeoutError):
            pass
        return True

    # One poll

    async def _poll(self) -> None:
        symbols, every = self.symbols, self._schedule.every
        self._asked, self._asked_at = self._clock.wall(), self._clock.elapsed()
        if not symbols:
            self._gaps.forget()
            outcome: Answer | SourceError | None = Answer((), {}, self._asked, self._asked, 0)
        else:
            outcome = await self._asking.ask(
                symbols,
                elapsed=self._clock.elapsed,
                every=every,
                wait=self._wait,
                wake=self._wake,
                ends=lambda: self._why_end() is not None,
                meanwhile=self._take_pushed,
                # Before the first answer, readers must learn soon that somebody asks.
                slow_after=SECOND if self._is_starting else max(2 * every, SECOND),
                on_slow=self._slow,
            )
        if outcome is None:
            return
        self._say(polls=self._status.polls + 1)
        match outcome:
            case Answer():
                await self._take(outcome, symbols)
            case SourceError():
                await self._fail(outcome)

    @property
    def _is_starting(self) -> bool:
        """Whether neither an answer nor a failure came yet."""
        return self._status.state is WriterState.STARTING

    async def _slow(self) -> None:
        state = WriterState.STARTING if self._is_starting else WriterState.SLOW
        self._say(state=state)
        await self._beat(self._heartbeat(state, self.symbols, 0, {}))

    async def _take_pushed(self) -> None:
        """Append what the source sent by itself."""
        quotes = self._source.take()
        if not quotes:
            return
        try:
            found = await self._ledger.append_answer(
                quotes,
                now=self._clock.wall,
                elapsed=self._clock.elapsed(),
                gaps=(),
                heartbeat=lambda _: None,
            )
        except StreamUnreachable as error:
            self._gaps.cut(GapReason.STREAM_UNREACHABLE)
            self._say(state=WriterState.STREAM_UNREACHABLE, problem=str(error))
            return
        if found is None:
            self._gaps.cut(GapReason.OVERTAKEN)
        else:
            self._say(
                ticks=self._status.ticks + len(found.ticks),
                quotes=self._status.quotes + len(found.quotes),
            )

    async def _take(self, answer: Answer, symbols: Sequence[str]) -> None:
        """Append what follows from `answer` about `symbols`, and tell it."""
        asked = len(symbols)
        wall, now, every = self._clock.wall(), self._clock.elapsed(), self._schedule.every
        good = bool(answer.quotes)
        missed = {symbol: _gap_reason(error) for symbol, error in answer.failures.items()}
        limited, retry_at = answer.rate_limited, None
        state = WriterState.OK if good or not asked else WriterState.NO_PRICES
        if good:
            self._schedule.all_closed = all(quote.session == "closed" for quote in answer.quotes)
        if answer.cut is not None:
            self._gaps.cut(answer.cut, answer.cut_since)
        self._schedule.answered(now, self._asked_at, asked)
        if limited is not None:
            state, retry_at = WriterState.RATE_LIMITED, limited.retry_at
            self._put_off(retry_at)
        beat: Heartbeat | None = None

        def heartbeat(found: Changes) -> Heartbeat | None:
            nonlocal beat
            refused = {**answer.refused, **found.refused}
            beat = self._heartbeat(
                state,
                symbols,
                asked - len(refused),
                refused,
                retry_at=retry_at,
                last_good=wall if good else None,
                problem=_problem(answer),
            )
            return beat if self._beats.is_due(beat, now) else None

        gaps: list[Gap] = []
        try:
            if good:
                waited = now - self._asked_at
                gaps = await self._gaps.gaps(
                    symbols, wall, now, every, waited=waited, missed=missed
                )
            found = await self._ledger.append_answer(
                answer.quotes, now=self._clock.wall, elapsed=now, gaps=gaps, heartbeat=heartbeat
            )
        except StreamUnreachable as error:
            self._gaps.trouble(GapReason.STREAM_UNREACHABLE)
            self._trouble = WriterState.STREAM_UNREACHABLE, str(error)
            self._say(state=WriterState.STREAM_UNREACHABLE, problem=str(error))
            return
        if found is None:
            self._say(problem=GapReason.OVERTAKEN)
            return
        if beat is not None:
            if self._beats.is_due(beat, now):
                self._beats.note(beat, now)
            else:
                self._beats.hear(beat)
        self._trouble = (None if good else state), None
        if good:
            self._answers += 1
            self._gaps.seen(wall, now, self._schedule.every, missed)
            if limited is not None:  # the next answer will be late
                self._gaps.trouble(GapReason.RATE_LIMITED)
        elif asked:
            self._gaps.trouble(GapReason.NO_PRICES)
        refused = {**answer.refused, **found.refused}
        self._say(
            state=state,
            answered=asked - len(refused),
            ticks=self._status.ticks + len(found.ticks),
            quotes=self._status.quotes + len(found.quotes),
            gaps=self._status.gaps + len(gaps),
            refused=refused,
            problem=_problem(answer),
            retry_at=retry_at,
            last_good=self._gaps.last_good,
        )

    async def _fail(self, error: SourceError) -> None:
        reason = _gap_reason(error)
        state = _STATES[reason]
        retry_at = error.retry_at if isinstance(error, RateLimited) else None
        self._gaps.trouble(reason)
        self._trouble = state, error.problem
        self._put_off(retry_at)
        self._say(state=state, problem=error.problem, retry_at=retry_at, answered=0)
        beat = self._heartbeat(state, self.symbols, 0, {}, retry_at=retry_at, problem=error.problem)
        await self._beat(beat)

    def _hasten(self) -> None:
        """Ask within a second of the last time, unless the source wants to be left in peace."""
        if self._status.state in _ANSWERING:
            earliest = self._asked_at + SECOND
            self._schedule.hasten(self._clock.elapsed(), earliest, len(self._symbols))

    def _put_off(self, retry_at: int | None) -> None:
        # At most a day: a date far off is a mistake, and a poller is to heal by itself.
        wait = None if retry_at is None else min(retry_at - self._clock.wall(), DAY)
        self._schedule.failed(self._clock.elapsed(), len(self._symbols), wait=wait)

    # Signs of life

    def _heartbeat(
        self,
        state: WriterState,
        symbols: Sequence[str],
        answered: int,
        refused: Mapping[str, str],
        *,
        retry_at: int | None = None,
        last_good: int | None = None,
        problem: str | None = None,
    ) -> Heartbeat:
        return Heartbeat(
            origin=self._log.origin,
            writer=self.writer,
            source=self._source.name,
            time=self._asked,
            received=self._clock.wall(),
            interval=self._schedule.every,
            state=state,
            asked=len(symbols),
            answered=answered,
            refused=dict(itertools.islice(refused.items(), _REFUSED)),
            retry_at=retry_at,
            last_good=last_good or self._gaps.last_good,
            symbols=tuple(symbols) if len(symbols) <= _LISTED else None,
            source_url=self._source.url if self._source.url != self._source.name else None,
            problem=problem,
        )

    async def _beat(self, beat: Heartbeat) -> None:
        """A sign of life without an answer. A stream that is away is told, and waited for."""
        self._beats.note(beat, self._clock.elapsed())
        try:
            await self._ledger.append(Changes(), heartbeats=[beat])
        except StreamUnreachable as error:
            self._say(problem=str(error))

    def _say(self, **news: Any) -> None:
        """Change the status, and tell it if it is another."""
        now = self._clock.elapsed()
        states = self._status.state, news.get("state")
        ending = self._stopping or WriterState.STOPPED in states
        interval = self._schedule.interval(len(self._symbols))
        status = msgspec.structs.replace(
            self._status,
            symbols=len(self._symbols),
            interval=self._schedule.every,
            note=interval.note,
            next_at=None if ending else self._clock.wall() + max(0, self._schedule.due - now),
            **news,
        )
        if status != self._status:
            self._status = status
            self._tell(status)


def _problem(answer: Answer) -> str | None:
    """What kept some of the requests from being answered, if anything did."""
    error = answer.rate_limited or next(iter(answer.failures.values()), None)
    return answer.problem if error is None else error.problem


def _gap_reason(error: SourceError) -> GapReason:
    """Why nobody looks while the source answers with `error`."""
    match error:
        case RateLimited():
            return GapReason.RATE_LIMITED
        case SourceUnreachable():
            return GapReason.UNREACHABLE
        case _:
            return GapReason.UNREADABLE
