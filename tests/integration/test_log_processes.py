"""A log between processes: writers killed at any moment, readers elsewhere."""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ticker.streams import open_log, open_stream

pytestmark = pytest.mark.processes

WRITER = """
import asyncio, sys
from ticker.errors import SequenceConflict
from ticker.records import Batch, Quote, Tick
from ticker.streams import open_log

async def write(url, writer):
    async with open_log(url) as log:
        last = dict(await log.last())
        time = 1_795_447_805_000_000
        while True:
            numbers = {s: last.get((log.origin, s), 0) + 1 for s in "ABCDE"}
            o, now = log.origin, time
            ticks = [Tick(s, writer, o, n, now, now + n, 1.0) for s, n in numbers.items()]
            quotes = [Quote(s, writer, now, now + n, 1.0, o, n) for s, n in numbers.items()]
            try:
                await log.append(Batch(ticks=ticks, quotes=quotes))
            except SequenceConflict:
                last = dict(await log.last())
                continue
            for s, n in numbers.items():
                last[log.origin, s] = n
            sys.stdout.write(f"{numbers['A']}\\n")
            sys.stdout.flush()

asyncio.run(write(sys.argv[1], sys.argv[2]))
"""

READER = """
import asyncio, json, sys
from ticker.streams import open_stream

async def read(url, goal):
    async with open_stream(url) as stream:
        snapshot = await stream.snapshot()
        known = {q.symbol: q.sequence for q in snapshot.quotes}
        gaps = 0
        print("ready", flush=True)
        async for batch in stream.read(snapshot.position, last_seen=snapshot.last_seen):
            gaps += len(batch.gaps)
            for tick in batch.ticks:
                assert tick.sequence == known.get(tick.symbol, 0) + 1, tick
                known[tick.symbol] = tick.sequence
            if known and min(known.values()) >= goal:
                break
        print(json.dumps({"known": known, "gaps": gaps}), flush=True)

asyncio.run(read(sys.argv[1], int(sys.argv[2])))
"""


def start(program: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True
    )


async def check_whole(url: str, acknowledged: int) -> int:
    """Check for holes, repeats and lost ticks. Returns the last sequence."""
    async with open_stream(url) as stream:
        known = dict.fromkeys("ABCDE", 0)
        async for batch in stream.read(await stream.find("start"), follow=False):
            assert batch.gaps == []
            for tick in batch.ticks:
                assert tick.sequence == known[tick.symbol] + 1
                known[tick.symbol] = tick.sequence
        assert len(set(known.values())) == 1  # a call is all or nothing
        assert known["A"] >= acknowledged
        snapshot = await stream.snapshot()
        assert {q.symbol: q.sequence for q in snapshot.quotes} == known
        return known["A"]


async def kill_and_check(url: str, rounds: int) -> None:
    chance = random.Random(7)  # noqa: S311 - moments to kill at, not secrets
    acknowledged = 0
    for _ in range(rounds):
        writer = start(WRITER, url, "one")
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        deadline = time.monotonic() + chance.random() * 0.2
        while time.monotonic() < deadline:
            acknowledged = int(writer.stdout.readline())
        writer.kill()
        rest = writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        complete = [int(line) for line in rest[:-1]]  # the last line may be torn
        acknowledged = await check_whole(url, max([acknowledged, *complete]))


async def test_a_writer_killed_at_any_moment_leaves_a_whole_log(tmp_path: Path) -> None:
    await kill_and_check(f"sqlite:{tmp_path}/log.sqlite", 4)


@pytest.mark.slow
async def test_a_writer_killed_fifty_times_leaves_a_whole_log(tmp_path: Path) -> None:
    await kill_and_check(f"sqlite:{tmp_path}/log.sqlite", 50)


async def test_readers_and_two_writers_in_separate_processes_agree(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/log.sqlite"
    async with open_log(url):
        pass
    readers = [start(READER, url, "200") for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    writers = [start(WRITER, url, name) for name in ("one", "two")]
    try:
        async with asyncio.timeout(60):
            for reader in readers:
                output, _ = await asyncio.to_thread(reader.communicate)
                said = json.loads(output)
                assert said["gaps"] == 0
                assert min(said["known"].values()) >= 200
    finally:
        for process in (*writers, *readers):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
    await check_whole(url, 200)
    async with open_stream(url) as stream:
        sources = {source for chunk in stream.columns() for source in chunk["source"]}
    assert sources <= {"one", "two"}
