"""One run: a server in its own process, its subscribers in this one, and their counters."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec
from aiohttp import ClientError

from ticker.compare.clients import Group, GroupResult, subscribe
from ticker.compare.plan import RunPlan
from ticker.errors import TickerError
from ticker.processes import Child
from ticker.processes.child import News

AHEAD: Final = 0.5
"""How long subscribers have to connect before the first event (s)."""
_CONNECTING: Final = 0.01
"""Added to `AHEAD` for each subscriber (s)."""
PATIENCE: Final = 120.0
"""The longest run (s)."""


class Run(msgspec.Struct, frozen=True):
    """The counters of one run. Bytes are those on the server's sockets."""

    events: int
    groups: list[GroupResult]
    connections: int
    requests: int
    unchanged: int
    """Answers without news (304)."""
    received: int
    sent: int
    cpu: float
    """CPU time of server and subscribers together (s)."""
    late: list[int]
    """How late the sender published each event (µs)."""

    @property
    def size(self) -> int:
        """Return the bytes in both directions."""
        return self.received + self.sent

    @property
    def heard(self) -> int:
        """Return the number of events heard by all subscribers together."""
        return sum(group.heard for group in self.groups)


class Bench:
    """A server process for runs, one after the other. It runs inside `async with`."""

    def __init__(self) -> None:
        # -P: a file ticker.py in the user's folder must not be imported.
        words = [sys.executable, "-P", "-m", "ticker.compare.server"]
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._child = Child(words, on_news=self._news.put_nowait)
        self._end: asyncio.Task[None] | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        try:
            await self._child.start()
            self._end = asyncio.create_task(self._await_end())
            self.url = (await self._ask("start"))["url"]
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._child.stop()
        if self._end is not None:
            await self._end

    async def begin(self, plan: RunPlan, ahead: float) -> RunPlan:
        """Let the server begin `plan` in `ahead` (s). Returns the plan with its start.

        Each run that is begun must end with `report`. Raises `TickerError`.
        """
        # Opening a log takes time, so the schedule begins when the log is open.
        begun = await self._ask("begin", plan=plan, ahead=ahead)
        return msgspec.convert(begun["plan"], RunPlan)

    async def report(self) -> News:
        """End the run. Returns the server's counters. Raises `TickerError`."""
        return await self._ask("report")

    async def run(
        self,
        plan: RunPlan,
        groups: Sequence[Group],
        *,
        seconds: float | None = None,
        cut: bool = False,
        ahead: float | None = None,
    ) -> Run:
        """Run `plan` with these subscribers, to its last event, or for `seconds` at most.

        `cut` breaks all connections after half of the events. Subscribers have `ahead` (s; `None`:
        enough) to connect before the schedule begins. Raises `TickerError`.
        """
        if ahead is None:
            ahead = AHEAD + _CONNECTING * sum(group.subscribers for group in groups)
        plan = await self.begin(plan, ahead)
        limit = None if seconds is None else ahead + seconds
        hearing = asyncio.create_task(subscribe(self.url, plan, groups, limit))
        try:
            async with asyncio.timeout(PATIENCE):
                if cut:
                    await self._ask("cut", after=plan.events // 2)
                heard, cpu = await hearing
        except TimeoutError:
            raise TickerError(f"a run did not end within {PATIENCE:g} s") from None
        except (OSError, ClientError) as error:  # too many open files, or the server is gone
            raise TickerError(str(error)) from error
        finally:
            hearing.cancel()
        counted = {**await self.report()}
        return Run(plan.events, heard, cpu=counted.pop("cpu") + cpu, **counted)

    async def _ask(self, do: str, **facts: Any) -> News:
        """Send an order and wait for its answer. Raises `TickerError`."""
        self._child.send(do, **facts)
        news = await self._news.get()
        if news["say"] == "error":
            raise TickerError(news["text"])
        return {name: value for name, value in news.items() if name != "say"}

    async def _await_end(self) -> None:
        await self._child.wait()
        last = "".join(self._child.errors.strip().splitlines()[-1:])
        text = f"the server of the comparison ended: {last}"
        self._news.put_nowait({"say": "error", "text": text})
