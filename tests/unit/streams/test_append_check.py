"""What a log lets through: continuing ticks, repeats, conflicts, and one kind of price."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from ticker.errors import InvalidRecord, MixedPrices, SequenceConflict
from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams.append_check import check_append, check_simulated, tick_content

OWN = "own"
NOW = 1_795_447_805_120_000


def tick(sequence: int, origin: str = OWN, price: float = 1.0, *, simulated: bool = False) -> Tick:
    return Tick("A", "test", origin, sequence, NOW, NOW, price, simulated=simulated)


def gap(first: int, last: int, origin: str) -> Gap:
    return Gap(
        source="test",
        origin=origin,
        writer="w",
        received=NOW,
        reason="missing",
        symbol="A",
        first_sequence=first,
        last_sequence=last,
    )


def check(*ticks: Tick, gaps: Sequence[Gap] = (), **last: int) -> dict[tuple[str, str], int]:
    """Return what `SequenceConflict` expects, if the log holds (origin, "A") up to `last`."""
    batch = Batch(ticks=ticks, gaps=gaps)
    try:
        check_append("url", batch, {(origin, "A"): n for origin, n in last.items()}, OWN)
    except SequenceConflict as error:
        return error.expected
    return {}


def test_ticks_that_continue_the_sequence_are_accepted() -> None:
    ticks = [tick(4), tick(5)]
    fresh, heads = check_append("url", Batch(ticks=ticks), {(OWN, "A"): 3}, OWN)
    assert fresh is ticks
    assert heads == {(OWN, "A"): 5}


def test_a_repeat_is_separated_from_new_ticks_and_compared_once() -> None:
    compared: list[Tick] = []

    def differing(repeats: Sequence[Tick]) -> list[tuple[str, str]]:
        compared.extend(repeats)
        return []

    ticks = [tick(3), tick(4), tick(3)]
    fresh, _ = check_append("url", Batch(ticks=ticks), {(OWN, "A"): 3}, OWN, differing)
    assert (fresh, compared) == ([tick(4)], [tick(3)])


def test_a_tick_that_is_given_twice_is_written_once() -> None:
    one = tick(4)
    fresh, heads = check_append("url", Batch(ticks=[one, one]), {(OWN, "A"): 3}, OWN)
    assert (fresh, heads) == ([one], {(OWN, "A"): 4})


@pytest.mark.parametrize(
    "ticks",
    [
        pytest.param([tick(4), tick(4, price=2.0)], id="a new number for two"),
        pytest.param([tick(3), tick(3, price=2.0)], id="a number given for two"),
        pytest.param([tick(5)], id="a hole"),
        pytest.param([tick(5), tick(4)], id="backwards"),
    ],
)
def test_ticks_that_neither_repeat_nor_continue_are_wrong(ticks: list[Tick]) -> None:
    assert check(*ticks, own=3) == {(OWN, "A"): 4}


def test_a_repeat_that_differs_from_the_stored_tick_is_wrong() -> None:
    batch = Batch(ticks=[tick(2)])
    with pytest.raises(SequenceConflict) as caught:
        check_append("url", batch, {(OWN, "A"): 3}, OWN, lambda _: [(OWN, "A")])
    assert caught.value.expected == {(OWN, "A"): 4}


def test_another_logs_ticks_may_start_anywhere_and_skip_a_reported_gap() -> None:
    assert not check(tick(7, "other"))
    assert check(tick(10, "other"), other=7) == {("other", "A"): 8}
    assert not check(tick(10, "other"), gaps=[gap(8, 9, "other")], other=7)
    # Of ours nothing can be missing before it was made.
    assert check(tick(10), gaps=[gap(8, 9, OWN)], own=7)


def test_a_tick_before_the_first_of_the_same_append_is_wrong_and_not_dropped() -> None:
    assert check(tick(5, "other"), tick(3, "other")) == {("other", "A"): 6}
    told = [gap(8, 9, "other")]
    assert check(tick(10, "other"), tick(9, "other"), gaps=told, other=7) == {("other", "A"): 11}


def test_a_repeat_may_differ_in_volume_but_not_in_price() -> None:
    louder = msgspec.structs.replace(tick(4), volume=5)
    assert not check(tick(4), louder, own=3)
    assert tick_content(tick(1)) == tick_content(msgspec.structs.replace(tick(1), volume=5))
    assert tick_content(tick(1)) != tick_content(tick(1, price=2.0))


def test_the_first_price_decides_between_real_and_invented() -> None:
    assert check_simulated("url", None, []) is None
    assert check_simulated("url", None, [tick(1, simulated=True)]) is True
    assert check_simulated("url", False, [tick(1)], []) is False
    for log, some in ((False, [tick(1, simulated=True)]), (None, [tick(1), *_invented()])):
        with pytest.raises(MixedPrices):
            check_simulated("url", log, some)


def test_a_quote_of_our_own_is_never_ahead_of_its_ticks() -> None:
    def quote(sequence: int | None, origin: str | None = OWN) -> Quote:
        return Quote("A", "test", NOW, NOW, 1.0, origin=origin, sequence=sequence)

    def conflict(made: Quote, *ticks: Tick) -> bool:
        batch = Batch(ticks=ticks, quotes=[made])
        try:
            check_append("url", batch, {(OWN, "A"): 3}, OWN)
        except SequenceConflict as error:
            return error.expected == {(OWN, "A"): 4}
        return False

    assert conflict(quote(4))
    assert not conflict(quote(4), tick(4))
    assert not conflict(quote(9, "other"))
    with pytest.raises(InvalidRecord):
        conflict(quote(None, None))


def _invented() -> list[Tick]:
    return [tick(2, simulated=True)]
