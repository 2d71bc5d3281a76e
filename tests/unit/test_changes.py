from __future__ import annotations

from typing import Any

import pytest

from ticker.changes import AHEAD, SAME_MOMENT, SETTLED, Change, Refusal, change, changes
from ticker.records import Quote
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def a_quote(**facts: Any) -> Quote:
    standing: dict[str, Any] = {
        "symbol": "OCDO.L",
        "source": "yahoo",
        "time": NOW - SECOND,
        "received": NOW,
        "price": 301.5,
        "currency": "GBp",
        "volume": 1_000,
        "kind": "equity",
        "session": "regular",
        "previous_close": 300.0,
    }
    return Quote(**(standing | facts))


def known(**facts: Any) -> Quote:
    return a_quote(**({"origin": "o", "sequence": 7, "previous_price": 301.0} | facts))


def after(previous: Quote | None, present: Quote, *, last: int | None = None) -> Any:
    number = last if last is not None else (previous.sequence or 0) if previous else 0
    return change(previous, present, origin="o", now=NOW, last=number)


def test_the_first_sight_of_a_symbol_is_a_tick_numbered_one_without_a_price_before() -> None:
    result = after(None, a_quote())
    assert result.tick.sequence == 1
    assert result.tick.previous_price is None
    assert result.tick.origin == "o"
    assert result.quote.sequence == 1


def test_the_same_answer_again_changes_nothing() -> None:
    assert after(known(), a_quote(received=NOW + 15 * SECOND)) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"time": NOW},
        {"session": "closed"},
        {"bid": 301.0},
        {"name": "Ocado"},
        {"volume": 1_001},
        {"market_cap": 2.5e9},
        {"delay": 900 * SECOND},
        {"simulated": True},
    ],
)
def test_an_unchanged_price_with_other_news_is_a_quote_and_no_tick(facts: Any) -> None:
    result = after(known(), a_quote(**facts))
    assert result.tick is None
    assert result.quote == known(**facts)


OURS = {"symbol", "price", "time", "received", "origin", "sequence", "previous_price"}
NEW: dict[str, Any] = {"source": "yahoo-live", "volume": 1_009, "simulated": True, "currency": None}
TEXTS = {"name", "kind", "exchange", "session"}


@pytest.mark.parametrize("field", [name for name in Quote.__struct_fields__ if name not in OURS])
def test_a_change_of_any_other_field_makes_a_new_quote(field: str) -> None:
    value = NEW.get(field, "text" if field in TEXTS else 9)
    assert after(known(), a_quote(**{field: value})).tick is None


def test_a_new_price_is_the_next_tick_with_the_previous_price() -> None:
    result = after(known(), a_quote(price=302.0, time=NOW))
    assert (result.tick.sequence, result.tick.previous_price, result.tick.price) == (8, 301.5, 302)
    assert (result.quote.sequence, result.quote.previous_price) == (8, 301.5)


def test_a_tick_has_all_fields_of_its_quote() -> None:
    present = a_quote(price=302.0, bid=301.9, ask=302.1, day_change=2.0, size=5, simulated=True)
    tick = after(known(), present).tick
    for field in tick.__struct_fields__:
        if field not in {"origin", "sequence", "previous_price"}:
            assert getattr(tick, field) == getattr(present, field), field


def test_a_correction_under_the_same_time_is_a_tick() -> None:
    assert after(known(), a_quote(price=301.4)).tick.sequence == 8


def test_a_time_that_runs_backwards_is_refused_even_with_another_price() -> None:
    result = after(known(), a_quote(price=305.0, time=NOW - 4 * SECOND))
    assert isinstance(result, Refusal)
    assert "backwards by 3 s" in result.reason


def test_a_time_a_day_ahead_is_accepted_and_a_microsecond_more_is_refused() -> None:
    assert isinstance(after(None, a_quote(time=NOW + AHEAD)), Change)
    assert isinstance(after(None, a_quote(time=NOW + AHEAD + 1)), Refusal)
    assert isinstance(after(known(), a_quote(time=NOW + AHEAD + 1, price=1.0)), Refusal)


