from __future__ import annotations

import pytest

from ticker.errors import UsageError
from ticker.play.schedule import MAX_SPEED, Schedule, parse_speed
from ticker.records import MAX_TIME
from ticker.units import SECOND

TAPE = 1_795_447_805_000_000


def begun(speed: float = 1.0) -> Schedule:
    """Return a schedule whose tape time is `TAPE` at clock 0."""
    schedule = Schedule(speed)
    schedule.begin(TAPE, 0)
    return schedule


@pytest.mark.parametrize(
    ("text", "speed"), [("1", 1.0), ("0.1", 0.1), (".5", 0.5), ("10x", 10.0), ("MAX", MAX_SPEED)]
)
def test_a_speed_is_a_number_or_max(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "0.09", "-1", "", "fast", "nan", "1e9", "100001"])
def test_other_words_are_not_speeds(text: str) -> None:
    with pytest.raises(UsageError, match="write a number"):
        parse_speed(text)


@pytest.mark.parametrize("speed", [0.1, 1.0, 10.0])
def test_the_tape_runs_as_many_times_as_fast_as_the_clock(speed: float) -> None:
    schedule = begun(speed)
    assert schedule.at(3 * SECOND) == TAPE + round(3 * SECOND * speed)
    assert schedule.wait(TAPE + SECOND, 0) == round(SECOND / speed)
    assert schedule.wait(TAPE, SECOND) == 0


def test_a_late_call_does_not_delay_later_ticks() -> None:
    schedule = begun()
    schedule.look(4 * SECOND)  # the log was slow
    assert schedule.at(4 * SECOND) == TAPE + 4 * SECOND
    assert schedule.wait(TAPE + 5 * SECOND, 4 * SECOND) == SECOND


def test_a_paused_tape_continues_where_it_stopped() -> None:
    schedule = begun(10.0)
    schedule.begin(schedule.at(SECOND), SECOND)
    schedule.is_paused = True
    assert schedule.at(60 * SECOND) == TAPE + 10 * SECOND
    schedule.begin(schedule.at(61 * SECOND), 61 * SECOND)
    schedule.is_paused = False
    assert schedule.at(62 * SECOND) == TAPE + 20 * SECOND


def test_after_a_sleep_of_the_machine_the_tape_continues_where_it_was() -> None:
    schedule = begun()
    schedule.look(SECOND)
    schedule.look(3_601 * SECOND)
    assert schedule.at(3_601 * SECOND) == TAPE + SECOND


def test_at_max_speed_everything_is_due_unless_paused() -> None:
    schedule = begun(MAX_SPEED)
    assert schedule.at(0) == MAX_TIME
    assert schedule.wait(TAPE + SECOND, 0) == 0
    schedule.begin(TAPE, 0)
    schedule.is_paused = True
    assert schedule.at(SECOND) == TAPE
