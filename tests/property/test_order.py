"""Each tick passes at most once and in order, and everything missing is reported."""

import hypothesis.strategies as st
from hypothesis import given

from ticker.records import Gap, Tick
from ticker.streams.sequence import SequenceTracker


@given(st.lists(st.lists(st.integers(1, 12), max_size=8), max_size=6))
def test_ticks_and_reported_gaps_cover_every_sequence_exactly_once(
    batches: list[list[int]],
) -> None:
    order = SequenceTracker()
    passed: list[int] = []
    told: list[int] = []
    for batch in batches:
        ticks, gaps, _ = order.take([Tick("A", "s", "o", n, 1, 1, 1.0) for n in batch])
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


SPANS = st.tuples(st.integers(1, 12), st.integers(0, 5)).map(lambda span: (span[0], sum(span)))


@given(st.lists(st.tuples(st.lists(st.integers(1, 12), max_size=8), st.lists(SPANS)), max_size=6))
def test_gaps_that_the_stream_reports_are_not_reported_again(
    batches: list[tuple[list[int], list[tuple[int, int]]]],
) -> None:
    order = SequenceTracker()
    known: set[int] = set()
    last: int | None = None
    for batch, spans in batches:
        ticks, gaps, _ = order.take(
            [Tick("A", "s", "o", n, 1, 1, 1.0) for n in batch],
            [
                Gap("s", "o", "w", 1, "lost", symbol="A", first_sequence=first, last_sequence=end)
                for first, end in spans
            ],
        )
        known.update(n for first, end in spans for n in range(first, end + 1))
        if not ticks:
            assert gaps == []
            continue
        passed = [tick.sequence for tick in ticks]
        missing = set(range(passed[0] if last is None else last + 1, passed[-1])) - set(passed)
        told = [
            n for gap in gaps for n in range(gap.first_sequence or 0, (gap.last_sequence or 0) + 1)
        ]
        assert told == sorted(missing - known)
        last = passed[-1]
