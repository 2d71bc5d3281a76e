"""Whether a writer is alive, going by its last heartbeat: one rule for pollers and screens.

Pure: the present is passed in. It judges only whether somebody still writes, not whether what is
asked answers.
"""

from __future__ import annotations

from typing import Final

from ticker.records import Heartbeat

GRACE: Final = 2_000_000
"""What a heartbeat may be late beyond two and a half intervals before its writer counts as gone
(µs)."""


def is_alive(heartbeat: Heartbeat, now: int) -> bool:
    """Whether the writer of its last `heartbeat` is still there at `now` (µs, UTC).

    A writer shows life each interval, also while it may not ask, or asks in vain. Two missed signs
    are chance, three are none.
    """
    if heartbeat.state == "stopped":
        return False
    return now - heartbeat.received <= heartbeat.interval * 5 // 2 + GRACE
