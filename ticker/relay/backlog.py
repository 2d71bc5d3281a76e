"""Finds ticks that wait on this machine: how many, in which log, for which destination.

A poller whose ticks go elsewhere keeps them in a local log. Every local log with undelivered ticks
is listed, whatever its destination: after a broker's address has changed, pollers use a new local
log, and the ticks in the old one still wait. This module only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ticker.errors import StreamError
from ticker.files import state_directory
from ticker.health import Health, StreamState
from ticker.health.sentences import Backlog, chosen_source
from ticker.relay.checkpoint import read_destination
from ticker.relay.lock import is_held
from ticker.relay.route import LOCAL_LOGS, Route
from ticker.streams import Stream, StreamChoice, as_served, canonical_url, open_stream


class Waiting(msgspec.Struct, frozen=True):
    """The ticks of one log that wait for one destination."""

    log: str
    destination: str
    ticks: int
    sending: bool
    """Whether a relay is running for them."""
    again: bool = False
    """Whether they were sent before, to a log that was since deleted or replaced."""
    source: str = ""
    """What a poller that sends them must poll, as `--source`; empty: the default, or unknown."""


async def find_waiting(choice: StreamChoice, stream: Stream, health: Health) -> list[Waiting]:
    """Find what waits in `choice`, if it is a file, and in every local log of this machine.

    `stream` is the open stream of `choice`, and `health` is its health.
    """
    here = canonical_url(choice)
    found = list(_of(here, health)) if choice.address.path is not None else []
    for log, held in await _local_logs():
        if log == here:
            continue
        waiting = list(_of(log, held))
        if here in held.waiting and held.ticks:
            route = Route(log, here)
            if await _is_another(stream, health, route):
                waiting = [each for each in waiting if each.destination != here]
                waiting.append(_waiting(route, held.ticks, held, again=True))
        found += waiting
    return found


async def find_unsent(*sent: Route) -> list[Waiting]:
    """Find what waits in local logs and has no relay, except the routes that are `sent` now."""
    return [
        each
        for log, held in await _local_logs()
        for each in _of(log, held)
        if not each.sending and Route(each.log, each.destination) not in sent
    ]


def undelivered(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """Count the ticks that wait for `choice`.

    If `choice` is a file, counts the ticks in it, for the destination with the most ticks waiting.
    """
    here = canonical_url(choice)
    if choice.address.path is not None:
        return max((each.ticks for each in found if each.log == here), default=0)
    return sum(each.ticks for each in found if each.destination == here)


def backlog(found: Iterable[Waiting], choice: StreamChoice) -> Backlog | None:
    """Return what waits for `choice`; `None` if nothing does.

    If relays are running, only the logs that they send are counted.
    """
    here = canonical_url(choice)
    mine = [each for each in found if each.destination == here]
    waiting = [each for each in mine if each.sending] or mine
    if not waiting:
        return None
    ticks = sum(each.ticks for each in waiting)
    return Backlog(ticks, waiting[0].sending, waiting[0].source)


async def _is_another(stream: Stream, health: Health, route: Route) -> bool:
    """Tell whether `route` sent its ticks to a log that was since deleted or replaced.

    For example, its topics were deleted or its server's disk was replaced. `stream` and `health`
    are those of the destination.
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
    """Return the canonical URL and the health of each local log on this machine."""
    found: list[tuple[str, Health]] = []
    for path in sorted(state_directory().glob(LOCAL_LOGS)):
        choice = StreamChoice(f"sqlite:{path}", named=False)
        async with open_stream(choice) as stream:
            found.append((canonical_url(choice), await stream.health()))
    return found


def _of(log: str, health: Health) -> Iterator[Waiting]:
    """Yield what waits in one log, for each destination for which ticks wait."""
    for destination, ticks in health.waiting.items():
        if ticks:
            yield _waiting(Route(log, destination), ticks, health)


def _waiting(route: Route, ticks: int, health: Health, *, again: bool = False) -> Waiting:
    newest = max(health.heartbeats, key=lambda beat: beat.received, default=None)
    return Waiting(*route, ticks, is_held(route.lock), again, chosen_source(newest))
