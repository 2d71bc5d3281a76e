"""`poll`: source → stream, no screen: a status line on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import typer

from ticker.cli import scene
from ticker.cli.controlled import Controlled
from ticker.cli.failing import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.line import Line
from ticker.cli.options import (
    Control,
    Count,
    Every,
    For,
    Quiet,
    SourceUrl,
    StreamUrl,
    Symbols,
    TimeZone,
    Verbose,
    Watchlist,
)
from ticker.cli.relaying import Sending, canonical, hold_checkpoint, local_log, status_forms
from ticker.cli.running import run, set_up_logging
from ticker.cli.settings import (
    Settings,
    make_state_directory,
    refuse_mixing,
    stream_path,
)
from ticker.cli.standard import tell
from ticker.cli.waiting import left_behind
from ticker.errors import InvalidRecord, MixedPrices, StreamError, StreamMissing
from ticker.figures import agree, and_more, count_text
from ticker.health.sentences import of_no_price
from ticker.health.states import WriterState
from ticker.poll import Poll, PollReport, PollStatus
from ticker.processes.control import Order
from ticker.relay import WITHIN, RelayStatus
from ticker.sources import Source, open_source
from ticker.streams import Retained, StreamChoice, open_log, retained
from ticker.system_clock import now
from ticker.times import Zone, clock, format_duration, parse_duration
from ticker.titles import source_label

_log: Final = logging.getLogger(__name__)
_AWAY: Final = frozenset({WriterState.UNREACHABLE, WriterState.STREAM_UNREACHABLE})
"""States of a poller that could not reach its source or its stream."""
_WITHIN_PARENT: Final = 1.2
"""How long the relay may go on at the end where a parent waits (s): it kills after three."""


def poll(
    symbols: Symbols = None,
    watchlist: Watchlist = None,
    source: SourceUrl = None,
    stream: StreamUrl = None,
    every: Every = None,
    duration: For = None,
    count: Count = None,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    control: Control = False,
) -> None:
    """Poll a source and write what changed to the stream. No screen."""
    settings = Settings()
    choice = settings.stream(stream)
    is_file = stream_path(choice) is not None
    if not (choice.named and is_file):
        make_state_directory()
    wanted = settings.symbols_or_default(symbols, watchlist)
    wish = settings.every(every)
    zone = settings.zone(tz)
    lasting = None if duration is None else parse_duration(duration)
    url = settings.source(source)
    refuse_mixing(choice, url)
    line = StatusLine(zone, quiet=quiet or control)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)

    # What is to go elsewhere goes to a local log first, and a relay sends on from there: one path,
    # whether the destination is up, slow, down, or back after a week.
    simulated = url.startswith("exchange")
    kept = choice if is_file else local_log(choice, simulated=simulated)
    if not is_file and not control:
        for each in asyncio.run(left_behind(choice)):
            tell(
                f"{count_text(each.ticks, 'tick')} {agree(each.ticks, 'waits', 'wait')} here "
                f"for {each.destination}, and nobody sends {agree(each.ticks, 'it', 'them')}. "
                f"Is that this stream's old address? ticker status{choice.option}"
            )

    def make(asked: Source) -> Job:
        log = _open(kept)
        tell = Teller(Audience(line.show, line.show_relay, line.end, WITHIN))
        poller = Poll(asked, log, wanted, every=wish, duration=lasting, count=count, on_status=tell)
        return Job(log, poller, tell, kept, None if is_file else choice)

    with scene.writing(choice):
        code = run_job(make, url, line, controlled=control, count=count)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a poller tells: a person, or the parent that started it."""

    poll: Callable[[PollStatus], None]
    relay: Callable[[RelayStatus], None]
    undelivered: Callable[[str], None]
    """What has not been sent on, at the end."""
    within: float
    """How long the relay may go on delivering at the end (s)."""


class Teller:
    """Passes the status on to the present `audience`."""

    def __init__(self, audience: Audience) -> None:
        self.audience = audience

    def __call__(self, status: PollStatus) -> None:  # noqa: D102  (the class says it)
        self.audience.poll(status)


