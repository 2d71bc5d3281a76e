from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ticker.changes import changes
from ticker.records import Quote, Tick

NOW = 1_795_447_805_000_000


@st.composite
def answers(draw: st.DrawFn) -> list[Quote]:
    """A few quotes as sources give them: any order of times, prices that repeat, all sorts."""
    return [
        Quote(
            symbol=draw(st.sampled_from(["A", "B"])),
            source="yahoo",
            time=NOW + draw(st.integers(-5, 5)) * 1_000_000,
            received=NOW + draw(st.integers(0, 3)) * 1_000_000,
            price=draw(st.sampled_from([1.0, 2.0, 3.0])),
            volume=draw(st.sampled_from([None, 0, 10, 20])),
            currency=draw(st.sampled_from([None, "GBp", "GBP"])),
            session=draw(st.sampled_from(["regular", "closed"])),
            kind=draw(st.sampled_from(["equity", "cryptocurrency"])),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]


@given(st.lists(answers(), max_size=8))
def test_ticks_always_continue_with_a_new_price_and_times_never_run_backwards(
    said: list[list[Quote]],
) -> None:
    known: dict[str, Quote] = {}
    ticks: list[Tick] = []
    for answer in said:
        found = changes(known, answer, origin="o", now=NOW)
        for quote in found.quotes:
            before = known.get(quote.symbol)
            assert before is None or quote.time >= before.time
        known |= {quote.symbol: quote for quote in found.quotes}
        ticks += found.ticks
        again = changes(known, found.quotes, origin="o", now=NOW)
        assert not again.ticks
        assert not again.quotes
        assert not again.refused
    for symbol in ("A", "B"):
        mine = [tick for tick in ticks if tick.symbol == symbol]
        assert [tick.sequence for tick in mine] == list(range(1, len(mine) + 1))
        for before_tick, tick in pairwise(mine):
            assert tick.previous_price == before_tick.price
            assert tick.price != before_tick.price
        if mine:
            assert known[symbol].sequence == len(mine)
            assert known[symbol].price == mine[-1].price
