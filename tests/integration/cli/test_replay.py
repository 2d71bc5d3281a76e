"""`replay`: on a screen and into another stream; and the command that `run` and `demo` offer."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from pathlib import Path

import pytest

from ticker.records import Batch, Quote, Tick
from ticker.streams import open_log, retained
from ticker.units import HOUR, SECOND

from .conftest import PATIENCE, Program, rows, until_said

NOW = time.time_ns() // 1_000


def record(url: str, *moments: int, symbol: str = "AAPL") -> None:
    """Write ticks of `symbol`, received at these moments (µs), and its last quote."""

    async def fill() -> None:
        async with retained(open_log(url)) as log:
            first = (await log.last()).get((log.origin, symbol), 0) + 1
            made = [
                Tick(symbol, "exchange", log.origin, n, at, at, 100.0 + n, simulated=True)
                for n, at in enumerate(moments, first)
            ]
            last = made[-1]
            quote = Quote(
                symbol,
                "exchange",
                last.time,
                last.received,
                last.price,
                log.origin,
                last.sequence,
                name="Apple",
                simulated=True,
            )
            await log.append(Batch(ticks=made, quotes=[quote]))

    asyncio.run(fill())


@pytest.fixture
def recorded(ticker: Program) -> str:
    """The path of a log with three ticks in 4 s, an hour ago."""
    began = NOW - HOUR
    path = ticker.folder / "recorded.sqlite"
    record(f"sqlite:{path}", began, began + SECOND, began + 4 * SECOND)
    return str(path)


def test_the_screen_shows_a_replay_and_ends_at_the_last_price(
    ticker: Program, recorded: str
) -> None:
    screen = ticker.on_terminal("replay", recorded, "--speed", "10")
    screen.wait_for("REPLAY")
    screen.wait_for("SIMULATED")
    screen.wait_for("end of the recording: 3 ticks")
    screen.wait_for("103.00")
    screen.type("q")
    assert screen.end() == 0


def test_a_loop_starts_again(ticker: Program, recorded: str) -> None:
    screen = ticker.on_terminal("replay", recorded, "--speed", "max", "--loop")
    for _ in range(2):
        screen.wait_for("end of the recording: 3 ticks")
        screen.seen = b""
    screen.kill(signal.SIGINT)
    assert screen.end() == 130


def test_a_replay_leaves_no_file_behind(
    ticker: Program, recorded: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ticker.env["TMPDIR"] = str(tmp_path_factory.mktemp("temporary"))
    screen = ticker.on_terminal("replay", recorded, "--speed", "max")
    screen.wait_for("end of the recording")
    screen.type("q")
    assert screen.end() == 0
    assert not list(Path(ticker.env["TMPDIR"]).iterdir())


@pytest.mark.smoke
def test_a_whole_stream_is_replayed_into_another_and_compared(
    ticker: Program, recorded: str
) -> None:
    done = ticker("replay", recorded, "--to", "sqlite:copy.sqlite", "--speed", "max")
    assert done.returncode == 0, done.stderr
    assert "complete: 3 ticks" in done.stderr
    first, second = re.findall(r"3 ticks, hash (\w{16})", done.stderr)
    assert first == second
    assert rows(Path(recorded)) == rows(ticker.folder / "copy.sqlite")
    again = ticker("replay", recorded, "--to", "sqlite:copy.sqlite", "--speed", "max")
    assert again.returncode == 2
    assert "copy.sqlite holds ticks already. Name a fresh one" in again.stderr


def test_watching_a_replayed_stream_shows_tape_time(
    ticker: Program,
) -> None:
    began = NOW - 24 * HOUR
    record("sqlite:" + str(ticker.folder / "day.sqlite"), began, began + SECOND, began + HOUR)
    replaying = ticker.start("replay", "day.sqlite", "--to", "sqlite:copy.sqlite")
    until_said(replaying, "REPLAY")
    copy = f"sqlite:{ticker.folder / 'copy.sqlite'}"
    screen = ticker.on_terminal("watch", "--stream", copy)
    screen.wait_for("REPLAY")
    screen.wait_for("102.00")
    assert b"1d" not in screen.seen  # the age, by the wall clock
    screen.type("q")
    assert screen.end() == 0
    replaying.send_signal(signal.SIGINT)
    _, said = replaying.communicate(timeout=PATIENCE)
    assert replaying.returncode == 130
    assert b"2 ticks played into" in said


def test_the_default_replay_is_the_local_logs_last_session(ticker: Program) -> None:
    ticker.state.mkdir(parents=True)
    log = f"sqlite:{ticker.state / 'stream.sqlite'}"
    record(log, NOW - 5 * HOUR, NOW - 4 * HOUR, NOW - HOUR, NOW - HOUR + SECOND)
    done = ticker("replay", "--to", "sqlite:copy.sqlite", "--speed", "max")
    assert "complete: 2 ticks" in done.stderr
    whole = ticker("replay", "--since", "start", "--to", "sqlite:all.sqlite", "--speed", "max")
    assert "complete: 4 ticks" in whole.stderr
    assert whole.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["recorded.sqlite", "a"], 2, "ticker replay recorded.sqlite a --to sqlite:copy.sqlite"),
        (["absent.sqlite", "--to", "sqlite:to"], 4, "absent.sqlite: there is no such file"),
        (["--to", "sqlite:to"], 4, "The stream is empty: nobody has polled yet"),
        (["recorded.sqlite", "--speed", "0.01", "--to", "sqlite:to"], 2, "is not a speed"),
        (["recorded.sqlite", "--until", "-5s", "--to", "sqlite:to"], 4, "no tick in that span"),
        (["recorded.sqlite", "--until", "start", "--to", "sqlite:to"], 2, "leaves nothing"),
        (["recorded.sqlite", "ZZZ", "--to", "sqlite:to"], 4, "ZZZ: not in"),
        (["recorded.sqlite", "AAPL,ZZZ", "--to", "sqlite:to", "--speed", "max"], 4, "ZZZ: not in"),
        (["recorded.sqlite", "--to", "sqlite:recorded.sqlite"], 2, "into itself"),
        (["recorded.sqlite", "--loop", "--to", "sqlite:to"], 2, "--loop is for the screen"),
        (["recorded.sqlite", "--idle", "2s", "--to", "sqlite:to"], 2, "--idle is for the screen"),
        (["nowhere:x", "--to", "sqlite:to"], 2, "is not a stream"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(
    ticker: Program,
    recorded: str,  # noqa: ARG001  (it is there)
    words: list[str],
    code: int,
    said: str,
) -> None:
    done = ticker("replay", *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_command_that_a_demo_offers_replays_what_it_showed(ticker: Program) -> None:
    demo = ticker.on_terminal("demo", "AAPL", "--seed", "7", "--every", "100ms")
    demo.wait_for("we saw")
    demo.type("q")
    assert demo.end() == 0
    last = re.search(r"(\d+) ticks? kept · ticker (replay demo --since \S+)", demo.seen.decode())
    assert last is not None
    copied = ticker(*last[2].split(), "--to", "sqlite:copy.sqlite", "--speed", "max")
    assert copied.returncode == 0, copied.stderr
    assert f"complete: {last[1]} tick" in copied.stderr
    assert rows(ticker.state / "demo.sqlite") == rows(ticker.folder / "copy.sqlite")
    screen = ticker.on_terminal(*last[2].split(), "--speed", "max")
    screen.wait_for(f"end of the recording: {last[1]} tick")
    screen.type("q")
    assert screen.end() == 0


def test_no_replay_is_offered_if_nothing_was_stored(ticker: Program) -> None:
    log = f"sqlite:{ticker.folder / 'none.sqlite'}"
    screen = ticker.on_terminal("run", "AAPL", "--source", "exchange:1", "--stream", log)
    screen.wait_for("AAPL")
    screen.type("q")
    assert screen.end() == 0
    assert b"0 ticks kept" in screen.seen
    assert b"ticker replay" not in screen.seen
