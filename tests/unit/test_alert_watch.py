from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Any

import pytest

from ticker import alert_watch
from ticker.alert_watch import Alerting, event_of
from ticker.board import Board
from ticker.board.alert_rules import Memory, Told, parse_alert
from ticker.config.reading import load
from ticker.errors import ConfigError
from ticker.records import Batch, Position, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000
ABOVE = parse_alert("AAPL > 250")


def batch(*prices: float, first: int = 1, at: int = NOW) -> Batch:
    ticks = [
        Tick("AAPL", "yahoo", "one", first + n, at + n * SECOND, at + n * SECOND, price)
        for n, price in enumerate(prices)
    ]
    return Batch(Position(""), ticks=ticks)


class Past:
    """A feed with a past, at a time."""

    def __init__(self, past: Batch | None = None, now: int = NOW) -> None:
        self.board = Board()
        self._past = past
        self._now = now

    def wall(self) -> int:
        return self._now

    async def history(self, symbols: Collection[str]) -> AsyncGenerator[Batch, None]:
        assert list(symbols) == ["AAPL"]
        if self._past is not None:
            yield self._past


async def told_by(alerting: Alerting, feed: Past, *batches: Batch) -> list[Told]:
    found: list[Told] = []
    alerting.on_told = found.append
    alerting.attach(feed)  # type: ignore[arg-type]  # all it needs
    async with alerting:
        for each in batches:
            alerting.take(each)
            await asyncio.sleep(0)
        assert alerting._catching_up is not None
        await alerting._catching_up
    return found


async def test_a_restart_reports_what_it_missed_and_repeats_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "alerts.json"
    first = await told_by(Alerting([(ABOVE, ())], path=path), Past(), batch(249, 251, 249, 249.5))
    assert [told.record.sequence for told in first] == [2]
    # Meanwhile 5 and 6 came, and 7 comes twice: as the past is read, and by itself.
    past = batch(249, 251, 249, 249.5, 251, 249, 252)
    again = Alerting([(ABOVE, ())], path=path)
    later = await told_by(again, Past(past, NOW + 6 * SECOND), batch(252, first=7))
    assert [(told.record.sequence, told.is_late) for told in later] == [(5, True), (7, False)]


async def test_alerts_during_the_reading_of_the_past_follow_it(tmp_path: Path) -> None:
    alerting = Alerting([(ABOVE, ())], path=tmp_path / "a.json")
    found = await told_by(alerting, Past(batch(249)), batch(249), batch(251, first=2))
    assert [told.record.sequence for told in found] == [2]


async def test_a_changed_file_replaces_its_alerts_and_keeps_those_added_on_screen() -> None:
    below, mine, half = (parse_alert(f"AAPL {each}") for each in ("< 9", "> 300", "> 125"))
    alerting = Alerting([(ABOVE, ("old",)), (below, ())])
    feed = Past()
    feed.board.fold(batch(249), NOW)
    alerting.attach(feed)  # type: ignore[arg-type]  # all it needs
    alerting.add(mine.text)
    alerting.follow([(ABOVE, ("new",)), (half, ())])
    assert [each.text for each in alerting.alerts] == [ABOVE.text, mine.text, half.text]
    assert alerting.command(ABOVE) == ("new",)
    assert [alerting.is_kept(each) for each in alerting.alerts] == [True, False, True]
    assert not alerting.is_armed(half)  # it is true already


async def test_a_command_gets_the_event_and_its_failure_is_reported(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + sys.stdin.read())"
    good = (sys.executable, "-c", code, str(out), "{symbol} at {price}\n")
    bad = parse_alert("AAPL > 240")
    alerting = Alerting([(ABOVE, good), (bad, ("/no/such-program",))], runs=True)
    words: list[str] = []
    alerting.on_word = words.append
    await told_by(alerting, Past(), batch(239, 251.5))
    first, second = out.read_text().splitlines()
    assert first == "AAPL at 251.5"
    event = json.loads(second)
    assert (event["alert"], event["value"], event["event"]["sequence"]) == ("AAPL > 250", 251.5, 2)
    assert words == ["AAPL > 240: such-program: there is no such program"]


async def test_no_command_runs_without_permission(tmp_path: Path) -> None:
    out = tmp_path / "out"
    alerting = Alerting([(ABOVE, ("touch", str(out)))], runs=False)
    assert len(await told_by(alerting, Past(), batch(249, 251))) == 1
    assert not out.exists()


async def test_an_event_is_marked_as_late_or_simulated() -> None:
    tick = Tick("AAPL", "exchange", "one", 2, NOW, NOW, 251.0, simulated=True)
    event = event_of(Told(ABOVE, tick, is_late=True))
    assert event["late"]
    assert event["simulated"]


@pytest.mark.parametrize("before", ["", "[defaults]\nevery = '5s'", "# kept\n[holdings]\n"])
def test_a_saved_alert_follows_the_existing_ones_in_the_file(tmp_path: Path, before: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before)
    alerting = Alerting(keep_in=path)
    alert, is_armed = alerting.add("BTC-USD moves 1% in 5m")
    assert is_armed
    assert not alerting.is_kept(alert)
    assert alerting.keep(alert) == path
    assert alerting.is_kept(alert)
    assert path.read_text().startswith(before)
    assert [entry.when for entry in load(path).alerts] == ["BTC-USD moves 1% in 5m"]


@pytest.mark.parametrize(
    "before",
    [
        "alerts = [{ when = 'AAPL > 1' }]  # kept\n[defaults]\n",
        "[[alerts]]\nwhen = 'AAPL > 1'  # kept\n\n[defaults]\nevery = '5s'\n",
    ],
)
def test_a_saved_alert_follows_the_others_wherever_they_are(tmp_path: Path, before: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before)
    alerting = Alerting(keep_in=path)
    alerting.keep(alerting.add("AAPL > 250")[0])
    assert [entry.when for entry in load(path).alerts] == ["AAPL > 1", "AAPL > 250"]
    assert "# kept" in path.read_text()


def test_a_file_with_a_mistake_does_not_get_an_alert(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text := "alerts = 3\n")
    alerting = Alerting(keep_in=path)
    alert, _ = alerting.add("AAPL > 250")
    with pytest.raises(ConfigError, match=r"config.toml:1: alerts: expected one or more tables"):
        alerting.keep(alert)
    assert path.read_text() == text
    assert not alerting.is_kept(alert)


@pytest.mark.parametrize("content", ["", "{", '{"symbols": 3}'])
def test_an_unreadable_memory_of_alerts_counts_as_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alerts.json"
    path.write_text(content)
    assert alert_watch.load_memory(path) is None


def test_screens_with_and_without_commands_have_separate_memories(tmp_path: Path) -> None:
    paths: set[Any] = {
        alert_watch.memory_path(tmp_path, stream, runs=runs)
        for stream in ("sqlite:a", "sqlite:b")
        for runs in (True, False)
    }
    assert len(paths) == 4
    path = paths.pop()
    alert_watch.save_memory(path, Memory(armed={"AAPL > 1": None}))
    assert alert_watch.load_memory(path) == Memory(armed={"AAPL > 1": None})
