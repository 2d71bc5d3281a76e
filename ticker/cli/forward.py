"""`forward`: copies one log into another. Follows it, or stops at its end and checks the copy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

from ticker.address import is_recording
from ticker.cli import completion, options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, NO_DATA, WRONG_USAGE, Failed
from ticker.cli.settings import Settings, stream_path
from ticker.cli.signals import run
from ticker.cli.standard_streams import tell
from ticker.cli.status_line import StatusLine
from ticker.errors import MixedPrices, StreamMissing, StreamNotWritable, UsageError
from ticker.health.sentences import invitation
from ticker.health.states import WriterState
from ticker.relay import Forwarding, ForwardRequest, RelayStatus, Route, exclusively, forget
from ticker.relay.sentences import complete_words, incomplete_words, status_forms
from ticker.streams import canonical_log_url, canonical_url
from ticker.system_clock import now
from ticker.times import parse_duration, parse_when
from ticker.units import SECOND

From = Annotated[
    str,
    typer.Argument(
        metavar="FROM",
        autocompletion=completion.streams,
        help="The stream to read: sqlite:PATH, kafka://HOST:PORT/PREFIX (without /PREFIX: "
        "ticks; commas between several HOST:PORT), demo, or a name from the configuration.",
    ),
]
To = Annotated[
    str,
    typer.Argument(
        metavar="TO",
        autocompletion=completion.streams,
        help="The log to append to, named like FROM. It is created if it is missing.",
    ),
]


def forward(
    source: From,
    destination: To,
    since: options.Since = None,
    no_follow: options.NoFollow = False,
    give_up: Annotated[
        bool,
        typer.Option(
            "--forget", help="Copy nothing. Forget this copy, so that FROM may delete old ticks."
        ),
    ] = False,
    duration: options.For = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Copy a stream into a log: what it holds, then new events. Resumes where it stopped.

    --since applies only to the first run. --no-follow also checks that the copy is complete.
    """
    settings = Settings()
    zone = settings.zone(tz)
    ends = settings.stream(source), settings.stream(destination)
    route = Route(canonical_url(ends[0]), canonical_log_url(ends[1]))
    if route.source == route.destination:
        raise UsageError(f"{route.source} cannot be forwarded into itself")
    when = "start" if since is None else parse_when(since, now=now(), zone=zone)
    lasting = None if duration is None else parse_duration(duration) / SECOND
    follow = not no_follow and ends[0].address.backend.is_writable
    request = ForwardRequest(*ends, route, since=when, follow=follow)
    line = StatusLine(quiet=quiet)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
    path = stream_path(ends[0])
    with _advising(request):
        if path is not None and not path.exists() and not follow:
            raise StreamMissing(route.source, "there is no such file")
        with exclusively(route.lock, *route):
            if give_up:
                raise typer.Exit(DONE if asyncio.run(forget(request, tell)) else NO_DATA)

            def show(status: RelayStatus) -> None:
                if status.state is not WriterState.STOPPED:  # the last message says more
                    words, *shorter = status_forms(status, zone, now())
                    line.show(words, f"{status.state} {status.problem}", shorter)

            warn = partial(line.end, always=True)
            forwarding = Forwarding(request, on_status=show, tell=line.end, warn=warn)
            main = _main(forwarding, route.destination, lasting, line)
            raise typer.Exit(run(main, stop=forwarding.stop))


@contextlib.contextmanager
def _advising(request: ForwardRequest) -> Iterator[None]:
    """Give advice with FROM and TO, because no option of this command names a stream."""
    end = (request.route.destination, request.destination.url)
    try:
        yield
    except StreamMissing as error:
        if error.stream in end or is_recording(error.stream):
            raise
        words = invitation(option=request.source.option)
        raise Failed(f"{error}. {words}", NO_DATA) from error
    except MixedPrices as error:
        raise Failed(
            f"{error}. Name a log of its own as TO, like sqlite:PATH", WRONG_USAGE
        ) from error
    except StreamNotWritable as error:
        place = "as TO, like sqlite:PATH" if error.stream in end else "with XDG_STATE_HOME"
        raise Failed(f"{error}. Name another place {place}", CANNOT_WRITE) from error


async def _main(
    forwarding: Forwarding, destination: str, lasting: float | None, line: StatusLine
) -> int:
    """Forward, for at most `lasting` seconds. Report the proof, and return the exit code.

    Raises `Failed` if the copy is wrong.
    """
    if lasting is not None:
        asyncio.get_running_loop().call_later(lasting, forwarding.stop)
    ended = await forwarding.run()
    if ended is None:
        return DONE
    proof, last = ended
    if proof.wrong:
        raise Failed(incomplete_words(proof, destination), NO_DATA)
    line.end(complete_words(proof, destination))
    return NO_DATA if last.waiting else DONE
