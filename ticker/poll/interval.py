"""The interval between two polls, from the user's wish and the source's budget. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ticker.figures import count_text
from ticker.times import format_duration
from ticker.units import HOUR, SECOND

SHORTEST: Final = SECOND // 20
"""The shortest time between two polls (µs): no answer comes faster, so each would follow a gap."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval (µs), and what to tell a user who wished for another one."""

    every: int
    note: str | None = None


def interval(
    wish: int | None, *, usual: int, requests: int, budget: int | None, whose: str, others: int = 0
) -> Interval:
    """Return the interval for a `wish` (µs; `None`: the `usual`, µs).

    `requests` is the number that one poll takes. `budget` is the number that the source allows in
    an hour (`None`: any). A wish that is too short for the budget, or shorter than `SHORTEST`, is
    stretched. Then the note names `whose` limit it is, and how many `others` share it.
    """
    wanted = usual if wish is None else wish
    floor = max(SHORTEST, -(-HOUR * requests // budget) if budget else 0)
    if wanted >= floor:
        return Interval(wanted)
    shared = f", shared with {count_text(others, 'more poller')}" if others else ""
    limit = f"{whose}'s limit{shared}" if budget else f"at least {format_duration(SHORTEST)}"
    asked = "" if wish is None else f"you asked for {format_duration(wish)}; "
    return Interval(floor, f"{asked}{limit}")
