"""Runs a poller to its end: its log, its relay, and the orders of its parent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from ticker.cli.controlled import parent_channel
from ticker.cli.exit_codes import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.kept_ticks import kept_words
from ticker.cli.poll_line import PollLine
from ticker.cli.standard_streams import tell
from ticker.errors import ConfigError, InvalidRecord, MixedPrices, StreamError, StreamMissing
from ticker.figures import count_text
from ticker.files import state_directory
from ticker.health.sentences import of_no_price
from ticker.health.states import WriterState
from ticker.poll import Poll, PollReport, PollStatus, QuestionAnswerer
from ticker.processes import Control
from ticker.processes.parent_channel import Order
from ticker.relay import WITHIN, RelayStatus, Sending
from ticker.sources import Source, open_source
from ticker.streams import Retained, StreamChoice, open_log, retained
from ticker.system_clock import uptime

_log: Final = logging.getLogger(__name__)
_AWAY: Final = frozenset({WriterState.UNREACHABLE, WriterState.STREAM_UNREACHABLE})
"""States of a poller that could not reach its source or its stream."""
_WITHIN_PARENT: Final = 1.2
"""How long the relay may deliver after the poller's end (s). The parent waits only 3 s."""


class Job(msgspec.Struct, frozen=True):
    """What a poller does. Durations are µs."""

    source: str
    """The URL of the source."""
    symbols: tuple[str, ...]
    every: int | None
    """`None`: the source's own interval."""
    duration: int | None
    count: int | None
    """The number of ticks after which it ends."""
    kept: StreamChoice
    """The log: what the user chose, or a local log for a `destination`."""
    destination: StreamChoice | None
    """The stream to which a relay sends; `None`: there is no relay."""


class PollerProcess:
    """One poller from its start to its end, with its log and its relay.

    The reports go to `line`, and to the parent process if `controlled`. The context managers that
    `beside` returns are entered while the poller runs.
    """

    def __init__(
        self,
        job: Job,
        line: PollLine,
        beside: Callable[[Poll], Iterable[AbstractAsyncContextManager[object]]],
        *,
        controlled: bool,
    ) -> None:
        self._job = job
        self._line = line
        self._beside = beside
        self._controlled = controlled
        self._channel: Control | None = None
        self._source = open_source(job.source, shared=_counted())
        self._kept = _open(job.kept)
        self._answers = QuestionAnswerer(self._source, uptime)
        self._replies: set[asyncio.Task[None]] = set()
        self._poller = Poll(
            self._source,
            self._kept,
            job.symbols,
            every=job.every,
            duration=job.duration,
            count=job.count,
            on_status=self._show,
        )

    def stop(self) -> None:
        """End the poller. `main` returns within seconds."""
        self._poller.stop()

    async def main(self) -> int:
        """Poll to the end, and return the exit code. If the log is removed, begin a new one."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._source)
            for each in self._beside(self._poller):
                await stack.enter_async_context(each)
            if self._controlled:
                channel = parent_channel(self._obey, self.stop)
                self._channel = await stack.enter_async_context(channel)
            while True:
                try:
                    async with self._kept:
                        report = await self._work()
                except StreamMissing as error:
                    words = "%s. Going on in a new one"
                    if self._job.destination is not None:
                        words += ". Ticks that waited there for the destination are no longer sent"
                    _log.warning(words, error)
                    self._kept = _open(self._job.kept)
                    self._poller.move(self._kept)
                else:
                    return _code(report, self._job.count, self._source)

    async def _work(self) -> PollReport:
        """Poll into the open log, and run the relay beside it.

        Raises `StreamMissing` if the log file is removed before the poller has ended.
        """
        job = self._job
        if job.destination is None:
            report = await self._poller.run()
            self._tell_kept(report)
            return report
        sending = Sending(
            self._kept,
            job.kept,
            job.destination,
            on_status=self._show_relay,
            on_failure=self._poller.stop,
            within=_WITHIN_PARENT if self._controlled else WITHIN,
        )
        await sending.start()
        try:
            report = await self._poller.run()
        except StreamMissing:
            # The poller goes on in a new log, so do not report what is undelivered. If the relay
            # failed, this raises its error.
            await sending.finish()
            raise
        except BaseException:
            await self._finish(sending)
            raise
        self._tell_kept(report)
        await self._finish(sending, is_gone=report.is_log_gone)
        return report

    def _tell_kept(self, report: PollReport) -> None:
        self._line.end(kept_words(report.status.ticks, report.status.gone, self._kept.url))

    async def _finish(self, sending: Sending, *, is_gone: bool = False) -> None:
        """End the relay, and report what is undelivered; `is_gone`: the log file was removed."""
        lost = "undelivered: unknown (the log in which they waited was removed)"
        try:
            words = await sending.finish()
        except MixedPrices:
            raise  # the destination never accepts these ticks, so they are not undelivered
        except StreamMissing:
            words = lost
        except StreamError:
            self._tell_undelivered(sending.left_words())
            raise
        self._tell_undelivered(lost if is_gone else words)

    # Reports and orders

    def _show(self, status: PollStatus) -> None:
        self._line.show(status)
        self._say("status", status)

    def _show_relay(self, status: RelayStatus) -> None:
        self._line.show_relay(status)
        self._say("relay", status)

    def _tell_undelivered(self, words: str) -> None:
        self._line.end(words)
        self._say("undelivered", {"text": words})

    def _say(self, what: str, facts: object) -> None:
        if self._channel is not None:
            self._channel.say(what, **msgspec.to_builtins(facts))

    def _obey(self, order: Order) -> None:
        """Run an order, or answer it if it has an `id`. An invalid order is logged and ignored."""
        if "id" in order:
            self._replies.add(reply := asyncio.create_task(self._reply(order)))
            reply.add_done_callback(self._replies.discard)
            return
        symbols = order.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(word, str) for word in symbols):
            _log.warning("invalid order: %.200r", order)
            return
        change = {"add": self._poller.add, "remove": self._poller.remove}.get(str(order.get("do")))
        try:
            if change is not None:
                change(symbols)
        except InvalidRecord as error:
            _log.warning("invalid order: %s", error)

    async def _reply(self, question: Order) -> None:
        self._say("answer", {"id": question["id"], **await self._answers.to(question)})


def _open(choice: StreamChoice) -> Retained:
    """Return the log in which a poller numbers its ticks."""
    return retained(open_log(choice.url, keep_for=choice.keep_for))


def _counted() -> Path | None:
    """Return the file in which this user's pollers count their requests to Yahoo."""
    try:
        return state_directory() / "yahoo-requests.json"
    except ConfigError:  # no home directory
        return None


def _code(report: PollReport, count: int | None, source: Source) -> int:
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
