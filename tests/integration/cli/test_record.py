"""`record` keeps a stream in a Parquet file, however the recorder ends."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from ticker.records import Batch, Gap, Quote, Tick
from ticker.streams import open_log, open_stream, retained
from ticker.units import SECOND

from .conftest import Program, count, ended, rows, until, until_said

NOW = time.time_ns() // 1_000


def append(
    url: str, *moments: int, symbol: str = "AAPL", gap: bool = False, **told: object
) -> None:
    """Append ticks of `symbol`, received at these moments (µs), its quote, and a gap before."""

    async def fill() -> None:
        async with retained(open_log(url)) as log:
            first = (await log.last()).get((log.origin, symbol), 0) + 1
            made = [
                Tick(symbol, "yahoo", log.origin, n, at, at, 100.0 + n)
                for n, at in enumerate(moments, first)
            ]
            last = made[-1]
            quote = Quote(
                symbol, "yahoo", last.time, last.received, last.price, log.origin, last.sequence,
                name="Apple", **told,  # type: ignore[arg-type]  # by name
            )  # fmt: skip
            begin = moments[0] - SECOND
            gaps = [
                Gap("yahoo", log.origin, "w", moments[0], "poller stopped", None, begin, begin + 1)
            ]
            await log.append(Batch(ticks=made, gaps=gaps if gap else [], quotes=[quote]))

    asyncio.run(fill())


def read(url: str) -> tuple[list[Tick], list[Gap]]:
    """Return all ticks and gaps of a stream."""

    async def gather() -> list[Batch]:
        async with open_stream(url) as stream:
            return [batch async for batch in stream.read("start", follow=False)]

    batches = asyncio.run(gather())
    ticks = [tick for batch in batches for tick in batch.ticks]
    return ticks, [gap for batch in batches for gap in batch.gaps]


@contextmanager
def load(url: str) -> Iterator[None]:
    """A writer that appends as fast as it can."""
    stopping = threading.Event()

    async def fill() -> None:
        async with retained(open_log(url)) as log:
            sequence = (await log.last()).get((log.origin, "AAPL"), 0)
            while not stopping.is_set():
                at = time.time_ns() // 1_000
                made = [
                    Tick("AAPL", "yahoo", log.origin, sequence + n, at, at, 100.0 + n)
                    for n in range(1, 201)
                ]
                await log.append(Batch(ticks=made))
                sequence += 200

    thread = threading.Thread(target=asyncio.run, args=(fill(),))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def left_over(ticker: Program) -> list[str]:
    """The files left beside the recording."""
    return sorted(path.name for path in ticker.folder.glob("*a.parquet*"))


@pytest.mark.smoke
def test_a_recording_of_the_past_equals_the_stream_with_its_gaps(
    ticker: Program,
) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW, NOW + 1)
    append(url, NOW + SECOND, NOW + 2 * SECOND, symbol="GC=F", gap=True)
    append(url, NOW + 3 * SECOND)
    done = ticker("record", "a.parquet", "--stream", url, "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "5 ticks, " in done.stderr
    assert "ticker replay a.parquet" in done.stderr
    assert read(str(ticker.folder / "a.parquet")) == read(url)
    assert left_over(ticker) == ["a.parquet"]


def test_a_part_of_a_recording_can_be_recorded(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW, NOW + SECOND, NOW + 2 * SECOND)
    append(url, NOW, NOW + SECOND, symbol="GC=F")
    assert ticker("record", "whole.parquet", "--stream", url, "--no-follow").returncode == 0
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW // SECOND + 1))
    cut = ticker("record", "a.parquet", "AAPL", "--stream", "whole.parquet", "--since", since)
    assert cut.returncode == 0, cut.stderr
    ticks, _ = read(str(ticker.folder / "a.parquet"))
    assert [(tick.symbol, tick.sequence) for tick in ticks] == [("AAPL", 2), ("AAPL", 3)]


def test_a_replay_into_a_stream_is_compared_with_the_recordings_manifest(
    ticker: Program,
) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW, NOW + 1)
    append(url, NOW + 2, symbol="GC=F", gap=True)
    assert ticker("record", "a.parquet", "--stream", url, "--no-follow").returncode == 0
    done = ticker("replay", "a.parquet", "--speed", "max", "--to", "sqlite:copy.sqlite")
    assert done.returncode == 0, done.stderr
    assert "complete: 3 ticks" in done.stderr
    assert rows(ticker.folder / "copy.sqlite") == rows(ticker.folder / "log.sqlite")


def test_a_symbol_missing_from_the_stream_is_named(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    done = ticker("record", "a.parquet", "AAPL", "NVDA", "--stream", url, "--no-follow")
    assert done.returncode == 4
    assert "NVDA: not in " in done.stderr
    assert len(read(str(ticker.folder / "a.parquet"))[0]) == 1


def test_everything_until_a_signal_is_recorded(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    recorder = ticker.start("record", "a.parquet", "--stream", url)
    part = ticker.folder / "a.parquet.part"
    until_said(recorder, "recording 0 ticks")
    append(url, NOW + SECOND, NOW + 2 * SECOND)
    until(lambda: count(part) == 2)
    assert ticker("status", "--stream", "a.parquet").returncode == 2
    assert ticker("status", "--stream", f"sqlite:{part}").returncode == 4  # nobody polls it
    returned, said, _ = ended(recorder, signal.SIGTERM)
    assert returned == 143
    assert "2 ticks, " in said
    assert read(str(ticker.folder / "a.parquet"))[0] == read(url)[0][1:]
    assert left_over(ticker) == ["a.parquet"]


def test_a_recorder_waits_for_a_missing_stream_and_loses_nothing(
    ticker: Program,
) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    recorder = ticker.start("record", "a.parquet", "--stream", url, "--count", "2")
    until_said(recorder, "Waiting for it")
    append(url, NOW, NOW + SECOND)
    recorder.wait(30)
    assert recorder.returncode == 0
    assert read(str(ticker.folder / "a.parquet"))[0] == read(url)[0]


def test_a_count_is_exact_and_fewer_ticks_are_reported(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW, NOW + 1, NOW + 2)
    exact = ticker("record", "a.parquet", "--stream", url, "--no-follow", "--count", "2")
    assert exact.returncode == 0, exact.stderr
    assert [tick.sequence for tick in read(str(ticker.folder / "a.parquet"))[0]] == [1, 2]
    fewer = ticker("record", "b.parquet", "--stream", url, "--no-follow", "--count", "9")
    assert fewer.returncode == 4
    assert "3 of 9 ticks came" in fewer.stderr


def test_without_ticks_no_file_is_written(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    done = ticker("record", "a.parquet", "--stream", url, "--for", "200ms")
    assert done.returncode == 4
    assert "Nothing was recorded" in done.stderr
    assert left_over(ticker) == []


def test_an_existing_file_is_not_replaced_without_force(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW, NOW + 1)
    path = ticker.folder / "a.parquet"
    path.write_text("mine")
    refused = ticker("record", "a.parquet", "--stream", url, "--no-follow")
    assert refused.returncode == 7
    assert "--force" in refused.stderr
    assert path.read_text() == "mine"
    assert left_over(ticker) == ["a.parquet"]
    assert ticker("record", "a.parquet", "--stream", url, "--no-follow", "--force").returncode == 0
    assert len(read(str(path))[0]) == 2


def test_the_file_name_must_be_that_of_a_recording(ticker: Program) -> None:
    done = ticker("record", "a.txt", "--stream", "demo")
    assert done.returncode == 2
    assert "a.parquet" in done.stderr


def kill_under_load(ticker: Program, ticks: int, ending: float | None = None) -> None:
    """Kill a recorder that has more than `ticks`, and see that nothing acknowledged is lost.

    `ending`: first ask it to end, and kill it so many seconds later, in the midst of writing.
    """
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    part = ticker.folder / "a.parquet.part"
    with load(url):
        recorder = ticker.start("record", "a.parquet", "--stream", url)
        until(lambda: count(part) > ticks)
        if ending is not None:
            recorder.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                recorder.wait(ending)
        recorder.kill()
        recorder.wait()
    is_unfinished = part.exists()
    acknowledged = len(rows(part)) if is_unfinished else ticks
    mended = ticker("status", "--stream", "a.parquet")
    assert mended.returncode == 0, mended.stderr
    assert ("a recorder did not finish it. It is now finished" in mended.stderr) == is_unfinished
    found, gaps = read(str(ticker.folder / "a.parquet"))
    source, _ = read(url)
    begin = found[0].sequence - 1
    assert len(found) >= acknowledged > 0
    assert found == source[begin : begin + len(found)]
    assert not gaps
    assert left_over(ticker) == ["a.parquet"]


@pytest.mark.parametrize(("ticks", "ending"), [(1, None), (400, None), (800, 0.05)])
def test_a_kill_under_load_loses_nothing_that_was_acknowledged(
    ticker: Program, ticks: int, ending: float | None
) -> None:
    kill_under_load(ticker, ticks, ending)


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(50))
def test_fifty_kills_at_random_moments_lose_nothing_that_was_acknowledged(
    ticker: Program, round_: int
) -> None:
    chance = random.Random(round_)  # noqa: S311  (moments to kill)
    ending = chance.uniform(0, 1.5) if chance.random() < 0.4 else None
    kill_under_load(ticker, chance.randrange(1, 10_000), ending)


def test_a_recorder_finishes_an_unfinished_file_and_does_not_replace_it(
    ticker: Program,
) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    part = ticker.folder / "a.parquet.part"
    recorder = ticker.start("record", "a.parquet", "--stream", url)
    until_said(recorder, "recording 0 ticks")
    append(url, NOW + SECOND)
    until(lambda: count(part) == 1)
    recorder.kill()
    recorder.wait()
    again = ticker("record", "a.parquet", "--stream", url, "--no-follow", "--force")
    assert again.returncode == 7
    assert "It is now finished, with 1 tick" in again.stderr
    assert "or run this command again to replace it" in again.stderr
    assert len(read(str(ticker.folder / "a.parquet"))[0]) == 1


def test_a_recorder_killed_before_its_first_tick_is_reported_once(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    recorder = ticker.start("record", "a.parquet", "--stream", url)
    until_said(recorder, "recording 0 ticks")
    recorder.kill()
    recorder.wait()
    done = ticker("tail", "--stream", "a.parquet", "--no-follow")
    assert done.returncode == 4
    assert "a.parquet: its recorder was killed before the first tick" in done.stderr
    again = ticker("replay", "a.parquet")
    assert again.stderr == "a.parquet: there is no such file\n"


def test_a_full_disk_ends_a_recording_and_keeps_everything_before(ticker: Program) -> None:
    url = f"sqlite:{ticker.folder / 'log.sqlite'}"
    append(url, NOW)
    limited = ["bash", "-c", 'ulimit -f 2000; exec "$@"', "bash"]
    words, ticker.words = ticker.words, [*limited, *ticker.words]
    recorder = ticker.start("record", "a.parquet", "--stream", url, "--since", "start")
    ticker.words = words
    with load(url):
        _, said = recorder.communicate(timeout=30)
    assert recorder.returncode == 7, said
    assert b"safe in a.parquet.part" in said
    acknowledged = len(rows(ticker.folder / "a.parquet.part"))
    assert acknowledged > 0
    done = ticker("status", "--stream", "a.parquet")
    assert done.returncode == 0, done.stderr
    ticks, _ = read(str(ticker.folder / "a.parquet"))
    assert ticks == read(url)[0][:acknowledged]
