"""Questions to a child, and its answers.

A question is an order with an `id`, and its answer has the same `id`. `Unanswered` is raised if no
answer comes in time, or if the child is gone. This module does not know what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from ticker.errors import Unanswered
from ticker.processes.child import News

WITHIN: Final = 30.0
"""How long an answer may take (s)."""


class Questions:
    """The open questions to a child. `send` sends it an order."""

    def __init__(self, send: Callable[..., None], *, within: float = WITHIN) -> None:
        self._send = send
        self._within = within
        self._last = 0
        self._open: dict[int, asyncio.Future[News]] = {}

    async def ask(self, do: str, **facts: Any) -> News:
        """Send the order `do` and return its answer. Raises `Unanswered`."""
        self._last = number = self._last + 1
        answer: asyncio.Future[News] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        self._send(do, id=number, **facts)
        try:
            async with asyncio.timeout(self._within):
                return await answer
        except TimeoutError:
            raise Unanswered(f"The poller did not answer within {self._within:g} s") from None
        finally:
            del self._open[number]

    def take(self, news: News) -> bool:
        """Take `news`. Returns whether it is an answer. One that comes too late also counts."""
        number = news.get("id")
        answer = self._open.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return number is not None
        answer.set_result(news)
        return True

    def give_up(self) -> None:
        """Let each `ask` that still waits raise `Unanswered`: the child is gone."""
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(Unanswered("The poller has ended"))
