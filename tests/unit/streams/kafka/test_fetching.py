"""What is read between two offsets, even if messages between them are gone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from ticker.address import parse_address
from ticker.streams.kafka import fetching
from ticker.streams.kafka.address import secured
from ticker.streams.kafka.fetching import span

ADDRESS = secured(parse_address("kafka://127.0.0.1:1/ticks"))
COMPACTED, WHOLE = (TopicPartition("ticks.quotes", n) for n in (0, 1))


class Held:
    """Delivers the offsets that a broker holds."""

    held: dict[TopicPartition, list[int]]

    def __init__(self, *_: Any) -> None:
        self._left = dict(self.held)

    async def begin(self) -> None: ...

    async def close(self) -> None: ...

    def pause(self, where: TopicPartition) -> None: ...

    async def take(self, *_: Any) -> dict[TopicPartition, list[Any]]:
        where, offsets = self._left.popitem()
        return {where: [SimpleNamespace(offset=offset) for offset in offsets]}


async def test_a_span_whose_last_messages_were_compacted_away_yields_no_empty_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Held.held = {COMPACTED: [7, 8], WHOLE: [3, 4, 5, 6]}
    monkeypatch.setattr(fetching, "Fetching", Held)
    spans = {COMPACTED: (2, 6), WHOLE: (3, 6)}
    found = [(where, [m.offset for m in some]) async for where, some in span(ADDRESS, spans)]
    assert found == [(WHOLE, [3, 4, 5])]
