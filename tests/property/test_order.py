"""Whatever arrives: each tick passes at most once, in order, and nothing is missing untold."""

import hypothesis.strategies as st
from hypothesis import given

from ticker.records import Tick
from ticker.streams.order import Order


@given(st.lists(st.lists(st.integers(1, 12), max_size=8), max_size=6))
def test_passed_ticks_and_told_gaps_cover_every_sequence_exactly_once(
    batches: list[list[int]],
) -> None:
    order = Order()
    passed: list[int] = []
    told: list[int] = []
    for batch in batches:
        ticks, gaps = order.take([Tick("A", "s", "o", n, 1, 1, 1.0) for n in batch])
        passed += [tick.sequence for tick in ticks]
        for gap in gaps:
            assert gap.first_sequence is not None
            assert gap.last_sequence is not None
            told += range(gap.first_sequence, gap.last_sequence + 1)
    assert passed == sorted(set(passed))
    if passed:
        assert sorted(passed + told) == list(range(passed[0], passed[-1] + 1))
    assert order.holes == len(told)
    assert order.repeats == sum(map(len, batches)) - len(passed)
