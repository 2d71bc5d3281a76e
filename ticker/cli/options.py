"""The options that several commands share, declared once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ticker.cli import completion


class Format(StrEnum):
    """The formats of printed data."""

    table = "table"
    text = "text"
    json = "json"
    csv = "csv"


class TimeStyle(StrEnum):
    """The formats of times in JSON."""

    micros = "micros"
    iso = "iso"


Symbols = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SYMBOL]...",
        autocompletion=completion.symbols,
        help="Yahoo's symbols, as in AAPL GC=F '^IXIC'; commas separate too.",
        show_default=False,
    ),
]
Watchlists = Annotated[
    list[str] | None,
    typer.Option(
        "--watchlist",
        "-w",
        metavar="NAME",
        autocompletion=completion.watchlists,
        help="Add the symbols of this watchlist; commas between several.",
    ),
]
StreamUrl = Annotated[
    str | None,
    typer.Option(
        "--stream",
        metavar="URL",
        autocompletion=completion.streams,
        help="sqlite:PATH, kafka://HOST:PORT/PREFIX (without /PREFIX: ticks; commas between "
        "several HOST:PORT), demo, or a name from the configuration. Default: the local log. "
        "(env: TICKER_STREAM)",
        show_default=False,
    ),
]
SourceUrl = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="URL",
        autocompletion=completion.sources,
        help="yahoo, yahoo-live (its socket), exchange[:HOST[:PORT]], exchange-live[…], "
        "yahoo+http://HOST:PORT or yahoo-live+ws://HOST:PORT. (env: TICKER_SOURCE)",
        show_default=False,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="Time between polls: 500ms, 5s, 2m. Default: 15s for Yahoo, 1s elsewhere.",
        show_default=False,
    ),
]
For = Annotated[
    str | None, typer.Option("--for", metavar="DURATION", help="Stop after that time: 30s, 1h30m.")
]
Count = Annotated[
    int | None,
    typer.Option(
        "--count", metavar="N", min=1, help="Stop after that many ticks; tail counts gaps too."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="start, now, 09:30, -10m or ISO 8601 (local if no zone). In a recording or a replay: "
        "09:30 of the last day, -10m before the last tick.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="Stop before this time; written like --since."),
]
NoFollow = Annotated[
    bool, typer.Option("--no-follow", help="Stop at the present end of the stream.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--tz",
        metavar="ZONE",
        autocompletion=completion.zones,
        help="Zone of the times shown, like Europe/Berlin.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only errors on standard error.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more on standard error.")]
TableFormat = Annotated[
    Format | None,
    typer.Option("--format", metavar="[table|json|csv]", help="Default: table; json in a pipe."),
]
Control = Annotated[bool, typer.Option("--control", hidden=True)]
