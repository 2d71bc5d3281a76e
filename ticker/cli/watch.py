"""`watch`: the dashboard of a stream, without a poller of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ticker.cli import options
from ticker.cli.dashboard_screen import LiveScreen
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.error_advice import inviting
from ticker.cli.exit_codes import DONE, NO_DATA
from ticker.cli.heartbeat_ahead import arrivals
from ticker.cli.holdings_and_alerts import RunCommands, watched
from ticker.cli.printing import format_or_default, quotes_text
from ticker.cli.settings import Settings
from ticker.cli.signals import run as run_to_end
from ticker.cli.standard_streams import Output, need_terminal, tell
from ticker.health.sentences import invitation
from ticker.health.verdict import Standing, of_writers
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.board import Board


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
            code = asyncio.run(_print_board(choice, wanted, how, settings.zone(tz)))
        raise typer.Exit(code)
    option = choice.option
    need_terminal("watch", f"ticker watch --once{option}, or ticker tail{option}")
    set_up_logging(quiet=quiet, verbose=verbose, screen=True)
    listed = settings.watchlists(watchlists)
    screen = LiveScreen(settings, choice, seen, tz, duration, listed=listed, runs=alerts)
    raise typer.Exit(run_to_end(screen.main([]), stop=screen.stop))


async def _print_board(
    choice: StreamChoice, symbols: Sequence[str] | None, how: options.Format, zone: Zone
) -> int:
    """Print the newest quotes of `symbols` (`None`: all). Returns the exit code.

    Messages say why a symbol has no price.
    """
    from ticker.follow import Follow

    async with open_stream(choice) as stream:
        watched = Follow(stream, symbols)
        batch = await stream.snapshot()
        board = watched.board
        at = now()
        board.fold(batch, at, read_at=at)
        watched.clock.take(batch.heartbeats, read_at=at)
        for beat in await arrivals(stream, batch.heartbeats, at):
            board.writers.take(beat, now())
    place = {symbol: place for place, symbol in enumerate(board.symbols)}
    quotes = [quote for quote in batch.quotes if quote.symbol in place]
    quotes.sort(key=lambda quote: place[quote.symbol])
    at = watched.clock()
    Output().write(quotes_text(quotes, how, zone, at, _ages(board, at)))
    missing = [symbol for symbol in board.symbols if board.row(symbol).price is None]
    for symbol in missing:
        why = board.age(board.row(symbol), now()).detail or "no price in this stream"
        tell(f"{symbol}: {why}")
    verdict = of_writers(board.writers, now(), zone, symbols=symbols, option=choice.option)
    is_unknown = verdict.standing is Standing.UNKNOWN
    if is_unknown:
        tell(verdict.summary)
    elif not quotes and not missing:
        is_log = choice.address.backend.is_writable
        words = f" yet. {verdict.words}" if is_log else f". {invitation(option=choice.option)}"
        tell(f"No price in {choice.url}{words}")
    return NO_DATA if missing or is_unknown or not quotes else DONE


def _ages(board: Board, at: int) -> dict[str, str]:
    """Return symbol → the age of its price at `at` (µs, UTC) with the reason, in words."""
    from ticker.board.columns import age_text, reason_text

    elapsed = now()
    aged = {symbol: board.age(board.row(symbol), at, elapsed=elapsed) for symbol in board.symbols}
    return {symbol: f"{age_text(age)} {reason_text(age)}".strip() for symbol, age in aged.items()}
