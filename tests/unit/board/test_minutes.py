from __future__ import annotations

from ticker.board.minutes import minutes_before, packed
from ticker.records import MinuteBars
from ticker.units import DAY, HOUR, MINUTE

START = 1_795_447_800_000_000


def minutes(count: int) -> MinuteBars:
    ends = tuple(START + at * MINUTE for at in range(1, count + 1))
    return packed(MinuteBars("AAPL", ends, tuple(map(float, range(1, count + 1))), START + HOUR))


def test_minute_bars_end_where_the_streams_ticks_begin() -> None:
    times, closes = minutes_before(minutes(10), [START + 3 * MINUTE, START + 9 * MINUTE])
    assert list(times) == [START + at * MINUTE for at in (1, 2, 3)]
    assert list(closes) == [1.0, 2.0, 3.0]


def test_minutes_before_a_night_belong_to_another_day_except_for_coins() -> None:
    tick = [START + 10 * MINUTE + 5 * HOUR]
    assert len(minutes_before(minutes(10), tick)[0]) == 0
    assert len(minutes_before(minutes(10), tick, is_round_the_clock=True)[0]) == 10


def test_no_minute_bar_is_older_than_a_day() -> None:
    late = [START + 11 * MINUTE, START + 5 * MINUTE + DAY]
    times, _ = minutes_before(minutes(10), late, is_round_the_clock=True)
    assert times[0] == START + 5 * MINUTE
