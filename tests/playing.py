"""A player that only notes its calls, for tests of its keys and its bar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from ticker.board.alert_rules import Alert, Told
from ticker.feed import Mark, MarkKind
from ticker.play import Player

NOW = 1_795_447_805_000_000
"""23 November 2026, 15:30:05 UTC."""
HOUR = 3_600_000_000
MINUTE = 60_000_000

MARKS = (
    Mark(NOW - 50 * MINUTE, MarkKind.SESSION, "AAPL: regular"),
    Mark(NOW - 40 * MINUTE, MarkKind.GAP, "poller stopped"),
    Mark(NOW - 35 * MINUTE, MarkKind.GAP, "poller stopped, end"),
    Mark(NOW - 10 * MINUTE, MarkKind.MOVE, "NVDA +1.20%"),
    Mark(NOW + 20 * MINUTE, MarkKind.OWN, ""),
)


@dataclass
class FakePlayer(Player):
    """A player in the middle of a tape of two hours; `asked` has the calls in order."""

    start: int = NOW - HOUR
    end: int = NOW + HOUR
    time: int = NOW
    speed: float = 10.0
    reached: float | None = 10.0
    is_paused: bool = False
    has_ended: bool = False
    loop_from: int | None = None
    loop_to: int | None = None
    marks: Sequence[Mark] = MARKS
    why_not_live: str | None = None
    seeks: int = 0
    to_come: Collection[str] = ()
    finds_ticks: bool = True
    asked: list[object] = field(default_factory=list)
    met: Sequence[tuple[int, Told]] = ()

    def look_for(self, alerts: Sequence[Alert]) -> None:
        self.asked.append(("look for", [alert.text for alert in alerts]))

    def toggle(self) -> None:
        self.asked.append("toggle")
        self.is_paused = not self.is_paused

    def set_speed(self, speed: float) -> None:
        self.asked.append(("speed", speed))

    def slower(self) -> None:
        self.asked.append("slower")

    def faster(self) -> None:
        self.asked.append("faster")

    def seek(self, time: int) -> None:
        self.asked.append(("seek", time))
        self.seeks += 1
        self.time = time

    def step(
        self, symbols: Sequence[str], *, forward: bool, on_none: Callable[[], None] = lambda: None
    ) -> None:
        if not self.finds_ticks:
            on_none()
        self.asked.append(("step", 1 if forward else -1, list(symbols)))

    def undo(self) -> None:
        self.asked.append("undo")
        self.seeks -= 1

    def mark(self) -> Mark:
        mark = Mark(self.time, MarkKind.OWN, "")
        is_there = mark in self.marks
        self.marks = sorted({*self.marks} ^ {mark})
        self.asked.append("unmark" if is_there else "mark")
        return mark

    def next_mark(self) -> Mark | None:
        later = [mark for mark in self.marks if mark.time > self.time]
        if later:
            self.seek(later[0].time)
        return later[0] if later else None

    def previous_mark(self) -> Mark | None:
        earlier = [mark for mark in self.marks if mark.time < self.time]
        if earlier:
            self.seek(earlier[-1].time)
        return earlier[-1] if earlier else None

    def cycle_loop(self) -> None:
        self.asked.append("loop")

    def hand_over(self) -> str | None:
        self.asked.append("live")
        return self.why_not_live
