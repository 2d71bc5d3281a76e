from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from ticker.config.saving import with_list

FILE = """\
# mine
[watchlists]
short = ["aapl", "MSFT"]  # the big ones
long = [
  "AAPL",   # apple
  "MSFT",   # soft
  "GC=F",   # gold
]

[defaults]   # below
"""


def test_saving_keeps_the_comment_and_place_of_each_remaining_symbol() -> None:
    text = with_list(FILE, "watchlists", "long", ["AAPL", "GC=F", "NVDA"])
    assert text == FILE.replace('  "MSFT",   # soft\n', "").replace(
        "# gold\n", '# gold\n  "NVDA",\n'
    )
    assert 'short = ["aapl", "X", "MSFT"]  # the big ones' in with_list(
        FILE, "watchlists", "short", ["AAPL", "X", "MSFT"]
    )


def test_a_missing_section_or_list_is_created() -> None:
    assert with_list("", "watchlists", "a", ["X"]) == '[watchlists]\na = ["X"]\n'
    text = with_list(FILE, "columns", "default", ["symbol", "name:20"])
    assert tomllib.loads(text)["columns"] == {"default": ["symbol", "name:20"]}


SYMBOLS = st.lists(st.sampled_from("ABCDEFG"), unique=True)


@given(SYMBOLS, SYMBOLS)
def test_saving_any_list_gives_the_wanted_one_and_keeps_other_comments(
    before: list[str], after: list[str]
) -> None:
    entries = "".join(f'  "{symbol.lower()}",  # {symbol}\n' for symbol in before)
    file = f"# top\n[watchlists]\nmine = [\n{entries}]\nother = ['Z']  # last\n"
    text = with_list(file, "watchlists", "mine", after)
    told = tomllib.loads(text)["watchlists"]
    assert [symbol.upper() for symbol in told["mine"]] == after
    assert told["other"] == ["Z"]
    assert text.startswith("# top\n")
    assert text.endswith("  # last\n")
