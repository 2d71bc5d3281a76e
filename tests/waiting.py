"""Waits for conditions that send no notification."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HANGS = 30.0
"""A wait longer than this (s) has failed, even on a busy machine."""


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    async with asyncio.timeout(HANGS):
        while not condition():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.005)
