"""`status`: the content of a stream, its writers, its freshness, its problems and what to do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import typer

from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.heartbeat_ahead import arrivals
from ticker.cli.printing import facts_text, format_or_default
from ticker.cli.settings import Settings
from ticker.cli.standard_streams import Output
from ticker.errors import UsageError
from ticker.health import Health, StreamState
from ticker.health.reasons import Reason
from ticker.health.sentences import of_heartbeat, passed_over
from ticker.health.verdict import Standing, of_stream, writers_of
from ticker.health.writers import WriterHealth
from ticker.records import Heartbeat
from ticker.relay.backlog import Waiting, backlog, find_waiting, undelivered
from ticker.relay.sentences import waiting_words
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone, clock
from ticker.units import HOUR

_CODES: Final = {
    Standing.HEALTHY: DONE,
    Standing.FINISHED: DONE,
    Standing.STALE: NO_DATA,
    Standing.UNKNOWN: NO_DATA,
    Standing.EMPTY: NO_DATA,
    Standing.AWAY: NOT_REACHABLE,
}
_REFUSED: Final = 20
"""The most refused symbols that are listed for a writer."""


def status(
    stream: options.StreamUrl = None,
    form: Annotated[
        options.Format | None,
        typer.Option("--format", metavar="[table|json]", help="Default: table; json in a pipe."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every writer, not only those of the last hour.")
    ] = False,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show what the stream holds, who writes it, how fresh it is. Exit 4: stale or empty."""
    set_up_logging(quiet=quiet, verbose=verbose)
    settings = Settings()
    zone = settings.zone(tz)
    choice = settings.stream(stream)
    how = format_or_default(form)
    if how is options.Format.csv:
        raise UsageError("status is printed as table or json")
    health, waiting, arrived = asyncio.run(_look(choice))
    health = msgspec.structs.replace(health, undelivered=undelivered(waiting, choice))
    at = now()
    verdict = of_stream(
        health, at, zone, option=choice.option, arrived=arrived, backlog=backlog(waiting, choice)
    )
    code = _CODES[verdict.standing]
    writers = writers_of(health, at, arrived).at(at)
    # A writer that may have lived within the last hour is listed without --all.
    listed = [
        each for each in writers if each.silent is None or each.is_alive or each.silent < HOUR
    ]
    shown = writers if everyone else listed
    if how is options.Format.json:
        from ticker.output import indented_json

        told = {**msgspec.to_builtins(health), "verdict": verdict.summary, "healthy": code == DONE}
        beats = [_told(each) for each in shown]
        text = indented_json({**told, "heartbeats": beats, "waiting": waiting})
    else:
        is_away = health.state.is_away
        text = facts_text(
            [
                *_facts(health, at, zone),
                *_writers(shown, at, zone),
                *_unlisted(len(writers) - len(shown), choice.option),
                *(("waiting", waiting_words(each, choice, away=is_away)) for each in waiting),
                ("verdict", verdict.summary),
            ]
        )
    Output().write(text)
    raise typer.Exit(code)


async def _look(choice: StreamChoice) -> tuple[Health, list[Waiting], list[Heartbeat]]:
    """Return the stream's health, the backlogs on this machine, and later heartbeats."""
    async with open_stream(choice) as stream:
        health = await stream.health()
        waiting = await find_waiting(choice, stream, health)
        return health, waiting, await arrivals(stream, health.heartbeats, now())


def _told(writer: WriterHealth) -> dict[str, Any]:
    alive = None if writer.reason is Reason.UNKNOWN else writer.is_alive
    return {**msgspec.to_builtins(writer.heartbeat), "alive": alive}


def _facts(health: Health, at: int, zone: Zone) -> Iterator[tuple[str, str]]:
    yield "stream", health.stream
    yield "state", health.state + (" · SIMULATED prices" if health.simulated else "")
    if health.ticks is not None:
        yield "ticks", f"{health.ticks:,}"
    if health.broken:
        yield "skipped", passed_over(health.broken)
    if health.state is StreamState.OK and health.problem is not None:
        yield "problem", health.problem
    if health.symbols is not None:
        yield "symbols", f"{health.symbols:,}"
    if health.first is not None and health.last is not None:
        yield "from", clock(health.first, zone, now=at)
        yield "to", clock(health.last, zone, now=at)
    if health.size is not None:
        yield "size", f"{health.size / 1e6:,.1f} MB"


def _writers(shown: list[WriterHealth], at: int, zone: Zone) -> Iterator[tuple[str, str]]:
    for each in shown:
        yield f"writer {each.heartbeat.writer}", of_heartbeat(each, at, zone)
        refused = each.heartbeat.refused
        for symbol, why in itertools.islice(refused.items(), _REFUSED):
            yield f"  {symbol}", why
        if len(refused) > _REFUSED:
            yield "", f"and {len(refused) - _REFUSED:,} more refused"


def _unlisted(count: int, option: str) -> Iterator[tuple[str, str]]:
    if count:
        yield "writers", f"{count:,} more, gone for over an hour: ticker status --all{option}"
