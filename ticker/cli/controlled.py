"""A command that a parent process runs and talks to (`--control`).

If the command fails, the parent gets one message with the words and the exit code that a user would
get. The parent can show them on its own screen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ticker.cli.error_advice import explain
from ticker.errors import TickerError
from ticker.processes import Control
from ticker.processes.parent_channel import Order
from ticker.system_clock import now


@asynccontextmanager
async def parent_channel(
    on_order: Callable[[Order], None], on_end: Callable[[], None]
) -> AsyncIterator[Control]:
    """Listen to the parent during the block: see `Control`. Report a `TickerError` that ends it."""
    async with Control(on_order, on_end) as control:
        try:
            yield control
        except TickerError as error:
            text, code = explain(error, zone=None, now=now())
            control.say("error", text=text, code=code)
            raise
