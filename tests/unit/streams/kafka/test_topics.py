"""The settings of new topics: retention, and the segments that Kafka deletes as a whole."""

import pytest

from ticker.streams.kafka import TopicPlan
from ticker.streams.kafka.topics import configurations
from ticker.units import HOUR, SECOND


@pytest.mark.parametrize(
    ("keep_for", "segment"),
    [
        (2 * SECOND, "1000"),
        (3 * HOUR, "1080000"),
        (24 * 7 * HOUR, "60480000"),
        (24 * 365 * HOUR, "86400000"),
        (-1, None),
    ],
)
def test_segments_are_a_fraction_of_the_retention_time(keep_for: int, segment: str | None) -> None:
    ticks, gaps, *_ = configurations(TopicPlan(keep_for=keep_for))
    assert ticks.get("segment.ms") == gaps.get("segment.ms") == segment


@pytest.mark.parametrize(
    ("keep_bytes", "segment"),
    [(1, str(2**20)), (10**9, str(10**8)), (10**12, str(2**30)), (-1, None)],
)
def test_segments_are_a_fraction_of_the_retained_bytes(
    keep_bytes: int, segment: str | None
) -> None:
    assert configurations(TopicPlan(keep_bytes=keep_bytes))[0].get("segment.bytes") == segment
