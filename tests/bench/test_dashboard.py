# ruff: noqa: T201 - a bench prints its figures
"""The dashboard in a process of its own, on a terminal of 140 by 50, over a SQLite log.

500 symbols at 1,000 ticks a second, written by another process: the share of a core that the
dashboard takes and how long its event loop is kept waiting. Then single changes, each after a
pause: from the commit to the bytes at the terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ticker.records import Quote, Tick
from ticker.streams import open_log, retained

pytestmark = pytest.mark.bench

COLOURS = re.compile(rb"\x1b\[[\d;]*m")

SYMBOLS = 500
WARM_UP = 2.0
MEASURED = 8.0

SHOW = """
import asyncio, json, sys, time
from ticker.dashboard import Dashboard
from ticker.streams import open_stream
from ticker.follow import Follow

async def probe(lags):
    # How much later than asked the loop comes back: what a key press would wait.
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - before - 0.005)

async def main(url, out):
    lags = []
    async with open_stream(url) as stream:
        task = asyncio.create_task(probe(lags))
        ended = await Dashboard(Follow(stream), title="bench").show()
        task.cancel()
    with open(out, "w") as file:
        json.dump({"lags": lags, "ticks": ended.ticks}, file)

asyncio.run(main(*sys.argv[1:]))
"""

WRITE = """
import asyncio, sys, time
from ticker.records import Tick
from ticker.streams import retained, open_log

async def main(url, symbols, seconds):
    async with retained(open_log(url)) as log:
        sequences = [1] * symbols
        start = time.monotonic()
        for batch in range(int(seconds * 20)):
            now = time.time_ns() // 1000
            ticks = []
            for i in range(50):
                at = (batch * 50 + i) % symbols
                sequences[at] += 1
                ticks.append(Tick(f"S{at:04}", "exchange", log.origin, sequences[at], now, now,
                    100 + (sequences[at] * 7919 + at) % 1000 / 100, simulated=True,
                    day_change=1.5, day_change_percent=1.4, volume=1000 * sequences[at],
                    currency="USD", session="regular"))
            await log.append(ticks)
            await asyncio.sleep(max(0, start + (batch + 1) / 20 - time.monotonic()))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
"""


class Terminal:
    """A program on a terminal whose output is taken in by a thread, with the time of each byte."""

    def __init__(self, command: list[str]) -> None:
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 140, 0, 0))
            os.execv(command[0], command)  # noqa: S606  our own program
        self.seen: list[tuple[float, bytes]] = []
        self._plain: list[tuple[float, bytes]] = []  # the same without colours
        self._over = False
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._over:
            if select.select([self._handle], [], [], 0.1)[0]:
                try:
                    data = os.read(self._handle, 1 << 16)
                except OSError:
                    return
                now = time.perf_counter()
                self.seen.append((now, data))
                self._plain.append((now, COLOURS.sub(b"", data)))

    def press(self, key: bytes) -> None:
        os.write(self._handle, key)

    def first(self, text: bytes, within: float = 5.0) -> float:
        """When `text` came (s, perf_counter); raises where it does not within that time.

        Colours are passed over: within a price, only the digits that changed are marked.
        """
        deadline = time.perf_counter() + within
        while time.perf_counter() < deadline:
            for moment, data in self._plain:
                if text in data:
                    return moment
            time.sleep(0.001)
        raise AssertionError(text)

    def end(self) -> None:
        self._over = True
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        self._thread.join()
        os.close(self._handle)


@contextmanager
def shown(url: str, out: Path) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-c", SHOW, url, str(out)])
    try:
        yield terminal
    finally:
        terminal.end()


async def fill(url: str) -> str:
    """A log of `SYMBOLS` symbols with a quote and one tick each; its origin."""
    now = time.time_ns() // 1_000
    async with retained(open_log(url)) as log:
        facts = {"currency": "USD", "session": "regular", "simulated": True}
        names = [f"S{i:04}" for i in range(SYMBOLS)]
        await log.append(
            [Tick(s, "exchange", log.origin, 1, now, now, 100.0, **facts) for s in names],  # type: ignore[arg-type]
            quotes=[
                Quote(
                    s, "exchange", now, now, 100.0, log.origin, 1,
                    name=f"Synthetic Stock {s}", price_hint=2, **facts,  # type: ignore[arg-type]
                )
                for s in names
            ],
        )  # fmt: skip
        return log.origin


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_500_symbols_at_1000_ticks_a_second_take_little_and_keep_the_loop_free(
    tmp_path: Path,
) -> None:
    url, out = f"sqlite:{tmp_path / 'log.sqlite'}", tmp_path / "out.json"
    asyncio.run(fill(url))
    with shown(url, out) as terminal:
        started = time.perf_counter()
        terminal.first(b"S0001")
        print(f"\nfirst rows on the screen after {time.perf_counter() - started:.2f} s")
        seconds = str(WARM_UP + MEASURED + 1)
        writer = subprocess.Popen([sys.executable, "-c", WRITE, url, str(SYMBOLS), seconds])
        time.sleep(WARM_UP)
        process = psutil.Process(terminal.pid)
        before, start, bytes_before = process.cpu_times(), time.perf_counter(), len(terminal.seen)
        time.sleep(MEASURED)
        after, took = process.cpu_times(), time.perf_counter() - start
        size = sum(len(data) for _, data in terminal.seen[bytes_before:])
        share = (after.user + after.system - before.user - before.system) / took
        memory = process.memory_info().rss / 1e6
        assert writer.wait(30) == 0
        terminal.press(b"q")
        deadline = time.monotonic() + 5
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
    told = json.loads(out.read_text())
    lags = told["lags"][len(told["lags"]) // 4 :]
    p99 = percentile(lags, 0.99)
    print(f"{told['ticks']:,} ticks, {share:.1%} of a core, {memory:.0f} MB")
    print(f"to the terminal: {size / took / 1e3:.0f} kB/s")
    print(f"event loop late by p50 {percentile(lags, 0.5) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert share < 0.15
    assert p99 < 0.020


def test_a_change_after_a_pause_is_on_the_screen_at_once(tmp_path: Path) -> None:
    url, out = f"sqlite:{tmp_path / 'log.sqlite'}", tmp_path / "out.json"
    asyncio.run(fill(url))
    delays: list[float] = []

    async def change(terminal: Terminal) -> None:
        async with retained(open_log(url)) as log:
            for number in range(100):
                await asyncio.sleep(0.23)
                now = time.time_ns() // 1_000
                price = 200 + number / 100
                tick = Tick("S0003", "exchange", log.origin, number + 2, now, now, price,
                            currency="USD", session="regular", simulated=True)  # fmt: skip
                await log.append([tick])
                committed = time.perf_counter()
                text = f"{price:.2f}".encode()
                delays.append(await asyncio.to_thread(terminal.first, text) - committed)

    with shown(url, out) as terminal:
        terminal.first(b"S0001")
        asyncio.run(change(terminal))
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(f"\ncommit to screen: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert p50 < 0.010
    assert p99 < 0.025
