from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ticker.records import Batch, Tick
from ticker.relay import Relay, RelayStatus, Route, Sending, exclusively
from ticker.relay import sending as module
from ticker.relay.sentences import undelivered_words
from ticker.streams import StreamChoice, canonical_url
from ticker.streams.sqlite import SqliteLog

NOW = 1_795_447_805_000_000


async def test_a_relay_ended_by_a_bug_is_reported_and_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Relay.run
    failures = 1
    told: list[RelayStatus] = []

    async def failing(self: Relay) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise ValueError("unforeseen")
        return await run(self)

    monkeypatch.setattr(Relay, "run", failing)
    monkeypatch.setattr(module, "_AFTER_FAILURE", 0.01)
    begin, end = (f"sqlite:{tmp_path / name}.sqlite" for name in ("from", "to"))
    async with SqliteLog(tmp_path / "from.sqlite") as log, asyncio.timeout(20):
        await log.append(Batch(ticks=[Tick("A", "s", log.origin, 1, NOW, NOW, 1.0)]))
        sending = Sending(
            log,
            StreamChoice(begin, named=True),
            StreamChoice(end, named=True),
            on_status=told.append,
            on_failure=lambda: pytest.fail("the poller was stopped"),
        )
        await sending.start()
        while not any(status.ticks for status in told):  # noqa: ASYNC110 - a status is no event
            await asyncio.sleep(0.01)
        assert "unforeseen" in (told[0].problem or "")
        assert await sending.finish() == "undelivered: 0"


async def test_a_poller_beside_an_active_relay_is_never_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.01)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("the event loop was blocked"))
    told: list[RelayStatus] = []
    begin, end = (StreamChoice(f"sqlite:{tmp_path / n}.sqlite", named=True) for n in ("from", "to"))
    route = Route(canonical_url(begin), canonical_url(end))
    async with SqliteLog(tmp_path / "from.sqlite") as log, asyncio.timeout(20):
        await log.append(Batch(ticks=[Tick("A", "s", log.origin, 1, NOW, NOW, 1.0)]))
        with exclusively(route.lock, *route):
            sending = Sending(
                log,
                begin,
                end,
                on_status=told.append,
                on_failure=lambda: pytest.fail("the poller was stopped"),
            )
            await sending.start()
            while len(told) < 3:  # noqa: ASYNC110 - a status is no event
                await asyncio.sleep(0.001)
            assert {status.state for status in told} == {"elsewhere"}
        while not told[-1].ticks:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.001)
        assert await sending.finish() == "undelivered: 0"


async def test_a_poller_reports_a_backlog_if_another_relay_makes_no_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.01)
    monkeypatch.setattr(module, "_UNMOVED", 0.2)
    told: list[RelayStatus] = []
    begin, end = (StreamChoice(f"sqlite:{tmp_path / n}.sqlite", named=True) for n in ("from", "to"))
    route = Route(canonical_url(begin), canonical_url(end))

    async def until_waiting(ticks: int | None) -> None:
        while told[-1:] == [] or told[-1].waiting != ticks:  # noqa: ASYNC110 - a status is no event
            await asyncio.sleep(0.001)

    async with SqliteLog(tmp_path / "from.sqlite") as log, asyncio.timeout(20):
        await log.hold(route.destination, await log.find("start"))
        await log.append(Batch(ticks=[Tick("A", "s", log.origin, 1, NOW, NOW, 1.0)]))
        with exclusively(route.lock, *route):
            sending = Sending(
                log, begin, end, on_status=told.append, on_failure=lambda: pytest.fail("stopped")
            )
            await sending.start()
            await until_waiting(1)
            assert told[0].waiting is None  # it may just be on its way
            await log.append(
                Batch(ticks=[Tick("A", "s", log.origin, 2, NOW, NOW, 2.0, previous_price=1.0)])
            )
            await until_waiting(2)
            assert (told[-1].state, told[-1].is_away) == ("elsewhere", True)
            assert told[-1].process == os.getpid()
            await log.hold(route.destination, await log.find("end"))
            await until_waiting(None)
            await sending.finish()


@pytest.mark.parametrize("problem", ["kafka://h:1/p: does not answer", "is it Kafka?", "So it is."])
def test_the_reason_for_undelivered_ticks_ends_in_one_full_stop(problem: str) -> None:
    words = undelivered_words(3, "sqlite:a", "ticker forward", problem)
    assert words.endswith(problem if problem.endswith(("?", ".")) else f"{problem}.")
