from __future__ import annotations

import pytest

from ticker.board import SORTS, Age, Row
from ticker.board.columns import BY_KEY, COLUMNS, Style, age_text, reason_text
from ticker.board.order import first_sort
from ticker.health.reasons import Reason

FRESH = Age(0, Reason.FRESH)
STALE = Age(0, Reason.POLLER_STOPPED)


def test_every_column_has_a_key_and_an_importance_of_its_own() -> None:
    assert len(BY_KEY) == len(COLUMNS)
    assert len({column.importance for column in COLUMNS}) == len(COLUMNS)


def test_only_a_field_of_a_row_can_be_sorted_by_and_figures_begin_with_the_greatest() -> None:
    assert set(SORTS) == set(BY_KEY) - {"reason", "sparkline"}
    assert {key for key in SORTS if first_sort(key).reverse} == {
        "price", "day_change", "day_change_percent", "volume"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "text", "fresh", "stale"),
    [
        ("price", "1.00", Style.PRICE, Style.STALE_PRICE),
        ("day_change", "  +0.30", Style.UP, Style.DIM),
        ("day_change_percent", "-0.30%", Style.DOWN, Style.DIM),
        ("day_change", "0.00", Style.DIM, Style.DIM),
        ("age", "5s", Style.DIM, Style.WARNING),
        ("reason", "unchanged", Style.DIM, Style.WARNING),
        ("name", "Apple Inc.", Style.TEXT, Style.TEXT),
    ],
)
def test_a_cell_looks_like_what_it_says_and_how_fresh_it_is(
    key: str, text: str, fresh: Style, stale: Style
) -> None:
    column = BY_KEY[key]
    assert (column.style(text, FRESH), column.style(text, STALE)) == (fresh, stale)


def test_names_from_outside_are_escaped_and_what_is_unknown_is_empty() -> None:
    assert BY_KEY["name"].text(Row("A", name="\x1b[31mno"), FRESH) == "␛[31mno"
    empty = {column.key: column.text(Row("A"), FRESH) for column in COLUMNS}
    assert empty == dict.fromkeys(BY_KEY, "") | {"symbol": "A", "age": "now"}


@pytest.mark.parametrize(
    ("micros", "shown"),
    [(None, "–"), (0, "now"), (999_999, "now"), (59_000_000, "59s"), (3_599_000_000, "59m"),  # noqa: RUF001  a dash
     (7_200_000_000, "2h"), (200_000_000_000, "2d")],
)  # fmt: skip
def test_an_age_is_told_in_its_largest_full_unit(micros: int | None, shown: str) -> None:
    assert age_text(Age(micros, Reason.FRESH)) == shown


def test_a_reason_from_outside_is_escaped() -> None:
    assert reason_text(Age(None, Reason.REFUSED, detail="\x1b[31mno")) == "␛[31mno"
    assert reason_text(Age(1, Reason.DELAYED, delay=600_000_000)) == "delayed 10m"
