"""The marks of a tape: gaps, changes of session, large moves, alerts, and the user's own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import Final

from ticker.feed import Mark, MarkKind
from ticker.figures import and_more
from ticker.health.gaps import lasting, of_missing_ticks, reason_words
from ticker.play.reel import Reel
from ticker.records import Gap
from ticker.streams.tape import Move
from ticker.times import format_duration
from ticker.units import SECOND

_MOVES: Final = 10
"""How many of the largest moves are marked."""
_NAMED: Final = 3
_HERE: Final = SECOND // 2
"""A toggle at most this far (µs) from a mark of the user removes the mark."""


class Marks:
    """The marks of `reel`. Gaps are marked at once, sessions and moves by `find`."""

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._all = sorted(
            Mark(max(due, reel.start), MarkKind.GAP, gap_text(gap)) for due, gap in reel.gaps
        )

    @property
    def all(self) -> Sequence[Mark]:
        """Return all marks in order of time."""
        return self._all

    async def find(self) -> None:
        """Add the changes of the session and the largest moves. Raises `StreamError`."""
        reel = self._reel
        tape, symbols = reel.tape, reel.span.symbols
        for change in await tape.session_changes(reel.start, reel.end, symbols=symbols):
            text = f"{and_more(change.symbols, _NAMED, ', ')}: {change.session}"
            insort(self._all, Mark(change.time, MarkKind.SESSION, text))
        for move in await tape.moves(reel.start, reel.end, symbols=symbols, count=_MOVES):
            insort(self._all, Mark(move.time, MarkKind.MOVE, move_text(move)))

    def show_alerts(self, met: Sequence[tuple[int, str]]) -> None:
        """Mark where alerts are met: (time, text of the alert). Replaces earlier alert marks."""
        self._all = [mark for mark in self._all if mark.kind is not MarkKind.ALERT]
        for time, text in met:
            insort(self._all, Mark(time, MarkKind.ALERT, text))

    def toggle(self, time: int) -> Mark:
        """Set a mark of the user at `time`, or remove the one that is there. Returns that mark."""
        for mark in self._all:
            if mark.kind is MarkKind.OWN and abs(mark.time - time) <= _HERE:
                self._all.remove(mark)
                return mark
        mark = Mark(time, MarkKind.OWN, "")
        insort(self._all, mark)
        return mark

    def after(self, time: int) -> Mark | None:
        """Return the first mark after `time`."""
        at = bisect_right(self._all, time, key=_time)
        return self._all[at] if at < len(self._all) else None

    def before(self, time: int) -> Mark | None:
        """Return the last mark before `time`."""
        at = bisect_left(self._all, time, key=_time)
        return self._all[at - 1] if at else None


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
