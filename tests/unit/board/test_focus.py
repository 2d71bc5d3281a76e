from __future__ import annotations

from ticker.board.focus import Focus
from ticker.records import Tick

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


def tick(sequence: int) -> Tick:
    time = NOW + sequence * SECOND
    return Tick("A", "yahoo", "one", sequence, time, time, float(sequence))


def test_the_last_ticks_are_newest_first_in_any_order_and_without_repeats() -> None:
    focus = Focus("A")
    for sequence in [*range(1_000, 1_100), *range(1, 1_050)]:
        focus.take(tick(sequence))
    assert [t.sequence for t in focus.ticks(3)] == [1_099, 1_098, 1_097]
    assert len(focus._ticks) <= 400
