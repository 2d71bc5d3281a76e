from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.board.holdings import Owner, Portfolio
from ticker.board.rates import pair, pairs_to_ask, rate_of
from ticker.board.row import Row
from ticker.config.holdings_and_alerts import Holdings, Lot

TODAY = dt.date(2026, 11, 23)
NOW = 1_795_447_805_000_000
"""15:30:05 UTC of that day."""
UNITS = {"GBp": ("GBP", 100), "ZAc": ("ZAR", 100), "ILA": ("ILS", 100), "USX": ("USD", 100)}
CURRENCIES = ["USD", "EUR", "GBP", "JPY", "GBp", "ZAc", "ILA", "USX"]
MAIN = ["USD", "EUR", "GBP", "JPY", "ZAR", "ILS"]
SYMBOLS = ["A", "B", "C", "D"]

# The independent calculation: fractions, one amount after another, no class of ours.


def converted(amount: Fraction, of: str, into: str, pairs: Mapping[str, str]) -> Fraction | None:
    of, parts = UNITS.get(of, (of, 1))
    amount /= parts
    into, parts = UNITS.get(into, (into, 1))

    def step(value: Fraction, one: str, other: str) -> Fraction | None:
        if f"{one}{other}=X" in pairs:
            return value * Fraction(pairs[f"{one}{other}=X"])
        if f"{other}{one}=X" in pairs:
            return value / Fraction(pairs[f"{other}{one}=X"])
        return None

    if of == into:
        found: Fraction | None = amount
    elif (found := step(amount, of, into)) is None and "USD" not in (of, into):
        middle = step(amount, of, "USD")
        found = None if middle is None else step(middle, "USD", into)
    return None if found is None else found * parts


def added(amounts: Iterable[Fraction | None]) -> Fraction | None:
    listed = list(amounts)
    return (
        None if None in listed else sum((each for each in listed if each is not None), Fraction(0))
    )


def paid(lot: Lot, quoted: str, into: str, pairs: Mapping[str, str]) -> Fraction | None:
    if lot.price is None:
        return None
    cost = Fraction(lot.quantity) * Fraction(lot.price) + Fraction(lot.fees)
    return converted(cost, lot.currency or quoted, into, pairs)


