"""How long a source is left alone after HTTP 429."""

from __future__ import annotations

import pytest

from ticker.sources.rate_limit import RateLimitWaits, asked_wait
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
