"""The subscribers of a run, all in one process. Each has its own connection and position."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from ticker.compare.methods import METHODS, Method
from ticker.compare.plan import Plan, Schedule, due_times
from ticker.system_clock import monotonic
from ticker.units import MILLISECOND, SECOND


class Group(msgspec.Struct, frozen=True):
    """Subscribers that use the same method."""

    method: str
    subscribers: int = 1
    hangs: bool = False
    """Whether they stop reading after the first answer or message, but stay connected."""


@dataclass
class _Heard:
    """What a group heard so far."""

    latencies: list[int] = field(default_factory=list)
    last: int = 0
    """When the last event was heard (µs, monotonic)."""


async def subscribe(
    url: str, plan: Plan, groups: list[Group], stop: asyncio.Event
) -> dict[str, Any]:
    """Run all groups until those that do not hang have heard the last event, or until `stop`.

    Returns the CPU time of this process (s), and for each group the number of events heard, the
    time from the start of the plan to the last one heard (s), and the percentiles 50, 99 and 100 of
    the latencies (ms).
    """
    due, schedule = due_times(plan), Schedule(plan)

    async def hear(group: Group, heard: _Heard) -> None:
        method = METHODS[group.method]
        async with session(url, method) as http:
            async for ticks in method.subscribe(http, plan, schedule):
                heard.last = monotonic()
                heard.latencies += [heard.last - due[tick.sequence - 1] for tick in ticks]
                if group.hangs:
                    await asyncio.Event().wait()

    cpu = time.process_time()
    heard = [_Heard() for _ in groups]
    clock, stopped = asyncio.create_task(schedule.run()), asyncio.create_task(stop.wait())
    able: list[asyncio.Task[None]] = []
    hanging: list[asyncio.Task[None]] = []
    for group, own in zip(groups, heard, strict=True):
        for _ in range(group.subscribers):
            (hanging if group.hangs else able).append(asyncio.create_task(hear(group, own)))
    done = asyncio.gather(*able) if able else stopped
    ends: set[asyncio.Future[Any]] = {stopped, done}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    problem = done.exception() if done.done() else None
    facts = [_facts(own, plan) for own in heard]
    result = {"cpu": time.process_time() - cpu, "groups": facts}
    tasks = [clock, stopped, *able, *hanging]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    if problem is not None:
        raise problem
    return result


def _facts(heard: _Heard, plan: Plan) -> dict[str, Any]:
    return {
        "heard": len(heard.latencies),
        "seconds": max(0, heard.last - plan.start) / SECOND,
        "p50": percentile(heard.latencies, 50),
        "p99": percentile(heard.latencies, 99),
        "longest": percentile(heard.latencies, 100),
    }


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
