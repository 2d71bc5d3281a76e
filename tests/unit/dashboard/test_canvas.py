from __future__ import annotations

import pytest

from ticker.board.history import History
from ticker.dashboard.canvas import Canvas, draw, scale, sparkline, stretches


def test_a_rising_line_goes_from_bottom_to_top() -> None:
    assert sparkline([0, 1, 2, 3], [1.0, 2.0, 3.0, 4.0], 2, end=4) == "⣠⠞"


def test_a_flat_line_is_in_the_middle() -> None:
    assert sparkline([0, 5], [2.0, 2.0], 3, end=6) == "⠤⠤⠤"


def test_a_line_is_broken_at_a_gap() -> None:
    line = sparkline([0, 1, 90], [2.0, 2.0, 2.0], 10, end=100, breaks=[(30, 70)])
    assert line == "⠤⠤⠤    ⠤⠤⠤"


def test_a_break_hides_no_price() -> None:
    line = sparkline([0, 50], [2.0, 2.0], 10, end=100, breaks=[(30, 70)])
    assert line == "⠤⠤⠤  ⠄ ⠤⠤⠤"


@pytest.mark.parametrize("width", [0, 1, 300])
def test_any_width_is_filled(width: int) -> None:
    history = History()
    for at in range(500):
        history.take(at * 1_000_000, 1e300 * (-1) ** at)
    assert len(sparkline(*history.day(), width, end=history.end)) == width
    assert sparkline([], [], width, end=0) == " " * width


def test_a_column_of_dots_shows_all_prices_of_its_time() -> None:
    (first, second) = stretches([0, 1, 2, 11], [5.0, 9.0, 6.0, 7.0], 2, start=0, end=19)
    assert (first, second) == ((5.0, 9.0, 6.0), (7.0, 7.0, 7.0))


def test_nothing_is_drawn_before_the_first_price_or_outside_the_span() -> None:
    canvas = Canvas(2, 1)
    draw(canvas, stretches([5], [1.0], 4, start=0, end=7), scale(0.0, 2.0, 4))
    canvas.dot(4, 0)
    canvas.dot(-1, 9)
    assert canvas.lines() == [" ⠤"]