def same(ours: Decimal | None, theirs: Fraction | None) -> bool:
    """To the cent and far beyond it."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return abs(Fraction(ours) - theirs) <= max(Fraction(1, 10**9), abs(theirs) / 10**18)


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False)


lots = st.builds(
    Lot,
    symbol=st.sampled_from(SYMBOLS),
    quantity=numbers("-100", "10000", 4).filter(bool),
    price=st.none() | numbers("0", "5000", 2) | numbers("0", "5000", 2),
    fees=st.just(Decimal(0)) | numbers("0", "50", 2),
    date=st.none() | st.sampled_from([TODAY, TODAY - dt.timedelta(days=1)]),
    currency=st.none() | st.sampled_from(CURRENCIES),
)
rows = st.builds(
    Row,
    symbol=st.sampled_from(SYMBOLS),
    price=numbers("0.01", "9999", 2).map(float),
    day_change=st.none() | numbers("-50", "50", 2).map(float),
    currency=st.sampled_from(CURRENCIES),
    time=st.just(NOW),
)
names = [pair(one, other) for one in MAIN for other in MAIN if one != other]
some_pairs = st.dictionaries(
    st.sampled_from(names), numbers("0.001", "500", 4).map(str), min_size=0, max_size=24
)
every_usd_pair = st.fixed_dictionaries(
    {pair(each, "USD"): numbers("0.001", "2", 4).map(str) for each in MAIN if each != "USD"}
)


class Reference:
    """What each symbol owned is worth, one amount after another."""

    def __init__(self, mine: list[Lot], row: Row | None, base: str, pairs: dict[str, str]) -> None:
        self.quantity = sum((Fraction(lot.quantity) for lot in mine), Fraction(0))
        self.is_cost_told = all(lot.price is not None for lot in mine)
        self.value: Fraction | None = None
        self.cost: Fraction | None = None
        self.day: Fraction | None = None
        self.gain: Fraction | None = None
        self.worth: Fraction | None = None
        self.total_day: Fraction | None = None
        self.total_cost: Fraction | None = None
        if row is None:
            return
        quoted, price = row.currency or "", Fraction(str(row.price))
        self.value = self.quantity * price
        self.cost = added(paid(lot, quoted, quoted, pairs) for lot in mine)
        self.day = added(self._day(lot, row, pairs) for lot in mine)
        self.gain = None if self.cost is None else self.value - self.cost
        self.worth = converted(self.value, quoted, base, pairs)
        self.total_day = None if self.day is None else converted(self.day, quoted, base, pairs)
        self.total_cost = added(paid(lot, quoted, base, pairs) for lot in mine)

    def _day(self, lot: Lot, row: Row, pairs: dict[str, str]) -> Fraction | None:
        quantity, quoted = Fraction(lot.quantity), row.currency or ""
        if lot.date == TODAY and lot.price is not None:
            cost = quantity * Fraction(lot.price)
            before = converted(cost, lot.currency or quoted, quoted, pairs)
            return None if before is None else quantity * Fraction(str(row.price)) - before
        return None if row.day_change is None else quantity * Fraction(str(row.day_change))


@settings(max_examples=examples(400), deadline=None)
@given(
    owned=st.lists(lots, max_size=8),
    cash=st.dictionaries(st.sampled_from(MAIN), numbers("-500", "9000", 2), max_size=3),
    found=st.lists(rows, max_size=6),
    pairs=some_pairs | every_usd_pair,
    base=st.sampled_from(MAIN),
)
def test_values_and_gains_and_weights_and_totals_match_an_independent_calculation(
    owned: list[Lot], cash: dict[str, Decimal], found: list[Row], pairs: dict[str, str], base: str
) -> None:
    known = {row.symbol: row for row in found}
    priced = {symbol: Row(symbol, float(price)) for symbol, price in pairs.items()}
    valuation = Owner(Portfolio(Holdings(cash, tuple(owned)), base), (priced | known).get).value()
    theirs = {
        symbol: Reference(
            [lot for lot in owned if lot.symbol == symbol], known.get(symbol), base, pairs
        )
        for symbol in {lot.symbol for lot in owned}
    }
    assert valuation.holdings.keys() == theirs.keys()
    for symbol, each in theirs.items():
        ours = valuation.holdings[symbol]
        assert same(ours.quantity, each.quantity)
        assert same(ours.value, each.value)
        assert same(ours.cost, each.cost)
        assert same(ours.day_gain, each.day)
        assert same(ours.gain, each.gain)
        percent = None if each.gain is None or not each.cost else each.gain * 100 / abs(each.cost)
        assert same(ours.gain_percent, percent)
    total = valuation.total
    money = added(converted(Fraction(amount), of, base, pairs) for of, amount in cash.items())
    whole = added([*(each.worth for each in theirs.values()), money])
    told = [each for each in theirs.values() if each.is_cost_told]
    cost = added(each.total_cost for each in told)
    worth = added(each.worth for each in told)
    gain = None if None in (whole, cost, worth) else worth - cost  # type: ignore[operator]
    assert same(valuation.cash, money)
    assert same(total.value, whole)
    days = added(each.total_day for each in theirs.values())
    assert same(total.day_gain, None if whole is None else days)
    assert same(total.gain, gain)
    assert same(total.gain_percent, None if gain is None or not cost else gain * 100 / abs(cost))
    assert bool(total.problems) == (None in (total.value, total.day_gain, total.gain))
    weights = [holding.weight for holding in valuation.holdings.values()]
    if whole is None or whole <= 0:
        assert {*weights, valuation.cash_weight} == {None}
    else:
        shares = [weight for weight in (valuation.cash_weight, *weights) if weight is not None]
        assert len(shares) == len(weights) + 1
        assert abs(sum(shares, Decimal(0)) - 100) < Decimal("1e-15")


@settings(max_examples=examples(200), deadline=None)
@given(
    of=st.sampled_from(MAIN),
    into=st.sampled_from(MAIN),
    offered=st.sets(st.sampled_from(names)),
)
def test_currency_pairs_are_tried_in_order_until_a_rate_is_known(
    of: str, into: str, offered: set[str]
) -> None:
    answered: dict[str, float] = {}
    refused: set[str] = set()
    for _ in range(8):
        asked = pairs_to_ask([(of, into)], answered.get, refused.__contains__)
        # Of a pair that is not known, only one way round is asked at a time.
        mirrored = {f"{each[3:6]}{each[:3]}=X" for each in asked}
        assert not mirrored & set(asked)
        if not set(asked) - set(answered) - refused:
            break
        answered |= {each: 2.0 for each in asked if each in offered}
        refused |= {each for each in asked if each not in offered}
    else:
        raise AssertionError("it asks for ever")
    best = rate_of(of, into, dict.fromkeys(offered, 2.0).get)
    ours = rate_of(of, into, answered.get)
    assert (ours is None) == (best is None)
    if best is not None:
        assert ours is not None
        assert ours.path == best.path
        assert list(ours.pairs) == pairs_to_ask([(of, into)], answered.get, refused.__contains__)
