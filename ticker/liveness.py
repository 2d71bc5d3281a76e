"""Whether a writer is alive, going by its last heartbeat: one rule for pollers and screens.

Pure: the present is passed in. It judges only whether somebody still writes, not whether the source
answers. A heartbeat whose time is ahead of the clock tells nothing: one of the two clocks is wrong.
"""

from __future__ import annotations

from typing import Final

from ticker.records import Heartbeat
from ticker.states import WriterState

GRACE: Final = 2_000_000
"""How late a heartbeat may be beyond two and a half intervals before its writer counts as gone, and
how far ahead of the reader's clock its time may be (µs)."""


def patience(heartbeat: Heartbeat) -> int:
    """How long the writer of `heartbeat` may be silent before it counts as gone (µs).

    A writer shows life each interval, also while it may not ask, or asks in vain. Two missed signs
    are chance, three are none.
    """
    return heartbeat.interval * 5 // 2 + GRACE


def silence(heartbeat: Heartbeat, now: int) -> int | None:
    """How long ago `heartbeat` was written, by its own time (µs); `None` if it is ahead of `now`.

    `now` is the wall clock (µs, UTC).
    """
    ago = now - heartbeat.received
    return None if ago < -GRACE else max(0, ago)


def is_alive(heartbeat: Heartbeat, now: int) -> bool:
    """Whether the writer of its last `heartbeat` is surely still there at `now` (µs, UTC).

    For a reader that looks once. One that follows judges by what it sees arrive.
    """
    if heartbeat.state == WriterState.STOPPED:
        return False
    silent = silence(heartbeat, now)
    return silent is not None and silent <= patience(heartbeat)
