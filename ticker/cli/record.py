"""`record`: turns a stream into a recording, a Parquet file."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.error_advice import inviting
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, NO_DATA, NOT_REACHABLE, Failed
from ticker.cli.recording_files import new_recording, recording_path
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.since_until import span_of
from ticker.cli.standard_streams import tell
from ticker.cli.status_line import StatusLine
from ticker.errors import StreamError, StreamNotWritable
from ticker.figures import agree, count_text
from ticker.health.sentences import sentence
from ticker.relay.recording import Recording, RecordingSpan
from ticker.streams import StreamChoice, open_log, open_stream
from ticker.system_clock import now
from ticker.times import Zone, clock, format_duration, parse_duration, span_text
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.streams.recording import Manifest
    from ticker.streams.unfinished import UnfinishedRecording

_FINISHING: Final = 600.0
"""The time limit for writing the file after a signal (s)."""


class RecordOptions(msgspec.Struct, frozen=True):
    """What to record, and how long."""

    source: StreamChoice
    path: Path
    span: RecordingSpan
    lasting: float | None
    """The time after which it stops (s); `None`: it has no limit."""
    zone: Zone


def record(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The recording to write, like today.parquet."),
    ],
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    stream: options.StreamUrl = None,
    since: options.Since = None,
    until: options.Until = None,
    duration: options.For = None,
    count: options.Count = None,
    no_follow: options.NoFollow = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Record a stream in a Parquet file, from now on or --since WHEN, until Ctrl-C.

    ticker replay plays it; DuckDB, pandas and polars open it. --no-follow records what the stream
    holds already. After a crash, the next command that opens FILE finishes it.
    """
    settings = Settings()
    path = recording_path(file)
    choice = settings.stream(stream)
    zone = settings.zone(tz)
    named = settings.symbols(symbols, watchlists)
    at = now()
    follow = not no_follow and choice.address.backend.is_writable
    with inviting(choice.option):
        begins, last = span_of(choice, since, until, zone)
    lasting = None if duration is None else parse_duration(duration) / SECOND
    if last is not None:
        follow = follow and last > at
        to_end = (last - at) / SECOND
        lasting = to_end if lasting is None else min(lasting, to_end)
    span = RecordingSpan(
        symbols=named or None,
        since=("end" if follow else "start") if begins is None else begins,
        until=last,
        count=count,
        follow=follow,
    )
    line = StatusLine(quiet=quiet)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
    options = RecordOptions(choice, path, span, lasting if follow else None, zone)
    with inviting(choice.option):
        raise typer.Exit(_record(options, line, replace=force))


def _record(options: RecordOptions, line: StatusLine, *, replace: bool) -> int:
    from ticker.streams.unfinished import UnfinishedRecording

    path = options.path
    with (
        new_recording(path, replace=replace),
        UnfinishedRecording(path, replace=replace) as part,
    ):
        job = _RecordCommand(options, part, line)
        return run(job.main(), stop=job.stop, patience=_FINISHING)


class _RecordCommand:
    """One run of `record`, from opening its stream to its last message."""

    def __init__(self, options: RecordOptions, part: UnfinishedRecording, line: StatusLine) -> None:
        self._options = options
        self._part = part
        self._line = line
        self._source, self._log = open_stream(options.source), open_log(part.url)
        self._recording = Recording(
            self._source, part, self._log, options.span, clock=now, on_change=self._show
        )
        self._progress = self._recording.progress
        self._is_stopped = False
        self._told: str | None = None

    def stop(self) -> None:
        """End it: read what the stream holds now, then write the file."""
        self._is_stopped = True
        self._recording.stop()

    async def main(self) -> int:
        """Record, then write the file. Returns the exit code."""
        failure: StreamError | None = None
        if self._options.lasting is not None:
            asyncio.get_running_loop().call_later(self._options.lasting, self._recording.stop)
        try:
            async with self._source, self._log:
                await self._recording.run()
        except StreamNotWritable as error:
            self._raise_full(error)
        except StreamError as error:
            failure = error
        manifest = await self._finish()
        if failure is not None:
            raise failure
        return self._judge(manifest)

    async def _finish(self) -> Manifest | None:
        """Write the file. Returns `None` if nothing came."""
        ticks = self._progress.ticks
        if not ticks:
            self._part.remove()
            return None

        def show(done: int) -> None:
            self._line.show(f"writing {self._part.path}: {done / ticks:.0%}", "writing")

        try:
            manifest = await self._part.finish(show)
        except StreamNotWritable as error:
            self._raise_full(error)
        if manifest is not None:
            self._line.end(recorded_words(manifest, self._part.path, self._options.zone))
        return manifest

    def _raise_full(self, error: StreamNotWritable) -> None:
        """Raise the error for a full disk. It says what is safe, and how to finish the file."""
        ticks = self._progress.ticks
        if not ticks:
            self._part.remove()
            raise error
        path = shlex.quote(str(self._part.path))
        raise Failed(
            f"{error}. {count_text(ticks, 'tick')} {agree(ticks, 'is', 'are')} safe in "
            f"{self._part.log}. Make room, then finish the file: ticker replay {path}",
            CANNOT_WRITE,
        ) from error

    def _judge(self, manifest: Manifest | None) -> int:
        """Say what is missing. Returns the exit code. Raises `Failed` if nothing was recorded."""
        options, progress = self._options, self._progress
        named = options.span.symbols or ()
        url = options.source.word if options.source.demo else options.source.url
        if manifest is None:
            if progress.problem is not None:
                raise Failed(f"Nothing was recorded. {sentence(progress.problem)}", NOT_REACHABLE)
            of_symbols = f"of {', '.join(named)} " if named else ""
            raise Failed(
                f"Nothing was recorded: no tick {of_symbols}came from {url}. "
                f"{options.path} was not written. "
                f"What the stream holds: ticker status{options.source.option}",
                NO_DATA,
            )
        if progress.is_cut and progress.last is not None:
            at = clock(progress.last, options.zone, now=now())
            tell(f"{url} holds more: it was read up to {at} only. To record all: --no-follow")
        absent = [symbol for symbol in named if symbol not in progress.symbols]
        if absent:
            tell(f"{', '.join(absent)}: not in {url}")
        if options.span.count is not None and manifest.ticks < options.span.count:
            if not self._is_stopped:
                tell(f"{manifest.ticks:,} of {count_text(options.span.count, 'tick')} came")
            return NO_DATA
        return NO_DATA if absent else DONE

    def _show(self) -> None:
        options, progress = self._options, self._progress
        if progress.problem is not None:
            if progress.problem != self._told:
                self._told = progress.problem
                tell(f"{sentence(progress.problem)} Waiting for it")
            return
        self._told = None
        words = f"recording {count_text(progress.ticks, 'tick')}"
        if progress.simulated:
            words = f"SIMULATED · {words}"
        if progress.first is not None and progress.last is not None:
            words += f", {span_text(progress.first, progress.last, options.zone, now=now())}"
        lag = "" if progress.lag is None else f" · lag {format_duration(progress.lag)}"
        self._line.show(f"{words}{lag} → {options.path}", "recording", [words])


def recorded_words(manifest: Manifest, path: Path, zone: Zone) -> str:
    """Say what a recording holds, and how to play it."""
    words = count_text(manifest.ticks, "tick")
    if manifest.first is not None and manifest.last is not None:
        words += f", {span_text(manifest.first, manifest.last, zone, now=now())}"
    return f"{words} · ticker replay {shlex.quote(str(path))}"
