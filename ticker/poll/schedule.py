"""Decides when a poller polls next: at the next slot, after back-off, or when the budget allows it.

The interval between slots follows from the user's wish and the source's budget. Slots do not drift,
and missed slots are skipped. No hour holds more requests than the budget. Sends no request. The
elapsed time (µs, of a clock that never goes back) is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ticker.back_off import BackOff
from ticker.figures import count_text
from ticker.sources.protocol import Source
from ticker.times import format_duration
from ticker.units import HOUR, MINUTE, SECOND

SHORTEST: Final = SECOND // 20
"""The shortest interval (µs). No answer is faster, so a shorter interval would make gaps."""
_SHORTEST_BACK_OFF: Final = SECOND // 2
"""The shortest first wait after a failure (µs)."""
_LONGEST_BACK_OFF: Final = MINUTE
"""The longest wait after a failure, before jitter (µs), unless the interval is longer."""
_LONGEST_WITHOUT_BUDGET: Final = 2 * SECOND
"""The same without a budget (µs): such a source is the user's own, and may be just starting."""


class PollSchedule:
    """Plans the polls of one poller. All times are elapsed µs.

    `wish` is `every` of `Poll`. `random` is uniform in [0, 1).
    """

    def __init__(
        self,
        source: Source,
        wish: int | None,
        *,
        symbols: int,
        now: int,
        random: Callable[[], float],
    ) -> None:
        self._source = source
        self._wish = wish
        self._back_off = BackOff(random)
        self.all_closed = False
        """Whether every symbol's market was closed in the last good answer."""
        self.due = now
        """When to poll next."""
        self._anchor = now
        """From when the slots are counted."""
        self.symbols = symbols
        """How many symbols are polled."""
        self._plan()
        self.every, _ = self.interval()
        """The announced interval (µs): the time between two slots."""

    def interval(self) -> tuple[int, str | None]:
        """Return the interval (µs) that the budget allows now, and a note if it is not the wish.

        A wish that is too short for the budget, or shorter than `SHORTEST`, is lengthened. The note
        says why.
        """
        source, wish = self._source, self._wish
        usual = source.every_closed if self.all_closed else source.every
        budget, others = source.budget.share, source.budget.others
        wanted = usual if wish is None else wish
        floor = max(SHORTEST, -(-HOUR * self._requests() // budget) if budget else 0)
        if wanted >= floor:
            return wanted, None
        shared = f", shared with {count_text(others, 'more poller')}" if others else ""
        whose = source.name.partition("-")[0].capitalize()
        limit = f"{whose}'s limit{shared}" if budget else f"at least {format_duration(SHORTEST)}"
        asked = "" if wish is None else f"you asked for {format_duration(wish)}; "
        return floor, f"{asked}{limit}"

    def _plan(self) -> None:
        """Tell the budget how many requests an hour are wished for while a market is open."""
        every = max(1, self._source.every if self._wish is None else self._wish)
        self._source.budget.wish(HOUR * self._requests() // every)

    def _requests(self) -> int:
        """Return how many requests one poll takes."""
        return max(1, -(-self.symbols // self._source.batch))

    def begin(self, now: int) -> None:
        """Make a poll due now, and count the slots from now."""
        self._anchor = self.due = now

    def hasten(self, now: int, earliest: int) -> None:
        """Poll at `earliest`, or later if the budget demands it, unless a poll is due before."""
        self._plan()
        allowed = self._earliest(now)
        self.due = max(now, min(self.due, max(earliest, allowed)))

    def answered(self, now: int, asked_at: int) -> None:
        """Note an answer, and plan the next slot. Slots of a new interval count from `asked_at`."""
        self._back_off.reset()
        self._plan()
        every, _ = self.interval()
        if every != self.every:
            self._anchor, self.every = asked_at, every
        missed = max(0, (now - self._anchor) // self.every)
        self.due = max(self._anchor + (missed + 1) * self.every, self._earliest(now))

    def failed(self, now: int, *, wait: int | None = None) -> None:
        """Poll again after `wait` (µs), at least one interval. Without `wait`, use back-off."""
        if wait is None:
            is_free = self._source.budget.per_hour is None
            longest = _LONGEST_WITHOUT_BUDGET if is_free else _LONGEST_BACK_OFF
            first = max(self.every, _SHORTEST_BACK_OFF)
            wait = int(self._back_off.wait(first, max(longest, self.every)))
        else:
            wait = max(self.every, wait)
        self.due = max(now + wait, self._earliest(now))

    def _earliest(self, now: int) -> int:
        """Return when the budget allows a poll (elapsed µs)."""
        return now + self._source.budget.wait(self._requests())
