"""What the Yahoo source can read, the exchange can serve, and the source reads the same of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.errors import SourceError
from ticker.exchange import SavedAnswers
from ticker.sources.address import YahooAddress
from ticker.sources.reading import Context, is_symbol, read_answer
from ticker.sources.yahoo import YahooSource

FOLDER = Path(__file__).parents[2] / ".." / "shared" / "yahoo" / "quotes"
FILES = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
NOW = 1_795_463_700_000_000
CONTEXT = Context("yahoo", "Yahoo", NOW, simulated=True)
SOURCE = YahooSource(YahooAddress.at("yahoo"))

pytestmark = pytest.mark.skipif(not FILES, reason="no saved answers beside the checkout")

nonsense: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["2026-11-28", "", "NaN", "\ud800", "\x1b[2J", "AAPL"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
)
entries: st.SearchStrategy[Any] = st.one_of(nonsense, st.fixed_dictionaries({"symbol": nonsense}))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A genuine answer in which fields and entries were changed, dropped, added or doubled."""
    document: Any = json.loads(draw(st.sampled_from(FILES)).read_bytes())
    results: list[Any] = document["quoteResponse"]["result"]
    for entry in list(results):
        for name in draw(st.lists(st.sampled_from(sorted(entry)), max_size=4)):
            if draw(st.booleans()):
                entry[name] = draw(nonsense)
            else:
                entry.pop(name, None)
        if draw(st.booleans()):
            entry[draw(st.sampled_from(["regularMarketTime", "postMarketTime"]))] = draw(nonsense)
    for more in draw(st.lists(entries, max_size=3)):
        results.insert(draw(st.integers(0, len(results))), more)
    is_doubled = draw(st.booleans())
    if results and is_doubled:
        results.append({**(results[0] if isinstance(results[0], dict) else {}), "bid": 1})
    return json.dumps(document).encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


def read(body: bytes, symbols: Sequence[str]) -> Any:
    quotes, refused = read_answer(SOURCE._results(body), symbols, CONTEXT)
    return quotes, {symbol: why for symbol, why in refused.items() if "calls it" not in why}


@settings(max_examples=examples(200), deadline=None)
@given(body=bodies())
def test_the_exchange_serves_every_answer_that_the_source_can_read(body: bytes) -> None:
    named: list[Any] = [
        entry.get("symbol") for entry in SOURCE._results(body) if isinstance(entry, dict)
    ]
    symbols = list(dict.fromkeys(symbol for symbol in named if is_symbol(symbol)))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "answer.json").write_bytes(body)
        answers = SavedAnswers(Path(folder))
        assert read(answers.answer(symbols, NOW), symbols) == read(body, symbols)
        for symbol in symbols:  # one by one it is the file, if that is about it alone
            assert read(answers.answer([symbol], NOW), [symbol]) == read(body, [symbol])


@given(body=st.binary(max_size=40))
def test_the_exchange_refuses_only_answers_that_the_source_cannot_read(body: bytes) -> None:
    try:
        SOURCE._results(body)
    except SourceError:
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "answer.json").write_bytes(body)
        SavedAnswers(Path(folder))
