from __future__ import annotations

import pytest

from ticker.board.chosen_columns import check_columns, parse_column, spell_columns
from ticker.board.columns import COLUMNS
from ticker.errors import UsageError


def test_columns_are_read_back_as_they_were_written() -> None:
    words = ["symbol", "name:20", "price", "fifty_two_week_range"]
    columns = [parse_column(word) for word in words]
    check_columns(columns)
    assert spell_columns(columns) == words
    assert [parse_column(column.key).key for column in COLUMNS] == [c.key for c in COLUMNS]


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("prize", 'no column "prize". Did you mean "price"?'),
        ("qqq", "There are: symbol, name,"),
        ("price:wide", '"price:wide": the width is a number of cells'),
        ("price:0", "from 1 to 200"),
        ("price:99999999999", "from 1 to 200"),
    ],
)
def test_an_unknown_column_is_refused_with_the_known_ones(word: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem.replace("?", r"\?")):
        parse_column(word)


def test_a_table_always_has_symbols_and_no_column_twice() -> None:
    with pytest.raises(UsageError, match="symbol"):
        check_columns([parse_column("price")])
    with pytest.raises(UsageError, match="twice"):
        check_columns([parse_column(word) for word in ("symbol", "price", "price:9")])
