"""`tail`: stream → standard output, one event a line."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Final

import msgspec
import typer

from ticker import output
from ticker.cli.explaining import inviting
from ticker.cli.failing import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.options import (
    Count,
    For,
    Format,
    NoFollow,
    Quiet,
    Since,
    StreamUrl,
    Symbols,
    TimeStyle,
    TimeZone,
    Until,
    Verbose,
    Watchlist,
)
from ticker.cli.running import run, set_up_logging
from ticker.cli.settings import Settings
from ticker.cli.standard import Output, tell
from ticker.errors import StreamMissing, StreamUnreachable, UsageError
from ticker.escape import escape
from ticker.figures import count_text
from ticker.health.sentences import invitation, passed_over, sentence, to_poll
from ticker.health.verdict import Standing, of_writers
from ticker.health.writers import Writers, silence
from ticker.records import Batch, Position, Record
from ticker.streams import Stream, StreamChoice, open_stream
from ticker.system_clock import monotonic, now
from ticker.times import Moment, Zone, parse_duration, parse_when
from ticker.units import SECOND

_QUIET_AFTER: Final = 5 * SECOND
_RETRY: Final = 1.0


class TailOptions(msgspec.Struct, frozen=True):
    """What to print, and when to stop."""

    symbols: tuple[str, ...] | None
    form: Format
    since: Moment | None
    until: int | None
    last: int | None
    """Begin with so many ticks; `None`: with all since `since`."""
    follow: bool
    everything: bool
    """All four kinds, not only ticks and gaps."""
    iso_times: bool
    zone: Zone
    count: int | None
    visible: bool
    """Whether a terminal shows it."""
    option: str
    """What a command needs to work on the same stream."""

    @property
    def is_over(self) -> bool:
        """Whether nothing that is still to come is wished for."""
        return self.until is not None and now() >= self.until


def tail(
    symbols: Symbols = None,
    watchlist: Watchlist = None,
    stream: StreamUrl = None,
    last: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--lines",
            metavar="N",
            min=0,
            max=10**12,
            help="Begin with the last N ticks (10); with --since, with the last N of those.",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    no_follow: NoFollow = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Quotes and heartbeats too, not only ticks and gaps.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: text; json in a pipe.")
    ] = None,
    times: Annotated[
        TimeStyle, typer.Option("--time", help="iso: readable times in JSON.")
    ] = TimeStyle.micros,
    duration: For = None,
    count: Count = None,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Print the stream, one event a line: the last 10, then what comes."""
    set_up_logging(quiet=quiet, verbose=verbose)
    settings = Settings()
    zone = settings.zone(tz)
    terminal = sys.stdout.isatty()
    end = None if until is None else parse_when(until, now=now(), zone=zone)
    if end == "start":
        raise UsageError("--until start leaves nothing to print")
    choice = settings.stream(stream)
    wish = TailOptions(
        symbols=settings.symbols(symbols, watchlist) or None,
        form=form or (Format.text if terminal else Format.json),
        since=None if since is None else parse_when(since, now=now(), zone=zone),
        until=now() if end == "end" else end,
        last=10 if last is None and since is None else last,
        follow=not no_follow and choice.address.backend.is_writable,
        everything=everything,
        iso_times=times is TimeStyle.iso,
        zone=zone,
        count=count,
        visible=terminal,
        option=choice.option,
    )
    within = None if duration is None else parse_duration(duration) / SECOND
    with inviting(choice.option):
        code = run(_tail(choice, wish, within, quiet=quiet))
    raise typer.Exit(code)


async def _tail(
    choice: StreamChoice, wish: TailOptions, within: float | None, *, quiet: bool
) -> int:
    printer = Printer(wish, Output())
    async with open_stream(choice) as stream:
        is_over = False
        try:
            async with asyncio.timeout(within):
                await _follow(stream, wish, printer, quiet=quiet)
        except TimeoutError:
            is_over = True
        if wish.symbols and not wish.follow:
            # A follower waits for them; a reader to the end is told that there are none.
            held = {quote.symbol for quote in (await stream.snapshot()).quotes}
            if missing := [symbol for symbol in wish.symbols if symbol not in held]:
                names = ", ".join(missing)
                tell(f"{names}: not in {stream.url}. What it holds: ticker status{wish.option}")
                return NO_DATA
        return await _code(stream, wish, printer.printed, is_over=is_over)


