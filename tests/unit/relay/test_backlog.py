"""Undelivered ticks in local logs, for all destinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticker.records import Batch, Heartbeat, Tick
from ticker.relay import Route, exclusively, local_log
from ticker.relay.backlog import Waiting, find_unsent, find_waiting, undelivered
from ticker.relay.sentences import waiting_words
from ticker.streams import StreamChoice, canonical_url, open_log, open_stream, retained

NOW = 1_795_447_805_000_000


@pytest.fixture
def destinations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[StreamChoice]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "state" / "ticker").mkdir(parents=True)
    return [StreamChoice(f"sqlite:{tmp_path / name}.sqlite", named=True) for name in ("old", "new")]


async def kept_for(choice: StreamChoice, ticks: int) -> Route:
    """The route from a local log that keeps so many ticks for `choice`."""
    local = local_log(choice, simulated=False)
    route = Route(canonical_url(local), canonical_url(choice))
    async with retained(open_log(local)) as log:
        await log.hold(route.destination, await log.find("start"))
        numbers = range(1, ticks + 1)
        await log.append(
            Batch(ticks=[Tick("A", "s", log.origin, n, NOW, NOW, float(n)) for n in numbers])
        )
    return route


async def test_each_local_log_is_listed_for_every_stream(
    destinations: list[StreamChoice],
) -> None:
    old, new = [await kept_for(each, n) for n, each in enumerate(destinations, 1)]
    both = {Waiting(*old, 1, sending=False), Waiting(*new, 2, sending=False)}
    for choice in destinations:
        async with open_stream(choice) as stream:
            assert {*await find_waiting(choice, stream, await stream.health())} == both
    log = StreamChoice(new.source, named=True)
    async with open_stream(log) as stream:  # one that is asked itself is listed once
        found = await find_waiting(log, stream, await stream.health())
    assert len(found) == 2
    assert undelivered(found, log) == 2


async def test_a_poller_lists_backlogs_that_no_relay_sends(
    destinations: list[StreamChoice],
) -> None:
    old, new = [await kept_for(each, 1) for each in destinations]
    assert await find_unsent(new) == [Waiting(*old, 1, sending=False)]
    with exclusively(old.lock, *old):
        assert await find_unsent(new) == []


async def test_the_command_that_sends_a_backlog_asks_the_server_of_its_poller(
    destinations: list[StreamChoice],
) -> None:
    choice, url = destinations[0], "exchange:127.0.0.1:18790"
    await kept_for(choice, 1)
    async with retained(open_log(local_log(choice, simulated=False))) as log:
        beat = Heartbeat(log.origin, "w", "exchange", NOW, NOW, 1, "ok", 1, 1, source_url=url)
        await log.append(Batch(heartbeats=[beat]))
    async with open_stream(choice) as stream:
        (found,) = await find_waiting(choice, stream, await stream.health())
    assert found.source == url
    assert f"ticker poll --source {url} " in waiting_words(found, choice, away=False)