class Job(msgspec.Struct, frozen=True):
    """A poller and its log, made before either is opened: orders and signals find it at once."""

    log: Retained
    poller: Poll
    tell: Teller
    kept: StreamChoice
    """The log, as it was chosen."""
    destination: StreamChoice | None
    """Where a relay sends on to, if the ticks are for somewhere else."""


def _open(choice: StreamChoice) -> Retained:
    """A log file: whatever a poller writes to, its ticks are numbered in one first."""
    return retained(open_log(choice.url, keep_for=choice.keep_for))


def run_job(
    make: Callable[[Source], Job],
    url: str,
    line: StatusLine,
    *,
    controlled: bool,
    count: int | None = None,
) -> int:
    """Poll to the end, in a new log if one is taken away under the poller; the exit code.

    `count`: so many ticks are wished for.
    """
    pollers: list[Poll] = []

    async def main(job: Job, asked: Source) -> int:
        try:
            while True:
                try:
                    async with job.log:
                        report = await _work(job, line)
                except StreamMissing as error:
                    words = "%s. Going on in a new one"
                    if job.destination is not None:
                        words += ". What waited there to be sent elsewhere is sent no more"
                    _log.warning(words, error)
                    job = msgspec.structs.replace(job, log=_open(job.kept))
                    job.poller.move(job.log)
                else:
                    return _code(report, count, asked.name)
        finally:
            await asked.close()

    async def stop() -> None:
        for poller in pollers:
            poller.stop()

    async def begin() -> int:
        asked = open_source(url)
        job = make(asked)
        pollers.append(job.poller)
        if not controlled:
            return await main(job, asked)
        async with Controlled(lambda order: _obey(job.poller, order), stop) as parent:
            job.tell.audience = Audience(
                poll=lambda status: parent.say("status", **msgspec.to_builtins(status)),
                relay=lambda status: parent.say("relay", **msgspec.to_builtins(status)),
                undelivered=lambda words: parent.say("undelivered", text=words),
                within=_WITHIN_PARENT,
            )
            return await main(job, asked)

    return run(begin(), stop=stop)


def _code(report: PollReport, count: int | None, source: str) -> int:
    """The exit code after an end that was wished for; what is missing is told."""
    if report.why == "stopped":
        return DONE
    if report.answers == 0:
        tell(f"No price came. {of_no_price(report.trouble, source, report.problem)}")
        return NOT_REACHABLE if report.trouble in _AWAY else NO_DATA
    if count is not None and report.ticks < count:
        tell(f"{report.ticks:,} of {count_text(count, 'tick')} came in this time")
        return NO_DATA
    return DONE


async def _work(job: Job, line: StatusLine) -> PollReport:
    """Poll into the log, which is open; and send on from there, in a loop of its own.

    Raises `StreamMissing` where the log is taken away before the poller has ended.
    """
    if job.destination is None:
        report = await job.poller.run()
        line.end(scene.kept_words(report.ticks, report.gone, job.log.url))
        return report
    if not await job.log.last():
        # All that will lie in it waits from the first tick on, whenever this process is killed.
        place = hold_checkpoint(job.log, canonical(job.kept), canonical(job.destination))
        if await place.load() is None:
            await place.save(await job.log.find("start"))
    sending = Sending(
        job.log,
        job.kept,
        job.destination,
        on_status=job.tell.audience.relay,
        on_failure=job.poller.stop,
    )
    try:
        report = await job.poller.run()
    except StreamMissing:
        # Not the end, so there is nothing to tell; what else ended the sending ends us too.
        await sending.finish(job.tell.audience.within)
        raise
    except BaseException:
        await _finish(sending, job.tell.audience)
        raise
    line.end(scene.kept_words(report.ticks, report.gone, job.log.url))
    await _finish(sending, job.tell.audience, is_gone=report.is_log_gone)
    return report


async def _finish(sending: Sending, audience: Audience, *, is_gone: bool = False) -> None:
    """End the sending, and tell what it leaves undelivered; `is_gone`: in a log removed since."""
    lost = "undelivered: unknown (the log in which they waited was removed)"
    try:
        words = await sending.finish(audience.within)
    except MixedPrices:
        raise  # what it refuses is no more to be sent tomorrow
    except StreamMissing:
        words = lost
    except StreamError:
        audience.undelivered(sending.left_words())
        raise
    audience.undelivered(lost if is_gone else words)


