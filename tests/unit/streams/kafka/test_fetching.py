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
COMPACTED, WHOLE, CUT = (TopicPartition("ticks.quotes", n) for n in (0, 1, 2))


class Held:
    """Delivers the offsets that a broker holds."""

    held: dict[TopicPartition, list[int]]

    def __init__(self, *_: Any, **__: Any) -> None:
        self._left = dict(self.held)

    async def begin(self) -> None: ...

    async def close(self) -> None: ...

    def pause(self, where: TopicPartition) -> None: ...

    async def take(self, *_: Any) -> dict[TopicPartition, list[Any]]:
        where, offsets = self._left.popitem()
        return {where: [SimpleNamespace(offset=offset) for offset in offsets]}


@pytest.mark.parametrize(
    ("where", "held"),
    [
        pytest.param(COMPACTED, [7, 8], id="its last messages were compacted away"),
        pytest.param(CUT, [0, 1], id="an election cut it off, and the consumer was reset"),
    ],
)
async def test_a_span_yields_what_lies_in_it_and_no_empty_list(
    monkeypatch: pytest.MonkeyPatch, where: TopicPartition, held: list[int]
) -> None:
    Held.held = {where: held, WHOLE: [3, 4, 5, 6]}
    monkeypatch.setattr(fetching, "Fetching", Held)
    spans = {where: (2, 6), WHOLE: (3, 6)}
    found = [(at, [m.offset for m in some]) async for at, some in span(ADDRESS, spans)]
    assert found == [(WHOLE, [3, 4, 5])]
