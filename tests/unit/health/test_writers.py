import pytest

from ticker.health.writers import GRACE, is_alive
from ticker.records import Heartbeat
from ticker.units import SECOND


def beat(state: str = "ok", retry_at: int | None = None) -> Heartbeat:
    return Heartbeat("o", "w", "yahoo", 0, 0, 10 * SECOND, state, 1, 1, retry_at=retry_at)


def test_a_writer_is_alive_for_two_and_a_half_intervals_plus_a_grace() -> None:
    assert is_alive(beat(), 25 * SECOND + GRACE)
    assert not is_alive(beat(), 25 * SECOND + GRACE + 1)


def test_a_writer_that_reported_its_stop_is_gone_at_once() -> None:
    assert not is_alive(beat("stopped"), 0)


@pytest.mark.parametrize("state", ["rate-limited", "unreachable", "slow", "no-prices"])
def test_a_writer_in_trouble_is_alive_only_while_it_sends_heartbeats(state: str) -> None:
    assert is_alive(beat(state), 20 * SECOND)
    assert not is_alive(beat(state, retry_at=3_600 * SECOND), 60 * SECOND)


def test_a_heartbeat_ahead_of_the_clock_does_not_prove_a_living_writer() -> None:
    later = Heartbeat("o", "w", "yahoo", 0, 3_600 * SECOND, 10 * SECOND, "ok", 1, 1)
    assert not is_alive(later, SECOND)
    # Two machines never agree to the second.
    assert is_alive(later, later.received - GRACE)
    assert not is_alive(later, later.received - GRACE - 1)