async def _code(stream: Stream, wish: TailOptions, printed: int, *, is_over: bool) -> int:
    """The exit code; what is missing of what was wished for is told. `is_over`: the time is."""
    few = wish.count is not None and printed < wish.count
    if printed and not few:
        return DONE
    if not (is_over or few or not wish.follow):
        return DONE
    health = await stream.health()
    if health.state.is_away:
        tell(sentence(f"{stream.url}: {health.problem or health.state}"))
        return NOT_REACHABLE
    if health.state.is_bare:
        tell(invitation(wish.symbols, wish.option))
        return NO_DATA
    if few and wish.count is not None:
        tell(f"{printed:,} of {count_text(wish.count, 'event')} came from {stream.url}")
        return NO_DATA
    if is_over:
        tell(f"No event came from {stream.url} in this time. Why: ticker status{wish.option}")
        return NO_DATA
    if not health.ticks:
        tell(f"No event is in {stream.url} yet. Why: ticker status{wish.option}")
        return NO_DATA
    return DONE


async def _follow(stream: Stream, wish: TailOptions, printer: Printer, *, quiet: bool) -> None:
    position = await _begin(stream, wish, printer)
    quietness = Quietness(wish)
    if (wish.follow and not quiet) or (wish.form is Format.text and wish.last != 0):
        # Decimals for the last ticks, and the writers: a stream that has just gone away is waited
        # for below.
        with suppress(StreamUnreachable):
            snapshot = await stream.snapshot()
            quietness.begin(snapshot)
            printer.hints.update((quote.symbol, quote.price_hint) for quote in snapshot.quotes)
    passing = PassedOver(stream, quiet=quiet)
    heard = time.monotonic()
    said: tuple[str, ...] = ()
    if wish.follow and not wish.is_over:
        async for batch in stream.read(position, symbols=wish.symbols):
            if await printer.take(batch):
                return
            position = batch.position
            quietness.take(batch)
            passing.tell()
            if wish.is_over:
                break
            if batch.ticks:
                if said and not wish.visible:
                    # The terminal shows no ticks: the last word on it would still be the silence.
                    tell(f"Ticks again, after {time.monotonic() - heard:.0f} s")
                heard, said = time.monotonic(), ()
                continue
            printer.output.check()
            silent = time.monotonic() - heard
            if not quiet and silent * SECOND >= _QUIET_AFTER:
                key, why = quietness.why(stream.read_stats().problem, round(silent * SECOND))
                if key != said:
                    tell(f"Quiet for {silent:.0f} s: {why}")
                    said = key
    # What was written before the end of the time wished for is in the stream by now.
    async for batch in stream.read(position, symbols=wish.symbols, follow=False):
        if await printer.take(batch):
            return
    passing.tell(at_once=True)


class PassedOver:
    """Says on standard error how many records of `stream` could not be read."""

    def __init__(self, stream: Stream, *, quiet: bool) -> None:
        self._stream = stream
        self._quiet = quiet
        self._told = 0
        self._at = -math.inf

    def tell(self, *, at_once: bool = False) -> None:
        """Say it if there are more than before; not more often than each few seconds."""
        broken, now = self._stream.read_stats().broken, time.monotonic()
        soon = (now - self._at) * SECOND < _QUIET_AFTER
        if self._quiet or broken == self._told or (soon and not at_once):
            return
        self._told, self._at = broken, now
        tell(f"Passed over {passed_over(broken)}")


async def _begin(stream: Stream, wish: TailOptions, printer: Printer) -> Position:
    """Where to start reading; waits for a stream that is not there, if it is to be followed."""
    told = ""
    while True:
        try:
            if wish.since is not None and (wish.last is None or wish.since == "end"):
                return await stream.find(wish.since)
            if not wish.follow and wish.last == 0:
                return await stream.find("end")
            assert wish.last is not None  # noqa: S101  (it is 10 without a --since)
            return await stream.find_last(wish.last, symbols=wish.symbols)
        except (StreamMissing, StreamUnreachable) as error:
            if not wish.follow or wish.is_over:
                raise
            missing = isinstance(error, StreamMissing)
            words = f"{sentence(str(error))} Waiting for it"
            if words != told:
                tell(f"{words}. {to_poll(wish.symbols, wish.option)}" if missing else words)
                told = words
            await asyncio.sleep(_RETRY)
            printer.output.check()


