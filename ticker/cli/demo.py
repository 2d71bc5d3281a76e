"""`demo`: the whole pipeline without a network, on a screen or into a recording."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.cli import options
from ticker.cli.dashboard_screen import LiveScreen
from ticker.cli.demo_log import demo_log
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exchange import SEED, Listed
from ticker.cli.exit_codes import DONE, NO_DATA, Failed
from ticker.cli.holdings_and_alerts import RunCommands, watched
from ticker.cli.record import recorded_words
from ticker.cli.recording_files import new_recording, recording_path
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.standard_streams import need_terminal, tell
from ticker.cli.status_line import StatusLine
from ticker.config.reading import DEFAULT_WATCHLIST
from ticker.errors import UsageError
from ticker.figures import count_text
from ticker.source_titles import EXCHANGE_PORT
from ticker.system_clock import now
from ticker.times import Zone, parse_duration
from ticker.units import HOUR, SECOND

if TYPE_CHECKING:
    from ticker.poll import Poll, PollStatus
    from ticker.streams.recording import Recorder

_SOURCES: Final = ("exchange", "exchange-live")


Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives the same prices.")]
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="exchange (polled; default) or exchange-live (each change through a socket).",
        show_default=False,
    ),
]
Keep = Annotated[bool, typer.Option("--keep", help="Continue the last demo's stream.")]
Record = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Record an hour of market time (or --for) in seconds, without a screen. "
        "With --seed the file is the same each time.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="With --record: replace FILE if it exists.")]


def demo(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    every: options.Every = None,
    seed: Seed = None,
    listed: Listed = None,
    source: SourceName = None,
    keep: Keep = False,
    duration: options.For = None,
    record: Record = None,
    force: Force = False,
    alerts: RunCommands = False,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Run everything without a network: exchange, poller, stream and dashboard."""
    settings = Settings()
    wish = settings.every(every)
    named = settings.symbols(symbols, watchlists)
    usual = _usual(listed)
    if source not in (None, *_SOURCES):
        raise UsageError(f"demo needs no network: its --source is {' or '.join(_SOURCES)}")
    if record is not None:
        if source is not None:
            raise UsageError("--source is for the screen: --record reads the market directly")
        if keep:
            raise UsageError("--keep is for the screen: a recording always starts new")
        options = DemoRecording(
            path=recording_path(record),
            symbols=named or usual,
            seed=seed,
            listed=listed,
            every=wish or SECOND,
            duration=HOUR if duration is None else parse_duration(duration),
            zone=settings.zone(tz),
        )
        line = StatusLine(quiet=quiet)
        set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
        raise typer.Exit(_record(options, line, replace=force))
    if force:
        raise UsageError("--force goes with --record FILE")
    need_terminal("demo", "ticker demo --record hour.parquet")
    seen, lists = watched(settings, named, usual), settings.watchlists(watchlists)
    with demo_log(keep=keep) as (choice, notices), reserved_port(EXCHANGE_PORT) as listening:
        set_up_logging(quiet=quiet, verbose=verbose, screen=True)
        exchange, url = _exchange(seed, listed, source or _SOURCES[0], listening)
        poller = ["poll", *seen.all, "--source", url, "--every", every or "1s"]
        poller += ["--stream", "demo" if choice.demo else choice.url]
        screen = LiveScreen(
            settings, choice, seen, tz, duration, listed=lists, notices=notices, runs=alerts
        )
        raise typer.Exit(
            run(screen.main([poller, exchange], {"exchange": listening.fileno()}), stop=screen.stop)
        )


def _usual(listed: int | None) -> tuple[str, ...]:
    """Return the symbols of a demo that names none."""
    if listed is None:
        return DEFAULT_WATCHLIST
    from ticker.exchange import listings

    return tuple(each.symbol for each in listings(listed))


def reserved_port(wished: int) -> socket.socket:
    """Return a socket that listens at port `wished`, or at a free port if that one is in use.

    A child gets the open socket. If it got only the number, another demo could take the port first.
    """
    try:
        return socket.create_server(("127.0.0.1", wished))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _exchange(
    seed: int | None, listed: int | None, source: str, listening: socket.socket
) -> tuple[list[str], str]:
    """Return the command that starts the exchange on the socket `listening`, and its URL."""
    words = ["exchange", "--socket", str(listening.fileno())]
    words += ["--seed", str(seed)] if seed is not None else []
    words += ["--symbols", str(listed)] if listed is not None else []
    return words, f"{source}:127.0.0.1:{listening.getsockname()[1]}"


class DemoRecording(msgspec.Struct, frozen=True):
    """The options of a recorded demo. Durations are µs."""

    path: Path
    symbols: tuple[str, ...]
    seed: int | None
    """With a seed, the market time and the origin are fixed too."""
    listed: int | None
    """The number of symbols of the market; `None`: the usual ones."""
    every: int
    duration: int
    zone: Zone


def _record(options: DemoRecording, line: StatusLine, *, replace: bool) -> int:
    """Write the recording. Returns the exit code."""
    from ticker.exchange import Market, listings
    from ticker.simulation import BEGIN, simulated_poll
    from ticker.streams.recording import Recorder

    path, duration = options.path, options.duration
    # Without a seed, the recording ends now, as if it had just been made.
    latest = now() - duration
    begin = latest - latest % SECOND if options.seed is None else BEGIN
    seed = SEED if options.seed is None else options.seed

    def show(status: PollStatus) -> None:
        done = min(status.polls * options.every / duration, 1)
        words = f"SIMULATED · recording {count_text(status.ticks, 'tick')}, {done:.0%}"
        line.show(f"{words} → {path}", "recording", [words])

    with new_recording(path, replace=replace), Recorder(path, replace=replace) as recorder:
        poller = simulated_poll(
            recorder,
            Market(seed, listings=listings(options.listed)),
            options.symbols,
            seed=seed,
            begin=begin,
            duration=duration,
            every=options.every,
            on_status=show,
        )
        return run(_simulate(poller, recorder, options, line), stop=poller.stop)


async def _simulate(
    poller: Poll, recorder: Recorder, options: DemoRecording, line: StatusLine
) -> int:
    """Simulate the time, then write the file. Returns the exit code."""
    path = options.path
    report = await poller.run()
    if report.why == "stopped":
        line.end(f"Stopped. {path} was not written")
        return DONE  # the signal decides the exit code
    for symbol, reason in report.status.refused.items():
        tell(f"{symbol}: {reason}. List the symbols: ticker exchange --list")
    if not report.status.ticks:
        raise Failed(f"No price came. {path} was not written", NO_DATA)
    line.show(f"writing {path}", "writing")
    manifest = await asyncio.to_thread(recorder.finish)
    line.end(f"SIMULATED · {recorded_words(manifest, path, options.zone)}")
    return NO_DATA if report.status.refused else DONE
