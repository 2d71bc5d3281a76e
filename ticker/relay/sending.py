"""The relay of a poller. Of all pollers that share a local log, one relays for all.

If its process ends, another poller takes over. A relay that fails by a bug is started again. This
module knows the local log and its destination, and no poller.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from ticker.errors import AlreadyRelayed, StreamError, StreamMissing
from ticker.health.states import WriterState
from ticker.records import Position
from ticker.relay.lock import exclusively
from ticker.relay.loop import WITHIN, Relay
from ticker.relay.route import Route
from ticker.relay.sentences import undelivered_words
from ticker.relay.status import RelayReport, RelayStatus
from ticker.streams import Retained, StreamChoice, canonical_url, open_log
from ticker.waiting import wait_unless

_log: Final = logging.getLogger(__name__)
_AFTER_FAILURE: Final = 5.0
"""The wait before a relay that failed by a bug is started again (s)."""
_LOOK_AGAIN: Final = 1.0
"""The time between two checks whether another relay has ended (s)."""
_UNMOVED: Final = 3.0
"""If ticks wait and the checkpoint does not move for this time (s), this is reported. A working
relay saves it each second."""


class Sending:
    """A relay from `log`, a poller's local log, to `destination`. `log` must be entered.

    `local` is the choice of `log`. `on_status` is called with each new status. `on_failure` is
    called before an error ends the relay, unless `log` was deleted or replaced: the poller notices
    this too, and continues in another log.
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
        self._route = Route(canonical_url(local), canonical_url(destination))
        self._destination = destination
        self._on_status = on_status
        self._on_failure = on_failure
        self._stopping = asyncio.Event()
        self._relay: Relay | None = None
        self._within = WITHIN
        self._left_elsewhere = _LeftElsewhere(log, self._route.destination)
        self._task: asyncio.Task[RelayReport | None] | None = None

    async def start(self) -> None:
        """Start the relay. First place a hold at the start of an empty log, so that all is sent."""
        if not await self._log.last():
            checkpoint = self._route.hold(self._log)
            if await checkpoint.load() is None:
                await checkpoint.save(await self._log.find("start"))
        self._task = asyncio.create_task(self._run())

    async def finish(self, within: float = WITHIN) -> str:
        """Stop the relay in little more than `within` seconds. Returns what is left, in words.

        If an error ended the relay, raises this error (see `Relay.run`).
        """
        assert self._task is not None  # noqa: S101 - it was started
        self._within = within
        self._stopping.set()
        if self._relay is not None:
            self._relay.stop(within)
        report = await self._task
        if report is None:
            return f"another process sends them on to {self._route.destination}"
        return undelivered_words(report, self._route.source, "a poller or ticker forward")

    def left_words(self) -> str:
        """Say what is undelivered, after `finish` raised an error."""
        report = RelayReport(0, 0, 0, self._left(), None)
        return undelivered_words(report, self._route.source, "ticker forward")

    def _left(self) -> int | None:
        return None if self._relay is None else self._relay.undelivered

    async def _run(self) -> RelayReport | None:
        try:
            while True:
                try:
                    with exclusively(self._route.lock, *self._route, blocking=False):
                        return await self._relay_on()
                except AlreadyRelayed as error:
                    await self._tell_elsewhere(error)
                    if await wait_unless(self._stopping, _LOOK_AGAIN):
                        return None
                except StreamError:
                    raise
                except Exception as error:  # noqa: BLE001 - no bug may end the sending unreported
                    _log.exception("the relay failed")
                    problem = f"failed unexpectedly ({error}), and starts again"
                    self._tell(WriterState.STREAM_UNREACHABLE, problem)
                    if await wait_unless(self._stopping, _AFTER_FAILURE):
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
            self._route.hold(self._log),
            name=self._route.name,
            on_status=self._on_status,
        )
        if self._stopping.is_set():
            relay.stop(self._within)
        return await relay.run()

    async def _tell_elsewhere(self, error: AlreadyRelayed) -> None:
        waiting = await self._left_elsewhere.count()
        self._tell(WriterState.ELSEWHERE, error.problem, waiting, error.process)

    def _tell(
        self,
        state: WriterState,
        problem: str,
        waiting: int | None = None,
        process: int | None = None,
    ) -> None:
        status = RelayStatus(
            state, self._route.destination, problem=problem, waiting=waiting, process=process
        )
        self._on_status(status)


class _LeftElsewhere:
    """Counts the ticks in `log` that wait for `destination` while another process sends.

    Only the hold in `log` shows the progress of the other relay.
    """

    def __init__(self, log: Retained, destination: str) -> None:
        self._log = log
        self._destination = destination
        self._place: Position | None = None
        self._since = self._counted_at = -math.inf
        self._waiting: int | None = None

    async def count(self) -> int | None:
        """Return how many ticks wait, as last counted; `None`: none, or the hold moves."""
        now = time.monotonic()
        # Not at each call: counting takes longer, the more ticks wait.
        if now - self._counted_at >= _UNMOVED / 3:
            self._waiting = await self._look(now)
            self._counted_at = time.monotonic()
        return self._waiting

    async def _look(self, now: float) -> int | None:
        try:
            hold = (await self._log.holds()).get(self._destination)
        except StreamError:
            return self._waiting  # the poller reports the error
        if hold is None or not hold.ticks:
            self._place = None
            return None
        if hold.position != self._place:
            self._place, self._since = hold.position, now
        return hold.ticks if now - self._since >= _UNMOVED else None
