from __future__ import annotations

import math

import pytest

from ticker.compare import verdicts
from ticker.compare.full import Cell, Effort, Full, Machine, Sender, Storm, measure
from ticker.compare.measuring import Bench, Run
from ticker.compare.methods import METHODS
from ticker.compare.plan import RunPlan

PARTS = frozenset({"methods", "sender", "storm"})
EFFORT = Effort(runs=1, rate=50.0, seconds=0.2, fast=0.05, subscribers=(3,))


def cell(method: str, subscribers: int = 1, **changed: object) -> Cell:
    facts = {
        "speed": [900.0, 1_000.0, 1_100.0],
        "fast_bytes": 620.0,
        "payload": 320.0,
        "cpu": [800.0],
        "p50": [3.0],
        "p99": [9.0],
        "bytes": 630.0,
        "happened_bytes": 630.0,
        "connections": 60,
        "requests": 60,
        "unchanged": 0,
        "missed": 0.0,
    }
    return Cell(method, subscribers, **{**facts, **changed})  # type: ignore[arg-type]


def full(**parts: object) -> Full:
    return Full(Effort(), Machine(2, "Linux x86_64", "3.11.7"), **parts)  # type: ignore[arg-type]


MEASURED = [
    cell("request"),
    cell("poll", unchanged=24, missed=0.4, happened_bytes=450.0),
    cell("poll each second", speed=[], cpu=[], missed=0.9, happened_bytes=30.0),
    cell("long poll", speed=[60_000.0], fast_bytes=323.0),
    cell(
        "WebSocket",
        speed=[40_000.0, 50_000.0, 55_000.0],
        fast_bytes=324.0,
        cpu=[10.0],
        p50=[1.0],
        p99=[2.0],
        bytes=340.0,
        happened_bytes=340.0,
    ),
]


def test_the_ratio_compares_medians_and_its_spread_the_extremes() -> None:
    said = " ".join(verdicts.sentences(full(methods=MEASURED)))
    assert "1 subscriber: the open connection" in said
    assert "50 times (36 to 61) as many events/s" in said
    assert "A request took 80 times (80 to 80) the CPU." in said


def test_the_claim_of_2010_is_shown_beside_the_measurement() -> None:
    said = " ".join(verdicts.sentences(full(methods=MEASURED)))
    assert "headers 500 to 1 and latency 3 to 1" in said
    assert "headers 75 to 1 (300 bytes against 4.0; browsers" in said


def test_the_sentences_say_where_long_polling_or_304_wins() -> None:
    said = " ".join(verdicts.sentences(full(methods=MEASURED)))
    assert "Long polling was better than WebSocket (one event a message) in events/s, bytes" in said
    assert "got 40% answers without news (304), missed 40% of the events, and moved 450" in said
    assert "a poll each second missed 90% and moved 30;" in said
    assert "Where only the newest price counts, the poll each second moves the least." in said
    slow = [each if each.method != "long poll" else cell("long poll") for each in MEASURED]
    said = " ".join(verdicts.sentences(full(methods=slow)))
    assert "No measure was better with long polling" in said


def test_a_difference_within_the_spread_is_not_an_advantage() -> None:
    near = [
        each if each.method != "long poll" else cell("long poll", speed=[54_000.0, 60_000.0])
        for each in MEASURED
    ]
    assert "No measure was better" in " ".join(verdicts.sentences(full(methods=near)))


def test_the_senders_pace_and_the_reconnects_are_reported() -> None:
    sender = [
        Sender("SQLite", 0, 0, 100.0, [100.0], [1.0], [2.0], []),
        Sender("SQLite", 1, 10, 100.0, [99.0], [1.0], [2.0], []),
    ]
    storm = [Storm("WebSocket", 100, [90.0, 100.0, 140.0], 0, 200, [5.0])]
    result = full(sender=sender, storm=storm)
    assert verdicts.sentences(result)[1:] == [
        "SQLite: of 100 events/s the sender sent 100 with 0 subscribers, 99 with 1 subscriber and "
        "10 that hang.",
        "100 subscribers were cut off at once and connected again: 0 events missed, the longest "
        "took 100 (90-140) ms; the sender was 5.0 ms late (p99).",
    ]
    assert [table[0] for table in verdicts.tables(result)] == [
        "The sender's pace (events/s), and how late it is"
    ]


def test_the_table_shows_medians_and_their_spread() -> None:
    (_, _, fast), (_, headings, paced) = verdicts.tables(full(methods=MEASURED))
    assert fast[0] == ("request", "1", "1,000 (900-1,100)", "620", "800")
    assert dict(zip(headings, paced[1], strict=True))["Missed"] == "40%"
    assert len(paced) == len(fast) + 1 == len(MEASURED)


@pytest.mark.processes
async def test_every_part_of_the_comparison_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each kind of method. `test_counting` runs every one.
    some = ("request", "poll", "poll each second", "long poll", "WebSocket", "SQLite")
    monkeypatch.setattr("ticker.compare.full.METHODS", {name: METHODS[name] for name in some})
    told: list[str] = []
    async with Bench() as bench:
        result = await measure(bench, EFFORT, PARTS, told.append)
    assert [(each.method, each.subscribers) for each in result.methods] == [
        (name, 3) for name in some
    ]
    for each in result.methods:
        figures = [*each.speed, *each.cpu, *each.p50, *each.p99]
        assert len(figures) == (2 if each.method == "poll each second" else 4)
        assert all(0 < figure < math.inf for figure in figures), each
        assert each.missed == 0 or each.method.startswith("poll")
        assert (each.bytes > each.payload) is (each.method != "SQLite")
    by = {(each.method, each.subscribers): each for each in result.methods}
    assert by["request", 3].connections == 3 * 10
    assert by["WebSocket", 3].connections == 3
    assert {each.method for each in result.sender} == {"WebSocket", "SQLite"}
    assert all(0 < each.pace[0] <= 110 for each in result.sender)
    assert result.storm[0].missed == 0
    assert 100 < result.storm[0].connections <= 200  # some may have been late to connect
    assert len(told) == len(some) + 2 * 5 + 1
    assert verdicts.sentences(result)
    assert verdicts.tables(result)


class SlowBench(Bench):
    """A sender that publishes nothing in time, as when the first append to Kafka is slow."""

    async def run(self, plan: RunPlan, *_: object, **__: object) -> Run:
        return Run(plan.events, [], 0, 0, 0, 0, 0, cpu=0.0, late=[])


async def test_a_sender_that_publishes_nothing_in_time_has_no_pace() -> None:
    result = await measure(SlowBench(), EFFORT, frozenset({"sender"}), lambda _: None)
    assert {(each.pace[0], each.p50[0], *each.sent_at) for each in result.sender} == {(0.0, 0.0)}
    assert "WebSocket: of 100 events/s the sender sent 0.00 with" in verdicts.sentences(result)[1]
