"""What waits on this machine to be sent on: how many ticks, in which log, for whom, sent by whom.

Looks into the one log that a file stream is, or into the local logs of all pollers whose streams
lie elsewhere: a broker that moved has another address, so that what waits for it lies in a log that
a poller to the new address does not open. Reads only.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

import msgspec

from ticker.cli.relaying import canonical, local_log, lock_path, met_path
from ticker.errors import StreamError
from ticker.figures import count_text
from ticker.files import state_directory
from ticker.health import Health, StreamState
from ticker.health.sentences import Backlog, asking
from ticker.relay import LOCAL_LOGS, is_held, may_have_moved, read_met
from ticker.streams import Stream, StreamChoice, as_served, open_stream


class Waiting(msgspec.Struct, frozen=True):
    """Ticks of one log that one destination has not taken yet."""

    log: str
    destination: str
    ticks: int
    sending: bool
    """Whether a relay is at work for them."""
    again: bool = False
    """They were sent before, to another log in its place: what lies there now has none of them."""


async def waiting_for(choice: StreamChoice, stream: Stream, health: Health) -> list[Waiting]:
    """What waits in `choice`, or in the local logs of pollers to it.

    `stream` is that of `choice`, and is as `health` says. Of one elsewhere also what waits for an
    address that may have been its own before.
    """
    if choice.address.backend.is_file:
        return list(_of(canonical(choice), health))
    here = canonical(choice)
    found = await left_behind(choice)
    for simulated in (False, True):
        log = local_log(choice, simulated=simulated)
        held = await _health(log)
        waiting = [
            each for each in _of(log.url, held) if not may_have_moved(each.destination, here)
        ]
        if here in held.waiting and held.ticks and await _is_another(stream, health, log.url, here):
            sending = is_held(lock_path(log.url, here))
            waiting = [each for each in waiting if each.destination != here]
            waiting.append(Waiting(log.url, here, held.ticks, sending, again=True))
        found += waiting
    return found


async def _is_another(stream: Stream, health: Health, log: str, here: str) -> bool:
    """Whether what was sent from `log` to `stream`, which is `here`, went to another log there.

    So it is after its topics were deleted, or its server's disk was replaced.
    """
    met = read_met(met_path(log, here))
    if met is None or health.state.is_away:
        return False
    if health.state is StreamState.MISSING:
        return True
    served = as_served(stream)
    try:
        return served is not None and await served.log_id() != met.origin
    except StreamError:
        return False


async def left_behind(choice: StreamChoice) -> list[Waiting]:
    """What waits in local logs for an address that `choice` may have had, and nobody sends."""
    here = canonical(choice)
    found: list[Waiting] = []
    for path in sorted(state_directory().glob(LOCAL_LOGS)):
        log = StreamChoice(f"sqlite:{path}", named=False)
        found += [
            each
            for each in _of(log.url, await _health(log))
            if may_have_moved(each.destination, here) and not each.sending
        ]
    return found


def words(each: Waiting, choice: StreamChoice, health: Health) -> str:
    """How many ticks wait where, what becomes of them, and what to do for `choice`.

    `health` is that of `choice`.
    """
    told = f"{count_text(each.ticks, 'tick')} for {each.destination} in {each.log}"
    told += ", sent before to a log that lies there no more. " if each.again else ". "
    onwards = f"ticker forward {shlex.quote(each.log)} "
    if each.sending:
        is_away = each.destination == canonical(choice) and health.state.is_away
        return told + f"A relay is {'trying to send' if is_away else 'sending'} them"
    told += "Nobody sends them: "
    here, word = canonical(choice), shlex.quote(choice.word)
    if each.destination == here:
        option = asking(_source(each, choice), choice.option)
        return f"{told}ticker poll{option}, or {onwards}{word}"
    if may_have_moved(each.destination, here):
        return (
            f"{told}if that has become {here}: {onwards}{word} --no-follow · "
            f"then, or to give them up: {onwards}{shlex.quote(each.destination)} --forget"
        )
    return f"{told}{onwards}{shlex.quote(each.destination)}"


async def _health(log: StreamChoice) -> Health:
    async with open_stream(log) as stream:
        return await stream.health()


def _of(log: str, health: Health) -> Iterator[Waiting]:
    """Of one log, for each destination; those without anything left out."""
    for destination, ticks in health.waiting.items():
        if ticks:
            sending = is_held(lock_path(log, destination))
            yield Waiting(log, destination, ticks, sending)


def undelivered(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """The ticks that wait for `choice`; in a file, those for the destination furthest behind."""
    if choice.address.backend.is_file:
        return max((each.ticks for each in found), default=0)
    here = canonical(choice)
    return sum(each.ticks for each in found if each.destination == here)


def backlog(found: Iterable[Waiting], choice: StreamChoice) -> Backlog | None:
    """What of it waits for `choice` itself: what a relay sends, if there is any."""
    here = canonical(choice)
    mine = [each for each in found if each.destination == here]
    waiting = [each for each in mine if each.sending] or mine
    if not waiting:
        return None
    ticks = sum(each.ticks for each in waiting)
    return Backlog(ticks, waiting[0].sending, _source(waiting[0], choice))


def _source(each: Waiting, choice: StreamChoice) -> str:
    """What a poller to `choice` must ask to send these.

    One of another kind of prices would open another log, and send nothing of this one.
    """
    return "exchange" if each.log == local_log(choice, simulated=True).url else "yahoo"
