from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from ticker.dashboard.axes import round_prices, time_axis
from ticker.dashboard.candles import fit_candles
from ticker.dashboard.chart import Chart, Ink, chart_lines
from ticker.records import Bar
from ticker.units import MINUTE, SECOND

NOW = 1_795_447_800_000_000
"""15:30:00 UTC."""


def at(minutes: int, price: float) -> Bar:
    return Bar(NOW + minutes * MINUTE, price, price, price, price)


RISE = Chart([at(0, 10.0), at(30, 12.0)], 30 * MINUTE, 12.0, 2, 11.0)


def texts(chart: Chart, width: int = 40, height: int = 8) -> list[str]:
    return ["".join(text for text, _ in line) for line in chart_lines(chart, width, height, UTC)]


def test_the_last_price_is_a_tag_at_the_lines_end() -> None:
    lines = chart_lines(RISE, 40, 8, UTC)
    assert lines[0][-1] == ("◀12.00 ", Ink.TAG)
    assert lines[0][0][0].rstrip().endswith("⠉")
    assert "10.00" in texts(RISE)[6]


def test_the_previous_close_is_a_line_if_the_prices_leave_room() -> None:
    (row,) = [line for line in texts(RISE) if "╌" in line]
    assert "11.00" in row


@pytest.mark.parametrize(("close", "is_there"), [(9.0, True), (1.0, False), (None, False)])
def test_a_distant_close_does_not_flatten_the_day(close: float | None, *, is_there: bool) -> None:
    lines = texts(replace(RISE, previous_close=close))
    assert any("╌" in line for line in lines) is is_there


def test_times_are_below_and_show_seconds_for_a_short_span() -> None:
    assert texts(RISE)[-1].split() == ["15:30", "16:00", "16:30"]
    short = replace(RISE, bars=[at(0, 10.0)], span=SECOND)
    assert texts(short)[-1].split()[0] == "15:30:00"


def test_the_line_is_broken_at_a_gap() -> None:
    chart = replace(
        RISE, bars=[at(0, 10.0), at(30, 10.0)], last=10.0, previous_close=None,
        breaks=[(NOW + 10 * MINUTE, NOW + 20 * MINUTE)],
    )  # fmt: skip
    (line,) = [line for line in texts(chart) if "◀" in line]
    assert len(line.replace("◀10.00", "").split()) == 2


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (12, 3), (17, 3), (300, 100)])
def test_a_chart_fits_its_bounds_or_is_left_out(size: tuple[int, int]) -> None:
    width, height = size
    for is_candles in (False, True):
        lines = texts(replace(RISE, is_candles=is_candles), width, height)
        assert len(lines) in (0, height)
        assert {len(line) for line in lines} <= {width}
    assert texts(replace(RISE, bars=[]), width, height) == []


@pytest.mark.parametrize("price", [0.0, -5.0, 1e300, 1e-9])
def test_any_price_can_be_drawn(price: float) -> None:
    chart = replace(
        RISE, bars=[at(0, price), at(30, -price)], last=-price, previous_close=price * 2
    )
    for is_candles in (False, True):
        assert len(texts(replace(chart, is_candles=is_candles))) in (0, 8)


def test_no_line_is_drawn_after_the_newest_price() -> None:
    young = replace(RISE, bars=[at(0, 12.0)], span=SECOND, previous_close=None)
    (line,) = [line for line in texts(young) if "◀" in line]
    assert len(line.replace("◀12.00", "").strip()) == 1


def test_a_candles_body_is_open_to_close_and_its_wick_low_to_high() -> None:
    bars = [Bar(NOW, 10.0, 14.0, 8.0, 12.0), Bar(NOW + MINUTE, 12.0, 12.0, 8.0, 8.0)]
    chart = Chart(bars, MINUTE, 8.0, 2, is_candles=True)
    lines = chart_lines(chart, 40, 8, UTC)
    middle = ["".join(text for text, _ in line)[1] for line in lines[:7]]
    assert "".join(middle) == "││███││"
    rose, fell = ({ink for line in lines for text, ink in line if "█" in text and ink is wished}
                  for wished in (Ink.UP, Ink.DOWN))  # fmt: skip
    assert rose
    assert fell


def test_candles_lengthen_until_the_day_fits_and_none_is_in_a_gap() -> None:
    day = [at(minute, 10.0 + minute % 7) for minute in range(390) if not 100 <= minute < 200]
    lines = texts(Chart(day, MINUTE, 10.0, 2, is_candles=True), 100, 20)
    assert lines[-1].rstrip().endswith("10m")
    bodies = {x for line in lines[:-1] for x, cell in enumerate(line[:90]) if cell in "█▀▄│╷╵"}
    assert min(bodies) == 0
    assert not bodies & set(range(20, 40))
    assert bodies >= {18, 40}


def test_if_no_length_fits_the_oldest_candles_are_left_out() -> None:
    week = [at(60 * hour, 10.0 + hour % 3) for hour in range(24 * 7)]
    lines = texts(Chart(week, 60 * MINUTE, 11.0, 2, is_candles=True), 22, 8)
    assert any("█" in line or "▄" in line for line in lines)


@pytest.mark.parametrize(("low", "high", "prices"), [
    (99.4, 103.2, [100.0, 101.0, 102.0, 103.0]),
    (-0.05, 0.04, [-0.04, -0.02, 0.0, 0.02, 0.04]),
    (5.0, 5.0, []),
    (-1.7e308, 1.7e308, []),
])  # fmt: skip
def test_the_price_axis_has_few_and_round_numbers(
    low: float, high: float, prices: list[float]
) -> None:
    assert [round(price, 9) for price in round_prices(low, high, 15, 2)] == prices


def test_the_time_axis_has_round_local_times() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    assert time_axis(NOW, NOW + 180 * MINUTE, 40, zone).split() == ["22:00", "23:00", "00:00"]


@pytest.mark.parametrize("minutes", range(100, 960, 20))
def test_candles_fill_at_least_two_thirds_of_the_width(minutes: int) -> None:
    candles = fit_candles([at(minute, 10.0) for minute in range(minutes)], MINUTE, 66)
    assert 2 / 3 * 66 < len(candles.bars) * candles.pitch <= 66
