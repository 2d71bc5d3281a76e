"""The full comparison: all methods with few and many subscribers, the sender's pace, reconnects.

Each measurement is repeated. A method is first warmed up by runs that do not count. All values are
kept, so that their spread can be shown.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count as count_from
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from ticker.compare.clients import Group, percentile
from ticker.compare.measuring import Bench, Run
from ticker.compare.methods import METHODS, Method
from ticker.compare.plan import RunPlan, due_times, payload
from ticker.figures import count_text
from ticker.streams import open_log
from ticker.units import HOUR, SECOND

SUBSCRIBERS: Final = (1, 10, 100)
SENDER_RATE: Final = 100.0
"""Events per second when the sender's pace is measured."""
SENDER_SECONDS: Final = 2.0
"""The longest run of a sender (s)."""
_MOST_EVENTS: Final = 20_000
_LEAST_EVENTS: Final = 10


class Effort(msgspec.Struct, frozen=True):
    """How much to measure."""

    runs: int = 3
    rate: float = 20.0
    """Events per second on a schedule."""
    seconds: float = 3.0
    """The length of a schedule (s)."""
    fast: float = 1.0
    """The least time of a run at full speed (s)."""
    subscribers: tuple[int, ...] = SUBSCRIBERS
    kafka: str | None = None
    """Host and port of a Kafka broker, if there is one."""

    @property
    def methods(self) -> list[Method]:
        """Return the methods that can be measured."""
        return [each for each in METHODS.values() if each.reads != "kafka" or self.kafka]


class Cell(msgspec.Struct, frozen=True):
    """One method with one number of subscribers. A list has one value per run."""

    method: str
    subscribers: int
    speed: list[float]
    """Events per second that arrive at full speed, at all subscribers together.

    Empty for a method that is only measured on a schedule.
    """
    fast_bytes: float
    """Bytes per event at full speed."""
    payload: float
    """The mean size of the event itself (bytes)."""
    cpu: list[float]
    """CPU time per event at full speed, of server and clients (µs)."""
    p50: list[float]
    """Latency on a schedule, counted from the time when the event was due (ms)."""
    p99: list[float]
    bytes: float
    """Bytes per event that arrived, on a schedule."""
    happened_bytes: float
    """Bytes per subscriber and event on a schedule, whether the event arrived or not."""
    connections: int
    requests: int
    unchanged: int
    """Answers without news (304)."""
    missed: float
    """Share of the events that did not arrive."""


class Sender(msgspec.Struct, frozen=True):
    """The pace of the sender with one number of subscribers."""

    method: str
    subscribers: int
    hanging: int
    """Subscribers that stopped reading."""
    wanted: float
    """Events per second on its schedule."""
    pace: list[float]
    """Events per second that it sent, in each run."""
    p50: list[float]
    """The median of how late it sent the events, in each run (ms)."""
    p99: list[float]
    sent_at: list[float]
    """When it sent each event of the last run (s, from the start)."""


class Storm(msgspec.Struct, frozen=True):
    """All connections are cut at once, and their subscribers connect again."""

    method: str
    subscribers: int
    longest: list[float]
    """The longest latency of an event in each run (ms). It includes the time to reconnect."""
    missed: int
    connections: int
    late: list[float]
    """p99 of how late the sender was (ms)."""


class Machine(msgspec.Struct, frozen=True):
    """The machine of the measurement."""

    cpus: int
    system: str
    python: str


class Full(msgspec.Struct, frozen=True):
    """The result. A part that was not asked for is empty."""

    effort: Effort
    machine: Machine
    methods: list[Cell] = []
    sender: list[Sender] = []
    storm: list[Storm] = []


_Job = tuple[str, Callable[[], Awaitable[Cell | Sender | Storm]]]
_PACES: Final = ((0, 0), (1, 0), (10, 0), (100, 0), (1, 10))
"""Subscribers, and subscribers that hang, when the sender's pace is measured."""


async def measure(
    bench: Bench,
    effort: Effort,
    parts: frozenset[str],
    on_progress: Callable[[str], None],
    on_part: Callable[[Full], None] = lambda _: None,
) -> Full:
    """Measure `parts` (`methods`, `sender`, `storm`). Raises `StreamError` if Kafka is away.

    `on_part` gets each part as soon as it is measured.
    """
    if effort.kafka is not None:
        async with open_log(_kafka(effort), keep_for=HOUR, partitions=1):
            pass  # fail now, and not after some minutes
    system = f"{platform.system()} {platform.machine()}"
    result = Full(effort, Machine(os.cpu_count() or 1, system, platform.python_version()))
    jobs = {part: each for part, each in _jobs(bench, effort).items() if part in parts}
    places, of = count_from(1), sum(map(len, jobs.values()))
    for part, listed in jobs.items():
        measured: list[Any] = []
        for what, job in listed:
            on_progress(f"{next(places)} of {of}: {what}")
            measured.append(await job())
        on_part(Full(effort, result.machine, **{part: measured}))
        result = msgspec.structs.replace(result, **{part: measured})
    return result


