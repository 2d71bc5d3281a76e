"""The interval between two polls, from the user's wish and the source's budget. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ticker.figures import count_text
from ticker.times import format_duration
from ticker.units import HOUR, SECOND

SHORTEST: Final = SECOND // 20
"""The shortest time between two polls (µs). No answer is faster: a shorter one makes gaps."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval (µs), and a note for a user who wished for another one."""

    every: int
    note: str | None = None


def interval(
    wish: int | None, *, usual: int, requests: int, budget: int | None, whose: str, others: int = 0
) -> Interval:
    """Return the interval for a `wish` (µs; `None`: the `usual` interval, µs).

    `requests` is how many requests one poll takes. `budget` is how many the source allows an hour
    (`None`: any number). A wish that is too short for the budget, or shorter than `SHORTEST`, is
    lengthened. The note then says why: `whose` limit, shared with how many `others`, or `SHORTEST`.
    """
    wanted = usual if wish is None else wish
    floor = max(SHORTEST, -(-HOUR * requests // budget) if budget else 0)
    if wanted >= floor:
        return Interval(wanted)
    shared = f", shared with {count_text(others, 'more poller')}" if others else ""
    limit = f"{whose}'s limit{shared}" if budget else f"at least {format_duration(SHORTEST)}"
    asked = "" if wish is None else f"you asked for {format_duration(wish)}; "
    return Interval(floor, f"{asked}{limit}")
