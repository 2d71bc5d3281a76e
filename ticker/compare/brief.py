"""The short comparison, for a class: requests, one open connection, and a poll each second.

`measure` runs it, `sentences` describes the result, and `show` reports event by event what goes
over the connections.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ticker.compare.clients import Group, session
from ticker.compare.measuring import Bench, Run
from ticker.compare.methods import METHODS
from ticker.compare.plan import EventSchedule, RunPlan, payload, size_of
from ticker.compare.sockets import CountingSocket
from ticker.figures import count_text
from ticker.system_clock import monotonic
from ticker.units import MILLISECOND

REQUEST: Final = "request"
OPEN: Final = "WebSocket"
POLL: Final = "poll"

RATE: Final = 20.0
"""Events per second during a poll each second."""
_SHOWN_RATE: Final = 4.0
"""Events per second when each event is shown."""
_HEADER: Final = 4
"""The header that WebSocket adds to an event (bytes)."""
_CONTROL: Final = 4
"""The size of the WebSocket frame that closes the connection (bytes)."""
_WARM_UP: Final = 20
"""The events of a warm-up, which is not measured."""


class Way(msgspec.Struct, frozen=True):
    """What one method needed for all events."""

    method: str
    connections: int
    requests: int
    bytes: int
    """In both directions, headers included."""
    seconds: float


class Polled(msgspec.Struct, frozen=True):
    """A poll each second, beside an open connection to the same events."""

    seconds: float
    happened: int
    asked: int
    saw: int
    missed: int
    age: float | None
    """The median age of the events that the poll saw (ms)."""
    open_saw: int
    open_age: float | None


class Brief(msgspec.Struct, frozen=True):
    """The result."""

    events: int
    payload: float
    """The mean size of one event (bytes)."""
    request: Way
    open: Way
    polled: Polled


class Step(msgspec.Struct, frozen=True):
    """Something that went over a connection."""

    method: str
    what: str
    """`connect`, `ask`, `answer`, `event`, `goodbye`, `close`."""
    at: float
    """Since the first connection of the method (ms)."""
    bytes: int = 0
    event: int | None = None
    """The event that it belongs to, counted from 1."""
    direction: str | None = None
    """`sent` or `received`, as the subscriber sees it."""
    event_bytes: int = 0
    """How many of `bytes` are the event itself."""


async def measure(bench: Bench, events: int, seconds: float) -> Brief:
    """Send `events` in both ways, then poll each second for `seconds`."""
    for method in (REQUEST, OPEN):
        await bench.run(RunPlan(events=_WARM_UP), [Group(method)], ahead=0.0)
    # Connecting is a part of the measurement.
    request, opened = [
        await bench.run(RunPlan(events=events), [Group(m)], ahead=0.0) for m in (REQUEST, OPEN)
    ]
    plan = RunPlan(events=max(2, round(RATE * seconds)), rate=RATE)
    both = await bench.run(plan, [Group(POLL), Group(OPEN)])
    polled, beside = both.groups
    return Brief(
        events,
        payload(events),
        _way(request),
        _way(opened),
        Polled(
            seconds=seconds,
            happened=both.events,
            asked=both.requests - 1,  # one request opened the WebSocket
            saw=polled.heard,
            missed=polled.missed,
            age=polled.latency(50),
            open_saw=beside.heard,
            open_age=beside.latency(50),
        ),
    )


def _way(run: Run) -> Way:
    [result] = run.groups
    return Way(result.group.method, run.connections, run.requests, run.size, result.seconds)


def sentences(brief: Brief) -> list[str]:
    """Describe the result, for learners."""
    request, opened, polled = brief.request, brief.open, brief.polled
    events = brief.events
    more = [f"{way.bytes / events - brief.payload:,.0f}" for way in (request, opened)]
    lines = [
        f"One request for each event: {_way_text(events, request)}.",
        f"One open connection: {_way_text(events, opened)}.",
        (
            f"An event has {brief.payload:.0f} bytes. A request and its answer add {more[0]} bytes "
            f"to each event, the open connection adds {more[1]}."
        ),
        (
            f"So {count_text(events, 'request')} took "
            f"{_times(request.connections, opened.connections)} the connections, "
            f"{_times(request.bytes, opened.bytes)} the bytes and "
            f"{_times(request.seconds, opened.seconds)} the time."
        ),
        (
            f"A poll each second asked {count_text(polled.asked, 'time')}, the last time after the "
            f"last event. {polled.happened} events happened in {polled.seconds:g} s: it saw "
            f"{polled.saw} and missed {polled.missed}."
        ),
    ]
    if polled.age is not None and polled.open_age is not None:
        lines.append(
            f"The open connection saw {polled.open_saw} of them, each {_ms(polled.open_age)} after "
            f"it happened (median). What the poll saw was {_ms(polled.age)} old when it asked "
            "(median), and its age grew until the next poll."
        )
    return lines


def _way_text(events: int, way: Way) -> str:
    return (
        f"{count_text(events, 'event')}, {count_text(way.connections, 'connection')}, "
        f"{way.bytes:,} bytes, {_seconds(way.seconds)} s"
    )


def _times(more: float, less: float) -> str:
    ratio = more / less if less else 0.0
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"  # noqa: PLR2004


def _seconds(value: float) -> str:
    """Write at least three digits: `0.115`, `8.21`, `120`, `1,200`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"  # noqa: PLR2004


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004


async def show(bench: Bench, events: int, on_step: Callable[[Step], None]) -> None:
    """Send `events` in both ways slowly. Tell `on_step` what goes over each connection."""
    for name in (REQUEST, OPEN):
        plan = await bench.begin(RunPlan(events=events, rate=_SHOWN_RATE), ahead=0.0)
        await _show(bench.url, plan, name, on_step)
        await bench.report()


async def _show(url: str, plan: RunPlan, name: str, on_step: Callable[[Step], None]) -> None:
    method, begin, event = METHODS[name], monotonic(), 1
    answered, told = False, 0

    def step(what: str, size: int = 0, direction: str | None = None, own: int = 0) -> None:
        of = told if what == "event" else event if method.closes else None
        on_step(Step(name, what, (monotonic() - begin) / MILLISECOND, size, of, direction, own))

    def receive(size: int) -> None:
        """Report the events of an open connection, and the goodbye that may come with the last."""
        nonlocal told
        while size > _CONTROL and told < plan.events:
            told += 1
            own = size_of(told)
            step("event", own + _HEADER, "received", own)
            size -= own + _HEADER
        if size > 0:
            step("goodbye", size, "received")

    def note(what: str, size: int) -> None:
        nonlocal answered
        match what:
            case "send":
                step("goodbye" if answered and not method.closes else "ask", size, "sent")
            case "receive" if size and answered and not method.closes:
                receive(size)
            case "receive" if size:
                step("answer", size, "received", size_of(event) if method.closes else 0)
                answered = True
            case "close":
                step("close")

    def connect(info: Sequence[Any]) -> CountingSocket:
        nonlocal begin
        if event == 1:
            begin = monotonic()
        step("connect")
        return CountingSocket.make(note, *info[:3])

    schedule = EventSchedule(plan)
    clock = asyncio.create_task(schedule.run())
    async with session(url, method, connect) as http:
        async for ticks in method.subscribe(http, plan, schedule):
            await asyncio.sleep(0)  # a connection that serves one request closes now
            event = ticks[-1].sequence + 1
        await asyncio.sleep(0)
    clock.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await clock
