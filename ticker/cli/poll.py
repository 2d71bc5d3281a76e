"""`poll`: polls into a stream. Shows a status line on a terminal, writes log lines elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import typer

from ticker.cli import options
from ticker.cli.demo_log import writing
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.holdings_and_alerts import (
    RunCommands,
    asking_for_pairs,
    looking_for_alerts,
    portfolio_of,
    watched,
)
from ticker.cli.poll_line import PollLine
from ticker.cli.poller_process import Job, PollerProcess
from ticker.cli.settings import Settings, refuse_mixing, stream_path
from ticker.cli.signals import run
from ticker.cli.standard_streams import tell
from ticker.files import make_state_directory
from ticker.poll import Poll
from ticker.relay import Route, local_log
from ticker.relay.backlog import find_unsent
from ticker.relay.sentences import unsent_words
from ticker.streams import StreamChoice, canonical_url
from ticker.times import parse_duration


def poll(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    source: options.SourceUrl = None,
    stream: options.StreamUrl = None,
    every: options.Every = None,
    duration: options.For = None,
    count: options.Count = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    control: options.Control = False,
    alerts: RunCommands = False,
) -> None:
    """Poll a source and write what changed to the stream. No screen."""
    settings = Settings()
    choice = settings.stream(stream)
    is_file = stream_path(choice) is not None
    if not (choice.named and is_file):
        make_state_directory()
    named = settings.symbols(symbols, watchlists)
    found = watched(settings, named, settings.config.watchlist("default"))
    wanted = found.all if alerts or not named else named
    zone = settings.zone(tz)
    url = settings.source(source)
    refuse_mixing(choice, url)
    # For a destination such as Kafka, ticks go to a local log first, and a relay sends them on from
    # there. So nothing is lost while the destination is slow or down.
    kept = choice if is_file else local_log(choice, simulated=url.startswith("exchange"))
    job = Job(
        source=url,
        symbols=wanted,
        every=settings.every(every),
        duration=None if duration is None else parse_duration(duration),
        count=count,
        kept=kept,
        destination=None if is_file else choice,
    )
    line = PollLine(zone, quiet=quiet or control)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
    if not control:
        _tell_unsent(kept, choice)
    portfolio = None if named else portfolio_of(settings)

    def beside(poller: Poll) -> Iterator[AbstractAsyncContextManager[None]]:
        if alerts:
            yield looking_for_alerts(settings, kept, zone)
        if portfolio is not None:
            yield asking_for_pairs(portfolio, kept, poller)

    with writing(choice):
        process = PollerProcess(job, line, beside, controlled=control)
        raise typer.Exit(run(process.main(), stop=process.stop))


def _tell_unsent(kept: StreamChoice, choice: StreamChoice) -> None:
    """Report the ticks that wait in local logs without a relay, except those of this route."""
    route = Route(canonical_url(kept), canonical_url(choice))
    for each in asyncio.run(find_unsent(route)):
        tell(f"{unsent_words(each)}. See what to do: ticker status{choice.option}")
