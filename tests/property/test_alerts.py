from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.board.alert_rules import MOVES, Alert, Alerts, Memory, Told, parse_alert
from ticker.records import Batch, Gap, Position, Tick
from ticker.units import SECOND

BEGIN = 1_795_447_805_000_000
ALERTS = [
    parse_alert(text)
    for text in ("A > 100", "A < 99.95", "A < 0", "A > 0.3", "A moves 0.1% in 3s", "B > 100.05")
]


def ticks_of(walk: Sequence[tuple[str, int, int]]) -> list[Tick]:
    """A walk of (symbol, seconds later, step in hundredths) around 100, as ticks."""
    prices = {"A": 10_000, "B": 10_004}
    sequences = {"A": 0, "B": 0}
    time, ticks = BEGIN, []
    for symbol, seconds, step in walk:
        time += seconds * SECOND
        prices[symbol] += step
        sequences[symbol] += 1
        price = prices[symbol] / 100 or 0.01
        ticks.append(Tick(symbol, "yahoo", "one", sequences[symbol], time, time, price))
    return ticks


def reference(alert: Alert, ticks: Sequence[Tick]) -> list[int]:
    """The sequences of the ticks that meet `alert`: each crossing, each retreat, one by one."""
    mine = [(t.time, Fraction(str(t.price)), t.sequence) for t in ticks if t.symbol == alert.symbol]
    level = Fraction(str(alert.level))
    band = abs(level) / 1000
    told: list[int] = []
    armed: bool | None = None
    for at, (time, price, sequence) in enumerate(mine):
        if alert.field == MOVES:
            in_force = [
                other
                for n, (_, other, _) in enumerate(mine[: at + 1])
                if n == at or mine[n + 1][0] > time - alert.within
            ]
            value = max(abs(price - other) / abs(other) * 100 for other in in_force)
            met, back = value >= level, value <= level - band
        elif alert.sign == ">":
            met, back = price > level, price <= level - band
        else:
            met, back = price < level, price >= level + band
        if met and armed:
            told.append(sequence)
        armed = not met if met or armed is None else armed or back
    return told


def found(told: Sequence[Told], alert: Alert) -> list[int]:
    return [each.key[2] for each in told if each.alert == alert]


steps = st.sampled_from(
    [size * sign for size in (1, 2, 5, 10, 12, 20, 30, 600, 10_000) for sign in (1, -1)]
)
walks = st.lists(
    st.tuples(st.sampled_from("AAAB"), st.sampled_from([0, 1, 1, 2, 5]), steps),
    min_size=1,
    max_size=60,
)


@settings(max_examples=examples(300), deadline=None)
@given(walk=walks, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_every_crossing_of_a_random_walk_is_reported_once(
    walk: list[tuple[str, int, int]], sizes: list[int]
) -> None:
    ticks = ticks_of(walk)
    alerts, told, rest, turn = Alerts(ALERTS), [], ticks, 0
    while rest:
        size = sizes[turn % len(sizes)]
        # The last batch comes again each time, as after a lost connection.
        for batch in (rest[:size], rest[:size]):
            told += alerts.take(Batch(Position(""), ticks=batch))
        rest, turn = rest[size:], turn + 1
    for alert in ALERTS:
        assert found(told, alert) == reference(alert, ticks)


@settings(max_examples=examples(300), deadline=None)
@given(
    walk=walks,
    stops=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4),
)
def test_restarts_of_the_dashboard_neither_lose_nor_repeat_an_alert(
    walk: list[tuple[str, int, int]], stops: list[tuple[int, int]]
) -> None:
    ticks = ticks_of(walk)
    alerts, told, at = Alerts(ALERTS), [], 0
    for seen, missed in sorted(stops):
        here = max(at, min(seen, len(ticks)))
        told += alerts.take(Batch(Position(""), ticks=ticks[at:here]))
        # It stops, ticks continue, and another one reads what it missed in the stream's past.
        saved = msgspec.json.encode(alerts.memory())
        at = min(here + missed, len(ticks))
        alerts = Alerts(ALERTS, msgspec.json.decode(saved, type=Memory))
        told += alerts.take(Batch(Position(""), ticks=ticks[:at]), since=BEGIN * 2)
    told += alerts.take(Batch(Position(""), ticks=ticks[at:]))
    for alert in ALERTS:
        assert found(told, alert) == reference(alert, ticks)


@settings(max_examples=examples(200), deadline=None)
@given(walk=walks, begin=st.integers(1, 60), length=st.integers(0, 30))
def test_a_crossing_inside_a_gap_is_reported_with_the_next_tick(
    walk: list[tuple[str, int, int]], begin: int, length: int
) -> None:
    ticks = ticks_of(walk)
    before, after = ticks[:begin], ticks[begin + length :]
    alerts = Alerts(ALERTS)
    told = alerts.take(Batch(Position(""), ticks=before))
    assert all(each.gap is None for each in told)
    gap = Gap("yahoo", "one", "w", BEGIN, "poller stopped", from_=BEGIN, until=BEGIN + 1)
    told += (later := alerts.take(Batch(Position(""), ticks=after, gaps=[gap])))
    for alert in ALERTS:
        assert found(told, alert) == reference(alert, [*before, *after])
    first = {tick.symbol: tick for tick in reversed(after)}
    for each in later:
        assert (each.gap is not None) == (each.record is first[each.record.symbol])
