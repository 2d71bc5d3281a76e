"""The relay of a poller. Of all pollers that share a local log, one relays for all.

If its process ends, another poller takes over. A relay that fails by a bug is started again. This
module knows the local log and its destination, and no poller.
"""

from __future__ import annotations

import asyncio
import logging
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
from ticker.relay.status import RelayStatus
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
    this too, and continues in another log. `finish` lets the relay deliver for `within` seconds.
    """

    def __init__(
        self,
        log: Retained,
        local: StreamChoice,
        destination: StreamChoice,
        *,
        on_status: Callable[[RelayStatus], None],
        on_failure: Callable[[], None],
        within: float = WITHIN,
    ) -> None:
        self._log = log
        self._route = Route(canonical_url(local), canonical_url(destination))
        self._destination = destination
        self._on_status = on_status
        self._on_failure = on_failure
        self._stopping = asyncio.Event()
        self._within = within
        self._last = RelayStatus(WriterState.STARTING, self._route.destination)
        self._other_position: Position | None = None
        self._moved_at = 0.0
        self._task: asyncio.Task[bool] | None = None

    async def start(self) -> None:
        """Start the relay. First place a hold at the start of an empty log, so that all is sent."""
        if not await self._log.last():
            checkpoint = self._route.hold(self._log)
            if await checkpoint.load() is None:
                await checkpoint.save(await self._log.find("start"))
        self._task = asyncio.create_task(self._run())

    async def finish(self) -> str:
        """Stop the relay in little more than `within` seconds. Returns what is left, in words.

        If an error ended the relay, raises this error (see `Relay.run`).
        """
        assert self._task is not None  # noqa: S101 - it was started
        self._stopping.set()
        if not await self._task:
            return f"another process sends them on to {self._route.destination}"
        last, sender = self._last, "a poller or ticker forward"
        return undelivered_words(last.waiting, self._route.source, sender, last.problem)

    def left_words(self) -> str:
        """Say what is undelivered, after `finish` raised an error."""
        return undelivered_words(self._last.waiting, self._route.source, "ticker forward")

    async def _run(self) -> bool:
        """Relay until `finish`. Returns whether it was this process that relayed last."""
        try:
            while True:
                try:
                    with exclusively(self._route.lock, *self._route, blocking=False):
                        await self._relay()
                        return True
                except AlreadyRelayed as error:
                    await self._tell_elsewhere(error)
                    if await wait_unless(self._stopping, _LOOK_AGAIN):
                        return False
                except StreamError:
                    raise
                except Exception as error:  # noqa: BLE001 - no bug may end the sending unreported
                    _log.exception("the relay failed")
                    problem = f"failed unexpectedly ({error}), and starts again"
                    away, end = WriterState.STREAM_UNREACHABLE, self._route.destination
                    self._tell(RelayStatus(away, end, problem=problem, waiting=self._last.waiting))
                    if await wait_unless(self._stopping, _AFTER_FAILURE):
                        return True
        except StreamError as error:
            is_gone = isinstance(error, StreamMissing) and error.stream == self._log.url
            if not is_gone:
                self._on_failure()
            raise

    async def _relay(self) -> None:
        relay = Relay(
            self._log,
            partial(open_log, self._destination),
            self._route.hold(self._log),
            name=self._route.name,
            on_status=self._tell,
            stopping=self._stopping,
            within=self._within,
        )
        await relay.run()

    async def _tell_elsewhere(self, error: AlreadyRelayed) -> None:
        """Report that another process relays, and how many ticks wait if it makes no progress.

        Only the hold in the log shows the progress of that process.
        """
        end = self._route.destination
        try:
            hold = (await self._log.holds()).get(end)
        except StreamError:  # the poller reports it
            hold = None
        position = hold.position if hold is not None and hold.ticks else None
        now = time.monotonic()
        if position != self._other_position:
            self._other_position, self._moved_at = position, now
        is_stuck = position is not None and now - self._moved_at >= _UNMOVED
        self._tell(
            RelayStatus(
                WriterState.ELSEWHERE,
                end,
                problem=error.problem,
                waiting=hold.ticks if hold is not None and is_stuck else None,
                process=error.process,
            )
        )

    def _tell(self, status: RelayStatus) -> None:
        self._last = status
        self._on_status(status)
