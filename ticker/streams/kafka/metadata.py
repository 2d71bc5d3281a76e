"""A request for topics and their ids, in a protocol version that aiokafka lacks.

aiokafka asks for metadata in version 5. That creates missing topics on brokers that allow it, and
identifies topics by name only. Version 12 (Kafka 3.0 and newer) can forbid creation, and returns
each topic's id: a topic that was deleted and created again has another id. No input or output.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_NO_ID: Final = bytes(16)


class _Uuid(AbstractType):  # type: ignore[misc]  # aiokafka ships no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_TEXT: Final = CompactString("utf-8")
_TAGS: Final = ("tags", TaggedFields)
_BROKER: Final = (("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS)
_PARTITION: Final = (
    ("error_code", Int16),
    *((name, Int32) for name in ("partition", "leader", "leader_epoch")),
    *((name, CompactArray(Int32)) for name in ("replicas", "isr", "offline_replicas")),
    _TAGS,
)
_TOPIC: Final = (
    *(("error_code", Int16), ("name", _TEXT), ("topic_id", _Uuid), ("is_internal", Boolean)),
    *(("partitions", CompactArray(*_PARTITION)), ("authorized_operations", Int32)),
    _TAGS,
)


class _TopicsAnswer(Response):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        _TAGS,
    )


class _TopicsRequest(RequestStruct):  # type: ignore[misc]  # aiokafka ships no types
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _TopicsAnswer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class Describe(Request[_TopicsRequest]):  # type: ignore[misc]  # aiokafka ships no types
    """A request to describe `topics`, by name. The broker creates none of them."""

    API_KEY = 3

    def __init__(self, topics: tuple[str, ...]) -> None:
        self._topics = topics

    def build(self, request_struct_class: Any) -> Any:
        """Build the request, once aiokafka knows which versions the broker speaks."""
        asked: list[Any] = [(_NO_ID, topic, {}) for topic in self._topics]
        return request_struct_class(asked, False, False, {})
