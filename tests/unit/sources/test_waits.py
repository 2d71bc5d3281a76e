"""When a source is asked again."""

from __future__ import annotations

import pytest

from ticker.sources.waits import ConnectionAttempts, RateLimitWaits, Refusals, asked_wait
from ticker.units import DAY, MINUTE, SECOND

NOW = 1_795_447_805_000_000  # 2026-11-23, 15:30:05 UTC


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120 * SECOND),
        (" 7 ", 7 * SECOND),
        ("Mon, 23 Nov 2026 15:31:05 GMT", MINUTE),
        ("Mon, 23 Nov 2026 15:00:00 GMT", 0),
        ("9" * 30, DAY),
        ("0", 0),
        ("soon", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_never_exceeds_a_day(
    header: str | None, wait: int
) -> None:
    assert asked_wait(header, NOW) == wait


def test_each_refusal_doubles_the_wait_from_a_minute_to_fifteen_until_an_answer() -> None:
    paused: list[int] = []
    waits = RateLimitWaits(lambda: 0.0, paused.append)
    assert [waits.refused(0) // MINUTE for _ in range(6)] == [1, 2, 4, 8, 15, 15]
    waits.answered()
    assert waits.refused(0) == MINUTE
    assert waits.refused(7) == 7
    assert paused[-3:] == [15 * MINUTE, MINUTE, 7]


def test_jitter_makes_a_wait_up_to_a_quarter_longer_and_never_shorter() -> None:
    assert RateLimitWaits(lambda: 0.0).refused(0) == MINUTE
    assert RateLimitWaits(lambda: 1.0).refused(0) == 75 * SECOND


WHY = {"GONE": "Yahoo knows no such symbol"}


def asked(refusals: Refusals, symbols: list[str], until: int) -> dict[str, list[int]]:
    """Return when each refused symbol is asked again, with a poll every 15 s."""
    found: dict[str, list[int]] = {symbol: [] for symbol in symbols}
    for now in range(0, until, 15):
        due = [s for s in symbols if s not in refusals.put_off(symbols, now)]
        refusals.note((), dict.fromkeys(due, WHY["GONE"]), now)
        for symbol in due:
            found[symbol].append(now)
    return found


def test_a_refused_symbol_is_asked_less_and_less_often_up_to_an_hour() -> None:
    times = asked(Refusals(30.0, 3_600.0), ["GONE"], 6 * 3_600)["GONE"]
    assert times[:6] == [0, 30, 90, 210, 450, 930]
    assert {later - sooner for later, sooner in zip(times[9:], times[8:], strict=False)} == {3_600}


def test_each_symbol_has_its_own_schedule_and_its_reason_is_still_reported() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note((), WHY, 0.0)
    assert refusals.put_off(["GONE", "NEW"], 15.0) == WHY
    refusals.note((), {"NEW": "no price"}, 15.0)
    assert refusals.put_off(["GONE", "NEW"], 31.0) == {"NEW": "no price"}


def test_a_symbol_that_had_a_price_is_asked_with_each_poll() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note(["AAPL"], {}, 0.0)
    refusals.note((), {"AAPL": "Yahoo knows no such symbol"}, 15.0)
    assert refusals.put_off(["AAPL"], 16.0) == {}


def test_a_symbol_that_is_added_again_is_asked_at_once() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note((), WHY, 0.0)
    assert refusals.put_off(["AAPL"], 1.0) == {}
    assert refusals.put_off(["AAPL", "GONE"], 2.0) == {}


def test_an_attempt_is_made_at_most_once_a_second() -> None:
    attempts = ConnectionAttempts(lambda: 0.5)
    made = [at / 10 for at in range(50) if attempts.is_due(at / 10)]
    assert made == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_short_connections_are_made_less_often_until_one_lasts() -> None:
    attempts = ConnectionAttempts(lambda: 0.5)
    now, waits = 0.0, []
    for _ in range(9):
        attempts.lost(now, lasted=1.0)
        began = now
        while not attempts.is_due(now):
            now += 0.5
        waits.append(now - began)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    attempts.lost(now, lasted=60.0)
    assert not attempts.is_due(now)
    assert attempts.is_due(now + 1)


def test_waits_have_jitter() -> None:
    for chance, wait in ((0.0, 0.75), (1.0, 1.25)):
        attempts = ConnectionAttempts(lambda chance=chance: chance)  # type: ignore[misc]
        attempts.lost(0.0, lasted=0.0)
        assert not attempts.is_due(wait - 0.01)
        assert attempts.is_due(wait)
