"""The server of a run: the same events by every method, on one port.

Events follow a schedule that does not wait for clients. Each open connection has its own position,
so a subscriber that hangs does not delay the others.

Run as `python -m ticker.compare.server`, it takes orders from its parent, answers each with one
line of JSON, and ends with its parent.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final
from weakref import WeakSet

import msgspec
from aiohttp import WSMsgType, web

from ticker import wire
from ticker.compare.methods import BATCH
from ticker.compare.plan import ORIGIN, EventSchedule, RunPlan, tick_of
from ticker.compare.sockets import LOOPBACK, listening
from ticker.errors import TickerError
from ticker.processes import Control
from ticker.processes.parent_channel import Order
from ticker.records import Batch
from ticker.streams import open_log
from ticker.system_clock import monotonic
from ticker.units import HOUR, SECOND

_COUNTED: Final = ("connections", "requests", "unchanged", "received", "sent")
_AFTER: Final = r"{after:\d+}"


class Server:
    """Serves from `start` to `stop`. Each run begins with `begin` and ends with `report`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._events: list[bytes] = []
        self._is_paced = False
        self._schedule = EventSchedule(RunPlan(events=0))
        self._running: asyncio.Task[None] | None = None
        self._log = AsyncExitStack()
        self._cpu = 0.0
        self._peers: WeakSet[asyncio.Transport] = WeakSet()
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Start to serve on a free port of this machine. Returns the URL."""
        app = web.Application(middlewares=[self._count])
        app.router.add_get(f"/event/{_AFTER}", self._event)
        app.router.add_get("/latest", self._latest)
        app.router.add_get(f"/next/{_AFTER}", self._next)
        app.router.add_get(rf"/websocket/{_AFTER}/{{batch:\d+}}", self._websocket)
        app.router.add_get(r"/events/{batch:\d+}", self._sent_events)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        socket = listening(self._counts)
        await web.SockSite(self._runner, socket, backlog=1_000).start()
        return f"http://{LOOPBACK}:{socket.getsockname()[1]}"

    async def stop(self) -> None:
        """End the run and close every connection."""
        await self.report()
        if self._runner is not None:
            await self._runner.cleanup()

    async def begin(self, plan: RunPlan, ahead: float) -> RunPlan:
        """Begin a run, with counters at 0. Its schedule begins in `ahead` (s).

        Returns the plan with its start, and what clients need to read its log.
        """
        publish = None
        if plan.stream is not None:
            # On Kafka the topics remain. Retention deletes the records.
            opened = open_log(plan.stream, keep_for=HOUR, partitions=1)
            log = await self._log.enter_async_context(opened)
            # Only some logs number ticks themselves. For others, each run is an origin of its own.
            origin = getattr(log, "origin", f"{ORIGIN}-{secrets.token_hex(4)}")
            plan = msgspec.structs.replace(plan, origin=origin, after=await log.find("end"))

            async def publish(first: int, last: int) -> None:
                ticks = [tick_of(n, plan.origin) for n in range(first, last + 1)]
                await log.append(Batch(ticks=ticks))

        else:
            self._events = [wire.encode(tick_of(n)) for n in range(1, plan.events + 1)]
        plan = msgspec.structs.replace(plan, start=monotonic() + round(ahead * SECOND))
        self._is_paced = plan.rate is not None
        self._schedule = EventSchedule(plan, publish)
        self._counts.clear()
        self._cpu = time.process_time()
        self._running = asyncio.create_task(self._schedule.run())
        return plan

    async def report(self) -> dict[str, Any]:
        """End the run, close its connections, and return the counters (CPU time in s)."""
        cpu = time.process_time() - self._cpu
        counts = {name: self._counts[name] for name in _COUNTED}
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None
        self._cut()
        await self._log.aclose()
        return {**counts, "cpu": cpu, "late": self._schedule.late if self._is_paced else []}

    async def cut(self, after: int) -> None:
        """Cut every open connection once more than `after` events have happened."""
        await self._schedule.beyond(after)
        self._cut()

    def _cut(self) -> None:
        for peer in self._peers:
            peer.abort()

    @web.middleware
    async def _count(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._counts["requests"] += 1
        if request.transport is not None:
            self._peers.add(request.transport)
        return await handler(request)

    async def _event(self, request: web.Request) -> web.Response:
        return _json(self._events[int(request.match_info["after"]) - 1])

    async def _latest(self, request: web.Request) -> web.Response:
        known = int(request.headers["If-None-Match"].strip('"'))
        newest = self._schedule.there if self._is_paced else known + 1
        if newest == known:
            self._counts["unchanged"] += 1
            return web.Response(status=304, headers={"ETag": f'"{known}"'})
        return _json(self._events[newest - 1], ETag=f'"{newest}"')

    async def _next(self, request: web.Request) -> web.Response:
        after = int(request.match_info["after"])
        last = min(await self._schedule.beyond(after), after + BATCH)
        return _json(b"\n".join(self._events[after:last]))

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        after, batch = (int(request.match_info[name]) for name in ("after", "batch"))
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        with suppress(ConnectionError):
            while after < len(self._events):
                last = min(await self._schedule.beyond(after), after + batch)
                await socket.send_frame(b"\n".join(self._events[after:last]), WSMsgType.TEXT)
                after = last
            await socket.close()
        return socket

    async def _sent_events(self, request: web.Request) -> web.StreamResponse:
        after, batch = 0, int(request.match_info["batch"])
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        with suppress(ConnectionError):
            while after < len(self._events):
                last = min(await self._schedule.beyond(after), after + batch)
                events = (b"data: %b\n\n" % event for event in self._events[after:last])
                await answer.write(b"".join(events))
                after = last
        return answer


def _json(body: bytes, **headers: str) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=headers)


async def serve() -> None:
    """Answer orders until the parent is gone."""
    orders: asyncio.Queue[Order | None] = asyncio.Queue()
    server = Server()
    async with Control(orders.put_nowait, lambda: orders.put_nowait(None)) as control:
        try:
            while (order := await orders.get()) is not None:
                try:
                    control.say("done", **await _answer(server, order))
                except (TickerError, OSError) as error:
                    control.say("error", text=str(error))
        finally:
            await server.stop()


async def _answer(server: Server, order: Order) -> dict[str, Any]:
    match order["do"]:
        case "start":
            return {"url": await server.start()}
        case "begin":
            plan = msgspec.convert(order["plan"], RunPlan)
            return {"plan": await server.begin(plan, order["ahead"])}
        case "cut":
            await server.cut(order["after"])
            return {}
        case _:
            return await server.report()


if __name__ == "__main__":
    asyncio.run(serve())
