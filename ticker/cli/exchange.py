"""`exchange`: the offline market, served through Yahoo's own interfaces."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ticker.cli import completion, options
from ticker.cli.controlled import parent_channel
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import DONE
from ticker.cli.printing import table_text
from ticker.cli.signals import run
from ticker.cli.standard_streams import Output, tell
from ticker.cli.status_line import StatusLine
from ticker.errors import UsageError
from ticker.figures import count_text
from ticker.processes import Control
from ticker.source_titles import EXCHANGE_PORT
from ticker.times import parse_duration

if TYPE_CHECKING:
    from ticker.exchange import Counters, Exchange, Fault

LOOPBACK: Final = "127.0.0.1"
_PAUSE: Final = 0.5
"""The time between two readings of the counters (s)."""
SEED: Final = 1
"""The default seed of a market."""
Listed = Annotated[
    int | None,
    typer.Option(
        "--symbols",
        metavar="N",
        min=1,
        max=5_000,
        help="The number of symbols. Those beyond --list are invented companies.",
    ),
]
FaultNames = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:SHARE]",
        autocompletion=completion.faults,
        help="Fail on purpose: 429, crumb, consent, html, truncated, missing, slow, reset, "
        "5xx; of the socket: mute, close, garbage, flood, float32. SHARE of the requests or "
        "messages (missing: of the symbols), 0 to 1. Repeat for several. While it runs, "
        "curl -X PUT localhost:8790/faults -d '429 html:0.5' sets other faults, -d '' ends all.",
        show_default=False,
    ),
]


class SessionName(StrEnum):
    """The names of the exchange's sessions. Listed here so that the exchange is not loaded."""

    regular = "regular"
    closed = "closed"
    pre = "pre"
    post = "post"
    auto = "auto"


def exchange(
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Port 0 takes a free one.")
    ] = f"{LOOPBACK}:{EXCHANGE_PORT}",
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed gives the same prices.")
    ] = SEED,
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="Time between moves.")
    ] = "1s",
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers", metavar="DIR", help="Serve saved answers of Yahoo (quote --raw) unchanged."
        ),
    ] = None,
    symbols: Listed = None,
    session: Annotated[
        SessionName,
        typer.Option(
            "--session",
            help="The market's session. regular never closes; auto follows the clock.",
        ),
    ] = SessionName.regular,
    faults: FaultNames = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the symbols, then exit.")] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    control: options.Control = False,
    descriptor: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
) -> None:
    """Run an offline market: invented prices behind Yahoo's own interfaces, on loopback."""
    set_up_logging(quiet=quiet, verbose=verbose)
    if listed:
        Output().write(_table(symbols))
        raise typer.Exit(DONE)
    host, port = _address(listen)
    from ticker.exchange import Exchange, Market, SavedAnswers, SessionWish, listings

    quotes: Market | SavedAnswers
    if answers is None:
        wish = SessionWish(session.value)
        quotes = Market(seed, listings=listings(symbols), every=parse_duration(every), wish=wish)
    elif symbols is not None:
        raise UsageError("--symbols is for the invented market: --answers has symbols of its own")
    elif session is not SessionName.regular:
        raise UsageError("--session is for the invented market: --answers are as they were saved")
    else:
        quotes = SavedAnswers(answers)
    listening = None if descriptor is None else socket.socket(fileno=descriptor)
    serving = Exchange(quotes, host, port, faults=faults or (), listening=listening)
    main = _controlled(serving) if control else _serve(serving, quiet=quiet)
    raise typer.Exit(run(main))


async def _controlled(serving: Exchange) -> int:
    over = asyncio.Event()
    async with parent_channel(lambda _: None, over.set) as control:
        host, port = await serving.start()
        control.say("ready", host=host, port=port)
        telling = asyncio.create_task(_tell_moves(serving, control))
        await over.wait()
        telling.cancel()
        await serving.stop()
    return DONE


async def _tell_moves(serving: Exchange, control: Control) -> None:
    """Report to the parent how often the symbols that clients ask for have moved.

    The number is one pause old, so that the parent has had time to see those moves.
    """
    before = 0
    while True:
        control.say("market", moved=before)
        before = serving.counters.watched
        await asyncio.sleep(_PAUSE)


async def _serve(serving: Exchange, *, quiet: bool) -> int:
    host, port = await serving.start()
    if not quiet:
        tell(
            f"SIMULATED prices at http://{host}:{port}\n"
            f"In another terminal: ticker run --source {source_url(host, port)} --stream demo"
        )
    line = StatusLine(quiet=quiet)
    forms = [""]
    try:
        while True:
            before, parts = forms, counted_parts(serving.counters, serving.faults.on)
            forms = [" · ".join(parts[:n]) for n in range(len(parts), 0, -1)]
            if forms != before and not line.plain:
                line.show(forms[0], "", forms[1:])
            await asyncio.sleep(_PAUSE)
    finally:
        if not line.plain:
            line.end(forms[0])
        await serving.stop()


def counted_parts(counted: Counters, faults: Mapping[Fault, float]) -> Sequence[str]:
    """Return the exchange's counters in words; active faults come first."""
    named = [f"{name}:{share:g}" for name, share in faults.items()]
    return [
        *([f"failing on purpose: {', '.join(named)}"] if named else []),
        f"{count_text(counted.connections, 'connection')} ({counted.open:,} open)",
        count_text(counted.requests, "request"),
        f"{count_text(counted.sent, 'event')} sent",
        f"market moved {count_text(counted.events, 'time')}",
    ]


def source_url(host: str, port: int) -> str:
    """Return the shortest source URL of the exchange."""
    is_default = (host, port) == (LOOPBACK, EXCHANGE_PORT)
    return "exchange" if is_default else f"exchange:{host}:{port}"


def _table(symbols: int | None) -> str:
    from ticker.exchange import listings
    from ticker.tables import words_table

    rows = [
        (each.symbol, each.name, each.kind.quote_type.lower(), each.currency, each.venue.name)
        for each in listings(symbols)
    ]
    table = words_table(("Symbol", "Name", "Kind", "Currency", "Exchange"), rows)
    return table_text(table)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:  # noqa: PLR2004
        raise UsageError(f"{text!r} is not an address: write HOST:PORT, like 127.0.0.1:8790")
    return host.strip("[]"), int(port)
