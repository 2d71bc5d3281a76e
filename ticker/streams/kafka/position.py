"""Positions of a Kafka stream: `ID:TICKS:GAPS:QUOTES:HEARTBEATS:RECEIVED`, opaque to others.

`ID` is the id of the topics, so a position of other topics is noticed. The next four list the
offset of the next record in each partition, like `5,0,17`. `RECEIVED` (µs, UTC; 0: unknown) is the
latest `received` before the position: if retention overtakes a reader, data are missing since then.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from aiokafka import TopicPartition

from ticker.errors import WrongPosition
from ticker.records import MAX_TIME, Position

Offsets = Mapping[TopicPartition, int]
"""Partition → offset."""
Spans = Mapping[TopicPartition, tuple[int, int]]
"""Partition → the first offset (inclusive) and the last (exclusive)."""

_OFFSETS: Final = r"([0-9]{1,18}(?:,[0-9]{1,18}){0,9999})"
_FORM: Final = re.compile(rf"([a-z0-9]{{1,32}}):{':'.join([_OFFSETS] * 4)}:([0-9]{{1,18}})")


class KafkaPosition(msgspec.Struct, frozen=True):
    """A parsed position."""

    id: str
    offsets: tuple[tuple[int, ...], ...]
    """The next offset in each partition of the topics of ticks, gaps, quotes and heartbeats."""
    received: int = 0

    def position(self) -> Position:
        """Return it as text."""
        topics = ":".join(",".join(map(str, offsets)) for offsets in self.offsets)
        return Position(f"{self.id}:{topics}:{self.received}")


def parse(url: str, position: object) -> KafkaPosition:
    """Parse `position`. Raises `WrongPosition` if it is not a position of a Kafka stream."""
    form = _FORM.fullmatch(position) if isinstance(position, str) else None
    if form is None:
        raise WrongPosition(url, position)
    offsets = tuple(tuple(map(int, form[n].split(","))) for n in (2, 3, 4, 5))
    return KafkaPosition(form[1], offsets, min(int(form[6]), MAX_TIME))
