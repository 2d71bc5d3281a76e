"""What `forward` and `poll` need for a relay: its place and lock, a local log, words for people."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import Final

from ticker.address import Backend, backend_of, parse_address
from ticker.cli.settings import make_state_directory
from ticker.errors import AlreadyRelayed, StreamError, StreamMissing
from ticker.figures import agree, count_text
from ticker.files import state_directory
from ticker.health.sentences import sentence
from ticker.health.states import WriterState
from ticker.records import Position
from ticker.relay import (
    WITHIN,
    Checkpoint,
    FileCheckpoint,
    HoldCheckpoint,
    Relay,
    RelayReport,
    RelayStatus,
    exclusively,
    local_log_name,
    route_digest,
)
from ticker.streams import Retained, Stream, StreamChoice, open_log
from ticker.system_clock import now
from ticker.times import Zone, clock

_log: Final = logging.getLogger(__name__)
_AFTER_FAILURE: Final = 5.0
"""Before a relay that a mistake of ours ended is begun again (s)."""
_LOOK_AGAIN: Final = 1.0
"""Between two looks whether another relay has ended (s)."""
_UNMOVED: Final = 3.0
"""What waits so long behind one place is told (s): a relay that gets on notes it each second."""


def canonical(choice: StreamChoice) -> str:
    """One text for one stream, however it was written; no secrets.

    Raises `UsageError`, and `ConfigError` where it can never be spoken to as it is configured.
    """
    address = choice.address
    if address.path is None:
        return open_log(choice).url
    path = str(address.path.resolve())
    return f"sqlite:{path}" if address.backend.is_writable else path


def canonical_log(choice: StreamChoice) -> str:
    """The same for a stream that is to be written. Raises `UsageError` for a recording too."""
    open_log(choice)
    return canonical(choice)


def local_log(choice: StreamChoice, *, simulated: bool) -> StreamChoice:
    """The log that a poller writes first where its ticks go to `choice`.

    Real and invented prices have one each, so that a poll of the wrong kind, which the destination
    refuses, leaves nothing behind that would stop the right kind.
    """
    url = canonical_log(choice) + ("?simulated" if simulated else "")
    return StreamChoice(f"sqlite:{state_directory() / local_log_name(url)}", named=False)


def hold_checkpoint(log: Retained, url: str, destination: str) -> Checkpoint:
    """Where the relay from `log`, which is `url` and entered, to `destination` keeps its place."""
    return HoldCheckpoint(log, destination, met_path(url, destination))


def file_checkpoint(source: Stream, url: str, destination: str) -> Checkpoint:
    """The same for a `source` in which nothing can be held."""
    name = f"relay-{route_digest(url, destination)}.position"
    return FileCheckpoint(source, make_state_directory() / name, met_path(url, destination))


def lock_path(url: str, destination: str) -> Path:
    """The file that keeps two relays apart: beside a log's file, so that all users meet there."""
    digest = route_digest(url, destination)
    path = parse_address(url).path if backend_of(url) is Backend.SQLITE else None
    if path is not None and (os.access(path.parent, os.W_OK) or not path.parent.exists()):
        return path.with_name(f".{path.name}.{digest}.relay")
    return make_state_directory() / f"relay-{digest}.lock"


def met_path(url: str, destination: str) -> Path:
    """The file that tells which log the relay from `url` met at `destination`."""
    return lock_path(url, destination).with_suffix(".destination")


def relay_name(url: str, destination: str) -> str:
    """The writer of the gaps that this relay finds: the same after each restart."""
    return f"relay-{route_digest(f'{gethostname()} {url}', destination)}"


