from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from ticker.board.freshness import REASONS, Reason, Writer, judge
from ticker.records import Health, Heartbeat
from ticker.times import clock
from ticker.verdict import Standing, of_heartbeat, of_stream, of_writer

NOW = 1_795_447_805_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND


def beat(age: int = 0, state: str = "ok", **facts: Any) -> Heartbeat:
    told: dict[str, Any] = {"last_good": NOW - 10 * MINUTE, **facts}
    return Heartbeat("one", "w", "yahoo", NOW - age, NOW - age, 15 * SECOND, state, 2, 1, **told)


def verdict(*beats: Heartbeat, at: int = NOW) -> Any:
    return of_stream(Health("s", "ok", heartbeats=beats), at, UTC)


@pytest.mark.parametrize(
    "state", [state for state, reason in REASONS.items() if reason is not Reason.FRESH]
)
def test_a_source_without_prices_makes_its_stream_stale_whatever_the_state(state: str) -> None:
    assert verdict(beat(state=state)).standing is Standing.STALE


@pytest.mark.parametrize("state", ["unreachable", "unreadable", "no-prices", "slow"])
def test_an_outage_is_told_since_the_last_good_answer(state: str) -> None:
    words = verdict(beat(state=state)).words
    assert f"since {clock(NOW - 10 * MINUTE, UTC)}" in words
    assert "since" not in verdict(beat(state=state, last_good=None)).words
    assert "last good answer" in of_heartbeat(
        Writer(beat(state=state), judge(beat(state=state), NOW)), NOW, UTC
    )


def test_the_reason_stays_the_same_while_only_its_times_move() -> None:
    before = verdict(beat())
    after = verdict(beat(age=-MINUTE), at=NOW + MINUTE)
    assert before.words != after.words
    assert before.key == after.key
    assert before.key != verdict(beat(state="unreachable")).key


def test_refusals_are_told_of_those_who_still_ask() -> None:
    here = beat(refused={"ADH": "no price"})
    assert verdict(here).summary == "healthy, but refused: ADH"
    gone = Heartbeat("one", "v", "yahoo", NOW, NOW, SECOND, "stopped", 1, 0, {"OLD": "no price"})
    assert verdict(here, gone).refused == ("ADH",)


def test_nobody_empty_and_away_are_told_apart() -> None:
    assert verdict().words.startswith("Nobody polls")
    assert of_stream(Health("s", "missing"), NOW, UTC).standing is Standing.EMPTY
    away = of_stream(Health("s", "unusable", problem="is damaged"), NOW, UTC)
    assert (away.standing, away.summary) == (Standing.AWAY, "is damaged")


def test_names_from_outside_are_harmless() -> None:
    hostile = Heartbeat("o", "w", "\x1b[2J", NOW, NOW, SECOND, "ok", 1, 1)
    assert "\x1b" not in of_writer(Writer(hostile, Reason.FRESH), NOW, UTC)
