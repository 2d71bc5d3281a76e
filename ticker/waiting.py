"""Waits that end early when something happens."""

from __future__ import annotations

import asyncio


async def wait_unless(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `seconds`, or until `event` is set. Return whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
