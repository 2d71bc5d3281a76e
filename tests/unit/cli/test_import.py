from __future__ import annotations

import sys

import pytest

from tests.waiting import until
from ticker.cli import import_, status_line
from ticker.importing.progress import Progress
from ticker.units import SECOND


async def test_the_progress_of_reading_shows_rows_and_their_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elapsed = 0
    shown: list[str] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(status_line, "_write", shown.append)
    monkeypatch.setattr(import_, "monotonic", lambda: elapsed)
    telling = import_._Telling(quiet=False)
    elapsed = 2 * SECOND
    telling.show(Progress("reading a.csv", 0.5, 3_000))
    await until(lambda: "reading a.csv 50% · 3,000 rows, 1,500 a second" in "".join(shown))
