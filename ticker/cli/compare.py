"""`compare`: one request per event against one open connection, measured on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.cli.failing import DONE
from ticker.cli.options import Format, Quiet, Verbose
from ticker.cli.running import run, set_up_logging
from ticker.cli.standard import Output, tell
from ticker.errors import UsageError
from ticker.times import parse_duration
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.compare.brief import Step

_STEPS: Final = {"request": "One request for each event", "WebSocket": "One open connection"}


class Wish(msgspec.Struct, frozen=True):
    """What to measure, and how to print it."""

    events: int
    seconds: float
    show: int
    is_json: bool
    quiet: bool


def compare(
    events: Annotated[
        int, typer.Option("--events", metavar="N", min=2, max=20_000, help="Events to send.")
    ] = 1_000,
    show: Annotated[
        int,
        typer.Option(
            "--show", metavar="N", min=0, max=100, help="First print N events step by step."
        ),
    ] = 0,
    for_: Annotated[
        str,
        typer.Option("--for", metavar="DURATION", help="How long to poll each second."),
    ] = "5s",
    form: Annotated[
        Format, typer.Option("--format", help="text, or json with every figure.")
    ] = Format.text,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """One request per event against one open connection: connections, bytes, seconds."""
    set_up_logging(quiet=quiet, verbose=verbose)
    if form not in {Format.text, Format.json}:
        raise UsageError(f"compare prints text or json, not {form}")
    seconds = parse_duration(for_) / SECOND
    wish = Wish(events, seconds, show, form is Format.json, quiet)
    raise typer.Exit(run(_compare(wish)))


async def _compare(wish: Wish) -> int:
    from ticker.compare import brief
    from ticker.compare.measuring import Bench

    output = Output()
    steps: list[Step] = []
    printed = _Steps(output)
    async with Bench() as bench:
        if wish.show:
            await brief.show(bench, wish.show, steps.append if wish.is_json else printed.write)
        if not wish.quiet:
            tell("Measuring on this machine, with servers and clients of its own …")
        result = await brief.measure(bench, wish.events, wish.seconds)
    lines = brief.sentences(result)
    if wish.is_json:
        facts = {**msgspec.to_builtins(result), "sentences": lines}
        if wish.show:
            facts["steps"] = msgspec.to_builtins(steps)
        output.write(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
    else:
        output.write("".join(f"{line}\n" for line in lines))
    return DONE


class _Steps:
    """Prints steps under a heading for each method."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._method = ""

    def write(self, step: Step) -> None:
        text = ""
        if step.method != self._method:
            text = f"{_STEPS[step.method]}:\n"
            self._method = step.method
        event = "" if step.event is None else f"event {step.event}"
        size = f"{step.bytes:>6,} bytes" if step.bytes else ""
        text += f"{step.at:>9.1f} ms  {event:<9} {step.what:<8} {size}".rstrip() + "\n"
        self._output.write(text)