def _jobs(bench: Bench, effort: Effort) -> dict[str, list[_Job]]:
    """Return each part → what it measures, in order."""
    opened = METHODS["WebSocket"]
    return {
        "methods": [
            (
                f"{method.name}, {count_text(count, 'subscriber')}",
                partial(_cell, bench, effort, method, count),
            )
            for count in effort.subscribers
            for method in effort.methods
        ],
        "sender": [
            (
                f"the sender's pace: {method.name}, {with_hanging(count, hanging)}",
                partial(_sender, bench, effort, method, count, hanging),
            )
            for method in (opened, *(each for each in effort.methods if each.reads))
            for count, hanging in _PACES
        ],
        "storm": [("a storm of 100 reconnects", partial(_storm, bench, effort, opened, 100))],
    }


def with_hanging(count: int, hanging: int) -> str:
    """Write `1 subscriber and 10 that hang`."""
    return count_text(count, "subscriber") + (f" and {hanging} that hang" if hanging else "")


async def _cell(bench: Bench, effort: Effort, method: Method, count: int) -> Cell:
    groups = [Group(method.name, count)]

    async def once(events: int, rate: float | None = None) -> Run:
        async with _stream(method, effort) as stream:
            plan = RunPlan(events, rate, poll=1 / effort.rate, stream=stream)
            return await bench.run(plan, groups)

    # The warm-up finds out how many events take long enough. If only a schedule counts, one run is
    # enough to warm up.
    events = max(_LEAST_EVENTS, 200 // count)
    while (await once(events)).groups[0].seconds < effort.fast and events < _MOST_EVENTS:
        if method.only_paced:
            break
        events = min(events * 4, _MOST_EVENTS)
    fast = [await once(events) for _ in range(0 if method.only_paced else effort.runs)]
    paced = [
        await once(round(effort.rate * effort.seconds), effort.rate) for _ in range(effort.runs)
    ]
    heard, happened = (sum(run.heard for run in paced), sum(run.events for run in paced) * count)
    size = sum(run.size for run in paced)
    return Cell(
        method=method.name,
        subscribers=count,
        speed=[run.heard / max(run.groups[0].seconds, 1e-3) for run in fast],
        fast_bytes=sum(run.size for run in fast) / max(1, sum(run.heard for run in fast)),
        payload=payload(events),
        cpu=[run.cpu / run.heard * SECOND for run in fast],
        p50=[run.groups[0].latency(50) or 0.0 for run in paced],
        p99=[run.groups[0].latency(99) or 0.0 for run in paced],
        bytes=size / heard,
        happened_bytes=size / happened,
        connections=round(median(run.connections for run in paced)),
        requests=round(median(run.requests for run in paced)),
        unchanged=round(median(run.unchanged for run in paced)),
        missed=1 - heard / happened,
    )


async def _sender(bench: Bench, effort: Effort, method: Method, count: int, hanging: int) -> Sender:
    groups = [Group(method.name, count)] if count else []
    if hanging:
        groups.append(Group(method.name, hanging, hangs=True))
    seconds = min(effort.seconds, SENDER_SECONDS)
    events = round(SENDER_RATE * seconds)
    runs = []
    for _ in range(effort.runs):
        async with _stream(method, effort) as stream:
            plan = RunPlan(events, SENDER_RATE, stream=stream)
            runs.append(await bench.run(plan, groups, seconds=seconds + 0.5))
    last, due = runs[-1], due_times(plan)
    return Sender(
        method=method.name,
        subscribers=count,
        hanging=hanging,
        wanted=SENDER_RATE,
        pace=[_pace(due, run.late) for run in runs],
        p50=[percentile(run.late, 50) or 0.0 for run in runs],
        p99=[percentile(run.late, 99) or 0.0 for run in runs],
        sent_at=[(at + late) / SECOND for at, late in zip(due, last.late, strict=False)],
    )


def _pace(due: list[int], late: list[int]) -> float:
    """Return the events per second that were sent; 0 if there was no time for the first."""
    return len(late) / ((due[len(late) - 1] + late[-1]) / SECOND) if late else 0.0


async def _storm(bench: Bench, effort: Effort, method: Method, count: int) -> Storm:
    plan = RunPlan(round(effort.rate * effort.seconds), effort.rate)
    groups = [Group(method.name, count)]
    runs = [await bench.run(plan, groups, cut=True) for _ in range(effort.runs)]
    return Storm(
        method=method.name,
        subscribers=count,
        longest=[run.groups[0].latency(100) or 0.0 for run in runs],
        missed=sum(run.groups[0].missed for run in runs),
        connections=runs[-1].connections,
        late=[percentile(run.late, 99) or 0.0 for run in runs],
    )


@asynccontextmanager
async def _stream(method: Method, effort: Effort) -> AsyncIterator[str | None]:
    """Yield the URL of the log that a run by `method` reads; `None` if it reads none."""
    match method.reads:
        case "sqlite":
            with tempfile.TemporaryDirectory(prefix="ticker-compare-") as folder:
                yield f"sqlite:{Path(folder) / 'log.sqlite'}"
        case "kafka":
            yield _kafka(effort)
        case _:
            yield None


def _kafka(effort: Effort) -> str:
    return f"kafka://{effort.kafka}/compare"