class Printer:
    """Writes batches as lines, each batch with one write, and knows when enough is printed."""

    def __init__(self, wish: TailOptions, out: Output) -> None:
        self.output = out
        self.printed = 0
        """Events so far."""
        self.hints: dict[str, int | None] = {}
        self._wish = wish
        self._left = wish.count
        self._columns = output.ALL_COLUMNS if wish.everything else output.EVENT_COLUMNS
        if wish.form is Format.csv:
            out.write(output.csv_header(self._columns))

    async def take(self, batch: Batch) -> bool:
        """Print what is wished of `batch`; True if that was the last of it."""
        records = self._chosen(batch)
        if self._left is not None:
            records = records[: self._left]
            self._left -= len(records)
        if records:
            self.printed += len(records)
            await self.output.send(self._text(records))
        return self._left == 0

    def _chosen(self, batch: Batch) -> Sequence[Record]:
        wish = self._wish
        records: list[Record] = [*batch.gaps, *batch.ticks]
        if wish.everything:
            records += [*batch.quotes, *batch.heartbeats]
        for quote in batch.quotes:
            self.hints[quote.symbol] = quote.price_hint
        if isinstance(wish.since, int):
            records = [record for record in records if record.received >= wish.since]
        if wish.until is not None:
            records = [record for record in records if record.received < wish.until]
        return records

    def _text(self, records: Sequence[Record]) -> bytes | str:
        wish = self._wish
        if wish.form in {Format.json, Format.csv}:
            data = self._data(records)
            return data.decode() if wish.visible else data  # a terminal has a charset of its own
        return "".join(output.text_line(record, wish.zone, self.hints) for record in records)

    def _data(self, records: Sequence[Record]) -> bytes:
        wish = self._wish
        if wish.form is Format.csv:
            return output.csv_lines(records, self._columns, visible=wish.visible)
        return output.json_lines(records, iso_times=wish.iso_times)


class Quietness:
    """Why no tick comes from a stream, by the heartbeats that came with its batches.

    Asks nobody: a question costs a server work, and a silence may last for hours. `clock` (µs, UTC)
    is for the words, `elapsed` (µs), which never goes back, for the judgement.
    """

    def __init__(
        self,
        wish: TailOptions,
        *,
        clock: Callable[[], int] = now,
        elapsed: Callable[[], int] = monotonic,
    ) -> None:
        self._wish = wish
        self._clock = clock
        self._elapsed = elapsed
        self._writers = Writers()
        self._is_empty = False
        self._there: dict[tuple[str, str], int] = {}
        """Writer → `received` of its last heartbeat at the beginning: the reading may begin before
        it, and what it reads on the way there is history and no sign of life."""
        self._away_since: int | None = None

    def begin(self, snapshot: Batch) -> None:
        """The stream is as `snapshot` says when the reading begins, somewhere before its end."""
        self._is_empty = not snapshot
        at = self._clock()
        for beat in snapshot.heartbeats:
            self._writers.take(beat, self._elapsed(), read_at=at)
            if silence(beat, at) is not None:
                self._there[beat.writer, beat.source] = beat.received

    def take(self, batch: Batch) -> None:
        """`batch` was read."""
        if not batch:
            self._there.clear()  # the reading is at the end
            return
        self._is_empty = False
        for beat in batch.heartbeats:
            if beat.received >= self._there.get((beat.writer, beat.source), 0):
                self._there.pop((beat.writer, beat.source), None)
                self._writers.take(beat, self._elapsed())

    def why(self, problem: str | None, silent: int) -> tuple[tuple[str, ...], str]:
        """What stays the same for as long as the reason does, and the words.

        `problem` is what keeps the reading from going on; `silent` is how long no tick came (µs).
        """
        wish, elapsed = self._wish, self._elapsed()
        if problem is not None:
            self._away_since = self._away_since or elapsed - silent
            return (problem,), escape(problem, 1_000)
        if self._away_since is not None:
            self._writers.excuse(self._away_since, elapsed)
            self._away_since = None
        if self._is_empty:
            return ("empty",), invitation(wish.symbols, wish.option)
        verdict = of_writers(
            self._writers,
            self._clock(),
            wish.zone,
            elapsed=elapsed,
            symbols=wish.symbols,
            option=wish.option,
        )
        if verdict.standing is Standing.HEALTHY:
            return verdict.key, f"no price changed. {verdict.words}"
        return verdict.key, verdict.words
