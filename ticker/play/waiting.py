"""Waits for what is due next, or until something else must be done first."""

from __future__ import annotations

import asyncio


async def wait_unless(nudge: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `nudge` is set."""
    try:
        async with asyncio.timeout(seconds):
            await nudge.wait()
    except TimeoutError:
        return
