"""Which rows are ticks, and what their volume is: against a plain reading, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.importing.moves import Moves
from ticker.units import DAY

Row = tuple[int, int, float, float | None]
"""Symbol, time (µs), price, size."""
SYMBOLS = 3_000

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, SYMBOLS - 1]),
        st.integers(0, 3).map(lambda n: 20_000 * DAY + n * DAY // 2),
        st.sampled_from([1.25, 2.0, -3.5]),
        st.one_of(
            st.none(),
            st.sampled_from([0.1, 0.2, 1e-8, 1e9, 12345678901.25, 0.0]),
            st.integers(0, 10**12).map(lambda n: n / 10**8),
        ),
    ),
    max_size=12,
)


def plain(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Symbol, sequence, price before, price, volume of each tick."""
    last: dict[int, tuple[int, float]] = {}
    days: dict[int, tuple[int, Decimal | None]] = {}
    ticks = []
    for symbol, time, price, size in rows:
        day, traded = days.get(symbol, (-1, None))
        if time // DAY > day:
            day, traded = time // DAY, None
        if size is not None:
            traded = (traded or Decimal(0)) + Decimal(repr(size))
        days[symbol] = day, traded
        sequence, before = last.get(symbol, (0, None))
        if price != before:
            volume = None if traded is None else float(traded)
            ticks.append((symbol, sequence + 1, before, price, volume))
            last[symbol] = sequence + 1, price
    return ticks


def columns(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    symbol, time, price, size = zip(*rows, strict=True)
    return {
        "symbol": np.array(symbol, np.int32),
        "time": np.array(time, np.int64),
        "price": np.array(price),
        "size": np.array(size, np.float64),
    }


@settings(max_examples=examples(200), deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_ticks_do_not_depend_on_the_chunks_of_rows(rows: list[Row], cuts: list[int]) -> None:
    moves, found = Moves(SYMBOLS), []
    edges = [0, *sorted(cuts), len(rows)]
    for begin, end in pairwise(edges):
        if rows[begin:end]:
            ticks = moves.ticks(columns(rows[begin:end]))
            names = ("symbol", "sequence", "previous_price", "price", "volume")
            told = [ticks[name].tolist() for name in names]
            found += [
                tuple(None if isnan(value) else value for value in row)
                for row in zip(*told, strict=True)
            ]
    expected = plain(rows)
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    # Sums of small sizes are exact.
    large = any(size is not None and size > 1e5 for *_, size in rows)
    assert [row[4] for row in found] == [
        pytest.approx(row[4], rel=1e-15) if large else row[4] for row in expected
    ]


def test_a_price_is_shown_with_the_decimals_of_the_file() -> None:
    moves = Moves(4)
    rows = [(0, 0, 64100.0, None), (1, 1, 86.845, None), (1, 2, 86.5, None), (2, 3, 1e-7, None)]
    moves.ticks(columns([*rows, (3, 4, 1.123456789, None)]))
    assert moves.places.tolist() == [2, 3, 7, 8]
