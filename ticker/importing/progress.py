"""The progress of an import, while DuckDB works in the caller's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Self

import msgspec

from ticker.importing.sniffing import Sniffed
from ticker.streams.recording.database import Connection

_LOOK_EVERY: Final = 0.2
"""The time between two reports (s)."""


class Progress(msgspec.Struct, frozen=True):
    """What an import does now."""

    doing: str
    """`reading a.csv`, `sorting`, `writing`."""
    done: float
    """How much of this step is done, from 0 to 1."""
    rows: int
    """Rows read so far, of all files; approximate for a file that is being read."""


class ProgressWatch:
    """Reports the progress of `connection` to `on_progress`, from its own thread.

    A context manager.
    """

    def __init__(
        self, connection: Connection, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self._connection = connection
        self._on_progress = on_progress
        self._doing = "reading"
        self._rows = self._expected = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker-progress", daemon=True)

    def begin(self, doing: str, rows: int, expected: int = 0) -> None:
        """Begin the next step. `rows` were read before it; it will read about `expected` more."""
        self._doing, self._rows, self._expected = doing, rows, expected

    def __enter__(self) -> Self:
        if self._on_progress is not None:
            # The first setting makes DuckDB count. The second keeps it from printing.
            self._connection.execute("SET enable_progress_bar = true")
            self._connection.execute("SET enable_progress_bar_print = false")
            self._connection.execute("SET progress_bar_time = 0")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        assert self._on_progress is not None  # noqa: S101 - otherwise it would not have been started
        while not self._over.wait(_LOOK_EVERY):
            done = min(max(0.0, self._connection.query_progress() / 100), 1.0)  # -1: no query
            rows = self._rows + round(done * self._expected)
            self._on_progress(Progress(self._doing, done, rows))


def expected_rows(file: Sniffed) -> int:
    """Estimate how many rows `file` has, by the length of its first lines; 0: unknown."""
    if file.is_parquet or file.path.name.endswith(".gz") or not file.lines:
        return 0
    average = sum(map(len, file.lines)) / len(file.lines) + 1
    return round(file.path.stat().st_size / average)
