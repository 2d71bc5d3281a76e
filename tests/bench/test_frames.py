# ruff: noqa: S608, T201 - a query over our own columns; a bench prints its figures
"""How fast ticks become frames, against a bare fetchall in the same run. `pytest -m bench -s`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

import ticker
from ticker.records import Batch, Tick
from ticker.streams import open_log

pytestmark = pytest.mark.bench

NOW = 1_795_447_805_000_000
ROWS = 200_000
SYMBOLS = [f"SYM{n}" for n in range(50)]


def ticks() -> list[Tick]:
    """As a real log holds them: two currencies, three sessions, times that cross each other."""
    return [
        Tick(
            SYMBOLS[n % 50],
            "yahoo",
            "benchlog",
            n // 50 + 1,
            NOW + n * 1_000 - n % 7 * 300_000,
            NOW + n * 1_000 + 300_000,
            100 + n % 97 / 8,
            previous_price=100.25,
            day_change=1.5,
            day_change_percent=1.4778325123152709,
            volume=120_431 + n,
            bid=100.5,
            ask=100.75,
            currency="EUR" if n % 50 < 5 else "USD",
            session="regular" if n > ROWS // 20 else "pre",
        )
        for n in range(ROWS)
    ]


def least(work: Callable[[], object]) -> float:
    """CPU seconds: other programs of the machine do not count."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


async def test_a_frame_of_a_log_keeps_up_with_a_bare_fetchall(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    url = f"sqlite:{path}"
    async with open_log(url) as log:
        made = ticks()
        for begin in range(0, ROWS, 5_000):
            await log.append(Batch(ticks=made[begin : begin + 5_000]))
    columns = ", ".join(Tick.__struct_encode_fields__)

    def bare() -> None:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        rows = connection.execute(f"SELECT {columns} FROM ticks ORDER BY position").fetchall()
        connection.close()
        assert len(rows) == ROWS

    def ours() -> None:
        assert len(ticker.frames.read(url)) == ROWS

    pairs = [(least(bare), least(ours)) for _ in range(7)]
    fetch, frame = (min(column) for column in zip(*pairs, strict=True))
    print(
        f"\nframes.read: {ROWS / frame:,.0f} ticks/s, apsw fetchall {ROWS / fetch:,.0f} rows/s: "
        f"{fetch / frame:.2f}"
    )
    assert fetch / frame >= 0.8
