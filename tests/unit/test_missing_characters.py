from __future__ import annotations

import pytest

from ticker.missing_characters import SUBSTITUTE


def test_characters_of_the_terminals_character_set_are_unchanged() -> None:
    assert "Société · 12 €".encode("iso-8859-15", SUBSTITUTE).decode("iso-8859-15") == (
        "Société · 12 €"
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("▲ 4,101.30", "^ 4,101.30"),
        ("▼ 0.35 … ● ↑↓", "v 0.35 . * ^v"),
        ("╭─ Watch ─╮", "+- Watch -+"),
        ("Société", "Societe"),
        ("日本", "????"),
        ("e\u0301", "e"),
        ("\udce9", "\\udce9"),
    ],
)
def test_a_missing_character_becomes_a_similar_one_of_the_same_width(text: str, plain: str) -> None:
    assert text.encode("ascii", SUBSTITUTE).decode() == plain


@pytest.mark.parametrize("charset", ["ascii", "iso-8859-1", "koi8-r", "euc-jp", "cp437"])
def test_every_character_can_be_written(charset: str) -> None:
    for start in range(0, 0x3_0000, 0x1000):
        "".join(map(chr, range(start, start + 0x1000))).encode(charset, SUBSTITUTE)


def test_a_line_of_braille_keeps_its_height() -> None:
    assert "⠀⠉⠒⠤⣀⡇".encode("ascii", SUBSTITUTE) == b" '--.:"
