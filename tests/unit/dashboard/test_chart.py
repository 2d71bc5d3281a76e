from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from ticker.dashboard.chart import Chart, Ink, chart_lines
from ticker.units import MINUTE, SECOND

NOW = 1_795_447_800_000_000
"""15:30:00 UTC."""
RISE = Chart([NOW, NOW + 30 * MINUTE], [10.0, 12.0], NOW + 60 * MINUTE, 12.0, 2, 11.0)


def texts(chart: Chart, width: int = 40, height: int = 8) -> list[str]:
    return ["".join(text for text, _ in line) for line in chart_lines(chart, width, height, UTC)]


def test_the_last_price_is_a_tag_at_the_height_of_the_line_s_end() -> None:
    lines = chart_lines(RISE, 40, 8, UTC)
    assert lines[0][-1] == ("◀12.00 ", Ink.TAG)
    assert lines[0][0][0].rstrip().endswith("⠉")
    assert "10.00" in texts(RISE)[6]


def test_the_previous_close_is_a_line_where_the_prices_leave_room() -> None:
    (row,) = [line for line in texts(RISE) if "╌" in line]
    assert "11.00" in row


@pytest.mark.parametrize(("close", "is_there"), [(9.0, True), (1.0, False), (None, False)])
def test_a_close_that_is_far_away_does_not_flatten_the_day(
    close: float | None, *, is_there: bool
) -> None:
    lines = texts(replace(RISE, previous_close=close))
    assert any("╌" in line for line in lines) is is_there


def test_times_stand_below_and_tell_seconds_of_a_short_span() -> None:
    assert texts(RISE)[-1].split() == ["15:30", "16:00", "16:30"]
    short = replace(RISE, times=[NOW, NOW + SECOND], end=NOW + 2 * SECOND)
    assert texts(short)[-1].split()[0] == "15:30:00"


def test_the_line_is_broken_where_nobody_looked() -> None:
    chart = replace(
        RISE, prices=[10.0, 10.0], last=10.0, previous_close=None,
        breaks=[(NOW + 10 * MINUTE, NOW + 20 * MINUTE)],
    )  # fmt: skip
    (line,) = [line for line in texts(chart) if "◀" in line]
    assert len(line.replace("◀10.00", "").split()) == 2


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (12, 3), (17, 3), (300, 100)])
def test_a_chart_fits_its_bounds_or_is_not_there(size: tuple[int, int]) -> None:
    width, height = size
    lines = texts(RISE, width, height)
    assert len(lines) in (0, height)
    assert {len(line) for line in lines} <= {width}
    assert texts(replace(RISE, times=[], prices=[]), width, height) == []


@pytest.mark.parametrize("price", [0.0, -5.0, 1e300, 1e-9])
def test_any_price_can_be_drawn(price: float) -> None:
    chart = replace(RISE, prices=[price, -price], last=-price, previous_close=price * 2)
    assert len(texts(chart)) in (0, 8)


def test_no_line_is_drawn_after_the_newest_price() -> None:
    young = replace(RISE, times=[NOW], prices=[12.0], end=NOW + SECOND, previous_close=None)
    (line,) = [line for line in texts(young) if "◀" in line]
    assert len(line.replace("◀12.00", "").strip()) == 1
