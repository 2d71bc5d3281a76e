"""What the contract suite cannot see from outside: the pace of quotes, the memory of gaps."""

import pytest

from ticker.errors import InvalidRecord, MixedPrices, SequenceConflict
from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams.kafka.writer_state import WAITING_TICKS, Sequences, WaitingQuotes

NOW = 1_795_447_805_000_000


def quote(sequence: int, time: int = NOW) -> Quote:
    return Quote("A", "test", time, NOW, 1.0, "o", sequence)


def tick(sequence: int, price: float = 1.0) -> Tick:
    return Tick("A", "test", "o", sequence, NOW, NOW, price)


def test_a_quote_waits_for_a_second_and_the_newest_is_sent() -> None:
    quotes = WaitingQuotes()
    quotes.offer([quote(1)])
    assert quotes.due(10.0) == [quote(1)]
    quotes.sent([quote(1)], 10.0)
    quotes.offer([quote(2), quote(4), quote(3)])
    assert quotes.due(10.5) == []
    assert quotes.due(11.0) == quotes.due(None) == [quote(4)]
    quotes.sent(quotes.due(11.0), 11.0)
    quotes.offer([quote(4, NOW - 1), quote(3)])
    assert quotes.due(None) == []


@pytest.mark.parametrize(("held", "waits"), [(4, [quote(4)]), (3, [quote(3, NOW - 1)])])
def test_a_waiting_quote_outlives_a_failure_unless_the_log_lost_its_ticks(
    held: int, waits: list[Quote]
) -> None:
    quotes = WaitingQuotes()
    quotes.offer([quote(4)])
    quotes.begin([quote(1)], [quote(3, NOW - 1)], {("o", "A"): held})
    assert quotes.due(None) == waits


def test_all_quotes_are_due_once_many_ticks_were_written() -> None:
    quotes = WaitingQuotes()
    quotes.sent([quote(1)], 10.0)
    quotes.offer([quote(2)], WAITING_TICKS)
    assert quotes.due(10.1) == []
    quotes.offer([], 1)
    assert quotes.due(10.1) == [quote(2)]


def test_a_quote_without_a_number_is_refused() -> None:
    with pytest.raises(InvalidRecord):
        Sequences("kafka://x/t").check(Batch(quotes=[Quote("A", "test", NOW, NOW, 1.0)]))


def test_known_gaps_are_not_written_again() -> None:
    known = Sequences("kafka://x/t")
    gap = Gap("test", "o", "w", NOW, "stopped", from_=1, until=2)
    assert known.new_gaps([gap, gap]) == [gap]
    known.saw_gaps([gap])
    assert known.new_gaps([gap]) == []


def test_the_log_decides_over_invented_or_real_and_over_sequences() -> None:
    known = Sequences("kafka://x/t")
    known.saw([tick(1), tick(2)])
    assert known.check(Batch(ticks=[tick(2), tick(3)])) == ([tick(3)], {("o", "A"): 3})
    with pytest.raises(SequenceConflict):
        known.check(Batch(ticks=[tick(3), tick(3, 9.0)]))
    with pytest.raises(MixedPrices):
        known.check(Batch(ticks=[Tick("A", "test", "o", 3, NOW, NOW, 1.0, simulated=True)]))
