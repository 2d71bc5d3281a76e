"""What a writer reports as undelivered."""

from __future__ import annotations

from typing import Any

import pytest

from ticker.address import parse_address
from ticker.errors import (
    InvalidRecord,
    MixedPrices,
    SequenceConflict,
    StreamUnreachable,
    TickerError,
)
from ticker.records import Batch, Tick
from ticker.streams.kafka.address import secured
from ticker.streams.kafka.topics import TopicPlan
from ticker.streams.kafka.writing import KafkaWriter

ADDRESS = secured(parse_address("kafka://127.0.0.1:1/ticks"))
URL = ADDRESS.url


@pytest.mark.parametrize(
    ("error", "undelivered"),
    [
        (SequenceConflict(URL, {("o", "A"): 1}), 0),
        (MixedPrices(URL, "A", log_is_simulated=True), 0),
        (InvalidRecord("record", "too long"), 0),
        (StreamUnreachable(URL, "away"), 2),
    ],
)
async def test_ticks_of_a_refused_append_are_not_undelivered(
    error: TickerError, undelivered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise error

    writer = KafkaWriter(ADDRESS, TopicPlan())
    monkeypatch.setattr(writer, "_ready", refuse)
    ticks = [Tick("A", "s", "o", n, n, n, 1.0) for n in (1, 2)]
    with pytest.raises(type(error)):
        await writer.append(Batch(ticks=ticks))
    assert await writer.close(0.1) == undelivered
