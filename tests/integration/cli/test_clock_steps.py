"""Wall clocks that are wrong, or are stepped while a poller or a reader runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE, Program, until, until_said

STEPPED = Path(__file__).parent / "stepped"
HOUR = 3_600


class Stepped:
    """`ticker` in processes whose wall clock is wrong by `step` seconds; it can be stepped."""

    def __init__(self, ticker: Program, name: str) -> None:
        self._ticker = ticker
        self._file = ticker.folder / f"clock-{name}"
        self.step(0)

    def step(self, seconds: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds), encoding="utf-8")
        new.replace(self._file)

    @property
    def env(self) -> dict[str, str]:
        paths = [str(STEPPED), *filter(None, [self._ticker.env.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths), "STEPPED_CLOCK": str(self._file)}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._ticker.run(*words, **self.env)  # only an interpreter that starts imports it

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        before = self._ticker.env
        self._ticker.env = {**before, **self.env}
        try:
            return self._ticker.start(*words)
        finally:
            self._ticker.env = before


@pytest.fixture
def log(ticker: Program) -> str:
    return f"sqlite:{ticker.folder / 'log.sqlite'}"


@pytest.fixture
def stepped(ticker: Program) -> Callable[[str], Stepped]:
    return lambda name: Stepped(ticker, name)


def status(ticker: Any, log: str) -> tuple[int, dict[str, Any]]:
    done = ticker("status", "--stream", log, "--format", "json")
    return done.returncode, json.loads(done.stdout)


def poll(ticker: Any, log: str, exchange: str) -> subprocess.Popen[bytes]:
    """A poller that has answered once."""
    words = ("poll", "GC=F", "--source", exchange, "--stream", log, "--every", "1s")
    started: subprocess.Popen[bytes] = ticker.start(*words)
    until_said(started, "exchange: ok")
    return started


def kill(poller: subprocess.Popen[bytes]) -> None:
    poller.send_signal(signal.SIGKILL)
    poller.wait()


def test_a_clock_set_back_does_not_revive_a_dead_poller(
    ticker: Program, stepped: Callable[[str], Stepped], log: str, exchange: str
) -> None:
    kill(poll(ticker, log, exchange))
    reader = stepped("reader")
    reader.step(-HOUR)
    code, told = status(reader, log)
    assert code == 4
    assert told["verdict"].startswith("unknown: The last sign of the poller is dated")
    assert [beat["alive"] for beat in told["heartbeats"]] == [None]
    once = reader("watch", "--once", "--stream", log)
    assert once.returncode == 4
    assert once.stderr.startswith("unknown: The last sign of the poller is dated")


def test_a_reader_whose_clock_was_set_back_still_sees_a_living_poller(
    ticker: Program, stepped: Callable[[str], Stepped], log: str, exchange: str
) -> None:
    poll(ticker, log, exchange)
    reader = stepped("reader")
    reader.step(-HOUR)
    code, told = status(reader, log)
    assert (code, told["healthy"], told["verdict"]) == (0, True, "healthy")
    assert reader("watch", "--once", "--stream", log).returncode == 0


def test_a_poller_counts_even_after_one_whose_clock_was_ahead(
    ticker: Program, stepped: Callable[[str], Stepped], log: str, exchange: str
) -> None:
    ahead = stepped("poller")
    ahead.step(2 * HOUR)
    kill(poll(ahead, log, exchange))
    poll(ticker, log, exchange)
    until(lambda: status(ticker, log)[0] == 0)


def test_a_dashboard_with_a_stepped_clock_distinguishes_dead_and_living_pollers(
    ticker: Program, stepped: Callable[[str], Stepped], log: str, exchange: str
) -> None:
    poller = poll(ticker, log, exchange)
    reader = stepped("reader")
    ticker.env |= reader.env
    screen = ticker.on_terminal("watch", "--stream", log)
    screen.wait_for("1 of 1 answered")
    reader.step(-HOUR)
    for _ in range(3):  # heartbeats that came since
        screen.seen = b""
        screen.wait_for("answered")
    assert b"No sign of" not in screen.seen
    kill(poller)
    screen.wait_for("No sign of the poller")
    screen.type("q")
    assert screen.end() == 0


def test_a_poller_whose_clock_is_set_back_stays_alive(
    ticker: Program, stepped: Callable[[str], Stepped], log: str, exchange: str
) -> None:
    clock = stepped("poller")
    clock.step(HOUR)
    poll(clock, log, exchange)
    tail = ticker.start("tail", "AAPL", "--stream", log)
    clock.step(0)
    assert "no price changed" in until_said(tail, "Quiet for")
    until(lambda: status(ticker, log)[0] == 0, PATIENCE)
