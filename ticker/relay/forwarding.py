"""One log into another: wait for the source, relay, and prove at an end that all of it arrived.

Where a relay stands is kept in the source, as a hold, if that is a file of ours to write; otherwise
in a small file. The caller holds the lock of the route.
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

if TYPE_CHECKING:
    from ticker.streams.digest import Digest

_LOOK_AGAIN: Final = 1.0
"""Between two looks for a source that is not there yet (s)."""
_COUNTING: Final = 2.0
"""How long what waits may be counted before it is given up (s)."""


class ForwardRequest(msgspec.Struct, frozen=True):
    """From where to where, and how."""

    source: StreamChoice
    destination: StreamChoice
    route: Route
    since: Moment
    """Where to begin if nothing was forwarded before."""
    follow: bool


class ForwardListener(Protocol):
    """Whom a forward tells how it goes. None of these may block."""

    def on_status(self, status: RelayStatus) -> None:
        """The relay's news."""

    def on_missing(self, error: StreamMissing) -> None:
        """The source is not there yet, and is waited for. Called at each look."""

    def on_unheld(self, error: StreamNotWritable) -> None:
        """Nothing can be held in the source: its retention may pass this relay."""

    def on_resume(self) -> None:
        """It goes on where it stopped, although `since` was given."""

    def on_report(self, report: RelayReport) -> None:
        """The relay has ended."""

    def on_left(self, undelivered: int) -> None:
        """The relay has failed, and left so many ticks undelivered."""


class Forwarding:
    """One forward of `request`. `run` it once; `stop` may be called meanwhile."""

    def __init__(self, request: ForwardRequest, listener: ForwardListener) -> None:
        self._request = request
        self._listener = listener
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None

    def stop(self) -> None:
        """End it within seconds."""
        self._stopping.set()
        if self._relay is not None:
            self._relay.stop()

    async def run(self) -> tuple[Proof, RelayReport] | None:
        """Relay to the end; what was proved where it does not follow, `None` if it was stopped.

        Raises `StreamMissing` where it does not follow and there is no source, and what
        `Relay.run` raises.
        """
        while not self._stopping.is_set():
            try:
                async with _opened(self._request, self._listener) as (source, checkpoint):
                    return await self._forward(source, checkpoint)
            except StreamMissing as error:
                if not self._request.follow:
                    raise
                self._listener.on_missing(error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._stopping.wait()
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
        """What must arrive."""
        if since == "end":
            return {}
        from ticker.streams.digest import digests

        columns = source.arrays(since=since if isinstance(since, int) else None)
        return await asyncio.to_thread(digests, columns, None, self._stopping.is_set)

    async def _relayed(self, relay: Relay) -> RelayReport:
        try:
            report = await relay.run()
        except SameLog:
            raise  # all of it is there
        except StreamError:
            if relay.undelivered is not None:
                self._listener.on_left(relay.undelivered)
            raise
        self._listener.on_report(report)
        return report


async def forget(request: ForwardRequest, listener: ForwardListener) -> int | None:
    """Keep nothing in the source for the destination any more.

    Returns how many ticks waited for it: `None` where nothing was kept, -1 where they cannot be
    counted.
    """
    async with _opened(request, listener) as (_, checkpoint):
        if await checkpoint.load() is None:
            return None
        waited = -1
        # A source that is away, or another one by now, cannot say how many wait; so be it.
        with contextlib.suppress(StreamError, TimeoutError):
            async with asyncio.timeout(_COUNTING):
                waited = await checkpoint.waiting() or 0
        await checkpoint.forget()
        return waited


@asynccontextmanager
async def _claim(
    checkpoint: Checkpoint, relay: Relay, *, is_new: bool, follow: bool
) -> AsyncIterator[None]:
    """Give the claim on the source back at the end, unless it is to be used again.

    It is, if it is older than this run, and after a relay that follows: that one goes on where it
    stopped. A one-off copy has no next time. A relay that fails before it sends anything (a typo in
    the destination, invented prices for real ones) has none either.
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
            with contextlib.suppress(StreamError):  # it is away: nothing can be given back
                await checkpoint.forget()


@asynccontextmanager
async def _opened(
    request: ForwardRequest, listener: ForwardListener
) -> AsyncIterator[tuple[Stream, Checkpoint]]:
    """The source, and the relay's checkpoint in it or for it.

    Raises `StreamMissing`: forwarding makes no source.
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
            await stream.find("end")  # a missing file shows here
        yield stream, route.file(stream)
