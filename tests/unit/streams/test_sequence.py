import pytest

from ticker.records import READER, Gap, Tick
from ticker.streams.sequence import SequenceTracker, left_of


def ticks(*sequences: int, symbol: str = "A", origin: str = "o") -> list[Tick]:
    return [Tick(symbol, "s", origin, n, 5, 100 + n, 1.0) for n in sequences]


def missing(first: int, last: int, symbol: str = "A", origin: str = "o") -> Gap:
    return Gap("s", origin, "w", 9, "lost", symbol=symbol, first_sequence=first, last_sequence=last)


def spans(gaps: list[Gap]) -> list[tuple[int | None, int | None]]:
    return [(gap.first_sequence, gap.last_sequence) for gap in gaps]


def test_ticks_in_order_are_unchanged() -> None:
    order = SequenceTracker()
    given = ticks(7, 8, 9)
    passed, gaps, _ = order.take(given)
    assert passed is given
    assert gaps == []
    assert (order.holes, order.repeats) == (0, 0)


def test_the_first_tick_sets_the_base_unless_a_snapshot_did() -> None:
    assert spans(SequenceTracker().take(ticks(7))[1]) == []
    assert spans(SequenceTracker({("o", "A"): 4}).take(ticks(7))[1]) == [(5, 6)]


def test_a_hole_is_reported_once_and_counted_in_ticks() -> None:
    order = SequenceTracker()
    passed, gaps, _ = order.take(ticks(1, 2, 6, 7))
    assert [t.sequence for t in passed] == [1, 2, 6, 7]
    (gap,) = gaps
    assert (gap.symbol, gap.first_sequence, gap.last_sequence) == ("A", 3, 5)
    assert (gap.writer, gap.received, gap.origin) == (READER, 106, "o")
    assert order.holes == 3
    assert order.take(ticks(8))[1] == []


def test_repeats_are_dropped_and_counted_even_within_one_batch() -> None:
    order = SequenceTracker({("o", "A"): 2})
    passed, gaps, _ = order.take(ticks(1, 2, 3, 3, 4, 2))
    assert [t.sequence for t in passed] == [3, 4]
    assert order.repeats == 4
    assert gaps == []


def test_origins_and_symbols_are_counted_apart() -> None:
    order = SequenceTracker()
    order.take(ticks(1) + ticks(5, origin="p") + ticks(9, symbol="B"))
    _, gaps, _ = order.take(ticks(2) + ticks(7, origin="p") + ticks(10, symbol="B"))
    assert [(gap.origin, gap.symbol) for gap in gaps] == [("p", "A")]
    assert spans(gaps) == [(6, 6)]


def test_gaps_in_the_stream_are_counted_but_not_reported_again() -> None:
    order = SequenceTracker()
    _, gaps, _ = order.take(ticks(1, 5), [missing(2, 4)])
    assert (gaps, order.holes) == ([], 3)


def test_the_rest_of_a_partly_reported_hole_is_reported() -> None:
    order = SequenceTracker()
    _, gaps, _ = order.take(ticks(1, 10), [missing(3, 4), missing(6, 6), missing(20, 30)])
    assert spans(gaps) == [(2, 2), (5, 5), (7, 9)]
    assert order.holes == 8


def test_several_reported_holes_of_a_symbol_are_reported_once_each() -> None:
    order = SequenceTracker()
    _, gaps, _ = order.take(ticks(1, 2, 5, 6, 9), [missing(3, 4), missing(7, 8)])
    assert (gaps, order.holes) == ([], 4)
    assert spans(order.take(ticks(12))[1]) == [(10, 11)]
    assert order._told == {}


def test_a_gap_that_covers_two_holes_is_reported_once() -> None:
    order = SequenceTracker({("o", "A"): 1})
    order.take([], [missing(2, 9)])
    assert spans(order.take(ticks(5, 11))[1]) == [(10, 10)]


def test_a_gap_that_comes_before_its_hole_is_remembered() -> None:
    order = SequenceTracker({("o", "A"): 1})
    assert order.take([], [missing(2, 4)]) == ([], [], 0)
    assert order.take(ticks(5))[1] == []


def test_skipping_reports_what_was_missed_after_a_known_base() -> None:
    order = SequenceTracker({("o", "A"): 3})
    assert order.skip("o", "A", 7) == (4, 7)
    assert order.skip("o", "A", 7) is None
    assert order.skip("o", "B", 7) is None
    assert order.holes == 4
    assert order.take(ticks(8) + ticks(8, symbol="B"))[1] == []


def test_gaps_without_a_hole_are_forgotten_in_time() -> None:
    order = SequenceTracker({("o", "A"): 1})
    for n in range(2, 5_002):
        order.take(ticks(n), [missing(n, n), missing(n, n, symbol="NEVER")])
    assert max(map(len, order._told.values())) <= 1_000
    assert len(order._told["o", "A"]) <= 1


@pytest.mark.parametrize(
    ("spans", "left"),
    [
        ([], [(2, 9)]),
        ([(2, 5), (6, 9)], []),
        ([(6, 9), (2, 4)], [(5, 5)]),
        ([(1, 3), (8, 20)], [(4, 7)]),
        ([(10, 12)], [(2, 9)]),
    ],
)
def test_sequences_covered_by_several_gap_records_are_left_out(
    spans: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert list(left_of(2, 9, spans)) == left


def test_a_hole_that_follows_ticks_waits_for_the_next_batch() -> None:
    order = SequenceTracker()
    given = ticks(1, 2, 4, 5)
    passed, gaps, left = order.take(given, to_hole=True)
    assert ([t.sequence for t in passed], gaps, left) == ([1, 2], [], 2)
    assert order.holes == 0
    passed, gaps, left = order.take(given[-left:], to_hole=True)
    assert ([t.sequence for t in passed], spans(gaps), left) == ([4, 5], [(3, 3)], 0)
    assert order.holes == 1


def test_a_reported_hole_does_not_end_a_batch() -> None:
    order = SequenceTracker({("o", "A"): 2})
    passed, gaps, left = order.take(ticks(1, 2, 4, 6), [missing(5, 5)], to_hole=True)
    assert ([t.sequence for t in passed], spans(gaps), left) == ([4, 6], [(3, 3)], 0)
    assert order.holes == 2
