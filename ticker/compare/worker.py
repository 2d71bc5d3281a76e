"""A process of a run: `python -m ticker.compare.worker server` or `clients`.

It takes orders from its parent, and answers each except `stop` with one line of JSON. It ends with
its parent.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ticker.compare.clients import Group, subscribe
from ticker.compare.plan import Plan
from ticker.compare.server import Server
from ticker.errors import TickerError
from ticker.processes import Control
from ticker.processes.parent_channel import Order

Answer = Callable[[Order], Awaitable[dict[str, Any]]]


async def work(role: str) -> None:
    """Answer orders until the parent is gone."""
    orders: asyncio.Queue[Order | None] = asyncio.Queue()
    stop = asyncio.Event()

    def on_order(order: Order) -> None:
        if order.get("do") == "stop":  # it comes during another order
            stop.set()
        else:
            orders.put_nowait(order)

    def on_end() -> None:
        stop.set()
        orders.put_nowait(None)

    async with Control(on_order, on_end) as control:
        server = Server()
        answer = _serving(server) if role == "server" else _subscribing(stop)
        try:
            while (order := await orders.get()) is not None:
                stop.clear()
                try:
                    control.say("done", **await answer(order))
                except (TickerError, OSError) as error:
                    control.say("error", text=str(error))
        finally:
            await server.stop()


def _serving(server: Server) -> Answer:
    async def answer(order: Order) -> dict[str, Any]:
        match order["do"]:
            case "start":
                return {"url": await server.start()}
            case "begin":
                return {
                    "plan": await server.begin(msgspec.convert(order["plan"], Plan), order["ahead"])
                }
            case "cut":
                await server.cut(order["after"])
                return {}
            case _:
                return await server.report()

    return answer


def _subscribing(stop: asyncio.Event) -> Answer:
    async def answer(order: Order) -> dict[str, Any]:
        plan = msgspec.convert(order["plan"], Plan)
        return await subscribe(
            order["url"], plan, msgspec.convert(order["groups"], list[Group]), stop
        )

    return answer


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
