from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ticker.compare.clients import Group
from ticker.compare.measuring import Bench
from ticker.compare.methods import METHODS
from ticker.compare.plan import RunPlan, tick_of
from ticker.compare.sockets import listening
from ticker.errors import TickerError
from ticker.wire import encode

EVENTS = 30
PAYLOAD = sum(len(encode(tick_of(n))) for n in range(1, EVENTS + 1))


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    """A server for all tests: it takes a second to start."""
    async with Bench() as started:
        yield started


async def test_sockets_count_the_bytes_that_pass_through() -> None:
    counts: Counter[str] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * len(await reader.readline()) * 3)
        writer.close()

    async with await asyncio.start_server(answer, sock=listening(counts)) as server:
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            assert len(await reader.read()) == 18
            writer.close()
            await writer.wait_closed()
    assert counts == {"connections": 2, "received": 12, "sent": 36}


CONNECTIONS_AND_REQUESTS = {
    "request": (EVENTS, EVENTS),
    "poll": (1, EVENTS),
    "long poll": (1, 1),
    "WebSocket": (1, 1),
    "WebSocket batched": (1, 1),
    "SSE": (1, 1),
    "SSE batched": (1, 1),
}


async def test_every_method_delivers_every_event_once(bench: Bench) -> None:
    for name, expected in CONNECTIONS_AND_REQUESTS.items():
        run = await bench.run(RunPlan(events=EVENTS), [Group(name)])
        assert (run.heard, run.groups[0].missed) == (EVENTS, 0), name
        assert (run.connections, run.requests) == expected, name
        assert run.sent > PAYLOAD, name
        assert run.received > 100, name  # each asks at least once
    assert set(METHODS) - set(CONNECTIONS_AND_REQUESTS) == {"poll each second", "SQLite", "Kafka"}


async def test_a_poll_misses_events_between_two_requests(bench: Bench) -> None:
    plan = RunPlan(events=40, rate=200.0, poll=0.1)
    run = await bench.run(plan, [Group("poll"), Group("WebSocket")])
    polled, opened = run.groups
    assert opened.missed == 0
    assert 1 <= polled.heard <= 6
    assert polled.missed == 40 - polled.heard


async def test_a_hanging_subscriber_delays_neither_the_sender_nor_the_others(bench: Bench) -> None:
    plan = RunPlan(events=50, rate=500.0)
    run = await bench.run(plan, [Group("WebSocket"), Group("WebSocket", 3, hangs=True)])
    able, hanging = run.groups
    assert able.heard == len(run.late) == 50
    assert hanging.heard <= 2 * 3


async def test_a_subscriber_that_was_cut_off_continues_where_it_was(bench: Bench) -> None:
    run = await bench.run(RunPlan(events=60, rate=30.0), [Group("WebSocket", 5)], cut=True)
    assert run.groups[0].missed == 0
    assert 5 < run.connections <= 10


async def test_a_subscriber_that_cannot_continue_ends_the_run_in_a_sentence() -> None:
    async with Bench() as bench:
        with pytest.raises(TickerError, match="not completed"):
            await bench.run(RunPlan(events=20, rate=200.0), [Group("SSE")], cut=True)


async def test_every_subscriber_reads_the_same_log(bench: Bench, tmp_path: object) -> None:
    plan = RunPlan(events=EVENTS, stream=f"sqlite:{tmp_path}/log.sqlite")
    run = await bench.run(plan, [Group("SQLite", 3)])
    assert run.heard == 3 * EVENTS
    assert run.connections == 0
