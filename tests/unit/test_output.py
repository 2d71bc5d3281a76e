from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from ticker.output import text_line
from ticker.records import Gap

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


def gap(**facts: Any) -> Gap:
    return Gap(
        "exchange",
        "one",
        "exchange-d943853e",
        NOW,
        "poller stopped",
        from_=NOW - 48 * SECOND,
        until=NOW,
        **facts,
    )


@pytest.mark.parametrize(
    ("symbols", "whose"),
    [
        (None, "exchange-d943853e"),
        (("MSFT",), "MSFT"),
        (("A", "B", "C", "D", "E", "F", "G"), "A B C D E and 2 more"),
    ],
)
def test_a_gap_says_whose_it_is(symbols: tuple[str, ...] | None, whose: str) -> None:
    assert f"gap {whose}: nobody looked for 48s" in text_line(gap(symbols=symbols), UTC, {})


@pytest.mark.parametrize(
    ("last", "words"), [(7, "tick 7 is missing"), (9, "ticks 7 to 9 are missing")]
)
def test_one_missing_tick_is_told_as_one(last: int, words: str) -> None:
    gap = Gap("yahoo", "o", "w", NOW, "lost", symbol="A", first_sequence=7, last_sequence=last)
    assert f"gap A: {words} (lost)" in text_line(gap, UTC, {})