def _obey(poller: Poll, order: Order) -> None:
    """One order of the parent; what makes no sense is passed over, and logged."""
    symbols = order.get("symbols")
    if not isinstance(symbols, list) or not all(isinstance(word, str) for word in symbols):
        _log.warning("an order that cannot be read: %.200r", order)
        return
    try:
        match order.get("do"):
            case "add":
                poller.add(symbols)
            case "remove":
                poller.remove(symbols)
    except InvalidRecord as error:
        _log.warning("an order that cannot be followed: %s", error)


class StatusLine:
    """What the poller does, and the relay beside it if there is one, on standard error."""

    def __init__(self, zone: Zone, *, quiet: bool) -> None:
        self._line = Line(quiet=quiet)
        self._quiet = quiet
        self._zone = zone
        self._refused: frozenset[str] = frozenset()
        self._poll: PollStatus | None = None
        self._relay: RelayStatus | None = None

    @property
    def plain(self) -> bool:
        """Whether log lines tell it, because no terminal does."""
        return self._line.plain

    def show(self, status: PollStatus) -> None:
        """The poller's news."""
        self._poll = status
        if self._quiet or status.state is WriterState.STARTING:
            return
        self._say()
        refused = frozenset(status.refused)
        if self.plain:
            for symbol in sorted(refused - self._refused):
                _log.warning("%s: %s", symbol, status.refused[symbol])
        self._refused = refused

    def show_relay(self, status: RelayStatus) -> None:
        """The relay's news."""
        self._relay = status
        if self._poll is not None and self._poll.state is not WriterState.STARTING:
            self._say()

    def end(self, words: str) -> None:
        """A last line, which stays."""
        # In a parent's hands it is the parent's to tell.
        self._line.end(words)

    def _say(self) -> None:
        assert self._poll is not None  # noqa: S101  (both callers have seen to it)
        status, relay = self._poll, self._relay
        forms = list(_forms(status, self._zone))
        key = f"{status.state} {status.note} {status.problem}"
        if relay is not None:
            # A terminal cuts the line's end off: what is wrong must come before it.
            pairs = _alongside(forms, status_forms(relay, self._zone))
            forms = [f"{r} · {p}" if relay.is_away else f"{p} · {r}" for p, r in pairs]
            key += f" {relay.state} {relay.problem} {relay.is_away}"
        words, *shorter = forms
        self._line.show(words, key, shorter)


def _alongside(polls: Sequence[str], relays: Sequence[str]) -> list[tuple[str, str]]:
    """Both at once, ever shorter: the relay's URL goes first, because its user typed it."""
    return [
        (polls[0], relays[0]),
        (polls[0], relays[1]),
        (polls[1], relays[1]),
        (polls[2], relays[1]),
        (polls[2], relays[2]),
    ]


def _forms(status: PollStatus, zone: Zone) -> tuple[str, str, str]:
    """How the poller is: in full, without what its user asked for, and as short as can be."""
    does = f"{source_label(status.source)}: {status.state}"
    if status.problem:
        does += f" ({status.problem})"
    counts = [
        f"{status.answered} of {status.symbols} symbols",
        f"{count_text(status.ticks, 'tick')} kept",
    ]
    note = f" ({status.note})" if status.note else ""
    pace = [f"every {format_duration(status.interval)}{note}"]
    refused, retry = [], []
    if status.refused:
        refused = ["refused: " + and_more(sorted(status.refused), 5)]
    if status.retry_at and status.retry_at > now():
        retry = [f"next try {clock(status.retry_at, zone, now=now())}"]
    shortest = [
        status.state,
        *retry,
        f"{status.answered} of {status.symbols}",
        f"{status.ticks:,} kept",
    ]
    return (
        " · ".join([does, *counts, *pace, *refused, *retry]),
        " · ".join([does, *counts, *refused, *retry]),
        " · ".join(shortest),
    )
