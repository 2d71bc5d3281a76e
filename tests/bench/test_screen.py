# ruff: noqa: T201 - a bench prints its figures
"""`ticker` on a terminal: from an answer of the source to the screen, first paint and memory."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import struct
import sys
import termios
import time
from collections.abc import Iterable
from fcntl import ioctl
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
import pytest

from tests.serving import serving
from ticker.exchange import Exchange, SavedAnswers
from ticker.processes.child import environment
from ticker.records import Batch, Quote, Tick
from ticker.streams.sqlite import SqliteLog
from ticker.system_clock import now

CHANGES = 120
COLOURS = re.compile(rb"\x1b\[[\d;]*m")
"""Within a price, only the digits that changed are marked."""
PRICE = re.compile(rb"(\d,\d{3}\.\d{2})")


class Staircase(SavedAnswers):
    """One symbol whose price is new in every answer."""

    def __init__(self) -> None:
        self._step = 0

    def look(self, symbols: Iterable[str], now: int) -> list[dict[str, Any]]:
        self._step += 1
        return [
            {
                "symbol": symbol,
                "quoteType": "EQUITY",
                "marketState": "REGULAR",
                "currency": "USD",
                "regularMarketPrice": round(1000 + self._step / 100, 2),
                "regularMarketTime": now / 1e6,
                "regularMarketPreviousClose": 1000.0,
                "priceHint": 2,
            }
            for symbol in symbols
        ]

    def answer(self, symbols: Iterable[str], now: int) -> bytes:
        results = self.look(symbols, now)
        return json.dumps({"quoteResponse": {"result": results, "error": None}}).encode()


def on_a_terminal(words: list[str], folder: Path) -> tuple[int, int]:
    """Start a program on a terminal of its own; its process id and the terminal."""
    env = {**environment(), "XDG_STATE_HOME": str(folder), "TERM": "xterm-256color"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(words[0], words, env)  # noqa: S606  (a shell is not wanted)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 110, 0, 0))
    return pid, terminal


class Timetable(Staircase):
    """One symbol whose price is new at times that are known."""

    every = 700_000

    def look(self, symbols: Iterable[str], now: int) -> list[dict[str, Any]]:
        self._step = now // self.every % 100_000
        return [entry | {"regularMarketTime": now / 1e6} for entry in super().look(symbols, now)]


def run_and_watch(
    port: int, folder: Path, *, source: str = "exchange", every: str = "250ms"
) -> dict[bytes, float]:
    """Price as the screen shows it → when its bytes first came to the terminal (s since 1970)."""
    words = [sys.executable, "-P", "-m", "ticker", "run", "AAPL", "--every", every]
    words += ["--source", f"{source}:127.0.0.1:{port}", "--stream", f"sqlite:{folder}/log.sqlite"]
    words += ["--for", f"{5 + CHANGES / 4:.0f}s"]
    pid, terminal = on_a_terminal(words, folder)
    seen: dict[bytes, float] = {}
    rest = b""
    while select.select([terminal], [], [], 10)[0]:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:
            break
        now = time.time()
        rest = rest[-64:] + piece
        for price in PRICE.findall(COLOURS.sub(b"", rest)):
            seen.setdefault(price, now)
    os.close(terminal)
    os.waitpid(pid, 0)
    return seen


@pytest.mark.bench
def test_an_answer_is_on_the_screen_in_milliseconds(tmp_path: Path) -> None:
    with serving(Exchange(Staircase(), port=0)) as (_, port):
        seen = run_and_watch(port, tmp_path)
    with sqlite3.connect(tmp_path / "log.sqlite") as log:
        ticks = log.execute("select price, received from ticks order by position").fetchall()
    log.close()
    delays = [
        seen[shown] - received / 1e6
        for price, received in ticks[10:]  # the start of three processes is another matter
        if (shown := f"{price:,.2f}".encode()) in seen
    ]
    assert len(delays) >= CHANGES * 0.9
    cut = [1e3 * value for value in quantiles(delays, n=100)]
    print(f"\nanswer to screen: p50 {cut[49]:.1f} ms, p99 {cut[98]:.1f} ms, {len(delays)} changes")
    assert cut[49] < 10
    assert cut[98] < 25


@pytest.mark.bench
def test_a_change_at_the_source_is_on_the_screen_much_sooner_through_a_socket(
    tmp_path: Path,
) -> None:
    polled, live = (cuts_of(source, tmp_path) for source in ("exchange", "exchange-live"))
    assert live[49] < polled[49] / 3
    assert live[98] < polled[98]


def cuts_of(source: str, folder: Path) -> list[float]:
    """Percentiles of the time from a change to the screen (ms)."""
    (folder := folder / source).mkdir()
    with serving(Exchange(Timetable(), port=0)) as (_, port):
        seen = run_and_watch(port, folder, source=source, every="1s")
    delays = []
    for shown, at in seen.items():
        step = round((float(shown.replace(b",", b"")) - 1_000) * 100) - 1
        moved = (int(at * 1e6) // Timetable.every // 100_000 * 100_000 + step) * Timetable.every
        delays.append(at - moved / 1e6)
    delays = delays[5:]  # the start of three processes is another matter
    assert len(delays) > CHANGES / 6
    cut = [1e3 * value for value in quantiles(delays, n=100)]
    print(f"\n{source}: change to screen: p50 {cut[49]:.0f} ms, p99 {cut[98]:.0f} ms")
    return cut


BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("1,234.56")

Bare().run()
"""


def first_paint(words: list[str], folder: Path) -> tuple[float, float]:
    """The CPU time until a price is on the screen (s), and the memory a second later (MB)."""
    pid, terminal = on_a_terminal(words, folder)
    process, rest, painted = psutil.Process(pid), b"", 0.0
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        rest += os.read(terminal, 65_536)
        if not painted and PRICE.search(COLOURS.sub(b"", rest)):
            painted = sum(process.cpu_times()[:2])
            until = time.monotonic() + 1
    memory = process.memory_info().rss / 1e6
    process.kill()
    os.waitpid(pid, 0)
    os.close(terminal)
    assert painted, "no price came"
    return painted, memory


@pytest.mark.bench
async def test_a_dashboard_takes_little_more_time_and_memory_than_a_bare_app(
    tmp_path: Path,
) -> None:
    at = now()
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        await log.append(
            Batch(
                ticks=[Tick("AAPL", "yahoo", log.origin, 1, at, at, 1234.56)],
                quotes=[Quote("AAPL", "yahoo", at, at, 1234.56, origin=log.origin, sequence=1)],
            )
        )
    url = f"sqlite:{tmp_path}/log.sqlite"
    watch = [sys.executable, "-P", "-m", "ticker", "watch", "--stream", url]
    bare = [sys.executable, "-c", BARE]
    # The best of five: other programs use the machine too.
    costs = [(first_paint(watch, tmp_path), first_paint(bare, tmp_path)) for _ in range(5)]
    paint, memory = (
        min(ours[what] for ours, _ in costs) / min(bares[what] for _, bares in costs)
        for what in (0, 1)
    )
    print(f"\nfirst paint {paint:.2f} x a bare app (CPU), memory {memory:.2f} x")
    assert paint < 1.6
    assert memory < 1.6
