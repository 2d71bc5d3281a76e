"""Finds what waits on this machine to be sent: how many ticks, in which log, for which destination.

A poller whose ticks go elsewhere keeps them in a local log. Every local log with undelivered ticks
is listed, whatever its destination: if a broker moved, it has another address, and a poller to the
new one does not open the old one's log. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ticker.errors import StreamError
from ticker.files import state_directory
from ticker.health import Health, StreamState
from ticker.health.sentences import Backlog
from ticker.relay.checkpoint import read_destination
from ticker.relay.lock import is_held
from ticker.relay.naming import LOCAL_LOGS
from ticker.relay.route import Route, local_log
from ticker.streams import Stream, StreamChoice, as_served, canonical_url, open_stream


class Waiting(msgspec.Struct, frozen=True):
    """Ticks of one log that one destination has not taken yet."""

    log: str
    destination: str
    ticks: int
    sending: bool
    """Whether a relay is running for them."""
    again: bool = False
    """Whether they were sent before, to a log that was replaced by one without them."""


async def find_waiting(choice: StreamChoice, stream: Stream, health: Health) -> list[Waiting]:
    """Find what waits in `choice`, if it is a file, and in every local log of this machine.

    `stream` is that of `choice`, and `health` is its health.
    """
    here = canonical_url(choice)
    found = list(_of(here, health)) if choice.address.backend.is_file else []
    for log, held in await _local_logs():
        if log == here:
            continue
        waiting = list(_of(log, held))
        if here in held.waiting and held.ticks:
            route = Route(log, here)
            if await _is_another(stream, health, route):
                waiting = [each for each in waiting if each.destination != here]
                waiting.append(Waiting(*route, held.ticks, is_held(route.lock), again=True))
        found += waiting
    return found


async def find_unsent(*sent: Route) -> list[Waiting]:
    """Find what waits in local logs without a relay, except what will be `sent` now."""
    return [
        each
        for log, held in await _local_logs()
        for each in _of(log, held)
        if not each.sending and Route(each.log, each.destination) not in sent
    ]


def undelivered(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """Count the ticks that wait for `choice`; in a file, for the destination furthest behind."""
    here = canonical_url(choice)
    if choice.address.backend.is_file:
        return max((each.ticks for each in found if each.log == here), default=0)
    return sum(each.ticks for each in found if each.destination == here)


def backlog(found: Iterable[Waiting], choice: StreamChoice) -> Backlog | None:
    """Return what waits for `choice` itself, which a relay sends if there is one."""
    here = canonical_url(choice)
    mine = [each for each in found if each.destination == here]
    waiting = [each for each in mine if each.sending] or mine
    if not waiting:
        return None
    ticks = sum(each.ticks for each in waiting)
    return Backlog(ticks, waiting[0].sending, polled_source(waiting[0], choice))


def polled_source(each: Waiting, choice: StreamChoice) -> str:
    """Return the source that a poller to `choice` must ask to send these.

    A source with the other kind of prices would open another log, and send none of this one.
    """
    simulated = canonical_url(local_log(choice, simulated=True))
    return "exchange" if each.log == simulated else "yahoo"


async def _is_another(stream: Stream, health: Health, route: Route) -> bool:
    """Tell whether what `route` sent to `stream` went to a log that was since replaced.

    This happens after its topics were deleted, or its server's disk was replaced.
    """
    known = read_destination(route.destination_file)
    if known is None or health.state.is_away:
        return False
    if health.state is StreamState.MISSING:
        return True
    served = as_served(stream)
    try:
        return served is not None and await served.log_id() != known.origin
    except StreamError:
        return False


async def _local_logs() -> list[tuple[str, Health]]:
    """Find the canonical URL of each local log of pollers here, and its health."""
    found: list[tuple[str, Health]] = []
    for path in sorted(state_directory().glob(LOCAL_LOGS)):
        choice = StreamChoice(f"sqlite:{path}", named=False)
        async with open_stream(choice) as stream:
            found.append((canonical_url(choice), await stream.health()))
    return found


def _of(log: str, health: Health) -> Iterator[Waiting]:
    """Return what waits in one log, for each destination that has something waiting."""
    for destination, ticks in health.waiting.items():
        if ticks:
            yield Waiting(log, destination, ticks, is_held(Route(log, destination).lock))
