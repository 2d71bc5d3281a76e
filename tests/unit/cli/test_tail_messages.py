"""Why a tail is quiet."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from ticker.cli.tail_messages import Quietness
from ticker.health.sentences import invitation
from ticker.records import Batch, Heartbeat, Position, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000

POSITION = Position("1")


def beat(second: int = 0, **facts: Any) -> Heartbeat:
    at = NOW + second * SECOND
    told: dict[str, Any] = {"interval": SECOND, "state": "ok", "asked": 1, "answered": 1}
    return Heartbeat("one", "w", "yahoo", at, at, **(told | facts))


def batch(*beats: Heartbeat) -> Batch:
    return Batch(POSITION, heartbeats=beats)


class Reader:
    """A quietness with clocks that stand where a test puts them, and not on one another."""

    def __init__(self) -> None:
        self.wall = NOW
        self.elapsed = 0
        self.quietness = Quietness(
            None, UTC, "", clock=lambda: self.wall, elapsed=lambda: self.elapsed
        )

    def pass_(self, seconds: int) -> None:
        self.wall += seconds * SECOND
        self.elapsed += seconds * SECOND

    def why(self, problem: str | None = None, silent: int = 6) -> str:
        return self.quietness.why(problem, silent * SECOND)[1]


def test_a_stream_that_is_back_has_not_lost_its_poller() -> None:
    reader = Reader()
    reader.quietness.begin(batch(beat()))
    reader.pass_(6)
    assert reader.why("does not answer") == "does not answer"
    reader.pass_(24)
    away = "The stream was away. Last sign of the poller:"
    assert reader.why(silent=30).startswith(away)
    reader.pass_(9)
    assert "No sign" not in reader.why(silent=39)
    reader.pass_(2)
    assert reader.why(silent=41).startswith("No sign of the poller")


def test_a_poller_that_was_gone_before_the_outage_stays_gone() -> None:
    reader = Reader()
    reader.quietness.begin(batch(beat()))
    reader.pass_(60)
    reader.why("does not answer", silent=10)
    reader.pass_(10)
    assert reader.why(silent=20).startswith("No sign of the poller")


@pytest.mark.parametrize("step", [-3_600, 3_600])
def test_a_clock_that_steps_neither_kills_a_poller_nor_revives_one(step: int) -> None:
    reader = Reader()
    reader.quietness.begin(batch(beat()))
    reader.wall += step * SECOND
    assert reader.why().startswith("no price changed.")
    reader.pass_(5)
    assert reader.why().startswith("No sign of the poller")
    # The poller lives, and its own clock is another: what arrives counts.
    reader.quietness.take(Batch(POSITION))
    reader.quietness.take(batch(beat(-7_200)))
    assert reader.why().startswith("no price changed.")


def test_history_read_before_the_end_is_no_sign_of_life() -> None:
    reader = Reader()
    reader.quietness.begin(batch(beat(-600)))
    reader.quietness.take(batch(beat(-900)))
    reader.quietness.take(batch(beat(-600)))
    assert reader.why().startswith("No sign of the poller since")
    reader.quietness.take(batch(beat(-599)))
    assert reader.why().startswith("no price changed.")


def test_a_reading_from_the_end_has_no_history() -> None:
    reader = Reader()
    reader.quietness.begin(batch(beat()))
    reader.quietness.take(Batch(POSITION))
    reader.pass_(10)
    reader.quietness.take(batch(beat(-3_600)))
    assert reader.why().startswith("no price changed.")


def test_an_empty_stream_advises_to_poll() -> None:
    reader = Reader()
    reader.quietness.begin(Batch(POSITION))
    assert reader.why().startswith("The stream is empty: nobody has polled yet.")
    reader.quietness.take(batch(beat()))
    assert reader.why().startswith("no price changed.")


def test_an_empty_demo_does_not_advise_to_poll_real_prices_into_it() -> None:
    assert invitation(option=" --stream demo") == (
        "The demo's stream is empty. In another terminal: ticker demo"
    )


def test_a_silence_is_reported_once_per_reason_and_so_is_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reader = Reader()
    nothing = Batch(POSITION)
    ticks = Batch(POSITION, ticks=[Tick("AAPL", "yahoo", "one", 1, NOW, NOW, 10.0)])

    def said(
        taken: Batch, ticked: int, problem: str | None = None, *, visible: bool = False
    ) -> str:
        reader.quietness.tell(taken, ticked * SECOND, problem, visible=visible)
        return capsys.readouterr().err

    reader.quietness.begin(nothing)
    reader.pass_(4)
    assert said(nothing, 0) == ""
    reader.pass_(1)
    assert said(nothing, 0).startswith("Quiet for 5 s: The stream is empty")
    reader.pass_(1)
    assert said(nothing, 0) == ""
    assert said(nothing, 0, "does not answer") == "Quiet for 6 s: does not answer\n"
    reader.pass_(2)
    assert said(ticks, 8) == "Ticks again, after 8 s\n"
    assert said(ticks, 8) == ""
    reader.pass_(6)
    assert said(nothing, 8, "does not answer") == "Quiet for 6 s: does not answer\n"
    assert said(ticks, 14, visible=True) == ""
