"""Runs a poller to its end: its log, its relay, and the orders of its parent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ticker.cli.controlled import parent_channel
from ticker.cli.exit_codes import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.kept_ticks import kept_words
from ticker.cli.signals import run
from ticker.cli.standard_streams import tell
from ticker.errors import ConfigError, InvalidRecord, MixedPrices, StreamError, StreamMissing
from ticker.figures import count_text
from ticker.files import state_directory
from ticker.health.sentences import of_no_price
from ticker.health.states import WriterState
from ticker.poll import Poll, PollReport, PollStatus, QuestionAnswerer, SystemClock
from ticker.processes import Control
from ticker.processes.parent_channel import Order
from ticker.relay import RelayStatus, Sending
from ticker.sources import open_source
from ticker.sources.protocol import SearchableSource
from ticker.streams import Retained, StreamChoice, open_log, retained

_log: Final = logging.getLogger(__name__)
_AWAY: Final = frozenset({WriterState.UNREACHABLE, WriterState.STREAM_UNREACHABLE})
"""States of a poller that could not reach its source or its stream."""
_WITHIN_PARENT: Final = 1.2
"""`Audience.within` under a parent (s). The parent sends SIGTERM after three seconds."""


@dataclass(frozen=True, slots=True)
class Audience:
    """The receiver of a poller's status: a person, or the parent process."""

    poll: Callable[[PollStatus], None]
    relay: Callable[[RelayStatus], None]
    end: Callable[[str], None]
    """Report how many ticks were kept."""
    undelivered: Callable[[str], None]
    """Report which ticks are undelivered at the end."""
    within: float
    """The relay's time limit for delivery at the end (s)."""


class Job(msgspec.Struct, frozen=True):
    """A poller and its log. It exists before the log is opened, so orders can come early."""

    log: Retained
    poller: Poll
    audience: Audience
    kept: StreamChoice
    """The choice of `log`: what the user chose, or a local log for a `destination`."""
    destination: StreamChoice | None
    """The stream to which the relay sends; `None`: there is no relay."""


def open_kept(choice: StreamChoice) -> Retained:
    """Return the log in which a poller numbers its ticks. The caller opens it with `async with`."""
    return retained(open_log(choice.url, keep_for=choice.keep_for))


def run_job(
    make: Callable[[SearchableSource, Audience], Job],
    url: str,
    person: Audience,
    *,
    controlled: bool,
    count: int | None = None,
    meanwhile: Callable[[Poll], AbstractAsyncContextManager[object]] = nullcontext,
) -> int:
    """Poll to the end, and return the exit code. If the log file is removed, begin a new one.

    The reports go to `person`, or to the parent if `controlled`. `count` is the wished number of
    ticks. `meanwhile(poller)` is entered while it polls.
    """
    pollers: list[Poll] = []

    def stop() -> None:
        for poller in pollers:
            poller.stop()

    async def begin() -> int:
        async with open_source(url, shared=_counted()) as asked, AsyncExitStack() as stack:
            parent = Parent(asked) if controlled else None
            job = make(asked, person if parent is None else parent.audience)
            pollers.append(job.poller)
            await stack.enter_async_context(meanwhile(job.poller))
            if parent is not None:
                parent.poller = job.poller
                channel = parent_channel(parent.obey, stop)
                parent.channel = await stack.enter_async_context(channel)
            return await _to_the_end(job, asked, count)

    return run(begin(), stop=stop)


def _counted() -> Path | None:
    """Return the file in which this user's pollers count their requests to Yahoo."""
    try:
        return state_directory() / "yahoo-requests.json"
    except ConfigError:  # no home directory
        return None


async def _to_the_end(job: Job, asked: SearchableSource, count: int | None) -> int:
    while True:
        try:
            async with job.log:
                report = await _work(job)
        except StreamMissing as error:
            words = "%s. Going on in a new one"
            if job.destination is not None:
                words += ". Ticks that waited there for the destination are no longer sent"
            _log.warning(words, error)
            job = msgspec.structs.replace(job, log=open_kept(job.kept))
            job.poller.move(job.log)
        else:
            return _code(report, count, asked)


