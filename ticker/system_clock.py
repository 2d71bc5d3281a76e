"""The machine's clocks, in µs. Pure rooms get the time as an argument and never import this."""

from __future__ import annotations

import time
from typing import Final

# Linux's CLOCK_MONOTONIC stands still while the machine sleeps; CLOCK_BOOTTIME does not. Elsewhere
# (macOS) CLOCK_MONOTONIC counts the sleep.
_UPTIME: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> int:
    """Return the present (µs since the epoch, UTC). It jumps when the machine's time is set."""
    return time.time_ns() // 1_000


def monotonic() -> int:
    """Return µs since some moment in the past. It never goes back, even if the time is set."""
    return time.monotonic_ns() // 1_000


def uptime() -> int:
    """Return µs since the machine was started, sleep included: the same for all processes."""
    return time.clock_gettime_ns(_UPTIME) // 1_000
