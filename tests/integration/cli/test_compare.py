from __future__ import annotations

import json
import re

from ticker.compare.clients import Group
from ticker.compare.measuring import Bench
from ticker.compare.plan import RunPlan

from .conftest import Program, descendants


def test_the_comparison_ends_in_sentences(ticker: Program) -> None:
    done = ticker.run("compare", "--events", "50", "--for", "500ms", "--show", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    steps = [
        " ".join(line.split()[2:]) for line in lines if line.startswith(" ") and " ms " in line
    ]
    assert [re.sub(r" [\d,]+ bytes .*", "", step) for step in steps[:8]] == [
        *("event 1 connect", "event 1 ask", "event 1 answer", "event 1 close"),
        *("event 2 connect", "event 2 ask", "event 2 answer", "event 2 close"),
    ]
    assert sum(step.endswith("connect") for step in steps[8:]) == 1  # for all events
    assert [re.sub(r"\d+ bytes", "", step).split() for step in steps[-3:]] == [
        ["goodbye", "received"],
        ["goodbye", "sent"],
        ["close"],
    ]
    sizes = re.findall(r"event \d (answer|event) (\d+) bytes received, (\d+) of", "\n".join(steps))
    added = [(what, int(size) - int(own)) for what, size, own in sizes]
    assert added[2:] == [("event", 4)] * 2, "the goodbye is not counted in the last event"
    assert re.search(
        r"One request for each event: 50 events, 50 connections, [\d,]+ bytes", done.stdout
    )
    assert re.search(r"One open connection: 50 events, 1 connection, [\d,]+ bytes", done.stdout)
    assert re.search(r"10 events happened in 0.5 s: it saw \d+ and missed \d+\.", done.stdout)
    assert descendants(ticker) == []


def test_every_number_is_in_the_json(ticker: Program) -> None:
    done = ticker.run("compare", "--events", "20", "--for", "200ms", "--format", "json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["request"]["connections"] == facts["events"] == 20
    assert facts["open"]["bytes"] < facts["request"]["bytes"]
    assert facts["polled"]["saw"] + facts["polled"]["missed"] == facts["polled"]["happened"]
    assert len(facts["sentences"]) >= 5


def test_other_formats_are_refused(ticker: Program) -> None:
    done = ticker("compare", "--format", "csv")
    assert (done.returncode, done.stderr) == (2, "compare prints text or json, not csv\n")


def test_options_of_the_full_comparison_need_it(ticker: Program) -> None:
    done = ticker("compare", "--runs", "2")
    assert (done.returncode, done.stderr) == (2, "--runs needs --full\n")


def test_one_part_of_the_full_comparison_runs_alone(ticker: Program) -> None:
    done = ticker.run("compare", "--part", "storm", "--runs", "1", "--format", "json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["methods"], facts["sender"]) == ([], [])
    assert facts["storm"][0]["missed"] == 0
    assert facts["machine"]["cpus"] >= 1
    assert "100 subscribers were cut off at once" in facts["sentences"][-1]


def test_an_unreachable_kafka_is_reported_before_anything_is_measured(ticker: Program) -> None:
    done = ticker.run("compare", "--full", "--kafka", "127.0.0.1:1")
    assert done.returncode == 6
    assert done.stderr.startswith("kafka://127.0.0.1:1/compare: does not answer")


async def test_every_subscriber_hears_every_event_from_kafka(kafka: str) -> None:
    async with Bench() as bench:
        for _ in range(2):  # in the same topics: the events of the run before are not heard again
            plan = RunPlan(events=30, rate=100.0, stream=f"kafka://{kafka}/compare-tests")
            run = await bench.run(plan, [Group("Kafka", 2)], ahead=3.0)
            assert (run.heard, run.groups[0].missed) == (60, 0)
