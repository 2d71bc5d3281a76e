from __future__ import annotations

from ticker.board.minutes import Minutes
from ticker.records import MinuteBars
from ticker.units import DAY, HOUR, MINUTE

START = 1_795_447_800_000_000


def minutes(count: int) -> Minutes:
    known = Minutes()
    ends = tuple(START + at * MINUTE for at in range(1, count + 1))
    known.take(MinuteBars("AAPL", ends, tuple(map(float, range(1, count + 1))), START + HOUR))
    return known


def test_minute_bars_end_where_the_streams_ticks_begin() -> None:
    times, closes = minutes(10).before("AAPL", [START + 3 * MINUTE, START + 9 * MINUTE])
    assert list(times) == [START + at * MINUTE for at in (1, 2, 3)]
    assert list(closes) == [1.0, 2.0, 3.0]


def test_without_ticks_all_minutes_of_the_symbol_are_shown() -> None:
    known = minutes(10)
    assert len(known.before("AAPL", [])[0]) == 10
    assert len(known.before("MSFT", [])[0]) == 0


def test_minutes_before_a_night_belong_to_another_day_except_for_coins() -> None:
    tick = [START + 10 * MINUTE + 5 * HOUR]
    assert len(minutes(10).before("AAPL", tick)[0]) == 0
    assert len(minutes(10).before("AAPL", tick, is_round_the_clock=True)[0]) == 10


def test_no_minute_bar_is_older_than_a_day() -> None:
    late = [START + 11 * MINUTE, START + 5 * MINUTE + DAY]
    times, _ = minutes(10).before("AAPL", late, is_round_the_clock=True)
    assert times[0] == START + 5 * MINUTE
