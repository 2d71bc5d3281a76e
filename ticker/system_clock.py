"""The machine's two clocks, in µs. Pure rooms get the time as an argument and never import this."""

from __future__ import annotations

import time


def now() -> int:
    """The present (µs since the epoch, UTC). It jumps when somebody sets the machine's time."""
    return time.time_ns() // 1_000


def monotonic() -> int:
    """µs since some moment in the past. It never goes back, whatever is done to the time."""
    return time.monotonic_ns() // 1_000
