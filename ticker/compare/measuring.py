"""One run: a server in one process, its subscribers in another, and their counters."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec

from ticker.compare.clients import Group
from ticker.compare.plan import Plan
from ticker.errors import TickerError
from ticker.processes import Child
from ticker.processes.child import News

AHEAD: Final = 0.5
"""How long the subscribers have to connect before the first event (s)."""
PATIENCE: Final = 120.0
"""The longest run (s)."""


class Heard(msgspec.Struct, frozen=True):
    """What the subscribers of one group heard."""

    method: str
    subscribers: int
    hangs: bool
    heard: int
    """Events heard, counted for each subscriber."""
    missed: int
    """Events of the plan that were not heard, counted for each subscriber."""
    seconds: float
    """From the start of the plan to the last event heard."""
    p50: float | None
    """The median time from an event to the subscriber (ms)."""
    p99: float | None
    longest: float | None


class Run(msgspec.Struct, frozen=True):
    """The counters of one run. Bytes are those on the server's sockets."""

    events: int
    groups: list[Heard]
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
    """A server process and a process of subscribers. Both run inside `async with`."""

    def __init__(self) -> None:
        self.server = _Worker("server")
        self._clients = _Worker("clients")
        self.url = ""

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(self.server.start(), self._clients.start())
            self.url = (await self.server.ask("start"))["url"]
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(self.server.stop(), self._clients.stop())

    async def run(
        self,
        plan: Plan,
        groups: Sequence[Group],
        *,
        seconds: float | None = None,
        cut: bool = False,
        ahead: float = AHEAD,
    ) -> Run:
        """Run `plan` with these subscribers, to its last event, or for `seconds` at most.

        `cut` breaks all connections after half of the events. Subscribers have `ahead` (s) to
        connect before the schedule begins. Raises `TickerError`.
        """
        # Opening a log takes time, so the schedule begins when the log is open.
        begun = await self.server.ask("begin", plan=plan, ahead=ahead)
        plan = msgspec.convert(begun["plan"], Plan)
        asked = asyncio.create_task(
            self._clients.ask("run", url=self.url, plan=plan, groups=list(groups))
        )
        try:
            if cut:
                await self.server.ask("cut", after=plan.events // 2)
            if seconds is not None:
                await asyncio.wait([asked], timeout=ahead + seconds)
                self._clients.tell("stop")
            async with asyncio.timeout(PATIENCE):
                heard = await asked
        except TimeoutError:
            raise TickerError(f"a run did not end within {PATIENCE:g} s") from None
        finally:
            asked.cancel()
        counted = await self.server.ask("report")
        return _run(plan, groups, heard, counted)


def _run(plan: Plan, groups: Sequence[Group], heard: News, counted: News) -> Run:
    listed = [
        Heard(
            **msgspec.structs.asdict(group),
            **facts,
            missed=plan.events * group.subscribers - facts["heard"],
        )
        for group, facts in zip(groups, heard["groups"], strict=True)
    ]
    names = ("connections", "requests", "unchanged", "received", "sent", "late")
    cpu = counted["cpu"] + heard["cpu"]
    return Run(plan.events, listed, cpu=cpu, **{name: counted[name] for name in names})


class _Worker:
    """One child process. Each order except `stop` gets one answer."""

    def __init__(self, role: str) -> None:
        # -P: a file ticker.py in the user's folder must not be imported.
        words = [sys.executable, "-P", "-m", "ticker.compare.worker", role]
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._child = Child(words, on_news=self._news.put_nowait)
        self._end: asyncio.Task[int] | None = None

    async def start(self) -> None:
        await self._child.start()
        self._end = asyncio.create_task(self._child.wait())

    def tell(self, do: str, **facts: Any) -> None:
        self._child.send(do, **facts)

    async def ask(self, do: str, **facts: Any) -> News:
        """Send an order and wait for its answer. Raises `TickerError`."""
        self.tell(do, **facts)
        answer = asyncio.create_task(self._news.get())
        assert self._end is not None, "start it first"  # noqa: S101 - a bug of ours
        either: set[asyncio.Future[Any]] = {answer, self._end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                last = self._child.errors.strip().splitlines()[-1:]
                raise TickerError(f"a process of the comparison ended: {''.join(last)}")
            news = answer.result()
        finally:
            answer.cancel()
        if news["say"] == "error":
            raise TickerError(news["text"])
        return {name: value for name, value in news.items() if name != "say"}

    async def stop(self) -> None:
        await self._child.stop()
        if self._end is not None:
            await self._end
