"""When one poller asks its source: slots, budget and backing off, for the symbols it has now.

Pure: the elapsed time is passed in. It promises what `pace` promises; it asks nothing, and does not
know what comes of the asking.
"""

from __future__ import annotations

from collections.abc import Callable

from ticker.poll import pace
from ticker.poll.pace import BackOff, Slots
from ticker.sources.protocol import Source
from ticker.units import HOUR


class PollSchedule:
    """All times are elapsed µs; `symbols` is how many are asked for; `wish` as in `Poll`."""

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
        """When to ask next."""
        self._plan(symbols)
        self._slots = Slots(now, self.interval(symbols).every)

    @property
    def every(self) -> int:
        """The time between two polls, as announced (µs)."""
        return self._slots.every

    def interval(self, symbols: int) -> pace.Interval:
        """The time between two polls that follows from all that is known now."""
        source = self._source
        return pace.interval(
            self._wish,
            usual=source.every_closed if self.all_closed else source.every,
            requests=self.requests(symbols),
            budget=source.budget.share,
            whose=source.name.partition("-")[0].capitalize(),
            others=source.budget.others,
        )

    def _plan(self, symbols: int) -> None:
        """Tell the budget how many polls an hour are wished for while a market is open."""
        every = max(1, self._source.every if self._wish is None else self._wish)
        self._source.budget.wish(HOUR * self.requests(symbols) // every)

    def requests(self, symbols: int) -> int:
        """What one poll takes."""
        return max(1, -(-symbols // self._source.batch))

    def begin(self, now: int) -> None:
        """The first slot is now."""
        self._slots = Slots(now, self.every)
        self.due = now

    def hasten(self, now: int, earliest: int, symbols: int) -> None:
        """Ask at `earliest` or when the budget allows it, unless it is due before."""
        self._plan(symbols)
        allowed = self._earliest(now, symbols)
        self.due = max(now, min(self.due, max(earliest, allowed)))

    def answered(self, now: int, asked_at: int, symbols: int) -> None:
        """The source answered: on with the next slot; another pace begins at this asking."""
        self._back_off.reset()
        self._plan(symbols)
        every = self.interval(symbols).every
        if every != self.every:
            self._slots = Slots(asked_at, every)
        self._defer(now, self._slots.after(now), symbols)

    def failed(self, now: int, symbols: int, *, wait: int | None = None) -> None:
        """Ask again after `wait` (µs), but not before the next poll's time; or ever more rarely."""
        wait = self._back_off.wait(self.every) if wait is None else max(self.every, wait)
        self._defer(now, now + wait, symbols)

    def _defer(self, now: int, until: int, symbols: int) -> None:
        self.due = max(until, self._earliest(now, symbols))

    def _earliest(self, now: int, symbols: int) -> int:
        """When the budget allows a poll: it has a clock of its own, and this poller another."""
        budget = self._source.budget
        return now + budget.earliest(self.requests(symbols)) - budget.now()
