"""What a log lets through: continuing ticks, repeats, conflicts, and one kind of price."""

from __future__ import annotations

import msgspec
import pytest

from ticker.errors import InvalidRecord, MixedPrices
from ticker.records import Gap, Quote, Tick
from ticker.streams.append_check import ahead, check_append, tick_content
from ticker.streams.mixed_prices import check_simulated

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


def test_ticks_that_continue_the_sequence_are_accepted() -> None:
    ticks = [tick(4), tick(5)]
    judged = check_append(ticks, (), {(OWN, "A"): 3}, OWN)
    assert judged.fresh is ticks
    assert judged.heads == {(OWN, "A"): 5}
    assert not judged.repeats
    assert not judged.wrong


def test_a_repeat_is_separated_from_new_ticks() -> None:
    judged = check_append([tick(3), tick(4), tick(3)], (), {(OWN, "A"): 3}, OWN)
    assert (judged.fresh, judged.repeats) == ([tick(4)], [tick(3)])
    assert not judged.wrong


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
    assert check_append(ticks, (), {(OWN, "A"): 3}, OWN).wrong == {(OWN, "A"): 4}


def test_another_logs_ticks_may_start_anywhere_and_skip_a_reported_gap() -> None:
    assert not check_append([tick(7, "other")], (), {}, OWN).wrong
    last = {("other", "A"): 7}
    assert check_append([tick(10, "other")], (), last, OWN).wrong == {("other", "A"): 8}
    assert not check_append([tick(10, "other")], [gap(8, 9, "other")], last, OWN).wrong
    # Of ours nothing can be missing before it was made.
    assert check_append([tick(10)], [gap(8, 9, OWN)], {(OWN, "A"): 7}, OWN).wrong


def test_a_repeat_may_differ_in_volume_but_not_in_price() -> None:
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

    last = {(OWN, "A"): 3}
    assert ahead([quote(4)], {}, last, OWN) == {(OWN, "A"): 4}
    assert not ahead([quote(4)], {(OWN, "A"): 4}, last, OWN)
    assert not ahead([quote(9, "other")], {}, last, OWN)
    with pytest.raises(InvalidRecord):
        ahead([quote(None, None)], {}, last, OWN)


def _invented() -> list[Tick]:
    return [tick(2, simulated=True)]
