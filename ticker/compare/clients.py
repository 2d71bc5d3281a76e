"""The subscribers of a run, all in this process. Each has its own connection and position."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from ticker.compare.methods import METHODS, Method
from ticker.compare.plan import EventSchedule, RunPlan, due_times
from ticker.system_clock import monotonic
from ticker.units import MILLISECOND, SECOND


class Group(msgspec.Struct, frozen=True):
    """Subscribers that use the same method."""

    method: str
    subscribers: int = 1
    hangs: bool = False
    """Whether they stop reading after the first answer or message, but stay connected."""


@dataclass
class GroupResult:
    """What the subscribers of one group heard of `plan`."""

    group: Group
    plan: RunPlan
    latencies: list[int] = field(default_factory=list)
    """The time from each event to each subscriber (µs)."""
    last: int = 0
    """When the last event was heard (µs, monotonic)."""

    @property
    def heard(self) -> int:
        """Return the number of events heard, counted for each subscriber."""
        return len(self.latencies)

    @property
    def missed(self) -> int:
        """Return the number of events not heard, counted for each subscriber."""
        return self.plan.events * self.group.subscribers - self.heard

    @property
    def seconds(self) -> float:
        """Return the time from the start of the plan to the last event heard."""
        return max(0, self.last - self.plan.start) / SECOND

    def latency(self, share: int) -> float | None:
        """Return the percentile `share` of the latencies (ms)."""
        return percentile(self.latencies, share)


async def subscribe(
    url: str, plan: RunPlan, groups: Sequence[Group], seconds: float | None = None
) -> tuple[list[GroupResult], float]:
    """Run all groups until those that do not hang have heard the last event.

    Without such a group, or if they take longer, it ends after `seconds`. Returns the results of
    the groups, and the CPU time of this process (s).
    """
    due, schedule = due_times(plan), EventSchedule(plan)

    async def hear(result: GroupResult) -> None:
        method = METHODS[result.group.method]
        async with session(url, method) as http:
            async for ticks in method.subscribe(http, plan, schedule):
                result.last = monotonic()
                result.latencies += [result.last - due[tick.sequence - 1] for tick in ticks]
                if result.group.hangs:
                    await asyncio.Event().wait()

    cpu = time.process_time()
    results = [GroupResult(group, plan) for group in groups]
    others = [asyncio.create_task(schedule.run()), asyncio.create_task(asyncio.Event().wait())]
    able: list[asyncio.Task[None]] = []
    for result in results:
        for _ in range(result.group.subscribers):
            (others if result.group.hangs else able).append(asyncio.create_task(hear(result)))
    try:
        # If all groups hang, only `seconds` ends the run: one task of `others` never ends.
        done, _ = await asyncio.wait(
            able or others, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        cpu = time.process_time() - cpu
    finally:
        for task in (*able, *others):
            task.cancel()
        await asyncio.wait([*able, *others])
    for task in done:
        task.result()
    return results, cpu


def percentile(latencies: list[int], share: int) -> float | None:
    """Return the percentile `share` of `latencies` (µs), in ms; `None` if there are none."""
    if not latencies:
        return None
    place = math.ceil(len(latencies) * share / 100) - 1
    return sorted(latencies)[max(0, place)] / MILLISECOND


def session(url: str, method: Method, socket_factory: Callable[..., Any] | None = None) -> Any:
    """Return an HTTP client for one subscriber."""
    connector = TCPConnector(force_close=method.closes, socket_factory=socket_factory)
    return ClientSession(url, connector=connector, timeout=ClientTimeout(total=None))
