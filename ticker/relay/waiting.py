"""What waits on this machine to be sent on: how many ticks, in which log, for whom, sent by whom.

A poller whose ticks go elsewhere keeps them in a local log. Every local log that still has
undelivered ticks is listed, whatever its destination: a broker that moved has another address, and
a poller to the new one does not open the old one's log. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ticker.errors import StreamError
from ticker.files import state_directory
from ticker.health import Health, StreamState
from ticker.health.sentences import Backlog
from ticker.relay.checkpoint import read_met
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
    """Whether a relay is at work for them."""
    again: bool = False
    """They were sent before, to another log in its place: what lies there now has none of them."""


async def find_waiting(choice: StreamChoice, stream: Stream, health: Health) -> list[Waiting]:
    """What waits in `choice`, if it is a file, and in every local log of this machine.

    `stream` is that of `choice`, and is as `health` says.
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
    """What waits in local logs and nobody sends, but for what will be `sent` now."""
    return [
        each
        for log, held in await _local_logs()
        for each in _of(log, held)
        if not each.sending and Route(each.log, each.destination) not in sent
    ]


def undelivered(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """The ticks that wait for `choice`; in a file, those for the destination furthest behind."""
    here = canonical_url(choice)
    if choice.address.backend.is_file:
        return max((each.ticks for each in found if each.log == here), default=0)
    return sum(each.ticks for each in found if each.destination == here)


def backlog(found: Iterable[Waiting], choice: StreamChoice) -> Backlog | None:
    """What of it waits for `choice` itself: what a relay sends, if there is any."""
    here = canonical_url(choice)
    mine = [each for each in found if each.destination == here]
    waiting = [each for each in mine if each.sending] or mine
    if not waiting:
        return None
    ticks = sum(each.ticks for each in waiting)
    return Backlog(ticks, waiting[0].sending, polled_source(waiting[0], choice))


def polled_source(each: Waiting, choice: StreamChoice) -> str:
    """What a poller to `choice` must ask to send these.

    One of another kind of prices would open another log, and send nothing of this one.
    """
    simulated = canonical_url(local_log(choice, simulated=True))
    return "exchange" if each.log == simulated else "yahoo"


async def _is_another(stream: Stream, health: Health, route: Route) -> bool:
    """Whether what was sent by `route` to `stream` went to another log in its place.

    So it is after its topics were deleted, or its server's disk was replaced.
    """
    met = read_met(route.met)
    if met is None or health.state.is_away:
        return False
    if health.state is StreamState.MISSING:
        return True
    served = as_served(stream)
    try:
        return served is not None and await served.log_id() != met.origin
    except StreamError:
        return False


async def _local_logs() -> list[tuple[str, Health]]:
    """The canonical URL of each local log that a poller left here, and how it is."""
    found: list[tuple[str, Health]] = []
    for path in sorted(state_directory().glob(LOCAL_LOGS)):
        choice = StreamChoice(f"sqlite:{path}", named=False)
        async with open_stream(choice) as stream:
            found.append((canonical_url(choice), await stream.health()))
    return found


def _of(log: str, health: Health) -> Iterator[Waiting]:
    """Of one log, for each destination; those without anything left out."""
    for destination, ticks in health.waiting.items():
        if ticks:
            yield Waiting(log, destination, ticks, is_held(Route(log, destination).lock))
