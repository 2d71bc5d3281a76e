"""`status`: what the stream holds, who writes it, how fresh it is, what is wrong and what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from ticker.board.freshness import Reason, judge
from ticker.cli.failing import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.options import STREAM_PANEL, Format, Quiet, StreamUrl, TimeZone, Verbose
from ticker.cli.relaying import local_log
from ticker.cli.running import set_up_logging
from ticker.cli.settings import Settings, StreamChoice, now, stream_path
from ticker.cli.standard import Output, terminal_width, wants_colour
from ticker.errors import UsageError
from ticker.records import Health, Heartbeat
from ticker.streams import open_stream
from ticker.times import Zone, clock, format_duration


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

    async def look() -> Health:
        async with open_stream(choice.url) as opened:
            health = await opened.health()
        return await _with_local_logs(health, choice)

    health = asyncio.run(look())
    verdict, code = judge_stream(health, now(), zone)
    if how is Format.json:
        told = {**msgspec.to_builtins(health), "verdict": verdict, "healthy": code == DONE}
        text = msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
    else:
        from ticker.output import facts_table, render

        table = facts_table([*_facts(health, now(), zone), ("verdict", verdict)])
        text = render(table, width=terminal_width(), colour=wants_colour())
    Output().write(text)
    raise typer.Exit(code)


async def _with_local_logs(health: Health, choice: StreamChoice) -> Health:
    """With the ticks that pollers of this machine keep for a stream elsewhere, if it is one."""
    waiting = health.undelivered
    if stream_path(choice) is None:
        for simulated in (False, True):
            log = local_log(choice, simulated=simulated)
            async with open_stream(log.url) as local:
                waiting += (await local.health()).undelivered
    return msgspec.structs.replace(health, undelivered=waiting)


def judge_stream(health: Health, at: int, zone: Zone) -> tuple[str, int]:
    """Healthy or not, in words that say what to do, and the exit code."""
    match health.state:
        case "unreachable" | "unusable":
            return health.problem or health.state, NOT_REACHABLE
        case "missing" | "empty":
            return (
                "The stream is empty: nobody has polled yet. In another terminal: ticker poll AAPL",
                NO_DATA,
            )
    if any(judge(beat, at) is Reason.FRESH for beat in health.heartbeats):
        refused = {
            symbol: why for beat in health.heartbeats for symbol, why in beat.refused.items()
        }
        if refused:
            return "healthy, but refused: " + ", ".join(refused), DONE
        return "healthy", DONE
    if not health.heartbeats:
        return "stale: nobody polls. In another terminal: ticker poll AAPL", NO_DATA
    latest = max(health.heartbeats, key=lambda beat: beat.received)
    when = clock(latest.received, zone, now=at)
    match judge(latest, at):
        case Reason.RATE_LIMITED:
            until = clock(latest.retry_at or at, zone, now=at)
            return f"stale: {latest.source} limits requests; next try {until}", NO_DATA
        case Reason.UNREACHABLE:
            return f"stale: {latest.source} does not answer (last tried {when})", NO_DATA
        case _:
            return (
                f"stale: the poller stopped at {when}. In another terminal: ticker poll AAPL",
                NO_DATA,
            )


def _facts(health: Health, at: int, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "stream", health.stream
    yield "state", health.state + (" · SIMULATED prices" if health.simulated else "")
    if health.ticks is not None:
        yield "ticks", f"{health.ticks:,}"
    if health.symbols is not None:
        yield "symbols", f"{health.symbols:,}"
    if health.first is not None and health.last is not None:
        yield "from", clock(health.first, zone, now=at)
        yield "to", clock(health.last, zone, now=at)
    if health.size is not None:
        yield "size", f"{health.size / 1e6:,.1f} MB"
    if health.undelivered:
        yield "undelivered", f"{health.undelivered:,} ticks kept on this machine, not sent on yet"
    for beat in sorted(health.heartbeats, key=lambda each: -each.received)[:10]:
        yield f"writer {beat.writer}", _beat_words(beat, at, zone)
        for symbol, why in list(beat.refused.items())[:20]:
            yield f"  {symbol}", why


def _beat_words(beat: Heartbeat, at: int, zone: Zone) -> str:
    ago = format_duration(max(at - beat.received, 1))
    reason = judge(beat, at)
    words = f"{beat.source} {beat.state}, {beat.answered} of {beat.asked} symbols, "
    words += f"every {format_duration(max(beat.interval, 1))}, last sign {ago} ago"
    if reason is Reason.POLLER_STOPPED and beat.state != "stopped":
        words += " (gone)"
    if beat.retry_at is not None:
        words += f", next try {clock(beat.retry_at, zone, now=at)}"
    return words
