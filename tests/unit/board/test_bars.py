from __future__ import annotations

import random

from ticker.board import Board
from ticker.board.bars import SPANS, Bars, longer
from ticker.records import Bar, MinuteBars
from ticker.units import DAY, HOUR, MINUTE, SECOND

NOW = 1_795_447_800_000_000
"""15:30:00 UTC."""


def minutes(*ends: int, closes: tuple[float, ...], **prices: tuple[float, ...]) -> MinuteBars:
    times = tuple(NOW + end * MINUTE for end in ends)
    return MinuteBars("A", times, closes, NOW + HOUR, **prices)


def test_a_bar_does_not_depend_on_order_or_repeats() -> None:
    ticks = [(NOW + at * SECOND // 10, float(price)) for at, price in enumerate((5, 9, 2, 7, 4))]
    shuffled = ticks * 2
    random.Random(7).shuffle(shuffled)  # noqa: S311  no secret
    for some in (ticks, shuffled):
        bars = Bars()
        for time, price in some:
            bars.take(time, price)
        assert bars.day() == [Bar(NOW, 5.0, 9.0, 2.0, 4.0)]


def test_of_ticks_at_the_same_time_the_one_with_the_last_sequence_is_the_close() -> None:
    told = [(1, 5.0), (2, 9.0), (3, 7.0)]
    for some in (told, [*told, *told[:2]], told[::-1]):
        bars = Bars()
        for sequence, price in some:
            bars.take(NOW, price, sequence)
        assert bars.day() == [Bar(NOW, 5.0, 9.0, 5.0, 7.0)]


def test_bars_lengthen_with_the_day_and_keep_highs_and_lows() -> None:
    bars = Bars(most=100)
    prices = [float((at * 7_919) % 1_000 + 1) for at in range(5_000)]
    for at, price in enumerate(prices):
        bars.take(NOW + at * SECOND, price)
    day = bars.day()
    assert len(day) <= 100
    assert bars.span in SPANS
    assert (day[0].open, day[-1].close) == (prices[0], prices[-1])
    for bar in day:
        first = (bar.time - NOW) // SECOND
        some = prices[max(0, first) : first + bars.span // SECOND]
        assert (bar.high, bar.low) == (max(some), min(some))


def test_the_day_begins_after_the_last_silence_of_a_night() -> None:
    bars = Bars()
    for hours in (0, 1, 7, 8):
        bars.take(NOW + hours * HOUR, 5.0)
    assert [bar.time for bar in bars.day()] == [NOW + 7 * HOUR, NOW + 8 * HOUR]
    assert len(bars.day(is_round_the_clock=True)) == 4
    bars.take(NOW + 2 * DAY, 5.0)
    assert len(bars.day(is_round_the_clock=True)) == 1


def test_minutes_of_a_source_join_the_ticks_and_the_last_tick_is_the_close() -> None:
    bars = Bars()
    bars.take(NOW + MINUTE + 10 * SECOND, 6.0)
    bars.take_minutes(minutes(1, 2, 4, closes=(2.0, 5.0, 7.0)))
    bars.take(NOW + MINUTE + 50 * SECOND, 4.0)
    assert bars.span == MINUTE
    assert bars.day() == [
        Bar(NOW, 2.0, 2.0, 2.0, 2.0),
        Bar(NOW + MINUTE, 2.0, 6.0, 2.0, 4.0),
        Bar(NOW + 3 * MINUTE, 7.0, 7.0, 7.0, 7.0),
    ]


def test_minutes_of_a_source_bring_their_wicks() -> None:
    bars = Bars()
    bars.take_minutes(minutes(1, 2, closes=(2.0, 3.0), highs=(4.0, 3.5), lows=(1.0, 2.5)))
    bars.take(NOW + MINUTE + SECOND, 9.0)
    assert bars.day() == [
        Bar(NOW, 2.0, 4.0, 1.0, 2.0),
        Bar(NOW + MINUTE, 2.0, 9.0, 2.0, 9.0),
    ]


def test_longer_bars_begin_at_round_times() -> None:
    minutes = [Bar(NOW + at * MINUTE, at, at + 2.0, at, at + 1.0) for at in range(-2, 6)]
    assert longer(minutes, 5 * MINUTE) == [
        Bar(NOW - 5 * MINUTE, -2, 1.0, -2, 0.0),
        Bar(NOW, 0, 6.0, 0, 5.0),
        Bar(NOW + 5 * MINUTE, 5, 7.0, 5, 6.0),
    ]


def test_the_board_gives_minutes_to_the_selected_symbol_now_or_later() -> None:
    board = Board()
    told = MinuteBars("A", (NOW + MINUTE,), (4.0,), NOW + HOUR, (5.0,), (3.0,))
    for _ in range(2):
        board.look_at("A")
        board.take_minutes(told)
        board.look_at("B")
        assert board.focus is not None
        assert not board.focus.bars.day()
        board.look_at("A")
        assert board.focus.bars.day() == [Bar(NOW, 4.0, 5.0, 3.0, 4.0)]
