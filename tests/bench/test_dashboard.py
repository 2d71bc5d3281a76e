# ruff: noqa: T201 - a bench prints its figures
"""The dashboard in a process of its own, on a terminal of 140 by 50, over a SQLite log.

Ticks come from another process. Measured is the share of a core that the dashboard takes (CPU time,
so that other programs matter less), and for how long at once its event loop computes. Textual's
DataTable and Rich's Live show the same board for comparison. Then single changes, each after a
pause: from the commit to the bytes at the terminal. The best of three runs counts.
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

from ticker.records import Batch, Quote, Tick
from ticker.streams import open_log, retained

pytestmark = pytest.mark.bench

COLOURS = re.compile(rb"\x1b\[[\d;]*m")

WARM_UP = 3.0
MEASURED = 6.0
RUNS = 3

SHOW = """
import asyncio, json, sys, time
from ticker.dashboard import Dashboard
from ticker.streams import open_stream
from ticker.follow import Follow

async def probe(lags):
    # For how long the loop computes before it comes back: what a key press would wait. In its own
    # CPU time, because on a busy machine the rest is the wait for a core.
    while True:
        before = time.thread_time()
        await asyncio.sleep(0.005)
        lags.append(time.thread_time() - before)

async def main(url, out, probing):
    lags = []
    async with open_stream(url) as stream:
        task = asyncio.create_task(probe(lags) if probing else asyncio.sleep(0))
        feed = Follow(stream)
        await Dashboard(feed, title="bench").show()
        task.cancel()
    with open(out, "w") as file:
        json.dump({"lags": lags, "ticks": feed.board.ticks}, file)

asyncio.run(main(*sys.argv[1:]))
"""

WRITE = """
import asyncio, sys, time
from ticker.records import Batch, Tick
from ticker.streams import retained, open_log

async def main(url, symbols, rate, seconds):
    async with retained(open_log(url)) as log:
        sequences = [1] * symbols
        start = time.monotonic()
        batches = 20 if rate >= 100 else 1  # a second
        size = rate // batches
        for batch in range(int(seconds * batches)):
            now = time.time_ns() // 1000
            ticks = []
            for i in range(size):
                at = (batch * size + i) % symbols
                sequences[at] += 1
                ticks.append(Tick(f"S{at:04}", "exchange", log.origin, sequences[at], now, now,
                    100 + (sequences[at] * 7919 + at) % 1000 / 100, simulated=True,
                    day_change=1.5, day_change_percent=1.4, volume=1000 * sequences[at],
                    currency="USD", session="regular"))
            await log.append(Batch(ticks=ticks))
            await asyncio.sleep(max(0, start + (batch + 1) / batches - time.monotonic()))

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""

