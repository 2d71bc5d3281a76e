"""What waits on this machine to be sent on: how many ticks, in which log, for whom, sent by whom.

Looks into the one log that a file stream is, or into the local logs of all pollers whose streams
lie elsewhere: a broker that moved has another address, so that what waits for it lies in a log that
a poller to the new address does not open. Reads only.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ticker.cli.relaying import canonical, local_log, lock_path
from ticker.cli.settings import StreamChoice, stream_path
from ticker.config import state_directory
from ticker.figures import count_text
from ticker.records import Health
from ticker.relay import LOCAL_LOGS, is_held, may_have_moved
from ticker.streams import open_stream
from ticker.verdict import asking

_AWAY: Final = frozenset({"unreachable", "unusable"})
"""States of a stream that takes nothing."""


class Waiting(msgspec.Struct, frozen=True):
    """Ticks of one log that one destination has not taken yet."""

    log: str
    destination: str
    ticks: int
    sending: bool
    """Whether a relay is at work for them."""


async def waiting_for(choice: StreamChoice, health: Health) -> list[Waiting]:
    """What waits in `choice`, which is as `health` says, or in the local logs of pollers to it.

    Of a stream elsewhere also what waits for an address that may have been its own before.
    """
    if stream_path(choice) is not None:
        return list(_of(canonical(choice), health))
    here = canonical(choice)
    found = await left_behind(choice)
    for simulated in (False, True):
        log = local_log(choice, simulated=simulated)
        held = await _health(log)
        found += [each for each in _of(log.url, held) if not may_have_moved(each.destination, here)]
    return found


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
    told = f"{count_text(each.ticks, 'tick')} for {each.destination} in {each.log}. "
    onwards = f"ticker forward {shlex.quote(each.log)} "
    if each.sending:
        is_away = each.destination == canonical(choice) and health.state in _AWAY
        return told + f"A relay is {'trying to send' if is_away else 'sending'} them"
    told += "Nobody sends them: "
    here, word = canonical(choice), shlex.quote(choice.word)
    if each.destination == here:
        # A poller of another kind of prices would open another log, and send nothing of this one.
        invented = each.log == local_log(choice, simulated=True).url
        option = asking("exchange" if invented else "yahoo", choice.option)
        return f"{told}ticker poll{option}, or {onwards}{word}"
    if may_have_moved(each.destination, here):
        return (
            f"{told}if that has become {here}: {onwards}{word} --no-follow · "
            f"then, or to give them up: {onwards}{shlex.quote(each.destination)} --forget"
        )
    return f"{told}{onwards}{shlex.quote(each.destination)}"


async def _health(log: StreamChoice) -> Health:
    async with open_stream(log.url) as stream:
        return await stream.health()


def _of(log: str, health: Health) -> Iterator[Waiting]:
    """Of one log, for each destination; those without anything left out."""
    for destination, ticks in health.waiting.items():
        if ticks:
            sending = is_held(lock_path(log, destination))
            yield Waiting(log, destination, ticks, sending)


def undelivered(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """The ticks that wait for `choice`; in a file, those for the destination furthest behind."""
    if stream_path(choice) is not None:
        return max((each.ticks for each in found), default=0)
    here = canonical(choice)
    return sum(each.ticks for each in found if each.destination == here)


def coming(found: Iterable[Waiting], choice: StreamChoice) -> int:
    """The ticks that a relay of this machine is about to bring to `choice`."""
    here = canonical(choice)
    return sum(each.ticks for each in found if each.sending and each.destination == here)
