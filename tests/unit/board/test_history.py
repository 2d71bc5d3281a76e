from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ticker.board.history import MOST, History
from ticker.units import DAY, HOUR, MINUTE, SECOND

START = 1_795_447_805_000_000


def filled(points: list[tuple[int, float]]) -> History:
    history = History()
    for time, price in points:
        history.take(time, price)
    return history


def test_a_history_ends_at_the_newest_price() -> None:
    history = filled([(START + i * SECOND, float(i)) for i in range(20_000)])
    assert MOST / 3 < len(history) <= MOST
    assert (history.times[-1], history.prices[-1]) == (START + 19_999 * SECOND, 19_999.0)
    assert list(history.times) == sorted(history.times)
    assert history.end > history.times[-1]


def test_a_second_holds_its_last_price() -> None:
    history = filled([(START, 1.0), (START + 400_000, 2.0), (START + 900_000, 3.0)])
    assert list(history.prices) == [3.0]


def test_of_ticks_at_the_same_time_the_one_with_the_last_sequence_stays() -> None:
    for later in ([], [(START + MINUTE, 8.0, 4)]):
        told = [(START, 5.0, 1), (START, 9.0, 2), (START, 7.0, 3), *later]
        for some in (told, [*told, *told[:2]], told[::-1]):
            history = History()
            for time, price, sequence in some:
                history.take(time, price, sequence)
            assert list(history.prices) == [7.0, 8.0][: 1 + len(later)]


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * HOUR), st.floats(1, 9)), max_size=400, unique_by=lambda p: p[0]
    )
)
def test_a_history_does_not_depend_on_order_or_repeats(
    points: list[tuple[int, float]],
) -> None:
    in_order = sorted((START + time, price) for time, price in points)
    late = filled([*in_order[len(in_order) // 2 :], *in_order])
    expected = filled(in_order)
    assert (late.times, late.prices) == (expected.times, expected.prices)


def test_a_day_begins_after_the_night_except_for_coins() -> None:
    evening, morning = START, START + 8 * HOUR
    history = filled([(evening, 1.0), (evening + MINUTE, 2.0), (morning, 3.0)])
    assert list(history.day()[1]) == [3.0]
    assert list(history.day(is_round_the_clock=True)[1]) == [1.0, 2.0, 3.0]


def test_a_history_shows_nothing_older_than_a_day() -> None:
    history = filled([(START + i * HOUR, float(i)) for i in range(30)])
    times, _ = history.day()
    assert times[0] == START + 5 * HOUR == times[-1] - DAY
    before = len(history)
    history.take(START, 9.0)
    assert len(history) == before
