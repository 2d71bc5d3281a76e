"""The messages and exit codes of commands that got too few events, or none."""

from __future__ import annotations

import pytest

from .conftest import Program, write


@pytest.fixture
def log(ticker: Program) -> str:
    return f"sqlite:{ticker.folder / 'log.sqlite'}"


def test_a_poll_whose_source_stays_unreachable_exits_with_6(ticker: Program, log: str) -> None:
    done = ticker(
        "poll", "AAPL", "--source", "exchange:127.0.0.1:1", "--stream", log, "--for", "5s"
    )
    assert done.returncode == 6
    assert "No price came. " in done.stderr


def test_a_poll_that_stores_too_few_ticks_exits_with_4(
    ticker: Program, log: str, exchange: str
) -> None:
    words = ("poll", "GC=F", "--source", exchange, "--stream", log)
    done = ticker(*words, "--for", "5s", "--count", "1000")
    assert done.returncode == 4
    assert "of 1,000 ticks came in this time" in done.stderr
    assert ticker(*words, "--for", "20s", "--count", "1").returncode == 0


def test_a_tail_that_gets_too_few_events_exits_with_4(ticker: Program, log: str) -> None:
    missing = ticker("tail", "--stream", log, "--for", "500ms")
    assert missing.returncode == 4
    assert "The stream is empty: nobody has polled yet" in missing.stderr
    write(log, ticks=3)
    none = ticker("tail", "--stream", log, "--for", "1s", "-n", "0")
    assert (none.returncode, none.stdout) == (4, "")
    assert f"No event came from {log} in this time" in none.stderr
    few = ticker("tail", "--stream", log, "--no-follow", "--count", "5", "-n", "5")
    assert (few.returncode, len(few.stdout.splitlines())) == (4, 3)
    assert f"3 of 5 events came from {log}" in few.stderr
    for words in (["--count", "2"], ["--for", "2s"]):
        assert ticker("tail", "--stream", log, *words).returncode == 0


def test_an_empty_log_is_called_empty(ticker: Program, log: str) -> None:
    write(log, state="stopped")
    once = ticker("watch", "--once", "--stream", log)
    assert once.returncode == 4
    assert f"No price in {log} yet. The poller stopped at" in once.stderr
    tail = ticker("tail", "--no-follow", "--stream", log)
    assert (tail.returncode, tail.stdout) == (4, "")
    assert f"No event is in {log} yet. Why: ticker status --stream {log}" in tail.stderr


def test_a_screen_that_gets_no_price_in_time_exits_with_4(ticker: Program, log: str) -> None:
    screen = ticker.on_terminal("watch", "--stream", log, "--for", "2s")
    assert screen.end() == 4
    assert b"No price came from" in screen.seen
