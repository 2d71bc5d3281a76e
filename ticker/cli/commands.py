"""All commands, with their texts in the overview.

A command's module is imported only when the command is called. Knows neither typer nor Rich.
"""

from __future__ import annotations

from typing import Final, NamedTuple

COMPLETING: Final = "_TICKER_COMPLETE"
"""The environment variable that a shell sets to ask for completions."""


class Command(NamedTuple):
    """One command."""

    name: str
    panel: str
    """The title of its group in the overview."""
    help: str
    """Its summary: the first paragraph of its own help."""
    example: str


WATCH: Final = "Watch"
STREAM: Final = "Stream"
FILES: Final = "Files"
LEARN: Final = "Learn"

_ALL: Final = (
    Command(
        "run",
        WATCH,
        "Poll a source and show the dashboard, in one terminal. The poller is its own process.",
        "ticker run AAPL MSFT GC=F '^IXIC'",
    ),
    Command(
        "watch",
        WATCH,
        "Show a stream in a dashboard.",
        "ticker watch --stream demo --once",
    ),
    Command(
        "demo",
        WATCH,
        "Run everything without a network: exchange, poller, stream and dashboard.",
        "ticker demo AAPL GC=F --seed 7   or   ticker demo --record hour.parquet --for 1h --seed 7",
    ),
    Command(
        "search",
        WATCH,
        "Find Yahoo's symbols by words of their names.",
        "ticker search gold",
    ),
    Command(
        "quote",
        WATCH,
        "Print current prices once. Nothing is stored.",
        "ticker quote AAPL GC=F '^IXIC' --format json",
    ),
    Command(
        "replay",
        WATCH,
        "Play a stream again, offline, at the pace at which it came. space pauses.",
        "ticker replay demo AAPL --speed 10",
    ),
    Command(
        "poll",
        STREAM,
        "Poll a source and write what changed to the stream. No screen.",
        "ticker poll AAPL GC=F BTC-USD --every 30s",
    ),
    Command(
        "tail",
        STREAM,
        "Print the stream, one event a line: the last 10, then what comes.",
        "ticker tail AAPL GC=F --since -10m --no-follow --format csv",
    ),
    Command(
        "forward",
        STREAM,
        "Copy one log into another: what it holds, then new events. Resumes where it stopped.",
        "ticker forward demo sqlite:copy.sqlite --no-follow",
    ),
    Command(
        "status",
        STREAM,
        "Show what the stream holds, who writes it, how fresh it is. Exit 0: healthy, 4: stale.",
        "ticker status --format json",
    ),
    Command(
        "record",
        FILES,
        "Record a stream in a Parquet file, from now on or --since WHEN, until Ctrl-C.",
        "ticker record today.parquet --stream demo --for 10s",
    ),
    Command(
        "import",
        FILES,
        "Turn tick files of others (CSV, CSV in gz or zip, Parquet) into a recording.",
        "ticker import EURUSD.csv eurusd.parquet --symbol EURUSD=X --zone UTC",
    ),
    Command(
        "config",
        FILES,
        "Show the configuration: the file's path, each value in force and where it comes from.",
        "ticker config --check",
    ),
    Command(
        "exchange",
        LEARN,
        "Run an offline market: invented prices behind Yahoo's own interfaces, on loopback.",
        "ticker exchange --seed 7   and then   ticker run --source exchange --stream demo",
    ),
    Command(
        "compare",
        LEARN,
        "Compare one request per event with one open connection: connections, bytes, seconds.",
        "ticker compare --show 5",
    ),
)
COMMANDS: Final = {command.name: command for command in _ALL}
"""Name → command, in the order of the overview."""
