from __future__ import annotations

import pytest

from ticker.board import Row, Sort
from ticker.board.order import arrange, parse_sort
from ticker.errors import UsageError

ROWS = [
    Row("B", price=2.0, name="beta", time=10),
    Row("A", name="Alpha"),
    Row("C", price=2.0, time=30),
    Row("D", price=1.0, name="Delta", time=20),
]


def symbols(sort: Sort | None, text: str = "") -> str:
    return "".join(row.symbol for row in arrange(ROWS, sort, text))


@pytest.mark.parametrize(
    ("field", "reverse", "order"),
    [
        ("price", False, "DBCA"),
        ("price", True, "BCDA"),
        ("symbol", True, "DCBA"),
        ("name", False, "ABDC"),
        ("age", False, "CDBA"),
        ("age", True, "BDCA"),
        ("volume", False, "BACD"),
    ],
)
def test_rows_are_sorted_stably_and_missing_values_come_last(
    field: str, reverse: bool, order: str
) -> None:
    assert symbols(Sort(field, reverse=reverse)) == order


def test_without_a_sort_rows_keep_their_order() -> None:
    assert symbols(None) == "BACD"


@pytest.mark.parametrize(("text", "order"), [("aL", "A"), ("TA", "BD"), ("c", "C"), ("zz", "")])
def test_a_filter_matches_symbol_and_name_in_any_case(text: str, order: str) -> None:
    assert symbols(None, text) == order


def test_a_sort_is_written_as_in_the_configuration() -> None:
    assert parse_sort("-day_change_percent") == Sort("day_change_percent", reverse=True)
    with pytest.raises(UsageError, match="cannot sort by 'colour'"):
        parse_sort("colour")
