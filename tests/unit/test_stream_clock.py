from __future__ import annotations

from typing import Any

from ticker.records import Heartbeat
from ticker.stream_clock import StreamClock
from ticker.units import SECOND

NOW = 1_795_447_805_000_000
TAPE = NOW - 86_400_000_000


class Clocks:
    """Two clocks that only the test moves."""

    def __init__(self) -> None:
        self.wall = NOW
        self.elapsed = 0

    def pass_by(self, micros: int) -> None:
        self.wall += micros
        self.elapsed += micros


def made() -> tuple[StreamClock, Clocks]:
    clocks = Clocks()
    return StreamClock(lambda: clocks.wall, lambda: clocks.elapsed), clocks


def replaying(**told: Any) -> Heartbeat:
    facts = {"state": "replaying", "tape_time": TAPE, "speed": 10.0, "received": NOW, **told}
    received = facts.pop("received")
    return Heartbeat(
        "one",
        "replay",
        "replay",
        received,
        received,
        SECOND // 2,
        asked=1,
        answered=1,
        **facts,
    )


def polling(received: int = NOW) -> Heartbeat:
    return Heartbeat("one", "w", "yahoo", received, received, SECOND, "ok", 1, 1)


def test_a_live_stream_uses_the_wall_clock() -> None:
    clock, _ = made()
    clock.take([polling()])
    assert clock() == NOW
    assert clock.tape is None


def test_a_replayed_stream_runs_on_tape_time_at_the_tapes_speed() -> None:
    clock, clocks = made()
    clock.take([replaying()])
    assert clock() == TAPE
    clocks.elapsed += SECOND
    assert clock() == TAPE + 10 * SECOND
    clocks.wall += 3_600 * SECOND  # the machine's time is set
    assert clock() == TAPE + 10 * SECOND


def test_a_paused_tape_stops_the_clock() -> None:
    clock, clocks = made()
    clock.take([replaying(speed=None)])
    clocks.pass_by(SECOND)
    assert clock() == TAPE


def test_a_late_reader_counts_from_the_time_of_the_heartbeat() -> None:
    clock, clocks = made()
    clocks.pass_by(SECOND)
    clock.take([replaying()], read_at=clocks.wall)
    assert clock() == TAPE + 10 * SECOND


def test_an_earlier_replay_is_history() -> None:
    clock, clocks = made()
    clocks.pass_by(60 * SECOND)
    clock.take([replaying()], read_at=clocks.wall)
    assert clock() == clocks.wall
    clock.take([replaying(state="stopped", received=clocks.wall)], read_at=clocks.wall)
    assert clock() == clocks.wall


def test_the_clock_stays_at_the_end_of_the_tape() -> None:
    clock, clocks = made()
    clock.take([replaying()])
    clock.take([replaying(state="stopped", tape_time=TAPE + 7)])
    clocks.pass_by(60 * SECOND)
    assert clock() == TAPE + 7
    assert not clock.is_silent


def test_a_replay_that_dies_stops_the_clock_and_counts_as_silent() -> None:
    clock, clocks = made()
    clock.take([replaying()])
    clocks.pass_by(60 * SECOND)
    stood = clock()
    clocks.pass_by(SECOND)
    assert clock() == stood < TAPE + 60 * 10 * SECOND
    assert clock.is_silent


def test_a_poller_that_writes_after_the_replay_makes_the_stream_live_again() -> None:
    clock, clocks = made()
    clock.take([replaying()])
    clock.take([polling()])
    assert clock() == TAPE  # the replay continues
    clock.take([replaying(state="stopped")])
    clock.take([polling()])
    assert clock() == clocks.wall
