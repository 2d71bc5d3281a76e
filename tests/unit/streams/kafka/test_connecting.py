"""Clients are begun within bounds, and only on a cluster that can be spoken to."""

from __future__ import annotations

from typing import Any

import pytest

from ticker.errors import StreamUnreachable
from ticker.streams.kafka.address import parse
from ticker.streams.kafka.connecting import begin

ADDRESS = parse("kafka://127.0.0.1:1/ticks")


class Cluster:
    """A cluster that names its broker only after it was asked `looks` times."""

    def __init__(self, looks: int) -> None:
        self.cluster = self
        self._looks = looks
        self._conns: dict[str, Any] = {}
        self.closed = False

    async def bootstrap(self) -> None:
        pass

    def brokers(self) -> set[int]:
        return set() if self._looks else {1}

    async def force_metadata_update(self) -> bool:
        self._looks -= 1
        return True

    async def _get_conn(self, *_: object) -> None:
        return None

    async def close(self) -> None:
        self.closed = True


async def test_a_cluster_that_names_no_broker_yet_is_waited_for() -> None:
    client = Cluster(2)
    await begin(ADDRESS, client)
    assert client.brokers()
    assert not client.closed


async def test_a_cluster_that_never_names_a_broker_is_given_up() -> None:
    client = Cluster(-1)
    with pytest.raises(StreamUnreachable):
        await begin(ADDRESS, client, within=0.2)
    assert client.closed
