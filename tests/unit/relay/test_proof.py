"""What the proof of completeness sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from ticker.records import Tick
from ticker.relay import Proof, prove
from ticker.streams.digest import digests
from ticker.streams.protocol import Stream

NOW = 1_795_447_805_000_000


def ticks(origin: str, first: int, last: int, symbol: str = "A") -> list[Tick]:
    return [
        Tick(symbol, "yahoo", origin, n, NOW + n, NOW + n, 1.0 + n, volume=n)
        for n in range(first, last + 1)
    ]


class Held:
    """A stream that holds these ticks, in chunks of three."""

    def __init__(self, held: Sequence[Tick]) -> None:
        self.held = held

    def arrays(
        self, *, symbols: None = None, since: int | None = None, until: int | None = None
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        assert symbols is until is None
        held = [tick for tick in self.held if tick.received >= (since or 0)]
        names = Tick.__struct_encode_fields__
        for start in range(0, len(held), 3):
            chunk = held[start : start + 3]
            yield {name: [getattr(tick, name) for tick in chunk] for name in names}


def proof(
    source: Sequence[Tick], there: Sequence[Tick], sent: Mapping[tuple[str, str], int] | None = None
) -> Proof:
    a, b = cast("Stream", Held(source)), cast("Stream", Held(there))
    return prove(a, b, digests(a.arrays()), sent or {})


def summary(found: Proof) -> tuple[int, int, int, int]:
    return found.ticks, found.symbols, found.origins, found.let_go


def test_a_copy_among_other_ticks_is_complete() -> None:
    mine = ticks("a", 1, 7) + ticks("a", 1, 2, "B")
    more = ticks("z", 1, 4) + mine + ticks("a", 8, 9) + ticks("a", 1, 3, "C")
    found = proof(mine, more)
    assert summary(found) == (9, 2, 1, 0)
    assert not found.wrong


def test_each_side_has_one_hash_and_different_sides_differ() -> None:
    mine = ticks("a", 1, 7) + ticks("a", 1, 2, "B")
    same = proof(mine, ticks("a", 1, 2, "B") + ticks("a", 1, 7))
    assert same.wanted == same.found
    assert same.wanted.ticks == 9
    other = proof(mine, mine[:-1])
    assert other.wanted == same.wanted
    assert other.found.ticks == 8
    assert other.found.digest != other.wanted.digest


def test_a_symbol_with_two_origins_counts_once() -> None:
    mine = ticks("a", 1, 2) + ticks("b", 1, 2) + ticks("b", 1, 1, "B")
    found = proof(mine, mine)
    assert summary(found) == (5, 2, 2, 0)
    assert not found.wrong


def test_a_missing_tick_is_named() -> None:
    mine = ticks("a", 1, 7) + ticks("a", 1, 2, "B")
    found = proof(mine, mine[:3] + mine[4:7])
    assert found.wrong == {
        ("a", "A"): "6 of 7 ticks are there",
        ("a", "B"): "2 ticks are missing",
    }
    assert (found.ticks, found.symbols) == (0, 0)


def test_a_tick_with_one_different_field_is_noticed() -> None:
    mine = ticks("a", 1, 7)
    theirs = [*mine]
    theirs[3] = msgspec.structs.replace(theirs[3], volume=99)
    assert proof(mine, theirs).wrong == {("a", "A"): "7 ticks, but not the same"}


def test_the_order_does_not_count_because_a_log_refuses_a_wrong_one() -> None:
    mine = ticks("a", 1, 3)
    assert not proof(mine, [mine[1], mine[0], mine[2]]).wrong


def test_ticks_that_the_destination_deleted_are_left_out_and_reported() -> None:
    mine = ticks("a", 1, 7)
    found = proof(mine, mine[4:])
    assert summary(found) == (3, 1, 1, 4)
    assert not found.wrong


def test_all_ticks_sent_by_this_relay_must_be_there() -> None:
    mine = ticks("a", 1, 7)
    assert proof(mine, mine[4:], {("a", "A"): 3}).wrong == {("a", "A"): "3 of 7 ticks are there"}
    assert not proof(mine, mine[4:], {("a", "A"): 5}).wrong


def test_an_empty_source_is_copied_completely() -> None:
    assert proof([], ticks("a", 1, 2)) == Proof(0, 0, 0, {})


def test_the_digest_of_a_span_covers_only_its_ticks() -> None:
    held = cast("Stream", Held(ticks("a", 1, 9) + ticks("b", 1, 4, "B")))
    alone = cast("Stream", Held(ticks("a", 3, 5)))
    assert digests(held.arrays(), {("a", "A"): (3, 5)}) == digests(alone.arrays())
