"""`watch`: the dashboard of a stream, without a poller of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from ticker.cli import options
from ticker.cli.dashboard_screen import LiveScreen
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.error_advice import inviting
from ticker.cli.holdings_and_alerts import RunCommands, watched
from ticker.cli.printing import format_or_default
from ticker.cli.settings import Settings
from ticker.cli.signals import run as run_to_end
from ticker.cli.standard_streams import need_terminal
from ticker.cli.watch_once import print_board


def watch(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    stream: options.StreamUrl = None,
    once: Annotated[bool, typer.Option("--once", help="Print the board once, then exit.")] = False,
    form: Annotated[
        options.Format | None,
        typer.Option(
            "--format",
            metavar="[table|json|csv]",
            help="With --once. Default: table; json in a pipe.",
        ),
    ] = None,
    duration: options.For = None,
    alerts: RunCommands = False,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show a stream in a dashboard."""
    settings = Settings()
    seen = watched(settings, settings.symbols(symbols, watchlists), None)
    wanted = seen.rows
    choice = settings.stream(stream)
    if once:
        set_up_logging(quiet=quiet, verbose=verbose)
        how = format_or_default(form)
        with inviting(choice.option):
            code = asyncio.run(print_board(choice, wanted, how, settings.zone(tz)))
        raise typer.Exit(code)
    option = choice.option
    need_terminal("watch", f"ticker watch --once{option}, or ticker tail{option}")
    set_up_logging(quiet=quiet, verbose=verbose, screen=True)
    listed = settings.watchlists(watchlists)
    screen = LiveScreen(settings, choice, seen, tz, duration, listed=listed, runs_commands=alerts)
    raise typer.Exit(run_to_end(screen.main([]), stop=screen.stop))
