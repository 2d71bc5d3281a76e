"""How long a source is left alone after HTTP 429."""

from __future__ import annotations

import pytest

from ticker.sources.rate_limit import Patience, asked_wait
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
    patience = Patience(lambda: 0.0)
    waits = []
    for _ in range(6):
        waits.append(patience.wait() // MINUTE)
        patience.refused()
    assert waits == [1, 2, 4, 8, 15, 15]
    patience.answered()
    assert patience.wait() == MINUTE


def test_jitter_makes_a_wait_up_to_a_quarter_longer_and_never_shorter() -> None:
    assert Patience(lambda: 0.0).wait() == MINUTE
    assert Patience(lambda: 1.0).wait() == 75 * SECOND
