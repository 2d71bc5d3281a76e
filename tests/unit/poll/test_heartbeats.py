from __future__ import annotations

import pytest

from tests.polling import START
from ticker.poll.heartbeats import HeartbeatPace
from ticker.records import Heartbeat
from ticker.units import SECOND


def asked(at: int, every: int = SECOND // 2) -> Heartbeat:
    """A heartbeat of an answer `at` (elapsed µs)."""
    time = START + at
    return Heartbeat("o", "w", "yahoo", time, time, every, "ok", 1, 1, last_good=time)


@pytest.mark.parametrize("every", [SECOND // 10, SECOND // 2, 7 * SECOND // 10, SECOND, 9 * SECOND])
def test_no_heartbeat_is_repeated_before_the_next_answer_is_due(every: int) -> None:
    beats = HeartbeatPace()
    beats.note(asked(0, every), 0, is_written=True)
    slot = every * -(-SECOND // every)
    assert beats.is_due(asked(slot, every), slot)
    due = beats.next_due(every)
    assert due is not None
    assert slot <= due
