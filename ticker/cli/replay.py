"""`replay`: plays a stream again, on a dashboard or into another stream."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ticker.address import RECORDING, is_recording, part_path
from ticker.alert_watch import Alerting
from ticker.board import Board
from ticker.board.holdings import Portfolio
from ticker.cli import completion, options
from ticker.cli.dashboard_screen import Screen
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.error_advice import inviting
from ticker.cli.exit_codes import CANNOT_WRITE, NO_DATA, Failed
from ticker.cli.holdings_and_alerts import RunCommands, watched
from ticker.cli.replay_source import ReplayOptions, missing, open_reel
from ticker.cli.replay_to import ReplayTo
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.since_until import span_of
from ticker.cli.standard_streams import need_terminal
from ticker.cli.status_line import StatusLine
from ticker.currency_pairs import pairs_in
from ticker.errors import StreamNotWritable, UsageError
from ticker.feed import Feed
from ticker.follow import Follow
from ticker.play import Player, parse_speed
from ticker.streams import (
    Stream,
    StreamChoice,
    canonical_log_url,
    canonical_url,
    is_path,
    open_stream,
    refuse_other_path,
)
from ticker.system_clock import now
from ticker.times import parse_duration

_Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STREAM|SYMBOL",
        autocompletion=completion.streams_and_symbols,
        help="The first word is a stream if it is a URL, a name from the configuration, demo "
        "or an existing file; all others are symbols. Without a stream: the last session of the "
        "local log (a session begins after 30 min without a tick).",
        show_default=False,
    ),
]
_Speed = Annotated[
    str, typer.Option("--speed", metavar="N", help="0.1, 1, 10, … or max: as fast as it goes.")
]
_Idle = Annotated[
    str | None,
    typer.Option("--idle", metavar="DURATION", help="Shorten pauses longer than this: 2s."),
]
_To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="STREAM",
        autocompletion=completion.streams,
        help="Play into this stream, without a screen. It must be empty or missing. Ends with "
        "a comparison of both.",
    ),
]


def replay(
    words: _Words = None,
    watchlists: options.Watchlists = None,
    stream: options.StreamUrl = None,
    speed: _Speed = "1",
    since: options.Since = None,
    until: options.Until = None,
    paused: Annotated[bool, typer.Option("--paused", help="Begin paused.")] = False,
    idle: _Idle = None,
    loop: Annotated[bool, typer.Option("--loop", help="At the end, begin again.")] = False,
    to: _To = None,
    alerts: RunCommands = False,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Play a stream again, offline, at the pace at which it came. The space bar pauses."""
    settings = Settings()
    named, symbols = _stream_word(settings, words or [], stream)
    source = settings.stream(named)
    seen = watched(settings, settings.symbols(symbols, watchlists), None)
    with inviting(source.option):
        begin, end = span_of(source, since, until, settings.zone(tz), is_replay=True)
        wish = ReplayOptions(
            source=source,
            symbols=seen.rows,
            beside=seen.beside if to is None else (),
            since=now() if begin == "end" else None if begin == "start" else begin,
            until=end,
            last_session=named is None and since is None,
            speed=parse_speed(speed),
            zone=settings.zone(tz),
            is_paused=paused,
            loop=loop,
            idle=None if idle is None else parse_duration(idle),
        )
        if to is not None:
            for_screens = {"--loop": loop, "--paused": paused, "--idle": idle is not None}
            for_screens["--alerts"] = alerts
            for option, is_given in for_screens.items():
                if is_given:
                    raise UsageError(f"{option} is for the screen: leave it out with --to")
            raise typer.Exit(_copy(wish, settings.stream(to), quiet=quiet, verbose=verbose))
        where = [] if stream is None else ["--stream", stream]
        typed = shlex.join(["ticker", "replay", *(words or []), *where])
        need_terminal("replay", f"{typed} --to sqlite:copy.sqlite")
        set_up_logging(quiet=quiet, verbose=verbose, screen=True)
        name = "last session" if wish.last_session else "" if source.default else source.word
        title = ", ".join(settings.watchlists(watchlists)) or name
        alerting = Alerting(settings.alerts(), runs=alerts, keep_in=settings.config.path)
        screen = Screen(settings, source, wish.zone, alerting, title=title)
        playing = _show(wish, screen, StatusLine(quiet=quiet))
        raise typer.Exit(run(playing, stop=screen.stop))


