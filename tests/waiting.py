"""Waits for conditions that send no notification."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HANGS = 30.0
"""Seconds after which a wait counts as hanging, also on a machine that does much else."""


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    async with asyncio.timeout(HANGS):
        while not condition():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.005)
