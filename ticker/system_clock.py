"""The machine's clocks, in µs. Pure rooms get the time as an argument and never import this."""

from __future__ import annotations

import time
from typing import Final

# Linux's CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME does not; elsewhere
# (macOS) CLOCK_MONOTONIC counts the sleep.
_UPTIME: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> int:
    """The present (µs since the epoch, UTC). It jumps when somebody sets the machine's time."""
    return time.time_ns() // 1_000


def monotonic() -> int:
    """µs since some moment in the past. It never goes back, whatever is done to the time."""
    return time.monotonic_ns() // 1_000


def uptime() -> int:
    """µs since the machine was started, sleep included: the same for all processes."""
    return time.clock_gettime_ns(_UPTIME) // 1_000
