"""`forward`: copies one log into another. Follows it, or stops at its end and checks the copy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
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
from ticker.figures import count_text
from ticker.health.sentences import invitation, sentence
from ticker.health.states import WriterState
from ticker.relay import (
    Forwarding,
    ForwardRequest,
    Proof,
    RelayReport,
    RelayStatus,
    Route,
    exclusively,
    forget,
)
from ticker.relay.sentences import complete_words, incomplete_words, status_forms, undelivered_words
from ticker.streams import canonical_log_url, canonical_url
from ticker.system_clock import now
from ticker.times import Zone, parse_duration, parse_when
from ticker.units import SECOND


def forward(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            autocompletion=completion.streams,
            help="The stream to read: sqlite:PATH, kafka://HOST:PORT/PREFIX (without /PREFIX: "
            "ticks; commas between several HOST:PORT), demo, or a name from the configuration.",
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="TO",
            autocompletion=completion.streams,
            help="The log to append to, likewise; made if it is missing.",
        ),
    ],
    since: options.Since = None,
    no_follow: options.NoFollow = False,
    give_up: Annotated[
        bool, typer.Option("--forget", help="Stop keeping ticks in FROM for TO.")
    ] = False,
    duration: options.For = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Copy one log into another: what it holds, then new events. Resumes where it stopped.

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
            command = _ForwardCommand(request, line, zone)
            if give_up:
                raise typer.Exit(asyncio.run(command.forget()))
            raise typer.Exit(run(command.main(lasting), stop=command.stop))


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


class _ForwardCommand:
    """One run of `forward`, and its messages: see `ForwardListener`."""

    def __init__(self, request: ForwardRequest, line: StatusLine, zone: Zone) -> None:
        self._request = request
        self._route = request.route
        self._line = line
        self._zone = zone
        self._forwarding = Forwarding(request, self)
        self._sender = "ticker forward" if request.follow else None
        self._told = ""

    def stop(self) -> None:
        """End it within seconds."""
        self._forwarding.stop()

    async def main(self, lasting: float | None) -> int:
        """Run, and return the exit code. `lasting` is a time limit (s; `None`: none)."""
        if lasting is not None:
            asyncio.get_running_loop().call_later(lasting, self._forwarding.stop)
        ended = await self._forwarding.run()
        return DONE if ended is None else self._judge(*ended)

    async def forget(self) -> int:
        """Stop keeping ticks for the destination. Returns the exit code."""
        begin, end = self._route
        waited = await forget(self._request, self)
        if waited is None:
            tell(f"Nothing was kept for {end} in {begin}")
            return NO_DATA
        waiting = "the waiting ticks" if waited < 0 else count_text(waited, "tick")
        tell(f"Gave up {end}: {begin} no longer keeps {waiting} for it")
        return DONE

    def _judge(self, proof: Proof, report: RelayReport) -> int:
        """Report the proof, and return the exit code. Raises `Failed` if the copy is wrong."""
        end = self._route.destination
        if proof.wrong:
            raise Failed(incomplete_words(proof, end), NO_DATA)
        self._line.end(complete_words(proof, end))
        return NO_DATA if report.undelivered else DONE

    def on_status(self, status: RelayStatus) -> None:
        if status.state is not WriterState.STOPPED:  # the last message says more
            key = f"{status.state} {status.problem}"
            words, *shorter = status_forms(status, self._zone, now())
            self._line.show(words, key, shorter)

    def on_missing(self, error: StreamMissing) -> None:
        if str(error) != self._told:
            tell(f"{sentence(str(error))} Waiting for it")
            self._told = str(error)

    def on_unheld(self, error: StreamNotWritable) -> None:
        tell(
            f"{error}. Retention there may delete ticks before they reach {self._route.destination}"
        )

    def on_resume(self) -> None:
        words = "Going on where it stopped: --since is for the first time. Start over: --forget"
        self._line.end(words)

    def on_report(self, report: RelayReport) -> None:
        self._line.end(f"{count_text(report.ticks, 'tick')} sent to {self._route.destination}")
        words = undelivered_words(report, self._route.source, self._sender)
        self._line.end(words, always=report.undelivered != 0)

    def on_left(self, undelivered: int) -> None:
        left = RelayReport(0, 0, 0, undelivered, None)
        words = undelivered_words(left, self._route.source, self._sender)
        self._line.end(words, always=True)