class Parent:
    """The parent of a poller. It gives orders, asks questions, and gets the reports."""

    def __init__(self, source: SearchableSource) -> None:
        self.poller: Poll
        self.channel: Control | None = None
        """Both are set before the first order comes."""
        self._answers = QuestionAnswerer(source, SystemClock().elapsed)
        self._replies: set[asyncio.Task[None]] = set()

    @property
    def audience(self) -> Audience:
        """Return the audience that reports to the parent."""
        return Audience(
            poll=lambda status: self._say("status", **msgspec.to_builtins(status)),
            relay=lambda status: self._say("relay", **msgspec.to_builtins(status)),
            end=lambda _: None,  # the parent counts what was kept
            undelivered=lambda words: self._say("undelivered", text=words),
            within=_WITHIN_PARENT,
        )

    def obey(self, order: Order) -> None:
        """Run an order, or answer it if it has an `id`. An invalid order is logged and ignored."""
        if "id" in order:
            self._replies.add(reply := asyncio.create_task(self._reply(order)))
            reply.add_done_callback(self._replies.discard)
            return
        symbols = order.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(word, str) for word in symbols):
            _log.warning("invalid order: %.200r", order)
            return
        try:
            match order.get("do"):
                case "add":
                    self.poller.add(symbols)
                case "remove":
                    self.poller.remove(symbols)
        except InvalidRecord as error:
            _log.warning("invalid order: %s", error)

    async def _reply(self, question: Order) -> None:
        self._say("answer", id=question["id"], **await self._answers.to(question))

    def _say(self, what: str, **facts: object) -> None:
        assert self.channel is not None  # noqa: S101  (set by run_job)
        self.channel.say(what, **facts)


def _code(report: PollReport, count: int | None, source: SearchableSource) -> int:
    """Return the exit code of a poller that ended without an error. Say what is missing."""
    if report.why == "stopped":
        return DONE
    if report.answers == 0:
        words = of_no_price(report.trouble, source.name, report.problem, source.url)
        tell(f"No price came. {words}")
        return NOT_REACHABLE if report.trouble in _AWAY else NO_DATA
    if count is not None and report.status.ticks < count:
        tell(f"{report.status.ticks:,} of {count_text(count, 'tick')} came in this time")
        return NO_DATA
    return DONE


async def _work(job: Job) -> PollReport:
    """Poll into the open log, and run the relay beside it.

    Raises `StreamMissing` if the log file is removed before the poller has ended.
    """
    if job.destination is None:
        report = await job.poller.run()
        job.audience.end(kept_words(report.status.ticks, report.status.gone, job.log.url))
        return report
    sending = Sending(
        job.log,
        job.kept,
        job.destination,
        on_status=job.audience.relay,
        on_failure=job.poller.stop,
        within=job.audience.within,
    )
    await sending.start()
    try:
        report = await job.poller.run()
    except StreamMissing:
        # The poller goes on in a new log, so report nothing. Other errors of the relay are raised.
        await sending.finish()
        raise
    except BaseException:
        await _finish(sending, job.audience)
        raise
    job.audience.end(kept_words(report.status.ticks, report.status.gone, job.log.url))
    await _finish(sending, job.audience, is_gone=report.is_log_gone)
    return report


async def _finish(sending: Sending, audience: Audience, *, is_gone: bool = False) -> None:
    """End the relay, and report what is undelivered; `is_gone`: the log file was removed."""
    lost = "undelivered: unknown (the log in which they waited was removed)"
    try:
        words = await sending.finish()
    except MixedPrices:
        raise  # the destination never takes these ticks, so they do not wait
    except StreamMissing:
        words = lost
    except StreamError:
        audience.undelivered(sending.left_words())
        raise
    audience.undelivered(lost if is_gone else words)