class Sending:
    """A relay beside a poller, from its local log `log` to `destination`.

    Several pollers of one machine share a local log; one of them sends for all, and another takes
    over when it ends. `on_status` is told how it goes. `on_failure` is called when it fails for
    good, but not where `log` was taken away: the poller finds that out, and goes on in another.
    """

    def __init__(
        self,
        log: Retained,
        local: StreamChoice,
        destination: StreamChoice,
        *,
        on_status: Callable[[RelayStatus], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._log = log
        self._from = canonical(local)
        self._to = canonical(destination)
        self._destination = destination
        self._on_status = on_status
        self._on_failure = on_failure
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None
        self._within = WITHIN
        self._left_elsewhere = _LeftElsewhere(log, self._to)
        self._task = asyncio.create_task(self._run())

    async def finish(self, within: float = WITHIN) -> str:
        """End it in little more than `within` seconds; what is left undelivered, in words.

        Raises what ended it before, as `Relay.run` does.
        """
        self._within = within
        self._stopping.set()
        if self._relay is not None:
            self._relay.stop(within)
        report = await self._task
        if report is None:
            return f"another process sends them on to {self._to}"
        return undelivered_words(report, self._from, "a poller or ticker forward")

    def left_words(self) -> str:
        """What is left undelivered where `finish` raised."""
        report = RelayReport(0, 0, 0, self._left(), None)
        return undelivered_words(report, self._from, "ticker forward")

    def _left(self) -> int | None:
        return None if self._relay is None else self._relay.undelivered

    async def _run(self) -> RelayReport | None:
        try:
            while True:
                try:
                    path = lock_path(self._from, self._to)
                    with exclusively(path, self._from, self._to, blocking=False):
                        return await self._relay_on()
                except AlreadyRelayed as error:
                    self._on_status(
                        RelayStatus(
                            WriterState.ELSEWHERE,
                            self._to,
                            problem=error.problem,
                            waiting=await self._left_elsewhere.count(),
                            process=error.process,
                        )
                    )
                    if await self._stopped_within(_LOOK_AGAIN):
                        return None
                except StreamError:
                    raise
                except Exception as error:  # noqa: BLE001 - no mistake of ours ends the sending unsaid
                    _log.exception("the relay failed")
                    problem = f"failed unexpectedly ({error}), and starts again"
                    self._on_status(
                        RelayStatus(WriterState.STREAM_UNREACHABLE, self._to, problem=problem)
                    )
                    if await self._stopped_within(_AFTER_FAILURE):
                        return RelayReport(0, 0, 0, self._left(), problem)
        except StreamError as error:
            is_gone = isinstance(error, StreamMissing) and error.stream == self._log.url
            if not is_gone:
                self._on_failure()
            raise

    async def _relay_on(self) -> RelayReport:
        self._relay = relay = Relay(
            self._log,
            partial(open_log, self._destination),
            hold_checkpoint(self._log, self._from, self._to),
            name=relay_name(self._from, self._to),
            on_status=self._on_status,
        )
        if self._stopping.is_set():
            relay.stop(self._within)
        return await relay.run()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True


class _LeftElsewhere:
    """What waits in `log` for `destination` while another process sends.

    Its hold is all that is known of how the other gets on.
    """

    def __init__(self, log: Retained, destination: str) -> None:
        self._log = log
        self._destination = destination
        self._place: Position | None = None
        self._since = self._counted_at = -math.inf
        self._waiting: int | None = None

    async def count(self) -> int | None:
        """How many ticks wait, as last counted; `None` while the other gets on, or none do."""
        now = time.monotonic()
        # Counting takes time with the ticks that wait, and after a week there are many.
        if now - self._counted_at >= _UNMOVED / 3:
            self._waiting = await self._look(now)
            self._counted_at = time.monotonic()
        return self._waiting

    async def _look(self, now: float) -> int | None:
        try:
            hold = (await self._log.holds()).get(self._destination)
        except StreamError:
            return self._waiting  # the poller tells of it
        if hold is None or not hold.ticks:
            self._place = None
            return None
        if hold.position != self._place:
            self._place, self._since = hold.position, now
        return hold.ticks if now - self._since >= _UNMOVED else None


def undelivered_words(report: RelayReport, source: str, sender: str | None) -> str:
    """`undelivered: N`, and what becomes of them: `sender` sends them later, if there is one."""
    count = report.undelivered
    if count == 0:
        return "undelivered: 0"
    number = "unknown" if count is None else f"{count:,}"
    why = f" {sentence(report.problem)}" if report.problem else ""
    if sender is None:
        return f"undelivered: {number} (still in {source}; run this command again).{why}"
    return f"undelivered: {number} (kept in {source}; sent when {sender} runs again).{why}"


def status_forms(status: RelayStatus, zone: Zone) -> tuple[str, str, str]:
    """How the relay is, on one line: in full, without the URL, and as short as can be.

    What is wrong comes first, because a terminal cuts the end.
    """
    if status.state is WriterState.ELSEWHERE:
        return _elsewhere_forms(status)
    sent = f"{count_text(status.ticks, 'tick')} sent"
    if not status.is_away:
        following = f"{status.state} · {sent}"
        return f"{status.destination}: {following}", following, f"{status.ticks:,} sent"
    away = status.away or status.destination
    is_source = away != status.destination
    brief = "source away" if is_source else "away"
    full = f"away: {away}"
    if status.waiting and not is_source:
        brief = f"away, {status.waiting:,} {agree(status.waiting, 'waits', 'wait')}"
        full = f"{brief} for {away}"
    problem = (status.problem or "").removeprefix(f"{away}: ")
    shortest = problem.removeprefix("does not answer: ")
    why, short_why = (f" ({words})" if words else "" for words in (problem, shortest))
    rest = ""
    if status.next_try is not None and status.next_try > now():
        rest = f" · next try {clock(status.next_try, zone, now=now())}"
    return (
        f"{full}{why}{rest} · {sent}",
        f"{brief}{why}{rest} · {sent}",
        f"{brief}{short_why}{rest}",
    )


def _elsewhere_forms(status: RelayStatus) -> tuple[str, str, str]:
    who = "another relay" + (f" (process {status.process})" if status.process else "")
    if not status.waiting:
        brief = f"{who} sends this on"
        return status.problem or brief, brief, "another relay sends this on"
    waits = f"{status.waiting:,} {agree(status.waiting, 'waits', 'wait')}"
    brief = f"{waits}, {who} sends {agree(status.waiting, 'it', 'them')}"
    return f"{brief} to {status.destination}", brief, f"{waits} for another relay"
