"""Where a replay begins, and what was known there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ticker.play import Span, begin
from ticker.records import Quote, Tick
from ticker.streams.recording import Recorder, RecordingStream
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


@pytest.fixture
def tape(tmp_path: Path) -> RecordingStream:
    """Ten ticks each of two symbols, one a second."""
    path = tmp_path / "a.parquet"
    with Recorder(path) as recorder:
        for n in range(1, 11):
            at = NOW + n * SECOND
            recorder.add([Tick(s, "test", "o", n, at, at, 100.0 + n) for s in ("A", "B")])
        recorder.finish()
    return RecordingStream(path)


@pytest.mark.parametrize("since", [0, 4, 7, 10])
@pytest.mark.parametrize("symbols", [None, ("B",)])
async def test_a_tape_knows_at_once_what_reading_all_before_would_tell(
    tape: RecordingStream, since: int, symbols: tuple[str, ...] | None
) -> None:
    span = Span(symbols, NOW + since * SECOND, None)
    at_once = await begin(tape, span)
    tape.url = "sqlite:no.tape"
    by_reading = await begin(tape, span)

    def told(known: Sequence[Quote]) -> list[tuple[str, int | None, float]]:
        return sorted((quote.symbol, quote.sequence, quote.price) for quote in known)

    assert told(at_once.known) == told(by_reading.known)
    assert at_once.first == by_reading.first
