from __future__ import annotations

from ticker.play.timed import Timed, as_batch, by_time, in_order, within
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick

NOW = 1_795_447_805_000_000


def tick(sequence: int, received: int, symbol: str = "A") -> Tick:
    return Tick(symbol, "yahoo", "one", sequence, NOW, NOW + received, 1.0 + sequence)


def gap(received: int) -> Gap:
    return Gap("yahoo", "one", "w", NOW + received, "stopped", from_=NOW, until=NOW + 1)


def missing(first: int, last: int, received: int) -> Gap:
    return Gap(
        "yahoo",
        "one",
        "w",
        NOW + received,
        "lost",
        symbol="A",
        first_sequence=first,
        last_sequence=last,
    )


def quote(sequence: int, received: int) -> Quote:
    return Quote("A", "yahoo", NOW, NOW + received, 1.0, "one", sequence)


def batch(**records: object) -> Batch:
    return Batch(Position("1"), **records)  # type: ignore[arg-type]


def dues(timed: list[Timed]) -> list[int]:
    return [due - NOW for due, _ in timed]


def test_a_clock_that_stepped_back_holds_nothing_up_and_changes_no_order() -> None:
    ticks = [tick(1, 10), tick(2, 4), tick(1, 5, "B"), tick(3, 12)]
    timed = in_order(batch(ticks=ticks), floor=0)
    assert dues(timed) == [10, 10, 10, 12]
    assert [record for _, record in timed] == ticks


def test_what_follows_is_never_due_before_what_was_due_last() -> None:
    assert dues(in_order(batch(ticks=[tick(1, 10)]), floor=NOW + 20)) == [20]


def test_a_gap_comes_before_the_ticks_that_it_was_written_with() -> None:
    timed = in_order(batch(ticks=[tick(1, 10)], gaps=[gap(10), gap(30)]), floor=0)
    assert [type(record) for _, record in timed] == [Gap, Tick, Gap]


def test_a_hole_is_told_with_the_tick_behind_it() -> None:
    timed = in_order(batch(ticks=[tick(1, 10), tick(4, 20)], gaps=[missing(2, 3, 5)]), floor=0)
    assert dues(timed) == [10, 20, 20]
    assert [type(record) for _, record in timed] == [Tick, Gap, Tick]


def test_a_quote_comes_after_the_last_tick_that_it_takes_in() -> None:
    timed = in_order(batch(ticks=[tick(1, 10), tick(2, 20)], quotes=[quote(1, 5)]), floor=0)
    assert [record.sequence for _, record in timed if not isinstance(record, Gap | Heartbeat)] == [
        1,
        1,
        2,
    ]
    assert isinstance(timed[1][1], Quote)


def test_what_comes_partition_by_partition_is_put_in_order_of_time() -> None:
    one = batch(ticks=[tick(1, 10), tick(2, 30), tick(3, 25)])
    other = batch(ticks=[tick(1, 20, "B")], gaps=[missing(4, 5, 99)])
    last = batch(ticks=[tick(6, 40)])
    timed = by_time([one, other, last])
    assert dues(timed) == [10, 20, 30, 30, 40, 40]
    # A log takes a tick behind a hole only if the hole was told: the gap may not wait for its time.
    assert [type(record) for _, record in timed[-2:]] == [Gap, Tick]


def test_the_span_is_by_received_from_since_on_and_before_until() -> None:
    whole = batch(
        ticks=[tick(1, 10), tick(2, 20), tick(3, 30)],
        gaps=[gap(10), gap(20)],
        quotes=[quote(3, 30)],
        heartbeats=[Heartbeat("one", "w", "yahoo", NOW, NOW + 20, 1, "ok", 1, 1)],
    )
    found = within(whole, NOW + 20, NOW + 30)
    assert [t.sequence for t in found.ticks] == [2]
    assert len(found.gaps) == 1
    assert not found.quotes
    assert not found.heartbeats


def test_records_that_are_due_make_a_batch_by_kind() -> None:
    whole = batch(ticks=[tick(1, 10)], gaps=[gap(5)], quotes=[quote(1, 10)])
    found = as_batch(in_order(whole, 0))
    assert (found.ticks, found.gaps, found.quotes) == (whole.ticks, whole.gaps, whole.quotes)
