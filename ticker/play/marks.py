"""The marks of a tape: gaps, changes of session, large moves, alerts, and the user's own."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final

from ticker.board.alert_rules import Alert, Alerts, Told
from ticker.feed import Mark, MarkKind
from ticker.figures import and_more
from ticker.health.gaps import lasting, of_missing_ticks, reason_words
from ticker.play.reel import Reel
from ticker.records import Batch, Gap, Position
from ticker.streams.standing_facts import quote_of
from ticker.streams.tape import Move
from ticker.times import format_duration
from ticker.units import SECOND

_MOVES: Final = 10
"""How many of the largest moves are marked."""
_NAMED: Final = 3
_HERE: Final = SECOND // 2
"""A toggle at most this far (µs) from a mark of the user removes the mark."""
_AT_ONCE: Final = 500
"""The most ticks checked for alerts before other tasks of the event loop may run."""


class Marks:
    """The marks of `reel`. Gaps are marked at once, sessions, moves and alerts after `begin`.

    `on_change` is called when they changed.
    """

    def __init__(self, reel: Reel, on_change: Callable[[], None]) -> None:
        self.all = sorted(
            Mark(max(due, reel.start), MarkKind.GAP, gap_text(gap))
            for due, gap in reel.gaps_of(reel.span.symbols)
        )
        """In order of time."""
        self.met: Sequence[tuple[int, Told]] = ()
        """The alerts found so far, each with its time, in order of time."""
        self._reel = reel
        self._on_change = on_change
        self._alerts: Sequence[Alert] = ()
        self._finding: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to find marks. The tape must be open."""
        self._finding = asyncio.create_task(self._find())
        self.look_for(self._alerts)

    def look_for(self, alerts: Sequence[Alert]) -> None:
        """Mark where `alerts` are met, and drop the marks of an earlier call."""
        self._alerts = list(alerts)
        if self._looking is not None:
            self._looking.cancel()
        if self._finding is not None:  # else `begin` does it
            self._looking = asyncio.create_task(self._find_alerts())

    async def close(self) -> None:
        """Stop finding marks."""
        tasks = [task for task in (self._finding, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _find(self) -> None:
        """Index the tape, so that seeks are fast. Then find sessions and moves."""
        reel, symbols = self._reel, self._reel.span.symbols
        await reel.tape.index()
        for change in await reel.tape.session_changes(reel.start, reel.end, symbols=symbols):
            text = f"{and_more(change.symbols, _NAMED, ', ')}: {change.session}"
            insort(self.all, Mark(change.time, MarkKind.SESSION, text))
        for move in await reel.tape.moves(reel.start, reel.end, symbols=symbols, count=_MOVES):
            insort(self.all, Mark(move.time, MarkKind.MOVE, move_text(move)))
        self._on_change()

    async def _find_alerts(self) -> None:
        self.met = await alerts_met(self._reel, self._alerts)
        others = [mark for mark in self.all if mark.kind is not MarkKind.ALERT]
        marks = [Mark(time, MarkKind.ALERT, told.alert.text) for time, told in self.met]
        self.all = sorted(others + marks)
        self._on_change()

    def toggle(self, time: int) -> Mark:
        """Set a mark of the user at `time`, or remove the one that is there. Returns that mark."""
        there = (m for m in self.all if m.kind is MarkKind.OWN and abs(m.time - time) <= _HERE)
        if (mark := next(there, None)) is not None:
            self.all.remove(mark)
        else:
            mark = Mark(time, MarkKind.OWN, "")
            insort(self.all, mark)
        self._on_change()
        return mark

    def after(self, time: int) -> Mark | None:
        """Return the first mark after `time`."""
        at = bisect_right(self.all, time, key=_time)
        return self.all[at] if at < len(self.all) else None

    def before(self, time: int) -> Mark | None:
        """Return the last mark before `time`."""
        at = bisect_left(self.all, time, key=_time)
        return self.all[at - 1] if at else None


async def alerts_met(reel: Reel, alerts: Sequence[Alert]) -> list[tuple[int, Told]]:
    """Return where `alerts` are met on `reel`, with the time (µs of the tape), in order of time.

    The values at the start meet no alert, only later crossings do. Raises `StreamError`.
    """
    looking = Alerts(alerts)
    symbols = frozenset(looking.symbols)
    if reel.span.symbols is not None:
        symbols &= frozenset(reel.span.symbols)
    if not symbols:
        return []
    known = await reel.tape.last_ticks(reel.start - 1)
    quotes = [quote_of(tick, None) for tick in known.ticks if tick.symbol in symbols]
    looking.take(Batch(Position(""), quotes=quotes), since=reel.start)
    gaps = iter(reel.gaps_of(symbols))
    due_gap = next(gaps, None)
    met: list[tuple[int, Told]] = []
    due = reel.start
    reading = reel.tape.read(known.position, symbols=symbols, follow=False, limit=_AT_ONCE)
    async with aclosing(reading) as batches:
        async for batch in batches:
            for tick in batch.ticks:
                due = max(due, tick.received)
                if due > reel.end:
                    return met
                passed = []
                while due_gap is not None and due_gap[0] <= due:
                    passed.append(due_gap[1])
                    due_gap = next(gaps, None)
                found = looking.take(Batch(Position(""), ticks=[tick], gaps=passed))
                met += [(due, told) for told in found]
    return met


def gap_text(gap: Gap) -> str:
    """Describe a gap in a few words."""
    if gap.from_ is not None and gap.until is not None:
        whose = f"{and_more(gap.symbols, _NAMED, ', ')}: " if gap.symbols else ""
        return f"{whose}{reason_words(gap)}{lasting(gap.until - gap.from_, ', ')}"
    return of_missing_ticks(gap)


def move_text(move: Move) -> str:
    """Describe a move, which begins at its mark."""
    lasts = move.until - move.time
    return f"{move.symbol} {move.percent:+.2f}%" + (
        f" in the next {format_duration(lasts)}" if lasts else ""
    )


def _time(mark: Mark) -> int:
    return mark.time
