"""`forward`: one log into another, following; or to the present end, with a proof."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Final

import msgspec
import typer

from ticker.cli import completing
from ticker.cli.failing import CANNOT_WRITE, DONE, NO_DATA, WRONG_USAGE, Failed
from ticker.cli.line import Line
from ticker.cli.options import For, NoFollow, Quiet, Since, TimeZone, Verbose
from ticker.cli.relaying import (
    canonical,
    canonical_log,
    file_checkpoint,
    hold_checkpoint,
    lock_path,
    relay_name,
    status_forms,
    undelivered_words,
)
from ticker.cli.running import run, set_up_logging
from ticker.cli.settings import Settings, stream_path
from ticker.cli.standard import tell
from ticker.errors import (
    MixedPrices,
    SameLog,
    StreamError,
    StreamMissing,
    StreamNotWritable,
    UsageError,
)
from ticker.figures import agree, and_more, count_text
from ticker.health.sentences import invitation, sentence
from ticker.health.states import WriterState
from ticker.relay import (
    Checkpoint,
    Proof,
    Relay,
    RelayReport,
    RelayStatus,
    exclusively,
    prove,
)
from ticker.streams import Stream, StreamChoice, open_log, open_stream, retained
from ticker.system_clock import now
from ticker.times import Moment, Zone, parse_duration, parse_when
from ticker.units import SECOND

_LOOK_AGAIN: Final = 1.0
"""Between two looks for a source that is not there yet (s)."""
_COUNTING: Final = 2.0
"""How long what waits may be counted before it is given up (s)."""


class ForwardOptions(msgspec.Struct, frozen=True):
    """From where to where, and how."""

    source: StreamChoice
    destination: StreamChoice
    begin: str
    """The source in one spelling, for names of files."""
    end: str
    since: Moment
    follow: bool
    zone: Zone


def forward(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            autocompletion=completing.streams,
            help="The stream to read: sqlite:PATH, kafka://HOST:PORT/PREFIX (without /PREFIX: "
            "ticks; commas between several HOST:PORT), demo, or a name from the configuration.",
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="TO",
            autocompletion=completing.streams,
            help="The log to append to, likewise; made if it is missing.",
        ),
    ],
    since: Since = None,
    no_follow: NoFollow = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Stop keeping ticks in FROM for TO.")
    ] = False,
    duration: For = None,
    tz: TimeZone = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Copy one log into another: what it holds, then what comes. Resumes where it stopped.

    --since counts where nothing was forwarded before. --no-follow ends with a proof that all of it
    arrived.
    """
    settings = Settings()
    zone = settings.zone(tz)
    ends = settings.stream(source), settings.stream(destination)
    begin, end = canonical(ends[0]), canonical_log(ends[1])
    if begin == end:
        raise UsageError(f"{begin} cannot be forwarded into itself")
    when = "start" if since is None else parse_when(since, now=now(), zone=zone)
    lasting = None if duration is None else parse_duration(duration) / SECOND
    follow = not no_follow and ends[0].address.backend.is_writable
    wish = ForwardOptions(*ends, begin=begin, end=end, since=when, follow=follow, zone=zone)
    line = Line(quiet=quiet)
    set_up_logging(quiet=quiet, verbose=verbose, plain=line.plain)
    path = stream_path(ends[0])
    with _advising(wish):
        if path is not None and not path.exists() and not wish.follow:
            raise StreamMissing(begin, "there is no such file")
        with exclusively(lock_path(begin, end), begin, end):
            if forget:
                raise typer.Exit(asyncio.run(_forget(wish)))
            forwarding = Forwarding(wish, line)
            raise typer.Exit(run(forwarding.main(lasting), stop=forwarding.stop))


@contextlib.contextmanager
def _advising(wish: ForwardOptions) -> Iterator[None]:
    """Let errors say what to do about FROM and TO: no option of this command names a stream."""
    end = (wish.end, wish.destination.url)
    try:
        yield
    except StreamMissing as error:
        if error.stream in end:
            raise
        words = invitation(option=wish.source.option)
        raise Failed(f"{error}. {words}", NO_DATA) from error
    except MixedPrices as error:
        raise Failed(
            f"{error}. Name a log of its own as TO, like sqlite:PATH", WRONG_USAGE
        ) from error
    except StreamNotWritable as error:
        place = "as TO, like sqlite:PATH" if error.stream in end else "with XDG_STATE_HOME"
        raise Failed(f"{error}. Name another place {place}", CANNOT_WRITE) from error


async def _forget(wish: ForwardOptions) -> int:
    async with _opened(wish) as (_, place):
        if await place.load() is None:
            tell(f"Nothing was kept for {wish.end} in {wish.begin}")
            return NO_DATA
        waiting = "what waited there is"
        # A source that is away, or another one by now, cannot say how many wait; so be it.
        with contextlib.suppress(StreamError, TimeoutError):
            async with asyncio.timeout(_COUNTING):
                count = await place.waiting() or 0
                waiting = f"{count_text(count, 'tick')} {agree(count, 'is', 'are')}"
        await place.forget()
    tell(f"Gave up {wish.end}: {waiting} not kept for it in {wish.begin} any more")
    return DONE


