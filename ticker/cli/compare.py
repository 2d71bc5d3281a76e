"""`compare`: measures one request per event and one open connection on this machine."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.address import parse_address
from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import DONE
from ticker.cli.signals import run
from ticker.cli.standard_streams import Output, tell, wants_colour
from ticker.errors import UsageError
from ticker.times import parse_duration
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.compare.brief import Step

_STEPS: Final = {"request": "One request for each event", "WebSocket": "One open connection"}


class FullPart(StrEnum):
    """A part of `--full`."""

    methods = "methods"
    sender = "sender"
    storm = "storm"


Events = Annotated[
    int, typer.Option("--events", metavar="N", min=2, max=20_000, help="Events to send.")
]
Show = Annotated[
    int,
    typer.Option("--show", metavar="N", min=0, max=100, help="First print N events step by step."),
]
PollFor = Annotated[
    str, typer.Option("--for", metavar="DURATION", help="For how long to poll once a second.")
]
Form = Annotated[
    options.Format,
    typer.Option("--format", metavar="[text|json]", help="text, or json with every figure."),
]
Full = Annotated[
    bool,
    typer.Option(
        "--full",
        help="Measure every method with 1 to 100 subscribers, the sender's speed, and mass "
        "reconnects. About 10 minutes.",
    ),
]
OnlyPart = Annotated[
    FullPart | None, typer.Option("--part", help="Only this part of --full.", show_default=False)
]
Runs = Annotated[
    int | None,
    typer.Option("--runs", metavar="N", min=1, max=100, help="Runs of --full. Default: 3."),
]
Kafka = Annotated[
    str | None,
    typer.Option(
        "--kafka",
        metavar="HOST:PORT",
        help="With --full: also measure this Kafka (topic prefix: compare).",
    ),
]


def compare(
    events: Events = 1_000,
    show: Show = 0,
    for_: PollFor = "5s",
    form: Form = options.Format.text,
    full: Full = False,
    part: OnlyPart = None,
    runs: Runs = None,
    kafka: Kafka = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compare one request per event with one open connection: connections, bytes, seconds."""
    set_up_logging(quiet=quiet, verbose=verbose)
    if form not in {options.Format.text, options.Format.json}:
        raise UsageError(f"compare prints text or json, not {form}")
    seconds, is_json = parse_duration(for_) / SECOND, form is options.Format.json
    if not full and part is None:
        for option, value in (("--kafka", kafka), ("--runs", runs)):
            if value is not None:
                raise UsageError(f"{option} needs --full")
        raise typer.Exit(run(_brief(events, seconds, show, is_json=is_json, quiet=quiet)))
    if kafka is not None:
        parse_address(f"kafka://{kafka}/compare")
    parts = frozenset([part] if part else FullPart)
    raise typer.Exit(run(_full(parts, runs or 3, kafka, is_json=is_json, quiet=quiet)))


async def _brief(events: int, seconds: float, shown: int, *, is_json: bool, quiet: bool) -> int:
    from ticker.compare import brief
    from ticker.compare.measuring import Bench

    output = Output()
    steps: list[Step] = []

    def on_step(step: Step) -> None:
        if not is_json:
            is_first = not steps or steps[-1].method != step.method
            heading = f"{_STEPS[step.method]}:\n" if is_first else ""
            output.write(f"{heading}{_step_text(step)}\n")
        steps.append(step)

    async with Bench() as bench:
        if shown:
            await brief.show(bench, shown, on_step)
        if not quiet:
            tell("Measuring on this machine, with servers and clients of its own …")
        result = await brief.measure(bench, events, seconds)
    lines = brief.sentences(result)
    if is_json:
        more = {"steps": msgspec.to_builtins(steps)} if shown else {}
        _write_json(output, result, sentences=lines, **more)
    else:
        output.write("".join(f"{line}\n" for line in lines))
    return DONE


def _step_text(step: Step) -> str:
    event = "" if step.event is None else f"event {step.event}"
    size = f"{step.bytes:>6,} bytes {step.direction}" if step.bytes else ""
    size += f", {step.event_bytes:,} of them the event" if step.event_bytes else ""
    return f"{step.at:>9.1f} ms  {event:<9} {step.what:<8} {size}".rstrip()


async def _full(
    parts: frozenset[str], runs: int, kafka: str | None, *, is_json: bool, quiet: bool
) -> int:
    from ticker.compare import full, verdicts
    from ticker.compare.measuring import Bench
    from ticker.tables import render, words_table

    output = Output()

    def on_part(done: full.Full) -> None:
        if is_json:
            return
        for title, headings, rows in verdicts.tables(done):
            table = render(words_table(headings, rows), width=None, colour=wants_colour())
            output.write(f"{title}\n\n{table}\n")
        output.write("".join(f"{line}\n" for line in [*verdicts.findings(done), ""]))

    async with Bench() as bench:
        effort = full.Effort(runs=runs, kafka=kafka)
        on_progress = (lambda _: None) if quiet else tell
        result = await full.measure(bench, effort, parts, on_progress, on_part)
    if is_json:
        _write_json(output, result, sentences=verdicts.sentences(result))
    else:
        output.write(f"{verdicts.where(result)}\n")
    return DONE


def _write_json(output: Output, result: object, **more: object) -> None:
    from ticker.output import indented_json

    output.write(indented_json({**msgspec.to_builtins(result), **more}))
