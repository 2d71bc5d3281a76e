"""Forwards one log into another: waits for the source, relays, and proves that all arrived.

The checkpoint is a hold in the source if that is a log in a file that we may write. Otherwise it is
a small file. The caller holds the lock of the route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from ticker.address import Backend
from ticker.errors import SameLog, StreamError, StreamMissing, StreamNotWritable
from ticker.relay.checkpoint import Checkpoint
from ticker.relay.loop import Relay
from ticker.relay.proof import Proof, prove
from ticker.relay.route import Route
from ticker.relay.status import RelayReport, RelayStatus
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


class ForwardListener(Protocol):
    """Is called with the progress of a forward. No method may block."""

    def on_status(self, status: RelayStatus) -> None:
        """Called when the relay's status changes."""

    def on_missing(self, error: StreamMissing) -> None:
        """Called at each check while the source does not exist."""

    def on_unheld(self, error: StreamNotWritable) -> None:
        """Called if the source cannot hold ticks: it may delete some before they are sent."""

    def on_resume(self) -> None:
        """Called if the forward continues at its checkpoint, so `since` is ignored."""

    def on_report(self, report: RelayReport) -> None:
        """Called when the relay has ended."""

    def on_left(self, undelivered: int) -> None:
        """Called when the relay has failed; `undelivered` counts the ticks that wait."""


class Forwarding:
    """One forward of `request`. `run` it once; `stop` may be called while it runs."""

    def __init__(self, request: ForwardRequest, listener: ForwardListener) -> None:
        self._request = request
        self._listener = listener
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None

    def stop(self) -> None:
        """Stop it within seconds."""
        self._stopping.set()
        if self._relay is not None:
            self._relay.stop()

    async def run(self) -> tuple[Proof, RelayReport] | None:
        """Relay to the end.

        Returns the proof and the relay's report; `None` with `follow`, or if stopped. Without
        `follow`, raises `StreamMissing` if there is no source. Raises the errors of `Relay.run`.
        """
        while not self._stopping.is_set():
            try:
                async with _opened(self._request, self._listener) as (source, checkpoint):
                    return await self._forward(source, checkpoint)
            except StreamMissing as error:
                if not self._request.follow:
                    raise
                self._listener.on_missing(error)
            await wait_unless(self._stopping, _LOOK_AGAIN)
        return None

    async def _forward(
        self, source: Stream, checkpoint: Checkpoint
    ) -> tuple[Proof, RelayReport] | None:
        request, stopped = self._request, self._stopping.is_set
        is_new = await checkpoint.load() is None
        since = request.since
        if since != "start" and not is_new:
            self._listener.on_resume()
            since = "start"
        self._relay = relay = Relay(
            source,
            partial(open_log, request.destination),
            checkpoint,
            name=request.route.name,
            since=since,
            follow=request.follow,
            on_status=self._listener.on_status,
        )
        if stopped():
            relay.stop()
        async with _claim(checkpoint, relay, is_new=is_new, follow=request.follow):
            wanted = {} if request.follow else await self._wanted(source, since)
            report = await self._relayed(relay)
            if request.follow or stopped():
                return None
            async with open_stream(request.destination) as arrived:
                proof = await asyncio.to_thread(prove, source, arrived, wanted, relay.sent, stopped)
            return None if stopped() else (proof, report)

    async def _wanted(self, source: Stream, since: Moment) -> Mapping[Key, Digest]:
        """Return the digests of the ticks that must arrive, per (origin, symbol)."""
        if since == "end":
            return {}
        from ticker.streams.digest import digests

        columns = source.arrays(since=since if isinstance(since, int) else None)
        return await asyncio.to_thread(digests, columns, None, self._stopping.is_set)

    async def _relayed(self, relay: Relay) -> RelayReport:
        try:
            report = await relay.run()
        except SameLog:
            raise  # source and destination are one log: all ticks are there
        except StreamError:
            if relay.undelivered is not None:
                self._listener.on_left(relay.undelivered)
            raise
        self._listener.on_report(report)
        return report


async def forget(request: ForwardRequest, listener: ForwardListener) -> int | None:
    """Delete the checkpoint, so that the source no longer keeps ticks for the destination.

    Returns how many ticks waited: -1 if they cannot be counted, `None` if there was no checkpoint.
    """
    async with _opened(request, listener) as (_, checkpoint):
        if await checkpoint.load() is None:
            return None
        waited = -1
        # A source that is away or was replaced cannot count. Its checkpoint is deleted anyway.
        with contextlib.suppress(StreamError, TimeoutError):
            async with asyncio.timeout(_COUNTING):
                waited = await checkpoint.waiting() or 0
        await checkpoint.forget()
        return waited


@asynccontextmanager
async def _claim(
    checkpoint: Checkpoint, relay: Relay, *, is_new: bool, follow: bool
) -> AsyncIterator[None]:
    """Delete the checkpoint at the end, unless a later run continues there.

    A checkpoint that is older than this run is kept. A new one is kept only with `follow`, and not
    if the relay fails before it sends a tick (a typo in the destination, invented prices for a
    log of real ones).
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
            with contextlib.suppress(StreamError):  # the source is away: the hold stays
                await checkpoint.forget()


@asynccontextmanager
async def _opened(
    request: ForwardRequest, listener: ForwardListener
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
            listener.on_unheld(error)
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
