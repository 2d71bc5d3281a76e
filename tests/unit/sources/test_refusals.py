from __future__ import annotations

from ticker.sources.refusals import Refusals

WHY = {"GONE": "Yahoo knows no such symbol"}


def asked(refusals: Refusals, symbols: list[str], until: int) -> dict[str, list[int]]:
    """Return when each refused symbol is asked again, with a poll every 15 s."""
    found: dict[str, list[int]] = {symbol: [] for symbol in symbols}
    for now in range(0, until, 15):
        due = [s for s in symbols if s not in refusals.put_off(symbols, now)]
        refusals.note((), dict.fromkeys(due, WHY["GONE"]), now)
        for symbol in due:
            found[symbol].append(now)
    return found


def test_a_refused_symbol_is_asked_less_and_less_often_up_to_an_hour() -> None:
    times = asked(Refusals(30.0, 3_600.0), ["GONE"], 6 * 3_600)["GONE"]
    assert times[:6] == [0, 30, 90, 210, 450, 930]
    assert {later - sooner for later, sooner in zip(times[9:], times[8:], strict=False)} == {3_600}


def test_each_symbol_has_its_own_schedule_and_its_reason_is_still_reported() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note((), WHY, 0.0)
    assert refusals.put_off(["GONE", "NEW"], 15.0) == WHY
    refusals.note((), {"NEW": "no price"}, 15.0)
    assert refusals.put_off(["GONE", "NEW"], 31.0) == {"NEW": "no price"}


def test_a_symbol_that_had_a_price_is_asked_with_each_poll() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note(["AAPL"], {}, 0.0)
    refusals.note((), {"AAPL": "Yahoo knows no such symbol"}, 15.0)
    assert refusals.put_off(["AAPL"], 16.0) == {}


def test_a_symbol_that_is_added_again_is_asked_at_once() -> None:
    refusals = Refusals(30.0, 3_600.0)
    refusals.note((), WHY, 0.0)
    assert refusals.put_off(["AAPL"], 1.0) == {}
    assert refusals.put_off(["AAPL", "GONE"], 2.0) == {}
