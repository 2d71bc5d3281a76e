from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.records import MAX_TIME
from ticker.sources.charting import read_bars
from ticker.units import SECOND

BEGIN = 1_795_447_800
NOW = (BEGIN + 150) * SECOND
FOLDER = Path(__file__).parents[3] / ".." / "shared" / "yahoo" / "charts"
FILES = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def answer(times: Any, closes: Any, **facts: Any) -> Any:
    meta = {"symbol": "AAPL", "priceHint": 2} | facts
    indicators = {"quote": [{"close": closes}]}
    result = {"meta": meta, "timestamp": times, "indicators": indicators}
    return {"chart": {"result": [result], "error": None}}


def read(*args: Any, **facts: Any) -> tuple[list[int], list[float]]:
    bars = read_bars(answer(*args, **facts), "AAPL", NOW)
    assert bars is not None
    return [end // SECOND - BEGIN for end in bars.ends], list(bars.closes)


def test_a_close_belongs_to_the_end_of_its_minute_and_the_last_ends_now() -> None:
    closes = [164.32000732421875, 164.5, 220.003]
    assert read([BEGIN, BEGIN + 60, BEGIN + 120], closes) == (
        [60, 120, 150],
        [164.32, 164.5, 220.003],
    )


def test_minutes_without_a_price_or_out_of_order_are_skipped() -> None:
    times = [BEGIN, BEGIN - 60, BEGIN + 60, BEGIN + 120, BEGIN + 9_000, None, True, 10**30]
    assert read(times, [None, 1.0, 0, float("nan"), 5.0, 6.0, 7.0, 8.0]) == ([0], [1.0])


def test_unknown_highs_and_lows_are_the_close() -> None:
    told = answer([BEGIN, BEGIN + 60, BEGIN + 120], [2.0, 3.0, 4.0])
    (result,) = told["chart"]["result"]
    result["indicators"]["quote"][0] |= {"high": [2.5, 1.0], "low": [1.5, None, 3.5]}
    bars = read_bars(told, "AAPL", NOW)
    assert bars is not None
    assert (bars.closes, bars.highs, bars.lows) == (
        (2.0, 3.0, 4.0), (2.5, 3.0, 4.0), (1.5, 3.0, 3.5),
    )  # fmt: skip


def test_a_closed_market_has_no_minutes() -> None:
    closed = {"chart": {"result": [{"meta": {"symbol": "AAPL"}, "indicators": {"quote": [{}]}}]}}
    bars = read_bars(closed, "AAPL", NOW)
    assert bars is not None
    assert bars.ends == ()


def test_an_answer_about_another_symbol_gives_no_minutes() -> None:
    assert read_bars(answer([BEGIN], [1.0]), "MSFT", NOW) is None
    assert read_bars({"chart": {"result": None, "error": {}}}, "AAPL", NOW) is None


@pytest.mark.skipif(not FILES, reason="no saved answers beside the checkout")
def test_genuine_answers_are_read() -> None:
    for file in FILES:
        told = json.loads(file.read_bytes())
        (result,) = told["chart"]["result"]
        bars = read_bars(told, result["meta"]["symbol"], NOW)
        assert bars is not None
        assert len(bars.ends) == len(result.get("timestamp", []))


nonsense: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
PATHS: list[list[str | int]] = [
    ["chart"], ["chart", "result"], ["chart", "result", 0], ["chart", "result", 0, "timestamp"],
    ["chart", "result", 0, "indicators"], ["chart", "result", 0, "indicators", "quote"],
    ["chart", "result", 0, "indicators", "quote", 0, "close"],
    ["chart", "result", 0, "indicators", "quote", 0, "close", 1],
    ["chart", "result", 0, "indicators", "quote", 0, "high"],
    ["chart", "result", 0, "indicators", "quote", 0, "low"],
    ["chart", "result", 0, "meta"], ["chart", "result", 0, "meta", "priceHint"],
    ["chart", "result", 0, "timestamp", 1],
]  # fmt: skip


@given(st.sampled_from(PATHS), nonsense)
def test_nonsense_neither_raises_nor_gives_a_wrong_minute(
    path: list[str | int], value: Any
) -> None:
    told = copy.deepcopy(answer([BEGIN, BEGIN + 60], [1.5, 2.5]))
    at: Any = told
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    bars = read_bars(told, "AAPL", NOW)
    if bars is not None:
        assert list(bars.ends) == sorted(set(bars.ends))
        assert all(0 < end <= min(NOW, MAX_TIME) for end in bars.ends)
        assert all(math.isfinite(close) and close for close in bars.closes)
