"""The loop from a source to a log: ask, compare, append, report, wait for the next slot.

It sends one request at a time, in fixed slots: a missed slot is skipped. A heartbeat is written for
each poll (at most one a second) and for each change of state or symbols. A gap is written for each
span without observation, even if the poller was not running. If the log is deleted or replaced, the
poller can `move` to another one. A stop takes seconds, whatever the source does. This module does
not know where quotes come from, how ticks are stored, or who shows them.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Awaitable, Callable, Iterable
from socket import gethostname

import msgspec

from ticker.errors import SourceError, SourceUnreachable, StreamMissing, StreamUnreachable
from ticker.health.states import WriterState
from ticker.poll.clock import Clock
from ticker.poll.ledger import PollLog
from ticker.poll.log_writer import LogWriter, writer_name
from ticker.poll.outcome import ANSWERING, Outcome, PollRequest, of_answer, of_error
from ticker.poll.schedule import PollSchedule
from ticker.poll.status import PollReport, PollStatus, StatusKeeper
from ticker.records import GapReason, Heartbeat, check_symbol
from ticker.sources.protocol import Answer, Source
from ticker.times import format_duration
from ticker.units import DAY, SECOND


class Poll:
    """One poller. Call `run` once, and again only after `move`.

    `add`, `remove` and `stop` may be called while it runs, from its event loop. `log` must be
    entered. The caller closes `log` and `source`. `every` is the wished interval (µs; `None`: the
    source's own). A request is abandoned after `patience` (µs). The run ends after `duration` (µs)
    or `count` ticks. An answer is always written whole, so there may be a few more ticks than
    `count`. `on_status` is called after each change of the status, and must not block.
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
        patience: int = 30 * SECOND,
    ) -> None:
        self._source = source
        self._symbols = list(dict.fromkeys(symbols))
        self._clock = clock or Clock()
        self._patience = patience
        self.writer = writer_name(host or gethostname(), source, self._symbols)
        self._duration, self._count = duration, count
        self._wake = asyncio.Event()
        self._began = self._stopping = False
        now = self._clock.elapsed()
        self._end: int | None = None
        self._schedule = PollSchedule(
            source, every, symbols=len(self._symbols), now=now, random=random
        )
        first = PollStatus(WriterState.STARTING, writer=self.writer, source=source.name)
        self._status = StatusKeeper(first, self._schedule, on_status)
        self._writer = LogWriter(log, source, self.writer, self._clock, self._schedule)
        self._asked = PollRequest((), self._clock.wall(), now, 0)
        """The request in progress, or the last one."""
        self._abandoned: asyncio.Task[Answer] | None = None
        self._said: Heartbeat | None = None
        self._answers = 0
        self._trouble: tuple[WriterState | None, str | None] = None, None
        source.listen(self._wake.set)

    @property
    def status(self) -> PollStatus:
        """The status that `on_status` was last given."""
        return self._status.now

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols polled now, in order."""
        return tuple(self._symbols)

    def add(self, symbols: Iterable[str]) -> None:
        """Poll these symbols too, within a second if the source allows it.

        Symbols that are polled already are ignored. Raises `InvalidRecord` if one cannot be a
        symbol; then none is added.
        """
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._symbols]
        for symbol in new:
            check_symbol(symbol)
        if not new:
            return
        self._ask_for([*self._symbols, *new])
        self._hasten()

    def remove(self, symbols: Iterable[str]) -> None:
        """Stop polling these; unknown ones are ignored. What is in the log stays."""
        gone = set(symbols)
        self._ask_for([symbol for symbol in self._symbols if symbol not in gone])

    def _ask_for(self, symbols: list[str]) -> None:
        self._symbols = symbols
        self._schedule.symbols = len(symbols)
        self._wake.set()

    def move(self, log: PollLog) -> None:
        """Let the next `run` go on in `log`, because the old log was deleted or replaced.

        `log` must be entered before that `run`. The symbols, the interval, the end and the counts
        stay. `run` reads what the new log holds and when its symbols were last polled.
        """
        self._said = self._writer.said or self._said
        self._writer = LogWriter(log, self._source, self.writer, self._clock, self._schedule)
        self._status.say(gone=self._status.now.ticks)

    def stop(self) -> None:
        """End `run` cleanly, within seconds, whatever the source does. From its event loop only."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> PollReport:
        """Poll until stopped, or until `duration` or `count` is reached.

        Raises `StreamNotWritable` (disk full), `MixedPrices` and other lasting errors of the
        stream. Ticks counted before the error are durable. Raises `StreamMissing` if the log was
        deleted or replaced. The status is then not `STOPPED`: `move` to another log, and run again.
        If the source fails or the stream is away for a while, the poller tries again, and reports
        it in its status and heartbeats.
        """
        await self._writer.gaps.begin(self._symbols, self._clock.wall())
        try:
            await self._begin(self._clock.elapsed())
            while (why := self._why_end()) is None:
                await self._rest()
                if self._why_end() is None:
                    await self._poll()
        except StreamMissing:
            raise
        except BaseException:
            await self._farewell()
            raise
        gone = not await self._farewell()
        return PollReport(self._status.now, why, self._answers, *self._trouble, is_log_gone=gone)

    async def _begin(self, now: int) -> None:
        """Poll at once the first time. In a new log, poll as soon as the schedule allows."""
        if not self._began:
            self._began = True
            self._schedule.begin(now)
            self._end = None if self._duration is None else now + self._duration
            return
        self._hasten()
        if self._said is not None and self._schedule.due > now + SECOND:
            # Without it, readers of the new log would see no poller until the next poll.
            await self._try(self._writer.repeat(self._said))

    # Waiting, and the end

    def _why_end(self) -> str | None:
        if self._stopping:
            return "stopped"
        if self._end is not None and self._clock.elapsed() >= self._end:
            return "duration"
        if self._count is not None and self._status.now.ticks >= self._count:
            return "count"
        return None

    async def _rest(self) -> None:
        """Wait for the next slot, and write heartbeats."""
        while self._why_end() is None and (now := self._clock.elapsed()) < self._schedule.due:
            next_beat, said = self._writer.next_beat(), self._writer.said
            if said is not None and next_beat is not None and next_beat <= now:
                await self._try(self._writer.repeat(said))
                continue
            due = self._schedule.due
            await self._wait(due if next_beat is None else min(due, next_beat))
            await self._take_pushed()

    async def _wait(self, until: int) -> None:
        await self._clock.wait(self._wake, until if self._end is None else min(until, self._end))
        self._wake.clear()

    async def _farewell(self) -> bool:
        """Write the last heartbeat. False if the log was deleted or replaced."""
        self._status.say(state=WriterState.STOPPED)
        there = await self._writer.farewell(self._last_request(), self._status.now.answered)
        if not there:
            self._status.say(gone=self._status.now.ticks)
        return there

    async def _poll(self) -> None:
        wall, now, every = self._clock.wall(), self._clock.elapsed(), self._schedule.every
        asked = self._asked = PollRequest(self.symbols, wall, now, every)
        is_first = self._status.now.state is WriterState.STARTING
        if not asked.symbols:
            self._writer.gaps.pause()
            outcome: Answer | SourceError | None = Answer((), {})
        else:
            # Before the first answer, readers must learn soon that there is a poller.
            slow_after = SECOND if is_first else max(2 * every, SECOND)
            outcome = await self._ask(asked, slow_after)
        if outcome is None:
            return
        # Do not call `on_status` yet: only the outcome tells the time of the next try.
        told = self._status.now
        self._status.now = msgspec.structs.replace(told, polls=told.polls + 1)
        if isinstance(outcome, Answer):
            await self._take(outcome, asked)
        else:
            await self._fail(of_error(outcome))

    async def _ask(self, request: PollRequest, slow_after: int) -> Answer | SourceError | None:
        """Return the answer or the failure; `None` if the run ends first.

        If there is no answer after `slow_after` (µs), says so, and again each interval, but at most
        once a second. While an abandoned request runs, the next one fails.
        """
        name = self._source.name
        if self._abandoned is not None and not self._abandoned.done():
            return SourceUnreachable(name, "is still busy with the last request")
        task = asyncio.ensure_future(self._source.quotes(request.symbols))
        task.add_done_callback(lambda _: self._wake.set())
        slow_at, given_up_at = request.elapsed + slow_after, request.elapsed + self._patience
        try:
            while not task.done():
                now = self._clock.elapsed()
                if self._why_end() is not None:
                    return None
                if now >= given_up_at:
                    waited = format_duration(self._patience)
                    return SourceUnreachable(name, f"no answer for {waited}")
                if now >= slow_at:
                    slow_at = now + max(request.every, SECOND)
                    await self._slow()
                    continue
                await self._wait(min(given_up_at, slow_at))
                if not task.done():
                    await self._take_pushed()
        finally:
            if not task.done():
                task.cancel()
                # Retrieve its exception so that asyncio does not log it.
                task.add_done_callback(lambda task: task.cancelled() or task.exception())
                self._abandoned = task
        try:
            return task.result()
        except SourceError as error:
            return error

    async def _slow(self) -> None:
        """Write a heartbeat while an answer is late. After a failure, the state stays."""
        if self._status.now.state in (WriterState.OK, WriterState.NO_PRICES):
            self._status.say(state=WriterState.SLOW)
        said = self._status.now
        await self._beat(Outcome(said.state, problem=said.problem, retry_at=said.retry_at))

    async def _take_pushed(self) -> None:
        """Append the quotes that the source sent without being asked."""
        if not (quotes := self._source.take()):
            return
        try:
            written = await self._writer.pushed(quotes)
        except StreamUnreachable as error:
            self._writer.gaps.cut(GapReason.STREAM_UNREACHABLE)
            self._status.say(state=WriterState.STREAM_UNREACHABLE, problem=str(error))
            return
        if written is None:
            self._writer.gaps.cut(GapReason.OVERTAKEN)
        else:
            self._status.count(written)

    async def _take(self, answer: Answer, asked: PollRequest) -> None:
        """Append the ticks, quotes and gaps of `answer`, and update the status."""
        outcome = of_answer(answer, len(asked.symbols))
        if outcome.is_good:
            self._schedule.all_closed = all(quote.session == "closed" for quote in answer.quotes)
        self._schedule.answered(self._clock.elapsed(), asked.elapsed)
        if outcome.retry_at is not None:
            self._put_off(outcome.retry_at)
        try:
            written = await self._writer.answer(answer, outcome, asked)
        except StreamUnreachable as error:
            self._writer.gaps.trouble(GapReason.STREAM_UNREACHABLE)
            self._trouble = WriterState.STREAM_UNREACHABLE, str(error)
            self._status.say(state=WriterState.STREAM_UNREACHABLE, problem=str(error))
            return
        if written is None:
            self._status.say(problem=GapReason.OVERTAKEN)
            return
        self._trouble = (None if outcome.is_good else outcome.state), None
        self._answers += outcome.is_good
        self._status.count(
            written,
            state=outcome.state,
            answered=len(asked.symbols) - len(written.refused),
            refused=written.refused,
            problem=outcome.problem,
            retry_at=outcome.retry_at,
            last_good=self._writer.gaps.last_good,
        )

    async def _fail(self, outcome: Outcome) -> None:
        """Back off after a poll without an answer, and update the status."""
        self._writer.gaps.trouble(outcome.reason or GapReason.UNREADABLE)
        self._trouble = outcome.state, outcome.problem
        due = self._put_off(outcome.retry_at)
        again = outcome.retry_at or due
        self._status.say(state=outcome.state, answered=0, problem=outcome.problem, retry_at=again)
        await self._beat(msgspec.structs.replace(outcome, retry_at=again))

    def _hasten(self) -> None:
        """Poll within a second of the last poll, unless the source asked us to wait."""
        if self._status.now.state in ANSWERING:
            self._schedule.hasten(self._clock.elapsed(), self._asked.elapsed + SECOND)

    def _put_off(self, retry_at: int | None) -> int:
        """Poll again at `retry_at` or, without it, with back-off. Returns that time (µs, UTC)."""
        # Wait a day at most: a later date is a mistake of the source.
        wall, now = self._clock.wall(), self._clock.elapsed()
        wait = None if retry_at is None else min(retry_at - wall, DAY)
        self._schedule.failed(now, wait=wait)
        return wall + self._schedule.due - now

    async def _beat(self, outcome: Outcome) -> None:
        """Write a heartbeat without an answer."""
        await self._try(self._writer.beat(self._writer.heartbeat(self._last_request(), outcome)))

    def _last_request(self) -> PollRequest:
        """Return the last request, with the present symbols."""
        return msgspec.structs.replace(self._asked, symbols=self.symbols)

    async def _try(self, writing: Awaitable[None]) -> None:
        """Await `writing`. If the stream is away, only report that: the loop goes on."""
        try:
            await writing
        except StreamUnreachable as error:
            self._status.say(problem=str(error))