class Forwarding:
    """One run of `forward`, from waiting for its source to its last words."""

    def __init__(self, wish: ForwardOptions, line: Line) -> None:
        self._wish = wish
        self._line = line
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None

    async def stop(self) -> None:
        """End it within seconds."""
        self._stopping.set()
        if self._relay is not None:
            self._relay.stop()

    async def main(self, lasting: float | None) -> int:
        """The exit code. `lasting`: stop after that many seconds."""
        if lasting is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(lasting, lambda: asyncio.ensure_future(self.stop()))
        told = ""
        while not self._stopping.is_set():
            try:
                async with _opened(self._wish) as (source, place):
                    return await self._forward(source, place)
            except StreamMissing as error:
                if not self._wish.follow:
                    raise
                if str(error) != told:
                    tell(f"{sentence(str(error))} Waiting for it")
                    told = str(error)
            await self._rest()
        return DONE

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _forward(self, source: Stream, place: Checkpoint) -> int:
        wish = self._wish
        is_new = await place.load() is None
        since = wish.since
        if since != "start" and not is_new:
            words = "Going on where it stopped: --since is for the first time. Start over: --forget"
            self._line.end(words)
            since = "start"
        self._relay = relay = Relay(
            source,
            partial(open_log, wish.destination),
            place,
            name=relay_name(wish.begin, wish.end),
            since=since,
            follow=wish.follow,
            on_status=self._show,
        )
        if self._stopping.is_set():
            relay.stop()
        async with _claim(place, is_new, relay, follow=wish.follow):
            wanted = {}
            if not wish.follow and since != "end":
                from ticker.streams.digest import digests

                columns = source.arrays(since=since if isinstance(since, int) else None)
                wanted = await asyncio.to_thread(digests, columns, None, self._stopping.is_set)
            report = await self._relayed(relay)
            if wish.follow or self._stopping.is_set():
                return DONE
            async with open_stream(wish.destination) as arrived:
                proof = await asyncio.to_thread(
                    prove, source, arrived, wanted, relay.sent, self._stopping.is_set
                )
            return self._judge(proof, report)

    async def _relayed(self, relay: Relay) -> RelayReport:
        """Run it, and tell what was sent and what is left."""
        wish = self._wish
        sender = "ticker forward" if wish.follow else None
        try:
            report = await relay.run()
        except SameLog:
            raise  # all of it is there
        except StreamError:
            if relay.undelivered is not None:
                left = RelayReport(0, 0, 0, relay.undelivered, None)
                self._line.end(undelivered_words(left, wish.begin, sender), always=True)
            raise
        self._line.end(f"{count_text(report.ticks, 'tick')} sent to {wish.end}")
        left_words = undelivered_words(report, wish.begin, sender)
        self._line.end(left_words, always=report.undelivered != 0)
        return report

    def _show(self, status: RelayStatus) -> None:
        if status.state is not WriterState.STOPPED:  # the last words say more
            key = f"{status.state} {status.problem}"
            words, *shorter = status_forms(status, self._wish.zone)
            self._line.show(words, key, shorter)

    def _judge(self, proof: Proof, report: RelayReport) -> int:
        """Tell what the proof found; the exit code."""
        if self._stopping.is_set():
            return DONE  # it was not finished, and a signal's own code follows
        wish = self._wish
        if proof.wrong:
            named = [
                f"{symbol} ({origin}): {words}" for (origin, symbol), words in proof.wrong.items()
            ]
            raise Failed(f"{wish.end} is not complete: {and_more(named, 5, ', ')}", NO_DATA)
        self._line.end(_complete_words(proof, wish.end))
        return NO_DATA if report.undelivered else DONE


@asynccontextmanager
async def _claim(
    place: Checkpoint, is_new: bool, relay: Relay, *, follow: bool
) -> AsyncIterator[None]:
    """Give the claim on FROM back at the end, unless it is to be used again.

    It is, if it is older than this run, and after a relay that follows: that one goes on where it
    stopped. A one-off copy has no next time. A relay that fails before it sends anything (a typo in
    TO, invented prices for real ones) has none either.
    """
    is_kept = False
    try:
        yield
        is_kept = follow
    except BaseException:
        is_kept = follow and bool(relay.sent)
        raise
    finally:
        if is_new and not is_kept:
            with contextlib.suppress(StreamError):  # FROM is away: nothing can be given back
                await place.forget()


def _complete_words(proof: Proof, end: str) -> str:
    """What a proof that found nothing wrong has compared."""
    told = f"complete: {count_text(proof.ticks, 'tick')} of {count_text(proof.symbols, 'symbol')}"
    if proof.origins > 1:
        told += f" from {proof.origins:,} origins"
    told += " are the same in both"
    if proof.let_go:
        are = agree(proof.let_go, "is", "are")
        told += f"; {count_text(proof.let_go, 'older one')} {are} not in {end} any more"
    return told


@asynccontextmanager
async def _opened(wish: ForwardOptions) -> AsyncIterator[tuple[Stream, Checkpoint]]:
    """The source, and where the relay keeps its place: a hold, if it is a file of ours to write.

    Raises `StreamMissing`: forwarding makes no source.
    """
    path = stream_path(wish.source)
    if path is not None and path.exists():
        log = retained(open_log(wish.source))
        try:
            await log.__aenter__()
        except StreamNotWritable as error:
            tell(f"{error}. So nothing there is kept from retention for {wish.end}")
        else:
            try:
                yield log, hold_checkpoint(log, wish.begin, wish.end)
            finally:
                await log.close()
            return
    async with open_stream(wish.source) as stream:
        if path is not None:
            await stream.find("end")  # a missing file shows here
        yield stream, file_checkpoint(stream, wish.begin, wish.end)
