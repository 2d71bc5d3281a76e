"""The plan of one run: how many events, when each is due, and its content.

Events are due at irregular times, as in a market: the times between them are random, from a seed.
Server and clients compute the same times from the same plan. So a latency counts from the time when
the event was due, even if the server was late. Times are µs of the machine's monotonic clock, which
all processes share.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from itertools import accumulate
from typing import Final

import msgspec

from ticker import wire
from ticker.records import Tick
from ticker.system_clock import monotonic
from ticker.units import SECOND

ORIGIN: Final = "compare"
_FIRST_TIME: Final = 1_795_447_805_120_000
_SEED: Final = 7


class RunPlan(msgspec.Struct, frozen=True):
    """One run, as server and clients get it."""

    events: int
    rate: float | None = None
    """Events per second, on a schedule; `None`: at full speed."""
    start: int = 0
    """When the schedule begins (µs, monotonic)."""
    poll: float = 1.0
    """Time between polls (s)."""
    stream: str | None = None
    """The log that the server appends to, if the clients read one."""
    origin: str = ORIGIN
    after: str = "start"
    """The position in that log at which the run begins."""


def due_times(plan: RunPlan) -> list[int]:
    """Return when each event is due (µs, monotonic), in order.

    The last is due `events / rate` s after the start. At full speed, all are due at the start.
    """
    if plan.rate is None:
        return [plan.start] * plan.events
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    moments = list(accumulate(chance.expovariate(1) for _ in range(plan.events)))
    scale = plan.events / plan.rate * SECOND / moments[-1] if moments else 0
    return [plan.start + round(moment * scale) for moment in moments]


def tick_of(sequence: int, origin: str = ORIGIN) -> Tick:
    """Return the event with this number (from 1). It has every field of an exchange's tick."""
    cents = sequence * 37 % 400
    moment = _FIRST_TIME + sequence * 1_000
    return Tick(
        symbol="AAPL",
        source="compare",
        origin=origin,
        sequence=sequence,
        time=moment,
        received=moment + 520,
        price=(23_000 + cents) / 100,
        previous_price=(23_000 + (sequence - 1) * 37 % 400) / 100,
        day_change=round((cents - 200) / 100, 2),
        day_change_percent=round((cents - 200) / 232, 3),
        volume=10_000_000 + sequence,
        bid=(22_999 + cents) / 100,
        ask=(23_001 + cents) / 100,
        currency="USD",
        session="regular",
        simulated=True,
    )


def size_of(sequence: int) -> int:
    """Return the size of the event with this number (bytes)."""
    return len(wire.encode(tick_of(sequence)))


def payload(events: int) -> float:
    """Return the mean size of the first `events` events (bytes)."""
    return sum(map(size_of, range(1, events + 1))) / events


class EventSchedule:
    """Counts how many events of a plan have happened, and wakes the tasks that wait in `beyond`.

    `publish` gets each new part of the plan (first and last sequence, both inclusive) before the
    tasks are woken. The schedule never waits for subscribers.
    """

    def __init__(
        self, plan: RunPlan, publish: Callable[[int, int], Awaitable[object]] | None = None
    ) -> None:
        self.there = 0
        """How many events have happened."""
        self.late: list[int] = []
        """How late each event was published (µs)."""
        self._due = due_times(plan)
        self._publish = publish
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Let each event happen when it is due, up to the last."""
        while self.there < len(self._due):
            # asyncio's own timers round up to a millisecond.
            if (wait := self._due[self.there] - monotonic()) > 0:
                await asyncio.to_thread(time.sleep, wait / SECOND)
            last = self._last_due(monotonic())
            if self._publish is not None:
                await self._publish(self.there + 1, last)
            now = monotonic()
            self.late += [now - due for due in self._due[self.there : last]]
            self.there = last
            self._more.set()
            self._more = asyncio.Event()
            await asyncio.sleep(0)  # other tasks may run, even if this is late

    async def beyond(self, sequence: int) -> int:
        """Wait until more than `sequence` events have happened. Returns their number."""
        while self.there <= sequence:
            await self._more.wait()
        return self.there

    def _last_due(self, now: int) -> int:
        last = self.there + 1
        most = min(len(self._due), self.there + 1_000)
        while last < most and self._due[last] <= now:
            last += 1
        return last
