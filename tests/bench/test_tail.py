# ruff: noqa: T201 - a bench prints its figures
"""How fast a history is printed, against the `sqlite3` of the same rows. `pytest -m bench -s`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ticker.processes.child import environment
from ticker.records import Batch, Tick
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter
from ticker.units import SECOND

pytestmark = pytest.mark.bench

ANSWERS = 600
SYMBOLS = [f"SYM{n}" for n in range(500)]
NOW = 1_795_447_805_000_000
ROUNDS = 5


def answer(origin: str, number: int) -> list[Tick]:
    """All prices new, as one answer of a source brings them."""
    at = NOW + number * SECOND
    return [
        Tick(
            symbol=symbol,
            source="exchange",
            origin=origin,
            sequence=number + 1,
            time=at,
            received=at + 312_345,
            price=100 + (number + place) % 97 / 8,
            previous_price=100.25,
            day_change=1.5,
            day_change_percent=1.4778325123152709,
            volume=120_431 + number,
            bid=100.5,
            ask=100.75,
            currency="USD",
            session="regular",
            simulated=True,
        )
        for place, symbol in enumerate(SYMBOLS)
    ]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "log.sqlite"
    writer = SqliteWriter(path, "bench", Retention(keep_for=10**15), 5.0)
    for number in range(ANSWERS):
        writer.append(Batch(ticks=answer(writer.origin, number)), NOW + number)
    writer.close()
    return path


def seconds(words: list[str], folder: Path) -> float:
    """CPU seconds of a process from its start to its end, which other processes hardly change."""
    env = {**environment(), "XDG_STATE_HOME": str(folder)}
    with (folder / "printed").open("wb") as out:
        child = subprocess.Popen(words, stdout=out, env=env)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    lines = (folder / "printed").read_bytes().count(b"\n")
    assert lines in {ANSWERS * len(SYMBOLS), ANSWERS * len(SYMBOLS) + 1}
    return used.ru_utime + used.ru_stime


def test_a_history_is_printed_as_quickly_as_sqlite_prints_it(history: Path, tmp_path: Path) -> None:
    if (bare := shutil.which("sqlite3")) is None:
        pytest.skip("needs the program sqlite3")
    tail = [sys.executable, "-P", "-m", "ticker", "tail", "--stream", f"sqlite:{history}"]
    tail += ["--since", "start", "--no-follow", "--format"]
    query = "SELECT * FROM ticks ORDER BY position"
    ways = ([bare, "-json", str(history), query], [*tail, "json"], [*tail, "csv"])
    rounds = [[seconds(words, tmp_path) for words in ways] for _ in range(ROUNDS)]
    theirs, json, csv = map(min, zip(*rounds, strict=True))
    rows = ANSWERS * len(SYMBOLS)
    print(
        f"\nlines a second: sqlite3 -json {rows / theirs:,.0f}, tail JSON {rows / json:,.0f} "
        f"({theirs / json:.2f}), CSV {rows / csv:,.0f} ({json / csv:.2f} of JSON)"
    )
    assert theirs / json >= 0.8
    assert json / csv >= 0.8
