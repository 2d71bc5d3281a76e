"""Pollers killed at random moments leave no hole and no repeat, and lose nothing.

The oracle reads the file with the standard library's sqlite3, not with our code.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.serving import serving
from ticker.exchange import Exchange, Market, companies
from ticker.health.writers import GRACE
from ticker.units import SECOND

pytestmark = pytest.mark.processes

CHILD = Path(__file__).with_name("polling_child.py")
EVERY = 100_000


@pytest.fixture
def crowded_exchange() -> Iterator[str]:
    """The source URL of an exchange with 200 stocks that move ten times a second."""
    market = Market(7, listings=companies(200), every=EVERY)
    with serving(Exchange(market, port=0)) as (host, port):
        yield f"exchange:{host}:{port}"


class Round:
    """One poller process, from its start to its kill."""

    def __init__(self, log: Path, *, symbols: int, source: str) -> None:
        words = [sys.executable, str(CHILD), str(log), str(symbols), str(EVERY), source]
        self.acknowledged: list[tuple[str, int]] = []
        self.first = threading.Event()
        """Set once the first good answer is durable. A poller reports its start before that."""
        self._process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                for word in line.split():
                    symbol, _, sequence = word.rpartition(":")
                    self.acknowledged.append((symbol, int(sequence)))
                if self.acknowledged:
                    self.first.set()

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self._process.send_signal(signal.SIGKILL)
        with closing(self._process.stderr) as errors:  # type: ignore[type-var]
            text = errors.read() if errors else ""
            code = self._process.wait(timeout=90)
        self._thread.join(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert not text, text
        assert code == -signal.SIGKILL


def check(log: Path, acknowledged: list[tuple[str, int]]) -> int:
    """Check that the file holds each acknowledged tick, in sequence. Returns their number."""
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as file:
        [(verdict,)] = file.execute("pragma integrity_check").fetchall()
        rows = file.execute(
            "select symbol, sequence, price, previous_price from ticks order by rowid"
        ).fetchall()
        quotes = dict(file.execute("select symbol, sequence from quotes").fetchall())
    assert verdict == "ok"
    last: dict[str, tuple[int, float | None]] = {}
    for symbol, sequence, price, previous in rows:
        number, before = last.get(symbol, (0, None))
        assert sequence == number + 1, f"{symbol}: {sequence} after {number}"
        assert previous == before, f"{symbol}: {sequence} has the wrong previous price"
        last[symbol] = (sequence, price)
    held = {(symbol, sequence) for symbol, sequence, _, _ in rows}
    assert set(acknowledged) <= held
    assert quotes == {symbol: number for symbol, (number, _) in last.items()}
    return len(rows)


def gaps(log: Path) -> list[tuple[int, int, int, str]]:
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as file:
        told = 'select rowid, "from", "until", reason from gaps order by rowid'
        return file.execute(told).fetchall()


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_a_poller_killed_at_random_moments_leaves_only_gaps(
    tmp_path: Path, crowded_exchange: str, rounds: int
) -> None:
    log = tmp_path / "stream.sqlite"
    chance = random.Random(4)  # noqa: S311  (moments, not secrets)
    acknowledged: list[tuple[str, int]] = []
    for _ in range(rounds):
        poller = Round(log, symbols=200, source=crowded_exchange)
        assert poller.first.wait(90)
        time.sleep(chance.uniform(0.0, 0.6))  # a random moment to kill it, not a wait
        poller.kill()
        acknowledged += poller.acknowledged
        assert check(log, acknowledged) >= len(set(acknowledged))
        # Before this time has passed, the next poller takes it for late and writes no gap.
        time.sleep((2.5 * EVERY + GRACE) / SECOND)
    stops = [gap for gap in gaps(log) if gap[-1] == "poller stopped"]
    assert len(stops) == rounds - 1
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as file:
        for place, start, until, _ in stops:
            assert until - start > 2 * EVERY
            # Later ticks belong to the answer that ends the gap.
            before = "select count(*) from ticks where rowid < ? and received > ?"
            [(seen,)] = file.execute(before, (place, start)).fetchall()
            assert seen == 0, "a gap over a span in which ticks came"
