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
    help: str
    """Its summary: the first paragraph of its own help."""
    example: str


_WATCH: Final = (
    Command(
        "run",
        "Poll a source and show the dashboard, in one terminal. The poller is its own process.",
        "ticker run AAPL MSFT GC=F '^IXIC'",
    ),
    Command(
        "watch",
        "Show a stream in a dashboard.",
        "ticker watch --stream demo --once",
    ),
    Command(
        "demo",
        "Run everything without a network: exchange, poller, stream and dashboard.",
        "ticker demo AAPL GC=F --seed 7   or   ticker demo --record hour.parquet --for 1h --seed 7",
    ),
    Command(
        "search",
        "Find Yahoo's symbols by words of their names.",
        "ticker search gold",
    ),
    Command(
        "quote",
        "Print current prices once. Nothing is stored.",
        "ticker quote AAPL GC=F '^IXIC' --format json",
    ),
    Command(
        "replay",
        "Play a stream again, offline, at the pace at which it came. The space bar pauses.",
        "ticker replay demo AAPL --speed 10",
    ),
)
_STREAM: Final = (
    Command(
        "poll",
        "Poll a source and write what changed to the stream. No screen.",
        "ticker poll AAPL GC=F BTC-USD --every 30s",
    ),
    Command(
        "tail",
        "Print the stream, one event a line: the last 10, then what comes.",
        "ticker tail AAPL GC=F --since -10m --no-follow --format csv",
    ),
    Command(
        "forward",
        "Copy a stream into a log: what it holds, then new events. Resumes where it stopped.",
        "ticker forward demo sqlite:copy.sqlite --no-follow",
    ),
    Command(
        "status",
        "Show what the stream holds, who writes it, how fresh it is. Exit 4: stale or empty.",
        "ticker status --format json",
    ),
)
_FILES: Final = (
    Command(
        "record",
        "Record a stream in a Parquet file, from now on or --since WHEN, until Ctrl-C.",
        "ticker record today.parquet --stream demo --for 10s",
    ),
    Command(
        "import",
        "Turn other publishers' tick files (CSV, CSV in gz or zip, Parquet) into a recording.",
        "ticker import EURUSD.csv eurusd.parquet --symbol EURUSD=X --zone UTC",
    ),
    Command(
        "config",
        "Show the configuration: the file's path, each value in force and where it comes from.",
        "ticker config --check",
    ),
)
_LEARN: Final = (
    Command(
        "exchange",
        "Run an offline market: invented prices behind Yahoo's own interfaces, on loopback.",
        "ticker exchange --seed 7   and then   ticker run --source exchange --stream demo",
    ),
    Command(
        "compare",
        "Compare one request per event with one open connection: connections, bytes, seconds.",
        "ticker compare --show 5",
    ),
)
PANELS: Final = {"Watch": _WATCH, "Stream": _STREAM, "Files": _FILES, "Learn": _LEARN}
"""Title → the commands of a group, in the order of the overview."""
COMMANDS: Final = {command.name: command for panel in PANELS.values() for command in panel}
"""Name → command, in the same order."""
