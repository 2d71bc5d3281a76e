from __future__ import annotations

from ticker.sources.reconnecting import ConnectionAttempts


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
