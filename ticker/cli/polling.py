"""`poll`: source → stream, no screen: a status line on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from typing import Final

import msgspec
import typer

from ticker.cli import scene
from ticker.cli.controlled import Controlled
from ticker.cli.failing import DONE
from ticker.cli.options import (
    STREAM_PANEL,
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
from ticker.cli.running import run, set_up_logging
from ticker.cli.settings import Settings, make_state_directory, now, refuse_mixing
from ticker.errors import InvalidRecord, StreamMissing
from ticker.escape import escape
from ticker.poll import Poll, PollStatus
from ticker.processes.control import Order
from ticker.sources import Source, open_source
from ticker.streams import Log, open_log
from ticker.times import MINUTE, Zone, clock, format_duration, parse_duration

_log: Final = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(
        "poll",
        rich_help_panel=STREAM_PANEL,
        epilog="Example: ticker poll AAPL GC=F BTC-USD --every 30s",
    )(poll)


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
    """Ask a source again and again; what changed goes onto the stream. No screen."""
    settings = Settings()
    choice = settings.stream(stream)
    if not choice.named:
        make_state_directory()
    wanted = settings.symbols_or_default(symbols, watchlist)
    wish = settings.every(every)
    zone = settings.zone(tz)
    lasting = None if duration is None else parse_duration(duration)
    url = settings.source(source)
    refuse_mixing(choice, url)
    line = StatusLine(zone, quiet=quiet or control)
    set_up_logging(quiet=quiet, verbose=verbose or line.plain)

    def make(asked: Source) -> Job:
        log = open_log(choice.url, keep_for=choice.keep_for)
        tell = Teller(line.show)
        poller = Poll(asked, log, wanted, every=wish, duration=lasting, count=count, on_status=tell)
        return Job(log, poller, tell)

    with scene.writing(choice):
        code = run_job(make, url, line, controlled=control)
    raise typer.Exit(code)


class Teller:
    """Passes the status on to `show`, whoever that is by now."""

    def __init__(self, show: Callable[[PollStatus], None]) -> None:
        self.show = show

    def __call__(self, status: PollStatus) -> None:  # noqa: D102  (the class says it)
        self.show(status)


class Job(msgspec.Struct, frozen=True):
    """A poller and its log, made before either is opened: orders and signals find it at once."""

    log: Log
    poller: Poll
    tell: Teller


def run_job(make: Callable[[Source], Job], url: str, line: StatusLine, *, controlled: bool) -> int:
    """Poll to the end, anew if the log is taken away under the poller; the exit code."""
    jobs: list[Job] = []

    async def main(job: Job, asked: Source) -> int:
        try:
            while True:
                jobs[:] = [job]
                try:
                    async with job.log:
                        report = await job.poller.run()
                except StreamMissing as error:
                    _log.warning("%s. Going on in a new one", error)
                    before, job = job, make(asked)
                    job.tell.show = before.tell.show
                else:
                    line.end(f"{report.ticks:,} ticks kept in {job.log.url}")
                    return DONE
        finally:
            await asked.close()

    async def stop() -> None:
        for job in jobs:
            job.poller.stop()

    async def begin() -> int:
        asked = open_source(url)
        job = make(asked)
        jobs.append(job)
        if not controlled:
            return await main(job, asked)
        async with Controlled(lambda order: _obey(jobs[0].poller, order), stop) as parent:
            job.tell.show = lambda status: parent.say("status", **msgspec.to_builtins(status))
            return await main(job, asked)

    return run(begin(), stop=stop)


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
    """What the poller does, on standard error: rewritten on a terminal, logged elsewhere."""

    def __init__(self, zone: Zone, *, quiet: bool) -> None:
        self.plain = not sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._zone = zone
        self._state = ""
        self._logged_at = 0
        self._refused: frozenset[str] = frozenset()

    def show(self, status: PollStatus) -> None:
        """Tell `status`: at once on a terminal; elsewhere each change of state, and each minute."""
        if self._quiet or status.state == "starting":
            return
        if not self.plain:
            columns = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[2K" + _words(status, self._zone)[:columns])
            return
        refused = frozenset(status.refused)
        key = f"{status.state} {status.note} {status.problem}"
        if key != self._state or now() - self._logged_at >= MINUTE:
            self._state, self._logged_at = key, now()
            _log.info("%s", _words(status, self._zone))
        if refused - self._refused:
            for symbol in sorted(refused - self._refused):
                _log.warning("%s: %s", symbol, status.refused[symbol])
        self._refused = refused

    def end(self, words: str) -> None:
        """The last line, which stays."""
        if self.plain:
            _log.info("%s", words)
        elif not self._quiet:
            self._write("\r\x1b[2K" + escape(words, 1_000) + "\n")

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass  # the terminal has gone; the hang-up that follows ends us


def _words(status: PollStatus, zone: Zone) -> str:
    parts = [f"{status.source}: {status.state}"]
    if status.problem:
        parts[0] += f" ({status.problem})"
    parts += [
        f"{status.answered} of {status.symbols} symbols",
        f"{status.ticks:,} ticks kept",
        f"every {format_duration(status.interval)}",
    ]
    if status.note:
        parts.append(status.note)
    if status.refused:
        parts.append("refused: " + " ".join(sorted(status.refused)[:5]))
    if status.retry_at:
        parts.append(f"next try {clock(status.retry_at, zone, now=now())}")
    return escape(" · ".join(parts), 1_000)
