from __future__ import annotations

import csv
import io
from datetime import UTC
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from ticker import wire
from ticker.output import EVENT_COLUMNS, csv_header, csv_lines, json_lines, text_line
from ticker.records import MAX_TIME, READER, Gap, GapReason, Heartbeat, Quote, Tick
from ticker.times import iso
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def tick() -> Tick:
    return Tick("AAPL", "yahoo", "one", 7, NOW, NOW + 300_000, 100.25, 100.0)


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
        (None, "gap: deleted because of its age, 15:29:17 to 15:30:05\n"),
        (("A", "B"), "gap A B: deleted because of its age, 15:29:17 to 15:30:05\n"),
    ],
)
def test_a_gap_found_by_a_reader_does_not_say_that_no_poller_ran(
    symbols: tuple[str, ...] | None, words: str
) -> None:
    noticed = replace(gap(symbols=symbols), writer=READER, reason="retention")
    assert words in text_line(noticed, UTC, {})


@pytest.mark.parametrize(
    ("symbols", "whose"),
    [
        (None, "gap: no prices from the exchange"),
        (("MSFT",), "gap MSFT: no prices"),
        (("A", "B", "C", "D", "E", "F", "G"), "gap A B C D E and 2 more: no prices"),
    ],
)
def test_a_gap_names_the_symbols_that_it_concerns(
    symbols: tuple[str, ...] | None, whose: str
) -> None:
    assert f"{whose} for 48s" in text_line(gap(symbols=symbols), UTC, {})


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("poller stopped", "(poller stopped)"),
        ("unreachable", "(the exchange did not answer)"),
        ("poller held up", "(its machine was busy or asleep)"),
        ("not polled", "(not polled meanwhile)"),
        ("sent \x1b[31m {}", "(sent ␛[31m {})"),
    ],
)
def test_a_gap_says_why_in_plain_words_and_names_no_writer_by_its_id(
    reason: str, words: str
) -> None:
    line = text_line(replace(gap(), reason=reason), UTC, {})
    assert line.endswith(f"{words}\n")
    assert "d943853e" not in line


@pytest.mark.parametrize(
    ("writer", "words"),
    [
        (READER, "gap: replaced by another stream, 15:30:05\n"),
        ("w", "gap: no prices from the exchange, 15:30:05 (replaced by another stream)\n"),
    ],
)
def test_a_gap_without_a_length_tells_one_time_and_no_length(writer: str, words: str) -> None:
    told = replace(gap(), writer=writer, reason=GapReason.ANOTHER_LOG, from_=NOW)
    assert words in text_line(told, UTC, {})


@pytest.mark.parametrize(
    ("last", "words"), [(7, "tick 7 is missing"), (9, "ticks 7 to 9 are missing")]
)
def test_one_missing_tick_is_in_the_singular(last: int, words: str) -> None:
    gap = Gap("yahoo", "o", "w", NOW, "lost", symbol="A", first_sequence=7, last_sequence=last)
    assert f"gap A: {words} (lost)" in text_line(gap, UTC, {})
    unexplained = replace(gap, reason="ticks missing")
    assert text_line(unexplained, UTC, {}).endswith(f"gap A: {words}\n")


@pytest.mark.parametrize("kind", [Tick, Gap, Quote, Heartbeat])
def test_readable_times_apply_to_every_time_of_a_record(
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
    told = msgspec.json.decode(json_lines([record], iso_times=True))
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
def test_a_small_move_is_shown_by_its_size(price: float, previous: float, shown: str) -> None:
    tick = Tick("A", "s", "o", 2, NOW, NOW, price, previous_price=previous)
    line = text_line(tick, UTC, {"A": 4 if price == 1.0461 else 2})
    arrow, step = shown.split()
    assert line.split()[3:5] == [arrow, step], line


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"simulated": True, "volume": 12.0, "size": 0.5, "currency": "USD", "session": "post"},
        {"currency": None, "bid": None, "price": 1e-9, "time": 7, "received": 999_999},
        {"symbol": "A,B", "source": 'say "x"'},
        {"origin": "back\\slash"},
        {"currency": "[x]"},
        {"currency": "null", "session": "é ]"},
        {"source": "two\nlines"},
    ],
)
def test_ticks_in_csv_equal_the_csv_modules_output(facts: dict[str, Any]) -> None:
    ticks = [replace(tick(), **facts), tick(), replace(tick(), sequence=9, received=NOW + 7)]
    columns = [*EVENT_COLUMNS]
    text = (csv_header(columns) + csv_lines(ticks, columns, visible=False)).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for each, row in zip(ticks, rows, strict=True):
        told = {"type": "tick", **asdict(each), "simulated": "true" if each.simulated else ""}
        told |= {"time": iso(each.time), "received": iso(each.received)}
        for name, value in row.items():
            wanted = told.get(name)
            if isinstance(wanted, float):
                assert float(value) == wanted
            else:
                assert value == ("" if wanted is None else str(wanted))


def test_a_gap_among_ticks_keeps_its_place_in_csv() -> None:
    lines = csv_lines([tick(), gap(), tick()], EVENT_COLUMNS, visible=False).splitlines()
    assert [line.partition(b",")[0] for line in lines] == [b"tick", b"gap", b"tick"]
    assert {line.count(b",") for line in lines} == {len(EVENT_COLUMNS) - 1}


@pytest.mark.parametrize("text", ["é", "\x7f", "\u200b", "\U000e0001"])
def test_json_output_escapes_invisible_characters(text: str) -> None:
    told = [replace(tick(), currency=text), tick()]
    lines = json_lines(told).decode()
    assert all(line.isprintable() for line in lines.splitlines())
    assert [wire.decode(line) for line in lines.splitlines()] == told
