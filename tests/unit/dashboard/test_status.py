from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from ticker.dashboard.status import status
from ticker.records import Batch, Health, Position, Quote
from ticker.watch import Watch

NOW = 1_795_447_805_000_000


async def test_records_that_cannot_be_read_are_told_at_the_foot_of_the_screen(
    stream_in_memory: Callable[..., Any],
) -> None:
    stream = stream_in_memory(Batch(Position("0"), quotes=[Quote("A", "s", NOW, NOW, 1.0, "o", 1)]))
    watch = Watch(stream)
    await watch.snapshot()
    assert status(watch, NOW, UTC).words == "0 ticks"
    stream.state = Health(stream.url, "ok", broken=5)
    assert status(watch, NOW, UTC).words == "0 ticks · 5 records passed over, not to be read"