OTHERS = """
import asyncio, sys
from rich.live import Live
from rich.table import Table
from textual.app import App
from textual.widgets import DataTable
from ticker.board import Age
from ticker.board.columns import BY_KEY
from ticker.health.reasons import Reason
from ticker.streams import open_stream
from ticker.follow import Follow

COLUMNS = [BY_KEY[key] for key in (
    "symbol", "name", "price", "currency", "day_change", "day_change_percent", "volume", "session")]
FRESH = Age(0, Reason.FRESH)

def cells(row):
    return [column.text(row, FRESH) for column in COLUMNS]

class Shown(App):
    def __init__(self, feed):
        super().__init__()
        self.feed, self.known = feed, {}

    def compose(self):
        yield DataTable()

    def on_mount(self):
        self.table = self.query_one(DataTable)
        for column in COLUMNS:
            self.table.add_column(column.title, key=column.key)
        self.run_worker(self.feed.run())
        self.set_interval(0.1, self.paint)

    def paint(self):
        changed = self.feed.board.take_changed()
        for symbol in filter(changed.__contains__, self.feed.board.symbols):
            new, old = cells(self.feed.board.row(symbol)), self.known.get(symbol)
            if old is None:
                self.table.add_row(*new, key=symbol)
            else:
                for column, text, before in zip(COLUMNS, new, old):
                    if text != before:
                        self.table.update_cell(symbol, column.key, text)
            self.known[symbol] = new

async def live(feed):
    task = asyncio.create_task(feed.run())
    with Live(auto_refresh=False, screen=True) as live:
        while True:
            table = Table(box=None)
            for column in COLUMNS:
                table.add_column(column.title, no_wrap=True)
            for symbol in feed.board.symbols[:48]:
                table.add_row(*cells(feed.board.row(symbol)))
            live.update(table, refresh=True)
            await asyncio.sleep(0.1)

async def main(url, which):
    async with open_stream(url) as stream:
        feed = Follow(stream)
        await (Shown(feed).run_async() if which == "DataTable" else live(feed))

asyncio.run(main(*sys.argv[1:]))
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
def shown(url: str, out: Path, *, probing: bool = False) -> Iterator[Terminal]:
    words = [sys.executable, "-c", SHOW, url, str(out), "yes" if probing else ""]
    terminal = Terminal(words)
    try:
        yield terminal
    finally:
        terminal.end()


async def fill(url: str, count: int) -> str:
    """A log of `count` symbols with a quote and one tick each; its origin."""
    now = time.time_ns() // 1_000
    async with retained(open_log(url)) as log:
        facts = {"currency": "USD", "session": "regular", "simulated": True}
        names = [f"S{i:04}" for i in range(count)]
        await log.append(Batch(
            ticks=[Tick(s, "exchange", log.origin, 1, now, now, 100.0, **facts) for s in names],  # type: ignore[arg-type]
            quotes=[
                Quote(
                    s, "exchange", now, now, 100.0, log.origin, 1,
                    name=f"Synthetic Stock {s}", price_hint=2, **facts,  # type: ignore[arg-type]
                )
                for s in names
            ],
        ))  # fmt: skip
        return log.origin


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextmanager
def market(folder: Path, symbols: int, rate: int) -> Iterator[str]:
    """A log to which another process writes `rate` ticks a second."""
    url = f"sqlite:{folder / f'{time.monotonic_ns()}.sqlite'}"
    asyncio.run(fill(url, symbols))
    seconds = str(round(WARM_UP + MEASURED + 30))
    words = [sys.executable, "-c", WRITE, url, str(symbols), str(rate), seconds]
    writer = subprocess.Popen(words) if rate else None
    try:
        yield url
    finally:
        if writer is not None:
            writer.kill()
            writer.wait()


def share_of_a_core(terminal: Terminal) -> float:
    """What the program on `terminal` takes, once its rows are there."""
    terminal.first(b"S0001", 30)
    time.sleep(WARM_UP)
    process = psutil.Process(terminal.pid)
    before, start = process.cpu_times(), time.perf_counter()
    time.sleep(MEASURED)
    after, took = process.cpu_times(), time.perf_counter() - start
    return (after.user + after.system - before.user - before.system) / took


@pytest.mark.parametrize(
    ("symbols", "rate", "most"),
    [(5_000, 5_000, 0.25), (500, 1_000, 0.12), (9, 9, 0.025), (9, 0, 0.012)],
)
def test_a_dashboard_takes_little_of_a_core(
    tmp_path: Path, symbols: int, rate: int, most: float
) -> None:
    shares = []
    for run in range(RUNS):
        with market(tmp_path, symbols, rate) as url, shown(url, tmp_path / f"{run}") as terminal:
            shares.append(share_of_a_core(terminal))
    told = ", ".join(f"{share:.1%}" for share in shares)
    print(f"\n{symbols:,} symbols at {rate:,} ticks/s: {told} of a core")
    assert min(shares) < most


def test_the_event_loop_stays_free_with_5000_symbols(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    with market(tmp_path, 5_000, 5_000) as url, shown(url, out, probing=True) as terminal:
        share_of_a_core(terminal)
        terminal.press(b"q")
        deadline = time.monotonic() + 10
        while not (out.exists() and out.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        told = json.loads(out.read_text())
    lags = told["lags"][len(told["lags"]) // 4 :]
    p99 = percentile(lags, 0.99)
    print(f"\nthe loop computes p50 {percentile(lags, 0.5) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert told["ticks"] > 10_000
    assert p99 < 0.020


@pytest.mark.parametrize("other", ["DataTable", "Live"])
def test_the_table_takes_a_fraction_of_other_widgets_time(tmp_path: Path, other: str) -> None:
    with market(tmp_path, 500, 1_000) as url:
        with shown(url, tmp_path / "out") as terminal:
            ours = share_of_a_core(terminal)
        terminal = Terminal([sys.executable, "-c", OTHERS, url, other])
        try:
            theirs = share_of_a_core(terminal)
        finally:
            terminal.end()
    print(f"\n500 symbols at 1,000 ticks/s: ours {ours:.1%}, {other} {theirs:.1%} of a core")
    assert ours < theirs / 3


def test_a_change_after_a_pause_is_on_the_screen_at_once(tmp_path: Path) -> None:
    url, out = f"sqlite:{tmp_path / 'log.sqlite'}", tmp_path / "out.json"
    asyncio.run(fill(url, 500))
    delays: list[float] = []

    async def change(terminal: Terminal) -> None:
        async with retained(open_log(url)) as log:
            for number in range(100):
                await asyncio.sleep(0.23)
                now = time.time_ns() // 1_000
                price = 200 + number / 100
                tick = Tick("S0003", "exchange", log.origin, number + 2, now, now, price,
                            currency="USD", session="regular", simulated=True)  # fmt: skip
                await log.append(Batch(ticks=[tick]))
                committed = time.perf_counter()
                text = f"{price:.2f}".encode()
                delays.append(await asyncio.to_thread(terminal.first, text) - committed)

    with shown(url, out) as terminal:
        terminal.first(b"S0001")
        time.sleep(WARM_UP)  # its start reads histories, and paints them
        asyncio.run(change(terminal))
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(f"\ncommit to screen: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert p50 < 0.008
    assert p99 < 0.020
