"""A command that a parent process runs and talks to (`--control`).

If the command fails, the parent gets one message with the words and the exit code that a user would
get. The parent can show them on its own screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from ticker.cli.error_advice import explain
from ticker.errors import TickerError
from ticker.processes import Control
from ticker.processes.parent_channel import Order
from ticker.system_clock import now


class Controlled(Control):
    """Listens to the parent. `on_order` gets its orders; `on_end` runs when the parent is gone."""

    def __init__(
        self, on_order: Callable[[Order], None], on_end: Callable[[], Awaitable[None]]
    ) -> None:
        self._ending: asyncio.Future[None] | None = None

        def end() -> None:
            self._ending = asyncio.ensure_future(on_end())

        super().__init__(on_order, end)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        error = raised[1]
        if isinstance(error, TickerError):
            text, code = explain(error, zone=None, now=now())
            self.say("error", text=text, code=code)
        await super().__aexit__(*raised)