def test_a_smaller_volume_at_a_newer_time_is_accepted() -> None:
    assert after(known(), a_quote(volume=10, time=NOW)).quote.volume == 10


def test_a_smaller_volume_at_the_same_time_is_an_older_answer_and_refused() -> None:
    result = after(known(), a_quote(volume=900, price=301.0))
    assert isinstance(result, Refusal)
    assert "volume" in result.reason


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "cryptocurrency"},
        {"session": "pre"},
        {"previous_close": 301.5},
        {"received": NOW + SAME_MOMENT},
        {"volume": None},
    ],
)
def test_a_smaller_volume_at_the_same_time_is_accepted_if_plausible(facts: Any) -> None:
    before = known(kind=facts.get("kind", "equity"))
    assert isinstance(after(before, a_quote(**({"volume": 0, "price": 301.0} | facts))), Change)


def test_a_previous_close_that_rolls_over_is_a_quote_and_no_tick() -> None:
    result = after(known(), a_quote(previous_close=301.5, day_change=0.0, volume=0))
    assert result.tick is None
    assert result.quote.previous_close == 301.5
    assert result.quote.sequence == 7


def test_another_currency_is_refused_because_its_numbers_cannot_be_compared() -> None:
    result = after(known(), a_quote(price=3.015, currency="GBP", time=NOW))
    assert isinstance(result, Refusal)
    assert "GBp" in result.reason
    assert "GBP" in result.reason


def test_another_currency_is_accepted_after_a_day_without_previous_price() -> None:
    later = {"time": NOW + SETTLED, "received": NOW + SETTLED}
    present = a_quote(price=3.015, currency="GBP", **later)
    result = change(known(), present, origin="o", now=NOW + SETTLED, last=7)
    assert isinstance(result, Change)
    assert result.tick is not None
    assert (result.tick.sequence, result.tick.previous_price) == (8, None)


def test_another_currency_without_a_trade_is_always_refused() -> None:
    present = a_quote(price=3.015, currency="GBP", received=NOW + 3 * SETTLED)
    assert isinstance(after(known(), present), Refusal)


def test_a_currency_that_becomes_known_is_a_changed_field() -> None:
    result = after(known(currency=None), a_quote())
    assert result.tick is None
    assert result.quote.currency == "GBp"


def test_a_currency_is_not_quoted_with_its_escapes() -> None:
    result = after(known(), a_quote(currency="\x1b]0;x\x07", time=NOW))
    assert "\x1b" not in result.reason


def test_a_quote_behind_the_log_leaves_the_previous_price_unknown() -> None:
    result = after(known(), a_quote(), last=9)
    assert (result.tick.sequence, result.tick.previous_price) == (10, None)


def test_after_a_lost_quote_ticks_continue_the_logs_sequence() -> None:
    assert after(None, a_quote(), last=41).tick.sequence == 42


def test_an_answer_is_compared_symbol_by_symbol_and_one_refusal_spoils_no_other() -> None:
    answer = [
        a_quote(symbol="A"),
        a_quote(symbol="B", time=NOW - 9 * SECOND),
        a_quote(symbol="C", price=5.0),
        a_quote(symbol="D"),
    ]
    before = {symbol: known(symbol=symbol) for symbol in "BCD"}
    result = changes(before, answer, origin="o", now=NOW, last=dict.fromkeys("BCD", 7))
    assert [(tick.symbol, tick.sequence) for tick in result.ticks] == [("A", 1), ("C", 8)]
    assert [quote.symbol for quote in result.quotes] == ["A", "C"]
    assert list(result.refused) == ["B"]


def test_a_symbol_that_comes_twice_in_an_answer_continues_itself() -> None:
    answer = [a_quote(price=1.0), a_quote(price=2.0), a_quote(price=2.0)]
    result = changes({}, answer, origin="o", now=NOW)
    assert [(tick.sequence, tick.previous_price) for tick in result.ticks] == [(1, None), (2, 1.0)]
    assert [quote.sequence for quote in result.quotes] == [2]
