from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ticker.output import json_line, text_line
from ticker.records import MAX_TIME, READER, Gap, Heartbeat, Quote, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def gap(**facts: Any) -> Gap:
    return Gap(
        "exchange",
        "one",
        "exchange-d943853e",
        NOW,
        "poller stopped",
        from_=NOW - 48 * SECOND,
        until=NOW,
        **facts,
    )


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (None, "gap: retention, 15:29:17 to 15:30:05\n"),
        (("A", "B"), "gap A B: retention, 15:29:17 to 15:30:05\n"),
    ],
)
def test_a_gap_that_a_reader_noticed_does_not_say_that_nobody_looked(
    symbols: tuple[str, ...] | None, words: str
) -> None:
    noticed = replace(gap(symbols=symbols), writer=READER, reason="retention")
    assert words in text_line(noticed, UTC, {})


@pytest.mark.parametrize(
    ("symbols", "whose"),
    [
        (None, "exchange-d943853e"),
        (("MSFT",), "MSFT"),
        (("A", "B", "C", "D", "E", "F", "G"), "A B C D E and 2 more"),
    ],
)
def test_a_gap_says_whose_it_is(symbols: tuple[str, ...] | None, whose: str) -> None:
    assert f"gap {whose}: nobody looked for 48s" in text_line(gap(symbols=symbols), UTC, {})


@pytest.mark.parametrize(
    ("last", "words"), [(7, "tick 7 is missing"), (9, "ticks 7 to 9 are missing")]
)
def test_one_missing_tick_is_told_as_one(last: int, words: str) -> None:
    gap = Gap("yahoo", "o", "w", NOW, "lost", symbol="A", first_sequence=7, last_sequence=last)
    assert f"gap A: {words} (lost)" in text_line(gap, UTC, {})


@pytest.mark.parametrize("kind", [Tick, Gap, Quote, Heartbeat])
def test_every_time_of_a_record_is_readable_where_readable_times_are_wished(
    kind: type[Tick | Gap | Quote | Heartbeat],
) -> None:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    bounds = {
        name: [field.get("maximum"), *(each.get("maximum") for each in field.get("anyOf", ()))]
        for name, field in schema["properties"].items()
    }
    times = {name for name, bound in bounds.items() if MAX_TIME in bound}
    assert "received" in times
    facts = dict.fromkeys(times, NOW) | {"type": schema["properties"]["type"]["enum"][0]}
    whole = {
        "symbol": "A",
        "source": "s",
        "origin": "o",
        "sequence": 1,
        "price": 1.0,
        "writer": "w",
        "reason": "r",
        "interval": 1,
        "state": "ok",
        "asked": 1,
        "answered": 1,
    }
    needed = {name: whole[name] for name in schema["required"] if name in whole}
    record = msgspec.convert({**needed, **facts}, kind)
    told = msgspec.json.decode(json_line(record, iso_times=True))
    assert {name for name in times if str(told[name]).endswith("Z")} == times


@pytest.mark.parametrize(
    ("price", "previous", "shown"),
    [
        (1.04610, 1.04612, "▼  -0.000020"),
        (4101.303, 4101.301, "▲    +0.0020"),
        (-37.63, -36.13, "▼      -1.50"),
        (4.2e-9, 4.1e-9, "▲  +1.00e-10"),
    ],
)
def test_a_small_move_is_told_by_its_size(price: float, previous: float, shown: str) -> None:
    tick = Tick("A", "s", "o", 2, NOW, NOW, price, previous_price=previous)
    line = text_line(tick, UTC, {"A": 4 if price == 1.0461 else 2})
    arrow, step = shown.split()
    assert line.split()[3:5] == [arrow, step], line