async def _show(wish: ReplayOptions, screen: Screen, line: StatusLine) -> int:
    """Play on `screen` until `q` or a signal. Returns the exit code. `line` shows the loading."""
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(open_stream(wish.source))
        if screen.portfolio is not None:
            listed = chain.from_iterable(screen.preferences.watchlists.values())
            wish = await _with_pairs(wish, source, screen.portfolio, set(listed))
        reel = await open_reel(stack, source, wish, line)
        alerting = await stack.enter_async_context(screen.alerting)

        def follow(board: Board) -> Feed:
            live = Follow(source, wish.symbols, board=board, observe=alerting.take)
            alerting.attach(live)
            return live

        player = Player(
            reel,
            wish.speed,
            is_paused=wish.is_paused,
            loop=wish.loop,
            idle=wish.idle,
            live=follow if wish.source.address.backend.is_writable else None,
            why_not_live="A recording has no live end",
            rows=wish.symbols,
            beside=wish.beside,
        )
        player.look_for(alerting.alerts)
        if absent := await missing(source, wish):
            screen.notify(f"{', '.join(absent)}: not in {source.url}")
        return await screen.show(player, player=player)


async def _with_pairs(
    wish: ReplayOptions, stream: Stream, portfolio: Portfolio, listed: set[str]
) -> ReplayOptions:
    """Return the options with the exchange-rate pairs in `stream` that totals need.

    A pair has a row only if the user named it. If the user named no symbol, it has a row if it is
    `listed` in a watchlist.
    """
    pairs = pairs_in(portfolio, (await stream.snapshot()).quotes)
    pairs -= listed if wish.symbols is None else set(wish.symbols)
    return msgspec.structs.replace(wish, beside=(*wish.beside, *sorted(pairs)))


def _copy(wish: ReplayOptions, destination: StreamChoice, *, quiet: bool, verbose: bool) -> int:
    """Play into `destination`. Returns the exit code."""
    url = canonical_url(wish.source)
    if canonical_log_url(destination) == url:
        raise UsageError(f"{url} cannot be replayed into itself")
    line = StatusLine(quiet=quiet)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
    job = ReplayTo(wish, destination, line)
    try:
        return run(job.main(), stop=job.stop)
    except StreamNotWritable as error:
        advice = "Name another place with --to sqlite:PATH"
        raise Failed(f"{error}. {advice}", CANNOT_WRITE) from error


def _stream_word(
    settings: Settings, words: Sequence[str], option: str | None
) -> tuple[str | None, Sequence[str]]:
    """Return the named stream (`None`: none), and the symbols.

    Raises `Failed` for a missing file, `UsageError` for a path that is no stream. With `--stream`,
    all words are symbols.
    """
    if option is not None or not words:
        return option, words
    first = words[0]
    if first == "demo" or first in settings.config.streams or ":" in first:
        return first, words[1:]
    path = Path(first).expanduser()
    # A folder in lower case is taken for a path. A folder named AAPL must not hide the symbol.
    is_folder = first == first.lower() and path.is_dir()
    if is_path(first) or is_folder:
        refuse_other_path(first)
    is_left = is_recording(first) and part_path(path).exists()
    if path.is_file() or is_left:  # an unfinished recording is finished when it is opened
        return first if is_recording(first) else f"sqlite:{first}", words[1:]
    if is_path(first):
        raise Failed(f"{first}: there is no such file", NO_DATA)
    # Symbols may be in lower case, but `demoo` more likely means the stream.
    names = ("demo", *settings.config.streams)
    close = difflib.get_close_matches(first, names, n=1, cutoff=0.75)
    if Path(f"{path}{RECORDING}").is_file():
        close = [f"{first}{RECORDING}"]
    if close and first == first.lower():
        raise UsageError(
            f'No stream "{first}". Did you mean "{close[0]}"? A symbol: {first.upper()}'
        )
    return None, words
