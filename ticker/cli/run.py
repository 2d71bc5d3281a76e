"""`run`: the dashboard, with a poller in a process of its own."""

from __future__ import annotations

import typer

from ticker.cli import options
from ticker.cli.dashboard_screen import LiveScreen
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.holdings_and_alerts import watched
from ticker.cli.settings import Settings, refuse_mixing
from ticker.cli.signals import run as run_to_end
from ticker.cli.standard_streams import need_terminal
from ticker.files import make_state_directory


def run(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    source: options.SourceUrl = None,
    stream: options.StreamUrl = None,
    every: options.Every = None,
    duration: options.For = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Poll a source and show the dashboard, in one terminal. The poller is its own process."""
    settings = Settings()
    choice = settings.stream(stream)
    need_terminal("run", f"ticker poll{choice.option}")
    set_up_logging(quiet=quiet, verbose=verbose, screen=True)
    named = settings.symbols(symbols, watchlists)
    seen = watched(settings, named, settings.config.watchlist("default"))
    if not choice.named:
        make_state_directory()
    refuse_mixing(choice, settings.source(source))
    settings.every(every)  # report a mistake here, before the poller starts
    words = ["poll", *seen.all, "--source", settings.source(source)]
    # The poller reads the same configuration. Pass on only options that were given here, so that it
    # can distinguish the default log from a named one.
    words += ["--stream", stream] if stream is not None else []
    words += ["--every", every] if every is not None else []
    lists = settings.watchlists(watchlists)
    listed = lists if lists or symbols else ("default",)
    screen = LiveScreen(settings, choice, seen, tz, duration, listed=listed, runs=True)
    raise typer.Exit(run_to_end(screen.main([words]), stop=screen.stop))
