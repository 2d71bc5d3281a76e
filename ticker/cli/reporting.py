"""`status`: what the stream holds, who writes it, how fresh it is, what is wrong and what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import typer

from ticker.board.freshness import Writer, judge
from ticker.cli.failing import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.options import STREAM_PANEL, Format, Quiet, StreamUrl, TimeZone, Verbose
from ticker.cli.running import set_up_logging
from ticker.cli.settings import Settings, now
from ticker.cli.standard import Output, terminal_width, wants_colour
from ticker.cli.waiting import Waiting, backlog, undelivered, waiting_for, words
from ticker.errors import UsageError
from ticker.liveness import is_alive
from ticker.records import Health
from ticker.streams import open_stream
from ticker.times import Zone, clock
from ticker.verdict import Standing, of_heartbeat, of_stream, passed_over

_CODES: Final = {
    Standing.HEALTHY: DONE,
    Standing.STALE: NO_DATA,
    Standing.EMPTY: NO_DATA,
    Standing.AWAY: NOT_REACHABLE,
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command(
        "status",
        rich_help_panel=STREAM_PANEL,
        epilog="Example: ticker status --format json",
    )(status)


def status(
    stream: StreamUrl = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="table or json. Default: json in a pipe.")
    ] = None,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """What the stream holds, who writes it, how fresh it is. Exit 0: healthy, 4: stale."""
    set_up_logging(quiet=quiet, verbose=verbose)
    settings = Settings()
    zone = settings.zone(tz)
    choice = settings.stream(stream)
    how = form or (Format.table if sys.stdout.isatty() else Format.json)
    if how is Format.csv:
        raise UsageError("status is printed as table or json")

    async def look() -> tuple[Health, list[Waiting]]:
        async with open_stream(choice) as opened:
            health = await opened.health()
            return health, await waiting_for(choice, opened, health)

    health, waiting = asyncio.run(look())
    health = msgspec.structs.replace(health, undelivered=undelivered(waiting, choice))
    at = now()
    verdict = of_stream(health, at, zone, option=choice.option, backlog=backlog(waiting, choice))
    code = _CODES[verdict.standing]
    if how is Format.json:
        told = {**msgspec.to_builtins(health), "verdict": verdict.summary, "healthy": code == DONE}
        told["heartbeats"] = [
            {**msgspec.to_builtins(beat), "alive": is_alive(beat, at)} for beat in health.heartbeats
        ]
        told["waiting"] = msgspec.to_builtins(waiting)
        text = msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
    else:
        from ticker.output import facts_table, render

        table = facts_table(
            [
                *_facts(health, at, zone),
                *(("waiting", words(each, choice, health)) for each in waiting),
                ("verdict", verdict.summary),
            ]
        )
        text = render(table, width=terminal_width(), colour=wants_colour())
    Output().write(text)
    raise typer.Exit(code)


def _facts(health: Health, at: int, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "stream", health.stream
    yield "state", health.state + (" · SIMULATED prices" if health.simulated else "")
    if health.ticks is not None:
        yield "ticks", f"{health.ticks:,}"
    if health.broken:
        yield "passed over", passed_over(health.broken)
    if health.state == "ok" and health.problem is not None:
        yield "problem", health.problem
    if health.symbols is not None:
        yield "symbols", f"{health.symbols:,}"
    if health.first is not None and health.last is not None:
        yield "from", clock(health.first, zone, now=at)
        yield "to", clock(health.last, zone, now=at)
    if health.size is not None:
        yield "size", f"{health.size / 1e6:,.1f} MB"
    for beat in sorted(health.heartbeats, key=lambda each: -each.received)[:10]:
        yield f"writer {beat.writer}", of_heartbeat(Writer(beat, judge(beat, at)), at, zone)
        for symbol, why in list(beat.refused.items())[:20]:
            yield f"  {symbol}", why
