from __future__ import annotations

from decimal import Decimal

import pytest

from ticker.board.alert_rules import Alerts, parse_alert
from ticker.errors import UsageError
from ticker.records import Batch, Position, Quote, Tick
from ticker.units import MINUTE, SECOND

NOW = 1_795_447_805_000_000


def tick(sequence: int, price: float, *, seconds: int = 0, origin: str = "one") -> Tick:
    time = NOW + seconds * SECOND
    return Tick("AAPL", "yahoo", origin, sequence, time, time, price)


def batch(*ticks: Tick) -> Batch:
    return Batch(Position(""), ticks=ticks)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("AAPL > 250", "AAPL > 250"),
        ("aapl>250.50", "AAPL > 250.5"),
        ("GC=F < 4000", "GC=F < 4000"),
        ("^IXIC price < 20000", "^IXIC < 20000"),
        ("AAPL day_change_percent < -2.5%", "AAPL day_change_percent < -2.5"),
        ("AAPL  volume  > 1000000", "AAPL volume > 1000000"),
        ("BTC-USD moves 1% in 5m", "BTC-USD moves 1% in 5m"),
        ("BTC-USD moves 0.5% in 1h 30m", "BTC-USD moves 0.5% in 1h 30m"),
        ("BTC-USD moves 0.5% in 1h30m15s", "BTC-USD moves 0.5% in 5415s"),
    ],
)
def test_an_alert_has_one_normal_form_of_text(written: str, text: str) -> None:
    assert parse_alert(written).text == text
    assert parse_alert(text) == parse_alert(written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "an alert is written SYMBOL > N"),
        ("AAPL", "an alert is written SYMBOL > N"),
        ("AAPL >= 250", "write > or < without ="),
        ("AAPL = 250", "write > or < without ="),
        ("AAPL prise > 250", 'unknown field "prise". Did you mean "price"?'),
        ("AAPL beta > 250", 'unknown field "beta". There are: price, day_change'),
        ("AAPL > high", "'high' is not a number"),
        ("AAPL > 1,000", "write it without separators, as 1000"),
        ("AAPL > nan", "'nan' is not a number"),
        ("AAPL > 5%", "'5%' is not a number"),
        ("AAPL moves 1 in 5m", "write the percentage with its sign: moves 1% in 5m"),
        ("AAPL moves 1% in soon", "'soon' is not a duration"),
        ("AAPL moves 0% in 5m", "a move of 0% is not possible"),
        ("AAPL moves 1% in 2d", "at most a day, not 2d"),
        ("AAPL moves up", "a move is written SYMBOL moves P% in D"),
        ("A\u202e > 1", "not a symbol"),
    ],
)
def test_a_meaningless_alert_is_refused_with_the_right_form(written: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_alert(written)
    assert words in str(error.value)


def test_the_first_price_seen_is_not_a_crossing() -> None:
    alerts = Alerts([above := parse_alert("AAPL > 250")])
    assert alerts.take(batch(tick(1, 251.0))) == []
    assert alerts.is_armed(above) is False
    assert alerts.take(batch(tick(2, 249.9), tick(3, 250.5))) == []  # back by less than 0.1 %
    (told,) = alerts.take(batch(tick(4, 249.75), tick(5, 250.01)))
    assert told.record.sequence == 5


def test_an_alert_added_between_two_ticks_is_triggered_by_the_second() -> None:
    alerts = Alerts()
    assert alerts.add(parse_alert("AAPL > 250"), tick(1, 249.0))
    assert not alerts.add(parse_alert("AAPL > 240"), tick(1, 249.0))
    (told,) = alerts.take(batch(tick(1, 249.0), tick(2, 251.0)))
    assert told.alert.text == "AAPL > 250"


def test_a_move_counts_from_the_price_in_force_when_its_time_began() -> None:
    alerts = Alerts([parse_alert("AAPL moves 1% in 5m")])
    first, second = tick(1, 100.0), tick(2, 101.5, seconds=3600)
    (told,) = alerts.take(batch(first, second))
    assert told.move == Decimal("1.5")
    # After a slow way back, no move within the time: armed again, and down counts too.
    slow = [tick(n, 102.5 - n / 2, seconds=3600 + n * 400) for n in range(3, 6)]
    assert alerts.take(batch(*slow)) == []
    (told,) = alerts.take(batch(tick(6, 98.0, seconds=3600 + 5 * 400 + 1)))
    assert told.move is not None
    assert told.move < -1
    assert told.alert.within == 5 * MINUTE


def test_of_two_origins_the_newest_price_counts() -> None:
    alerts = Alerts([parse_alert("AAPL > 250")])
    alerts.take(batch(tick(1, 249.0, seconds=10)))
    assert alerts.take(batch(tick(7, 251.0, seconds=5, origin="two"))) == []
    assert len(alerts.take(batch(tick(8, 251.0, seconds=11, origin="two")))) == 1


def test_a_quote_at_a_known_price_may_trigger_an_alert_on_another_field() -> None:
    alerts = Alerts([parse_alert("AAPL volume > 1000"), parse_alert("AAPL bid < 240")])
    quotes = [
        Quote("AAPL", "yahoo", NOW + n, NOW + n, 249.0, origin="one", sequence=1, volume=volume)
        for n, volume in enumerate((900, 1001, 1002))
    ]
    told = [alerts.take(Batch(Position(""), quotes=[quote])) for quote in quotes]
    assert [len(each) for each in told] == [0, 1, 0]


def test_a_new_alert_starts_now_and_takes_its_side_from_the_past() -> None:
    alerts = Alerts([parse_alert("AAPL > 250")])
    past = [tick(1, 249.0), tick(2, 251.0), tick(3, 247.0), tick(4, 249.0)]
    assert alerts.take(batch(*past), since=NOW + SECOND) == []
    (told,) = alerts.take(batch(tick(5, 250.5, seconds=2)), since=NOW + SECOND)
    assert told.alert.text == "AAPL > 250"
    assert not told.is_late


def test_what_a_remembered_alert_missed_is_reported_late() -> None:
    before = Alerts([parse_alert("AAPL > 250")])
    before.take(batch(tick(1, 249.0)))
    after = Alerts([parse_alert("AAPL > 250")], before.memory())
    (told,) = after.take(batch(tick(1, 249.0), tick(2, 251.0)), since=NOW + SECOND)
    assert told.is_late
