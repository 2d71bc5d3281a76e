"""The words of the marks on a tape."""

from __future__ import annotations

import pytest

from ticker.play.marks import gap_text, move_text
from ticker.records import Gap
from ticker.streams.tape import Move

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


def test_a_gap_names_its_reason_in_plain_words() -> None:
    gap = Gap("s", "o", "w", NOW, "poller held up", ("AAPL",), NOW - 2_000_000, NOW)
    assert gap_text(gap) == "AAPL: its machine was busy or asleep, 2s"
    gap = Gap("s", "o", "w", NOW, "poller held up", ("AAPL",), NOW, NOW)
    assert gap_text(gap) == "AAPL: its machine was busy or asleep"


def test_a_move_that_follows_its_mark_shows_its_duration() -> None:
    assert move_text(Move(NOW, NOW + 36_000_000, "CL=F", -0.22)) == "CL=F -0.22% in the next 36s"
    assert move_text(Move(NOW, NOW, "CL=F", 5)) == "CL=F +5.00%"
