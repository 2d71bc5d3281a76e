"""`forward`, and `poll` into a stream elsewhere: killed, doubled, cut off, ended."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from .conftest import (
    PATIENCE,
    Program,
    count,
    ended,
    local_logs,
    rows,
    until,
    until_said,
    write,
)

ELSEWHERE = Path(__file__).parent / "elsewhere"

WRITER = """
import asyncio, sys, time
from ticker.records import Batch, Gap, Heartbeat, Quote, Tick
from ticker.streams import open_log

async def write(url):
    async with open_log(url) as log:
        o = log.origin
        for n in range(1, 100_000):
            now = time.time_ns() // 1_000
            symbols = [f"S{k}" for k in range(40) if n % (k + 1) == 0]
            ticks = [Tick(s, "x", o, n // (int(s[1:]) + 1), now, now, 1.0 + n) for s in symbols]
            quotes = [Quote(t.symbol, "x", now, now, t.price, o, t.sequence) for t in ticks]
            gaps = [Gap("x", o, "w", now, "slow", from_=now - 9, until=now)] if n % 9 == 0 else []
            beat = Heartbeat(o, "w", "x", now, now, 10_000, "ok", 40, len(ticks))
            await log.append(Batch("", ticks, gaps, quotes, [beat]))
            await asyncio.sleep(0.005)

asyncio.run(write(sys.argv[1]))
"""


@pytest.fixture
def paths(ticker: Program) -> tuple[Path, Path]:
    return ticker.folder / "from.sqlite", ticker.folder / "to.sqlite"


@pytest.fixture
def elsewhere(ticker: Program) -> Path:
    """The file of a log that commands know as `elsewhere:FILE`."""
    before = [ticker.env["PYTHONPATH"]] if "PYTHONPATH" in ticker.env else []
    ticker.env["PYTHONPATH"] = os.pathsep.join([str(ELSEWHERE), *before])
    ticker.forks = False  # only an interpreter that starts imports it
    return ticker.folder / "elsewhere.sqlite"


def assert_whole(found: list[tuple[Any, ...]]) -> None:
    """Check that sequences are 1, 2, 3 … per (origin, symbol), in the order of appends."""
    by_key = sorted(found, key=lambda row: (row[2], row[0]))  # stable
    for key, some in groupby(by_key, key=lambda row: (row[2], row[0])):
        sequences = [row[3] for row in some]
        assert sequences == list(range(1, len(sequences) + 1)), key


@pytest.mark.smoke
def test_a_log_is_forwarded_completely_with_a_proof(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=30)
    done = ticker("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "30 ticks sent" in done.stderr
    assert "undelivered: 0" in done.stderr
    assert "complete: 30 ticks of 1 symbol are the same in both" in done.stderr
    for table in ("ticks", "quotes", "heartbeats"):
        assert rows(destination, table) == rows(source, table)
    again = ticker("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
    assert again.returncode == 0
    assert "\n0 ticks sent" in again.stderr or " 0 ticks sent" in again.stderr
    assert len(rows(destination)) == 30


def test_a_changed_destination_is_not_called_complete(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
    write(f"sqlite:{source}", ticks=9)
    ticker(*words)
    with sqlite3.connect(destination) as connection:
        connection.execute("update ticks set price = 1 where sequence = 5")
    connection.close()
    done = ticker(*words)
    assert done.returncode == 4
    assert "is not complete: GC=F" in done.stderr
    assert "not the same" in done.stderr
    with sqlite3.connect(destination) as connection:
        connection.execute("delete from ticks where sequence in (5, 6)")
    connection.close()
    done = ticker(*words)
    assert done.returncode == 4
    assert "7 of 9 ticks are there" in done.stderr


def kill_and_check(ticker: Program, source: Path, destination: Path, rounds: int) -> None:
    chance = random.Random(7)  # noqa: S311  (moments to kill at, not secrets)
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, f"sqlite:{source}"], env=ticker.env)
    try:
        until(source.exists)
        before = 0
        for _ in range(rounds):
            running = ticker.start(*words)
            until_said(running, "following")
            until(lambda least=before: count(destination) > least)
            time.sleep(chance.random() * 0.3)  # the random moment, not luck
            running.kill()
            running.communicate(timeout=PATIENCE)
            before = count(destination)
            assert_whole(rows(destination))
    finally:
        writer.kill()
        writer.wait()
    last = ticker(*words, "--no-follow")
    assert last.returncode == 0, last.stderr
    assert "complete: " in last.stderr
    assert_whole(rows(source))
    assert rows(destination) == rows(source)
    assert rows(destination, "gaps") == rows(source, "gaps")
    assert sorted(rows(destination, "quotes")) == sorted(rows(source, "quotes"))


def test_a_relay_killed_at_any_moment_loses_and_repeats_nothing(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    kill_and_check(ticker, *paths, rounds=5)


@pytest.mark.slow
def test_a_relay_killed_fifty_times_loses_and_repeats_nothing(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    kill_and_check(ticker, *paths, rounds=50)


def test_only_one_relay_runs_for_a_log_and_a_destination(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=3)
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}")
    running = ticker.start(*words)
    until_said(running, "following")
    second = ticker(*words)
    assert second.returncode == 2
    assert f"another relay (process {running.pid}) sends this on to" in second.stderr
    assert ticker(*words, "--forget").returncode == 2
    elsewhere = ticker(*words[:2], f"sqlite:{destination}.other", "--no-follow")
    assert elsewhere.returncode == 0
    running.kill()
    running.wait()
    assert ticker(*words, "--no-follow").returncode == 0


def test_a_destination_that_returns_gets_everything_and_status_shows_the_backlog(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    away = Path(f"{elsewhere}.away")
    away.touch()
    running = ticker.start("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}")
    assert "nobody answers" in until_said(running, "3 wait")
    told = json.loads(ticker("status", "--stream", f"sqlite:{source}").stdout)
    assert told["undelivered"] == 3
    away.unlink()
    until(lambda: count(elsewhere) == 3)
    code, err, took = ended(running, signal.SIGTERM)
    assert code == 143
    assert "undelivered: 0" in err
    assert took < 10
    told = json.loads(ticker("status", "--stream", f"sqlite:{source}").stdout)
    assert "undelivered" not in told
    assert rows(elsewhere) == rows(source)


def test_an_unreachable_destination_without_following_exits_with_6(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    Path(f"{elsewhere}.away").touch()
    done = ticker("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}", "--no-follow")
    assert done.returncode == 6
    assert "nobody answers" in done.stderr
    assert "undelivered: 3" in done.stderr


def test_an_end_takes_less_than_10_s_while_the_destination_hangs(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    Path(f"{elsewhere}.hang").touch()
    running = ticker.start("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}")
    until_said(running, "following")
    code, err, took = ended(running, signal.SIGINT)
    assert code == 130
    assert f"undelivered: 3 (kept in sqlite:{source}; sent when ticker forward runs again)" in err
    assert "Traceback" not in err
    assert took < 10


def test_forget_gives_up_a_destination(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    Path(f"{elsewhere}.away").touch()
    words = ("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}")
    relay = ticker.start(*words)
    until_said(relay, "3 wait")
    ended(relay, signal.SIGINT)
    done = ticker(*words, "--forget")
    assert done.returncode == 0
    assert "3 ticks" in done.stderr
    assert "undelivered" not in ticker("status", "--stream", f"sqlite:{source}").stdout
    assert ticker(*words, "--forget").returncode == 4


def test_since_leaves_out_earlier_ticks(ticker: Program, paths: tuple[Path, Path]) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=3)
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
    done = ticker(*words, "--since", "now")
    assert done.returncode == 0, done.stderr
    assert rows(destination) == []
    # The quote has the price that no tick has.
    assert len(rows(destination, "quotes")) == 1
    later = ticker(*words, "--since", "start")
    assert later.returncode == 0, later.stderr
    assert rows(destination) == rows(source)


def test_since_applies_only_to_the_first_run_of_a_relay(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=3)
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}")
    relay = ticker.start(*words, "--since", "now")
    until_said(relay, "following")
    ended(relay, signal.SIGINT)
    assert rows(destination) == []
    again = ticker(*words, "--since", "-10m", "--no-follow")
    assert "Going on where it stopped" in again.stderr
    assert again.returncode == 4  # what was left out is missing, and the proof says so
    assert "GC=F" in again.stderr
    ticker(*words, "--forget")
    anew = ticker(*words, "--since", "now", "--no-follow")
    assert "Going on" not in anew.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["sqlite:a.sqlite", "sqlite:./a.sqlite"], 2, "into itself"),
        (["sqlite:none.sqlite", "sqlite:b.sqlite", "--no-follow"], 4, "no such file"),
        (["sqlite:none.sqlite", "ftp://b", "--no-follow"], 2, "is not a stream"),
        (["nowhere", "sqlite:b.sqlite"], 2, "No stream named 'nowhere'"),
    ],
)
def test_wrong_arguments_are_refused_and_create_no_file(
    ticker: Program, words: list[str], code: int, told: str
) -> None:
    done = ticker("forward", *words)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert [path.name for path in ticker.folder.glob("*.sqlite*")] == []


def test_forward_waits_for_a_missing_source(ticker: Program, paths: tuple[Path, Path]) -> None:
    source, destination = paths
    running = ticker.start("forward", f"sqlite:{source}", f"sqlite:{destination}")
    until_said(running, "Waiting for it")
    write(f"sqlite:{source}", ticks=3)
    until(lambda: count(destination) == 3)
    assert ended(running, signal.SIGINT)[0] == 130


def test_a_poller_to_another_log_loses_nothing_while_it_is_away(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    away = Path(f"{elsewhere}.away")
    away.touch()
    to = ("--stream", f"elsewhere:{elsewhere}")
    words = ("poll", "AAPL", "GC=F", "--source", exchange, "--every", "100ms", *to)
    done = ticker(*words, "--count", "10")
    assert done.returncode == 0, done.stderr
    (local,) = local_logs(ticker)
    kept = count(local)
    assert f"undelivered: {kept} (kept in sqlite:{local}; sent when a poller or" in done.stderr
    status = json.loads(ticker("status", "--stream", f"elsewhere:{elsewhere}").stdout)
    assert status["undelivered"] == kept
    killed = ticker.start(*words)
    until(lambda: count(local) > kept)
    killed.kill()
    killed.communicate(timeout=PATIENCE)
    away.unlink()
    done = ticker(*words, "--count", "4")
    assert done.returncode == 0, done.stderr
    assert "undelivered: 0" in done.stderr
    assert local_logs(ticker) == [local]
    assert_whole(rows(local))
    assert rows(elsewhere) == rows(local)
    assert rows(elsewhere, "gaps") == rows(local, "gaps")


def test_a_poller_whose_local_log_was_removed_continues_with_a_new_one(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    words = ("poll", "AAPL", "--source", exchange, "--every", "100ms")
    polling = ticker.start(*words, "--stream", f"elsewhere:{elsewhere}", "--count", "40")
    until(lambda: elsewhere.exists() and count(elsewhere) >= 5)
    (local,) = local_logs(ticker)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{local}{suffix}").unlink(missing_ok=True)
    _, err = polling.communicate(timeout=PATIENCE)
    assert polling.returncode == 0, err
    told = re.search(rf"40 ticks kept in sqlite:{local}, (\d+) of them in a", err.decode())
    assert told is not None, err
    assert err.count(b"undelivered: 0") == 1
    assert err.count(b"undelivered") == 1
    assert count(local) == 40 - int(told[1])
    assert set(rows(local)) <= set(rows(elsewhere))
    assert_whole(rows(elsewhere))
    assert len({row[2] for row in rows(elsewhere)}) == 2


def test_a_backlog_in_a_removed_local_log_is_not_reported_as_waiting(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    Path(f"{elsewhere}.away").touch()
    words = ("poll", "AAPL", "--source", exchange, "--every", "1h")
    polling = ticker.start(*words, "--stream", f"elsewhere:{elsewhere}")
    until(lambda: bool(local_logs(ticker)) and count(local_logs(ticker)[0]) == 1)
    (local,) = local_logs(ticker)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{local}{suffix}").unlink(missing_ok=True)
    code, err, _ = ended(polling, signal.SIGINT)
    assert code == 130
    assert "1 tick kept" in err
    assert "in a file that was removed" in err
    assert "undelivered: unknown (" in err
    assert "sent when" not in err


def test_a_hanging_destination_delays_neither_polling_nor_the_end(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    Path(f"{elsewhere}.hang").touch()
    words = ("poll", "AAPL", "--source", exchange, "--stream", f"elsewhere:{elsewhere}")
    running = ticker.start(*words, "--every", "100ms")
    until(lambda: bool(local_logs(ticker)) and count(local_logs(ticker)[0]) >= 10)
    code, err, took = ended(running, signal.SIGTERM)
    assert code == 143
    assert "undelivered: " in err
    assert took < 10
    left = count(local_logs(ticker)[0])
    assert f"undelivered: {left} " in err


def test_two_pollers_share_a_local_log_and_one_sends_for_both(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    words = ("--source", exchange, "--every", "100ms", "--stream", f"elsewhere:{elsewhere}")
    first = ticker.start("poll", "AAPL", *words)
    until_said(first, "following")
    second = ticker.start("poll", "GC=F", *words)
    until_said(second, "another relay")
    (local,) = local_logs(ticker)
    until(lambda: {row[0] for row in rows(local)} == {"AAPL", "GC=F"})
    assert ended(first, signal.SIGTERM)[0] == 143
    until_said(second, "following")  # it takes over
    code, err, _ = ended(second, signal.SIGTERM)
    assert code == 143
    assert "undelivered: 0" in err
    assert rows(elsewhere) == rows(local)
    assert {row[0] for row in rows(elsewhere)} == {"AAPL", "GC=F"}


def test_mixed_prices_end_the_poller_and_harm_nothing(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    write(f"sqlite:{elsewhere}", ticks=3)
    before = rows(elsewhere)
    words = ("poll", "AAPL", "--source", exchange, "--stream", f"elsewhere:{elsewhere}")
    done = ticker(*words)
    assert done.returncode == 2
    assert "would mix" in done.stderr
    assert rows(elsewhere) == before


def test_run_shows_what_was_delivered_and_reports_the_rest(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    words = ("AAPL", "--source", exchange, "--every", "100ms")
    terminal = ticker.on_terminal("run", *words, "--stream", f"elsewhere:{elsewhere}")
    terminal.wait_for("USD")
    terminal.type("q")
    assert terminal.end() == 0
    assert b"undelivered: 0" in terminal.seen
    assert count(elsewhere) > 0


def test_run_with_a_hanging_destination_ends_in_seconds_and_reports_the_rest(
    ticker: Program, exchange: str, elsewhere: Path
) -> None:
    words = ("AAPL", "--source", exchange, "--every", "100ms")
    terminal = ticker.on_terminal("run", *words, "--stream", f"elsewhere:{elsewhere}")
    terminal.wait_for("USD")
    Path(f"{elsewhere}.hang").touch()
    (local,) = local_logs(ticker)
    more = count(local) + 5
    until(lambda: count(local) >= more)
    began = time.monotonic()
    terminal.type("q")
    assert terminal.end() == 0
    assert time.monotonic() - began < 10
    assert f"(kept in sqlite:{local}; sent when" in terminal.seen.decode()


def test_quiet_still_reports_undelivered_ticks(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    write(f"sqlite:{paths[0]}", ticks=3)
    Path(f"{elsewhere}.away").touch()
    to = f"elsewhere:{elsewhere}"
    done = ticker("forward", f"sqlite:{paths[0]}", to, "--no-follow", "-q")
    assert "undelivered: 3" in done.stderr
    Path(f"{elsewhere}.away").unlink()
    done = ticker("forward", f"sqlite:{paths[0]}", to, "--no-follow", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def waiting(ticker: Program, source: Path) -> str:
    """Return what `status` says of ticks that wait in `source`."""
    told = ticker("status", "--stream", f"sqlite:{source}", "--format", "table").stdout
    return "\n".join(line for line in told.splitlines() if "waiting" in line)


def test_a_complete_copy_leaves_no_hold(ticker: Program, paths: tuple[Path, Path]) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=3)
    words = ("forward", f"sqlite:{source}", f"sqlite:{destination}")
    assert ticker(*words, "--no-follow").returncode == 0
    write(f"sqlite:{source}", ticks=6)
    assert waiting(ticker, source) == ""
    assert ticker(*words, "--forget").returncode == 4
    assert [path.name for path in ticker.folder.rglob("*.destination")] == []
    again = ticker(*words, "--no-follow")
    assert "complete: 6 ticks" in again.stderr
    assert rows(destination) == rows(source)


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("kafka://127.0.0.1:1/ticks", 6),  # a typo: the port is closed
        ("sqlite:nowhere/at/all.sqlite/x", 7),
        ("elsewhere:{}", 6),
    ],
)
def test_a_failed_copy_leaves_no_hold(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path, to: str, code: int
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    (ticker.folder / "nowhere").write_text("a file, no folder")
    Path(f"{elsewhere}.away").touch()
    words = ("forward", f"sqlite:{source}", to.format(elsewhere))
    done = ticker(*words, "--no-follow")
    assert done.returncode == code, done.stderr
    assert waiting(ticker, source) == ""
    assert ticker(*words, "--forget").returncode == 4


def test_a_stopped_copy_leaves_no_hold(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    Path(f"{elsewhere}.hang").touch()
    running = ticker.start("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}", "--no-follow")
    until_said(running, "following")
    code, err, _ = ended(running, signal.SIGINT)
    assert code == 130
    assert f"undelivered: 3 (still in sqlite:{source}; run this command again)" in err
    assert waiting(ticker, source) == ""


def test_a_relay_that_cannot_start_leaves_no_hold(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    write(f"sqlite:{source}", ticks=3)
    write(f"sqlite:{destination}", ticks=3, simulated=True)
    done = ticker("forward", f"sqlite:{source}", f"sqlite:{destination}")
    assert done.returncode == 2
    assert "would mix" in done.stderr
    assert waiting(ticker, source) == ""


def test_a_copy_continues_from_a_relays_hold_and_keeps_it(
    ticker: Program, paths: tuple[Path, Path], elsewhere: Path
) -> None:
    source, _ = paths
    write(f"sqlite:{source}", ticks=3)
    words = ("forward", f"sqlite:{source}", f"elsewhere:{elsewhere}")
    relay = ticker.start(*words)
    until(lambda: elsewhere.exists() and count(elsewhere) == 3)
    ended(relay, signal.SIGINT)
    write(f"sqlite:{source}", ticks=7)
    assert "4 ticks" in waiting(ticker, source)
    done = ticker(*words, "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "4 ticks sent" in done.stderr
    assert waiting(ticker, source) == ""
    assert ticker(*words, "--forget").returncode == 0


def test_a_copy_of_a_growing_log_is_complete_up_to_its_end_at_the_start(
    ticker: Program, paths: tuple[Path, Path]
) -> None:
    source, destination = paths
    writer = subprocess.Popen([sys.executable, "-c", WRITER, f"sqlite:{source}"], env=ticker.env)
    try:
        until(lambda: source.exists() and count(source) > 100)
        for _ in range(3):
            done = ticker("forward", f"sqlite:{source}", f"sqlite:{destination}", "--no-follow")
            assert done.returncode == 0, done.stderr
            assert "undelivered: 0" in done.stderr
            assert "complete: " in done.stderr
    finally:
        writer.kill()
        writer.wait()
    assert_whole(rows(destination))
