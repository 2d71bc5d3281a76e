"""The dashboard on real terminals: other character sets, invalid input, restarts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .conftest import Program, descendants, until, write


@pytest.fixture
def log(tmp_path: Path) -> str:
    url = f"sqlite:{tmp_path / 'log.sqlite'}"
    write(url, ticks=3, name="Société Générale 日本")
    return url


@pytest.mark.parametrize("charset", ["ascii", "iso-8859-1", "utf-8"])
def test_a_board_is_shown_in_any_character_set(ticker: Program, log: str, charset: str) -> None:
    terminal = ticker.on_terminal("watch", "--stream", log, columns=160, PYTHONIOENCODING=charset)
    terminal.wait_for("4,103.00")
    terminal.type("q")
    assert terminal.end() == 0
    terminal.seen.decode(charset)
    assert b"Traceback" not in terminal.seen


@pytest.mark.parametrize("charset", ["ascii", "iso-8859-1"])
@pytest.mark.parametrize(
    "words", [["--help"], ["forward", "--help"], ["status"], ["config"], ["tail", "--no-follow"]]
)
def test_output_is_in_the_terminals_character_set(
    ticker: Program, log: str, words: list[str], charset: str
) -> None:
    terminal = ticker.on_terminal(*words, PYTHONIOENCODING=charset, TICKER_STREAM=log)
    assert terminal.end() == 0
    terminal.seen.decode(charset)
    assert b"\xc2" not in terminal.seen  # the first byte of a middle dot in UTF-8


def test_invalid_bytes_as_input_do_not_end_the_dashboard(ticker: Program, log: str) -> None:
    terminal = ticker.on_terminal("watch", "--stream", log)
    terminal.wait_for("4,103.00")
    terminal.type("/")
    terminal.wait_for("filter: symbol or name")
    os.write(terminal.descriptor, b"\xe9\xff")
    # What is read together with them is dropped too, so a key may have to be pressed again.
    until(lambda: terminal.shows("No row matches", after="z"))
    terminal.type("\x03")
    assert terminal.end() == 130
    assert b"Traceback" not in terminal.seen


def test_a_demo_whose_poller_was_restarted_ends_normally(ticker: Program) -> None:
    terminal = ticker.on_terminal("demo", "AAPL", "GC=F", "--every", "200ms")
    terminal.wait_for("USD")
    (poller,) = (
        pid
        for pid in descendants(ticker)
        if b"\0poll\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(poller, signal.SIGKILL)
    terminal.wait_for("was started again")
    terminal.seen = b""
    terminal.wait_for("answered at")  # the new poller may be too fast for a gap
    terminal.type("q")
    assert terminal.end() == 0
    assert b"ticks kept" in terminal.seen
    assert b"Unexpected" not in terminal.seen
