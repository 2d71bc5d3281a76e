from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.escape import LIMIT, escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Apple Inc.", "Apple Inc."),
        ("\x1b]0;x\x07", "␛]0;x␇"),
        ("a\x00b", "a␀b"),
        ("a\x7fb", "a␡b"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("[bold red]", "[bold red]"),
        ("price \u202e00.1", "price \\u202e00.1"),
        ("lone \ud800", "lone \\ud800"),
        ("two\r\nlines\tand", "two␍␊lines␉and"),
        ("a\u2028b", "a\\u2028b"),
        ("wide\u3000space\u00a0hard", "wide space hard"),
        ("\u3164", "\\u3164"),
        ("任天堂", "任天堂"),
        ("Société Générale", "Société Générale"),
        ("e\u0301", "e\u0301"),
        ("\u0301x", "◌\u0301x"),
        ("Z" + "\u0336" * 50 + "!", "Z\u0336\u0336!"),
        ("heart \u2764\ufe0f", "heart \u2764"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_text_from_outside_is_shown_with_nothing_hidden(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_ten_thousand_characters_are_cut_to_the_limit_and_the_cut_is_shown() -> None:
    assert escape("x" * 10_000) == "x" * (LIMIT - 1) + "…"
    assert escape("\x1b" * 10_000, 5) == "␛␛␛␛…"


def test_escaping_never_lengthens_a_text_beyond_the_limit() -> None:
    shown = escape("\u202e" * 200)
    assert len(shown) == LIMIT
    assert shown.endswith("…")


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_no_text_keeps_an_invisible_character(text: str) -> None:
    shown = escape(text)
    assert len(shown) <= LIMIT
    assert not [c for c in shown if unicodedata.category(c)[0] == "C"]
    assert not [c for c in shown if unicodedata.category(c) in ("Zl", "Zp")]


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_an_escaped_text_is_not_escaped_twice(text: str) -> None:
    assert escape(escape(text)) == escape(text)
