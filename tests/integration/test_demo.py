from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import ticker
from ticker.processes.child import environment

pytestmark = pytest.mark.processes


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.mark.smoke
async def test_a_demo_works_inside_an_event_loop_and_leaves_nothing_behind() -> None:
    before = children()
    with ticker.demo(["AAPL", "GC=F"], seed=7) as url:
        assert len(children() - before) == 2
        async with ticker.open_stream(url) as stream:
            snapshot = await stream.snapshot()
            quotes = {quote.symbol: quote for quote in snapshot.quotes}
            assert set(quotes) == {"AAPL", "GC=F"}
            assert all(quote.simulated for quote in quotes.values())
            async with asyncio.timeout(20):
                async for batch in stream.read(snapshot.position, last_seen=snapshot.last_seen):
                    if batch.ticks:
                        break
    assert children() == before
    assert not Path(url.removeprefix("sqlite:")).parent.exists()


def test_a_demo_with_an_outage_has_a_gap_and_continues() -> None:
    before = children()
    with ticker.demo(["AAPL"], outage=(0.5, 2)) as url:
        deadline = time.monotonic() + 60
        while (gaps := ticker.frames.gaps(url)).empty:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert gaps["reason"].tolist() == ["poller stopped"]
        assert (gaps["until"] - gaps["from"]).iloc[0].total_seconds() > 1
        while ticker.frames.read(url, since=gaps["until"].iloc[0]).empty:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert children() == before


@pytest.mark.parametrize("after", [0, 60])
def test_a_demo_with_an_outage_can_end_at_any_moment(after: float) -> None:
    before = children()
    with ticker.demo(["AAPL"], outage=(after, 0)):
        begin = time.monotonic()
    assert time.monotonic() - begin < 10
    assert children() == before


def test_a_demo_whose_caller_was_killed_leaves_no_process() -> None:
    script = (
        "import ticker, psutil, time\n"
        "with ticker.demo(['AAPL']):\n"
        "    print(*(p.pid for p in psutil.Process().children()), flush=True)\n"
        "    time.sleep(60)\n"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert caller.stdout is not None
    started = [psutil.Process(int(pid)) for pid in caller.stdout.readline().split()]
    assert len(started) == 2
    os.kill(caller.pid, signal.SIGKILL)
    caller.wait()
    caller.stdout.close()
    deadline = time.monotonic() + 15
    while alive := [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
