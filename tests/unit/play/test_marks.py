"""The words of the marks on a tape."""

from __future__ import annotations

import pytest

from ticker.play.marks import gap_text
from ticker.records import Gap

NOW = 1_795_447_805_000_000


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ticks missing", "AAPL: ticks 3 to 9 are missing"),
        ("retention", "AAPL: ticks 3 to 9 are missing (deleted because of its age)"),
    ],
)
def test_missing_ticks_are_named_once(reason: str, words: str) -> None:
    gap = Gap("s", "o", "w", NOW, reason, symbol="AAPL", first_sequence=3, last_sequence=9)
    assert gap_text(gap) == words
