from __future__ import annotations

import sys
import threading

import pytest

from ticker.cli import status_line as lines
from ticker.cli.status_line import Newest, StatusLine


def test_a_blocked_terminal_delays_nothing_and_later_shows_the_newest_line() -> None:
    goes_on, began = threading.Event(), threading.Event()
    written: list[str] = []

    def write(text: str) -> None:
        began.set()
        goes_on.wait(30)
        written.append(text)

    newest = Newest(write)
    newest.put("one")
    assert began.wait(30)
    newest.put("two")
    newest.put("three")
    goes_on.set()
    newest.drain(10)
    assert written == ["one", "three"]


def test_a_line_that_quickly_follows_another_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = threading.Event()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(lines, "_write", lambda text: last.set() if "60 ticks" in text else None)
    line = StatusLine(quiet=False)
    line.show("following, 0 ticks sent", "following")
    line.show("following, 60 ticks sent", "following")
    assert last.wait(30)


def test_an_end_does_not_wait_for_the_pause_between_lines() -> None:
    written: list[str] = []
    newest = Newest(written.append, pause=600)
    for text in ("one", "two", "three"):
        newest.put(text)
        newest.drain(10)
    assert written == ["one", "two", "three"]
