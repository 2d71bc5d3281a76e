"""`tail`: prints a stream to standard output, one event per line."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Annotated, Final

import msgspec
import typer

from ticker import output
from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.error_advice import inviting
from ticker.cli.exit_codes import DONE, NO_DATA, NOT_REACHABLE
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.since_until import span_of
from ticker.cli.standard_streams import Output, tell
from ticker.cli.tail_messages import Quietness
from ticker.errors import StreamError, StreamMissing, StreamUnreachable
from ticker.figures import count_text
from ticker.health.sentences import invitation, sentence, to_poll
from ticker.read_loop import Following
from ticker.records import Batch, Position, Record
from ticker.streams import Stream, StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Moment, Zone, parse_duration
from ticker.units import SECOND

_LONGEST_PAUSE: Final = 1.0
"""The longest pause between attempts to open (s). Each attempt checks the pipe and `--until`."""

_Last = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--lines",
        metavar="N",
        min=0,
        max=10**12,
        help="Begin with the last N ticks (default: --count, or 10). "
        "With --since: the last N since then.",
    ),
]


class TailOptions(msgspec.Struct, frozen=True):
    """What to print, and when to stop."""

    symbols: tuple[str, ...] | None
    form: options.Format
    since: Moment | None
    until: int | None
    """Exclusive (µs, UTC)."""
    last: int | None
    """How many of the last ticks to begin with; `None`: all from `since` on."""
    follow: bool
    everything: bool
    """Whether to print quotes and heartbeats too, not only ticks and gaps."""
    iso_times: bool
    zone: Zone
    count: int | None
    visible: bool
    """Whether the output is a terminal."""
    option: str
    """The option that names this stream in a command."""

    @property
    def is_over(self) -> bool:
        """Tell whether the time `until` is past, so that no future event is wanted."""
        return self.until is not None and now() >= self.until


def tail(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    stream: options.StreamUrl = None,
    last: _Last = None,
    since: options.Since = None,
    until: options.Until = None,
    no_follow: options.NoFollow = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Quotes and heartbeats too, not only ticks and gaps.")
    ] = False,
    form: Annotated[
        options.Format | None,
        typer.Option("--format", metavar="[text|json|csv]", help="Default: text; json in a pipe."),
    ] = None,
    times: Annotated[
        options.TimeStyle, typer.Option("--time", help="iso: readable times in JSON.")
    ] = options.TimeStyle.micros,
    duration: options.For = None,
    count: options.Count = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Print the stream, one event a line: the last 10, then what comes."""
    set_up_logging(quiet=quiet, verbose=verbose)
    settings = Settings()
    zone = settings.zone(tz)
    terminal = sys.stdout.isatty()
    choice = settings.stream(stream)
    with inviting(choice.option):
        begin, end = span_of(choice, since, until, zone)
    wish = TailOptions(
        symbols=settings.symbols(symbols, watchlists) or None,
        form=form or (options.Format.text if terminal else options.Format.json),
        since=begin,
        until=end,
        last=count or 10 if last is None and since is None else last,
        follow=not no_follow and choice.address.backend.is_writable,
        everything=everything,
        iso_times=times is options.TimeStyle.iso,
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
            # A follower waits for missing symbols. With `--no-follow` we report them.
            held = {quote.symbol for quote in (await stream.snapshot()).quotes}
            if missing := [symbol for symbol in wish.symbols if symbol not in held]:
                names = ", ".join(missing)
                tell(f"{names}: not in {stream.url}. See what it holds: ticker status{wish.option}")
                return NO_DATA
        return await _code(stream, wish, printer.printed, is_over=is_over)


async def _code(stream: Stream, wish: TailOptions, printed: int, *, is_over: bool) -> int:
    """Return the exit code, and report what is missing. `is_over`: `--for` has ended."""
    few = wish.count is not None and printed < wish.count
    if not few and (printed or (wish.follow and not is_over)):
        return DONE
    health = await stream.health()
    if health.state.is_away:
        tell(sentence(f"{stream.url}: {health.problem or health.state}"))
        return NOT_REACHABLE
    if health.state.is_bare:
        tell(invitation(wish.symbols, wish.option))
    elif few and wish.count is not None:
        tell(f"{printed:,} of {count_text(wish.count, 'event')} came from {stream.url}")
    elif is_over:
        tell(f"No event came from {stream.url} in this time. Why: ticker status{wish.option}")
    elif not health.ticks:
        tell(f"No event is in {stream.url} yet. Why: ticker status{wish.option}")
    else:
        return DONE
    return NO_DATA


async def _follow(stream: Stream, wish: TailOptions, printer: Printer, *, quiet: bool) -> None:
    quietness = None if quiet else Quietness(wish.symbols, wish.zone, wish.option)
    waited = ""

    async def begin(stood: Batch | None) -> Batch:
        return await _begin(stream, wish, printer, quietness) if stood is None else stood

    def lost(error: StreamError, _seconds: float) -> None:
        nonlocal waited
        missing = isinstance(error, StreamMissing)
        is_away = missing or isinstance(error, StreamUnreachable)
        if not is_away or following.stood is not None or not wish.follow or wish.is_over:
            raise error
        words = f"{sentence(str(error))} Waiting for it"
        if words != waited:
            tell(f"{words}. {to_poll(wish.symbols, wish.option)}" if missing else words)
            waited = words
        printer.output.check()

    following = Following(stream, begin, lost, symbols=wish.symbols, longest=_LONGEST_PAUSE)
    if wish.follow and not wish.is_over:
        async with aclosing(following.batches()) as batches:
            async for batch in batches:
                if await printer.take(batch):
                    return
                if wish.is_over:
                    break
                if not batch.ticks:
                    printer.output.check()
                if quietness is not None:
                    stats = stream.read_stats()
                    quietness.tell_skipped(stats.broken)
                    quietness.take(batch)
                    quietness.tell(batch, following.ticked, stats.problem, visible=wish.visible)
    # By now the stream holds everything from before `until`.
    async with aclosing(following.batches(follow=False)) as batches:
        async for batch in batches:
            if await printer.take(batch):
                return
    await printer.finish()
    if quietness is not None:
        quietness.tell_skipped(stream.read_stats().broken, at_once=True)


async def _begin(
    stream: Stream, wish: TailOptions, printer: Printer, quietness: Quietness | None
) -> Batch:
    """Return an empty batch with the position at which reading starts."""
    position = await _find(stream, wish, from_start=printer.held is not None)
    if (wish.follow and quietness is not None) or (
        wish.form is options.Format.text and wish.last != 0
    ):
        # The snapshot has the decimals of prices, and the writers. Go on without it if the stream
        # has just gone away: the reading waits for the stream.
        with suppress(StreamUnreachable):
            snapshot = await stream.snapshot()
            printer.hints.update((quote.symbol, quote.price_hint) for quote in snapshot.quotes)
            if quietness is not None:
                quietness.begin(snapshot)
    return Batch(position)


async def _find(stream: Stream, wish: TailOptions, *, from_start: bool) -> Position:
    if from_start:
        return await stream.find("start" if wish.since is None else wish.since)
    if wish.since is not None and (wish.last is None or wish.since == "end"):
        return await stream.find(wish.since)
    if not wish.follow and wish.last == 0:
        return await stream.find("end")
    assert wish.last is not None  # noqa: S101  (it is 10 without a --since)
    return await stream.find_last(wish.last, symbols=wish.symbols)


class Printer:
    """Prints batches as lines, each batch with one write, and counts events."""

    def __init__(self, wish: TailOptions, out: Output) -> None:
        self.output = out
        self.printed = 0
        """How many events were printed."""
        self.hints: dict[str, int | None] = {}
        self._wish = wish
        self._left = wish.count
        self.held = deque[Record](maxlen=wish.last) if wish.last and wish.is_over else None
        """The last events before `until`, if that is past: only the end tells which they are."""
        self._columns = output.ALL_COLUMNS if wish.everything else output.EVENT_COLUMNS
        if wish.form is options.Format.csv:
            out.write(output.csv_header(self._columns))

    async def take(self, batch: Batch) -> bool:
        """Print the wished events of `batch`. Returns True once `count` events are printed."""
        records = self._chosen(batch)
        if self.held is None:
            return await self._print(records)
        self.held.extend(records)
        return False

    async def finish(self) -> None:
        """Print the events held."""
        if self.held:
            await self._print([*self.held])

    async def _print(self, records: Sequence[Record]) -> bool:
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
        match wish.form:
            case options.Format.csv:
                data = output.csv_lines(records, self._columns, visible=wish.visible)
            case options.Format.json:
                data = output.json_lines(records, iso_times=wish.iso_times)
            case _:
                lines = (output.text_line(record, wish.zone, self.hints) for record in records)
                return "".join(lines)
        return data.decode() if wish.visible else data  # a terminal may have another charset
