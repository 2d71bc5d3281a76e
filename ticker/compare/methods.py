"""How a subscriber gets events: one table, one function for each method.

A function yields the ticks that one subscriber gets, in the portions in which they arrive, from the
first to the last event of the plan. Polling may miss events. All other methods bring every event
once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import ClientError, ClientSession, WSMsgType

from ticker import wire
from ticker.compare.plan import EventSchedule, RunPlan
from ticker.records import Position, Tick
from ticker.streams import open_stream
from ticker.system_clock import monotonic
from ticker.units import SECOND

BATCH: Final = 100
"""The most events in one message or answer, if several are sent together."""

Ticks = AsyncIterator[Sequence[Tick]]


@dataclass(frozen=True)
class Method:
    """One way to get events: a row of the table."""

    name: str
    subscribe: Callable[[ClientSession, RunPlan, EventSchedule], Ticks]
    closes: bool = False
    """Whether each connection serves one request."""
    only_paced: bool = False
    """Whether it is measured only on a schedule: at full speed it is the same as another method."""
    reads: str | None = None
    """The kind of stream that it reads; `None`: it asks the server."""


async def connection_per_event(
    http: ClientSession, plan: RunPlan, schedule: EventSchedule
) -> Ticks:
    """For each event, when it is due: connect, ask, read the answer, close."""
    for sequence in range(1, plan.events + 1):
        await schedule.beyond(sequence - 1)
        async with http.get(f"/event/{sequence}") as answer:
            yield _ticks(await answer.read())


async def polling(
    http: ClientSession, plan: RunPlan, schedule: EventSchedule, *, every: float | None = None
) -> Ticks:
    """Ask for the newest event at regular times. The answer 304 means that it is known already.

    `every` (s) replaces `plan.poll`. At full speed it asks without pauses, always for a new event.
    """
    known = 0
    rounds = 0
    if plan.rate is None:
        await schedule.beyond(0)
    phase = random.random()  # noqa: S311 - polls and events must be independent
    loop = asyncio.get_running_loop()
    begin = loop.time() + max(0, plan.start - monotonic()) / SECOND
    while known < plan.events:
        if plan.rate is not None:
            rounds += 1
            due = begin + (rounds - phase) * (every or plan.poll)
            await asyncio.sleep(due - loop.time())
        async with http.get("/latest", headers={"If-None-Match": f'"{known}"'}) as answer:
            ticks = _ticks(await answer.read()) if answer.status == 200 else ()  # noqa: PLR2004
        if ticks:
            known = ticks[-1].sequence
            yield ticks


async def long_polling(http: ClientSession, plan: RunPlan, _: EventSchedule) -> Ticks:
    """Ask for the events after the last one. The server answers when there are some."""
    known = 0
    while known < plan.events:
        async with http.get(f"/next/{known}") as answer:
            ticks = _ticks(await answer.read())
        known = ticks[-1].sequence
        yield ticks


async def websocket(
    http: ClientSession, plan: RunPlan, _: EventSchedule, *, batch: int = 1
) -> Ticks:
    """Open one connection. The server sends on it. If it is cut, reconnect and continue."""
    known = 0
    while known < plan.events:
        try:
            async with http.ws_connect(f"/websocket/{known}/{batch}", max_msg_size=0) as socket:
                async for message in socket:
                    if message.type is not WSMsgType.TEXT:
                        break
                    ticks = _ticks(message.data)
                    known = ticks[-1].sequence
                    yield ticks
        except ClientError:
            continue


async def server_sent_events(
    http: ClientSession, plan: RunPlan, _: EventSchedule, *, batch: int = 1
) -> Ticks:
    """Ask once. One long answer brings all events."""
    rest = b""
    async with http.get(f"/events/{batch}") as answer:
        async for piece in answer.content.iter_any():
            *events, rest = (rest + piece).split(b"\n\n")
            if events:
                ticks = [wire_tick(event.removeprefix(b"data: ")) for event in events]
                yield ticks
                if ticks[-1].sequence == plan.events:
                    return


async def stream(_: ClientSession, plan: RunPlan, __: EventSchedule) -> Ticks:
    """Read the log itself, as `watch` and `tail` do."""
    async with open_stream(plan.stream) as opened:
        async for batch in opened.read(Position(plan.after)):
            ticks = [tick for tick in batch.ticks if tick.origin == plan.origin]
            if ticks:
                yield ticks
                if ticks[-1].sequence == plan.events:
                    return


METHODS: Final = {
    method.name: method
    for method in (
        Method("request", connection_per_event, closes=True),
        Method("poll", polling),
        Method("poll each second", partial(polling, every=1.0), only_paced=True),
        Method("long poll", long_polling),
        Method("WebSocket", websocket),
        Method("WebSocket batched", partial(websocket, batch=BATCH)),
        Method("SSE", server_sent_events),
        Method("SSE batched", partial(server_sent_events, batch=BATCH)),
        Method("SQLite", stream, reads="sqlite"),
        Method("Kafka", stream, reads="kafka"),
    )
}
"""Name → method. Without `batch`, a message has one event; with it, up to `BATCH`."""


def wire_tick(data: bytes | str) -> Tick:
    """Return the tick that `data` holds."""
    record = wire.decode(data)
    assert isinstance(record, Tick)  # noqa: S101 - our own server sends nothing else
    return record


def _ticks(data: bytes | str) -> list[Tick]:
    return [wire_tick(line) for line in data.splitlines()]
