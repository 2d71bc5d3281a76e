from __future__ import annotations

import threading

from ticker.cli.line import Newest


def test_a_terminal_that_takes_nothing_holds_nobody_up_and_then_shows_the_newest_line() -> None:
    goes_on, began = threading.Event(), threading.Event()
    written: list[str] = []

    def write(text: str) -> None:
        began.set()
        goes_on.wait(10)
        written.append(text)

    newest = Newest(write)
    newest.put("one")
    assert began.wait(10)
    newest.put("two")
    newest.put("three")
    goes_on.set()
    newest.drain(10)
    assert written == ["one", "three"]
