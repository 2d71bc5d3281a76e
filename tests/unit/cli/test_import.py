from __future__ import annotations

from ticker.cli.import_ import progress_words
from ticker.importing.progress import Progress
from ticker.units import SECOND


def test_the_progress_of_reading_shows_rows_and_their_rate() -> None:
    reading = Progress("reading a.csv", 0.5, 3_000)
    assert progress_words(reading, 2 * SECOND) == ("reading a.csv 50% · 3,000 rows, 1,500 a second")
    assert progress_words(Progress("sorting", 0.25, 0), SECOND) == "sorting 25%"
