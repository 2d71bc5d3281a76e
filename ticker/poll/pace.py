"""How often a source is polled: the wished interval, the budget and the slots.

Pure: the elapsed time (µs, of a clock that never goes back) is passed in. Slots do not drift. A
missed slot is skipped. No hour holds more requests than the budget. Knows no source and no stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ticker.figures import count_text
from ticker.times import format_duration
from ticker.units import HOUR, MINUTE, SECOND

SHORTEST: Final = SECOND // 20
"""The shortest time between two polls (µs): no answer comes faster, so each would follow a gap."""
LONGEST_BACK_OFF: Final = MINUTE
"""The longest back-off of an unreachable source (µs), unless its interval is longer …"""
LONGEST_WITHOUT_BUDGET: Final = 2 * SECOND
"""… of one without a budget (µs): the user's own, which was perhaps just started again …"""
SHORTEST_BACK_OFF: Final = SECOND // 2
"""… and the shortest (µs), however short its interval is."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval (µs), and what to tell a user who wished for another one."""

    every: int
    note: str | None = None


def interval(
    wish: int | None, *, usual: int, requests: int, budget: int | None, whose: str, others: int = 0
) -> Interval:
    """Return the interval for a `wish` (µs; `None`: the `usual`, µs).

    `requests` is what one poll takes; `budget` is the requests an hour that the source allows
    (`None`: any). A faster wish, or one shorter than `SHORTEST`, is stretched, and
    the note says so, naming `whose` limit it is, and how many `others` share it.
    """
    wanted = usual if wish is None else wish
    floor = max(SHORTEST, -(-HOUR * requests // budget) if budget else 0)
    if wanted >= floor:
        return Interval(wanted)
    shared = f", shared with {count_text(others, 'more poller')}" if others else ""
    limit = f"{whose}'s limit{shared}" if budget else f"at least {format_duration(SHORTEST)}"
    asked = "" if wish is None else f"you asked for {format_duration(wish)}; "
    return Interval(floor, f"{asked}{limit}")


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots `every` µs apart, counted from `anchor` (elapsed µs), so that they never drift."""

    anchor: int
    every: int

    def after(self, now: int) -> int:
        """Return the first slot after `now`; missed slots are skipped."""
        return self.anchor + max(0, (now - self.anchor) // self.every + 1) * self.every
