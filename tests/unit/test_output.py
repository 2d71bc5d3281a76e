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
