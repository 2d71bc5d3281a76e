"""Pollers killed at random moments and pollers at once: no hole, no repeat, nothing lost.

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

    def __init__(
        self,
        log: Path,
        *,
        symbols: int,
        source: str,
        every: int = EVERY,
    ) -> None:
        words = [sys.executable, str(CHILD), str(log), str(symbols), str(every), source]
        self.acknowledged: list[tuple[str, int]] = []
        self.first = threading.Event()
        """The first good answer is durable: a poller says that it begins before it has one."""
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

    def stop(self) -> None:
        """Let it end in order."""
        self._process.terminate()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self.end() == -signal.SIGKILL

    def end(self) -> int:
        with closing(self._process.stderr) as errors:  # type: ignore[type-var]
            text = errors.read() if errors else ""
            code = self._process.wait(timeout=90)
        self._thread.join(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert not text, text
        return code


def check(log: Path, acknowledged: list[tuple[str, int]]) -> int:
    """How many ticks the file holds, each numbered once, without a hole, each told one there."""
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
        assert previous == before, f"{symbol}: {sequence} tells another price before"
        last[symbol] = (sequence, price)
    held = {(symbol, sequence) for symbol, sequence, _, _ in rows}
    assert set(acknowledged) <= held
    assert quotes == {symbol: number for symbol, (number, _) in last.items()}
    return len(rows)


def gaps(log: Path) -> list[tuple[int, int, int, str]]:
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as file:
        told = 'select rowid, "from", "until", reason from gaps order by rowid'
        return file.execute(told).fetchall()


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_poller_killed_at_random_moments_leaves_only_gaps(
    tmp_path: Path, crowded_exchange: str, rounds: int
) -> None:
    log = tmp_path / "stream.sqlite"
    chance = random.Random(4)  # noqa: S311  (moments, not secrets)
    acknowledged: list[tuple[str, int]] = []
    for _ in range(rounds):
        poller = Round(log, symbols=200, source=crowded_exchange)
        assert poller.first.wait(90)
        time.sleep(chance.uniform(0.0, 0.6))  # the moment is the test's chance, waited for by none
        poller.kill()
        acknowledged += poller.acknowledged
        assert check(log, acknowledged) >= len(set(acknowledged))
        # Until then it may be only late, and the next poller could not tell that it was killed.
        time.sleep((2.5 * EVERY + GRACE) / SECOND)
    stops = [gap for gap in gaps(log) if gap[-1] == "poller stopped"]
    assert len(stops) == rounds - 1
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as file:
        for place, start, until, _ in stops:
            assert until - start > 2 * EVERY
            # What came later is of the answer that ends the gap.
            before = "select count(*) from ticks where rowid < ? and received > ?"
            [(seen,)] = file.execute(before, (place, start)).fetchall()
            assert seen == 0, "a gap over a span in which ticks came"


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_two_pollers_on_one_log_leave_no_hole_and_no_repeat(
    tmp_path: Path, crowded_exchange: str, seconds: int
) -> None:
    log = tmp_path / "stream.sqlite"
    # At paces that drift past one another, so that now the one and now the other is first.
    pollers = [
        Round(log, symbols=200, source=crowded_exchange, every=every)
        for every in (EVERY, EVERY * 13 // 10)
    ]
    assert all(poller.first.wait(90) for poller in pollers)
    began = time.time() * SECOND
    time.sleep(seconds)  # so long both poll
    for poller in pollers:
        poller.stop()
    assert [poller.end() for poller in pollers] == [0, 0]
    acknowledged = [tick for poller in pollers for tick in poller.acknowledged]
    assert len(set(acknowledged)) == len(acknowledged), "one tick acknowledged to both"
    assert check(log, acknowledged) == len(acknowledged)
    # A busy machine may be late, and then says so; but nobody stopped.
    told = {reason for _, start, _, reason in gaps(log) if start > began}
    assert told <= {"slow answer", "poller held up"}
