"""Forwards one log into another: waits for the source, relays, and proves that all arrived.

The checkpoint is a hold in the source if that is a log in a file that we may write. Otherwise it is
a small file. The caller holds the lock of the route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ticker.address import Backend
from ticker.errors import SameLog, StreamError, StreamMissing, StreamNotWritable
from ticker.figures import count_text
from ticker.health.sentences import sentence
from ticker.relay.checkpoint import Checkpoint
from ticker.relay.loop import Relay
from ticker.relay.proof import Proof, prove
from ticker.relay.route import Route
from ticker.relay.sentences import undelivered_words
from ticker.relay.status import RelayStatus
from ticker.streams import Stream, StreamChoice, open_log, open_stream, retained
from ticker.streams.sequence import Key
from ticker.times import Moment
from ticker.waiting import wait_unless

if TYPE_CHECKING:
    from ticker.streams.digest import Digest

_LOOK_AGAIN: Final = 1.0
"""The time between two checks for a source that does not exist yet (s)."""
_COUNTING: Final = 2.0
"""How long counting the waiting ticks may take (s)."""


class ForwardRequest(msgspec.Struct, frozen=True):
    """From where to where, and how."""

    source: StreamChoice
    destination: StreamChoice
    route: Route
    since: Moment
    """Where to begin if there is no checkpoint."""
    follow: bool


class Forwarding:
    """One forward of `request`. `run` it once; `stop` may be called while it runs.

    No callback may block. `on_status` is called when the relay's status changes. `tell` is called
    with sentences about the progress, and `warn` with those that a user must see.
    """

    def __init__(
        self,
        request: ForwardRequest,
        *,
        on_status: Callable[[RelayStatus], None],
        tell: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._request = request
        self._on_status = on_status
        self._tell = tell
        self._warn = warn
        self._stopping = asyncio.Event()
        self._sender = "ticker forward" if request.follow else None

    def stop(self) -> None:
        """Stop it within seconds."""
        self._stopping.set()

    async def run(self) -> tuple[Proof, RelayStatus] | None:
        """Relay to the end.

        Returns the proof and the relay's last status; `None` with `follow`, or if stopped. Without
        `follow`, raises `StreamMissing` if there is no source. Raises the errors of `Relay.run`.
        """
        told = ""
        while not self._stopping.is_set():
            try:
                async with _opened(self._request, self._warn) as (source, checkpoint):
                    return await self._forward(source, checkpoint)
            except StreamMissing as error:
                if not self._request.follow:
                    raise
                words = f"{sentence(str(error))} Waiting for it"
                if words != told:
                    self._warn(words)
                told = words
            await wait_unless(self._stopping, _LOOK_AGAIN)
        return None

    async def _forward(
        self, source: Stream, checkpoint: Checkpoint
    ) -> tuple[Proof, RelayStatus] | None:
        request, stopped = self._request, self._stopping.is_set
        is_new = await checkpoint.load() is None
        since = request.since
        if since != "start" and not is_new:
            self._tell(
                "Going on where it stopped: --since counts only at first. Start over: --forget"
            )
            since = "start"
        relay = Relay(
            source,
            partial(open_log, request.destination),
            checkpoint,
            name=request.route.name,
            since=since,
            follow=request.follow,
            on_status=self._on_status,
            stopping=self._stopping,
        )
        async with _claim(checkpoint, relay, is_new=is_new, follow=request.follow):
            wanted = {} if request.follow else await self._wanted(source, since)
            last = await self._relayed(relay)
            if request.follow or stopped():
                return None
            async with open_stream(request.destination) as arrived:
                proof = await asyncio.to_thread(prove, source, arrived, wanted, relay.sent, stopped)
            return None if stopped() else (proof, last)

    async def _wanted(self, source: Stream, since: Moment) -> Mapping[Key, Digest]:
        """Return the digests of the ticks that must arrive, per (origin, symbol)."""
        if since == "end":
            return {}
        from ticker.streams.digest import digests

        columns = source.arrays(since=since if isinstance(since, int) else None)
        return await asyncio.to_thread(digests, columns, None, self._stopping.is_set)

    async def _relayed(self, relay: Relay) -> RelayStatus:
        """Run `relay`, and report what it sent and what is undelivered."""
        source, destination = self._request.route
        try:
            last = await relay.run()
        except SameLog:
            raise  # source and destination are one log: all ticks are there
        except StreamError:
            if relay.status.waiting is not None:
                self._warn(undelivered_words(relay.status.waiting, source, self._sender))
            raise
        self._tell(f"{count_text(last.ticks, 'tick')} sent to {destination}")
        words = undelivered_words(last.waiting, source, self._sender, last.problem)
        (self._tell if last.waiting == 0 else self._warn)(words)
        return last


async def forget(request: ForwardRequest, tell: Callable[[str], None]) -> bool:
    """Delete the checkpoint, so that the source no longer keeps ticks for the destination.

    Tells how many ticks waited. Returns whether there was a checkpoint.
    """
    begin, end = request.route
    async with _opened(request, tell) as (_, checkpoint):
        if await checkpoint.load() is None:
            tell(f"Nothing was kept for {end} in {begin}")
            return False
        waiting = "the waiting ticks"
        # A source that is away or was replaced cannot count. Its checkpoint is deleted anyway.
        with contextlib.suppress(StreamError, TimeoutError):
            async with asyncio.timeout(_COUNTING):
                waiting = count_text(await checkpoint.waiting() or 0, "tick")
        await checkpoint.forget()
    tell(f"Gave up {end}: {begin} no longer keeps {waiting} for it")
    return True


@asynccontextmanager
async def _claim(
    checkpoint: Checkpoint, relay: Relay, *, is_new: bool, follow: bool
) -> AsyncIterator[None]:
    """Delete the checkpoint at the end, unless a later run continues there.

    A checkpoint that is older than this run is kept. A new one is kept only with `follow`, and not
    if the relay fails before it sends a tick (a typo in the destination, invented prices for a
    log of real ones).
    """
    has_failed = True
    try:
        yield
        has_failed = False
    finally:
        is_kept = follow and (bool(relay.sent) or not has_failed)
        if is_new and not is_kept:
            with contextlib.suppress(StreamError):  # the source is away: the hold stays
                await checkpoint.forget()


@asynccontextmanager
async def _opened(
    request: ForwardRequest, warn: Callable[[str], None]
) -> AsyncIterator[tuple[Stream, Checkpoint]]:
    """Open the source and the relay's checkpoint.

    Raises `StreamMissing` if the file of the source is missing: forwarding creates no source.
    """
    address, route = request.source.address, request.route
    path = address.path if address.backend is Backend.SQLITE else None
    if path is not None and path.exists():
        log = retained(open_log(request.source))
        try:
            await log.__aenter__()
        except StreamNotWritable as error:
            end = route.destination
            warn(f"{error}. Retention there may delete ticks before they reach {end}")
        else:
            try:
                yield log, route.hold(log)
            finally:
                await log.close()
            return
    async with open_stream(request.source) as stream:
        if path is not None:
            await stream.find("end")  # raises if the file is missing
        yield stream, route.file(stream)
