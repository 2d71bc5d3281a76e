"""Uses private parts of aiokafka. No other file does.

`tests/unit/streams/kafka/test_internals.py` lists each name.

They work around four faults. aiokafka leaves its first connection open if its start is cancelled.
A consumer's stop may end half way; then its metadata task lives on and connects again. A request
for metadata may create topics. A producer's stop waits for what it cannot send. So call `hold`
before a client starts, and `let_go` at its end. Knows nothing of records.
"""

# ruff: noqa: SLF001 - the private parts of aiokafka are what this module is about

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

_PAUSE: Final = 0.1  # seconds between two questions to a cluster that has no broker yet


class _Asked:
    """A connection whose metadata requests forbid the broker to create topics."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, request: MetadataRequest) -> Any:
        asked = MetadataRequest(request._topics, allow_auto_topic_creation=False)
        return self._connection.send(asked)


def hold(client: Any) -> None:
    """Let `client`, an `AIOKafkaClient` that is not started yet, connect through this module.

    A broker with `auto.create.topics.enable`, Kafka's default, creates each topic that it is asked
    about, unless the request forbids it. aiokafka's request does not, and has no setting for it: a
    consumer would recreate the topics of a deleted stream, with the wrong policies. The client uses
    the connections of `_get_conn` for this request only.
    """
    connect = client._get_conn

    async def connected(*where: Any, **how: Any) -> _Asked | None:
        connection = await connect(*where, **how)
        if client._get_conn is not connected:
            drop(client)  # it was released already
            return None
        return None if connection is None else _Asked(connection)

    async def bootstrap() -> None:
        await _bootstrap(client)

    client._get_conn = connected
    client.bootstrap = bootstrap


async def _bootstrap(client: Any) -> None:
    """Ask the servers which brokers exist, on connections that the client owns.

    A cluster that has just started names no broker yet. aiokafka would accept that answer. Here the
    question is repeated. Raises `KafkaConnectionError` if no server answers.
    """
    cluster = client.cluster
    cluster.config["bootstrap_servers"] = client._bootstrap_servers
    cluster._bootstrap_brokers = servers = cluster._generate_bootstrap_brokers()
    while not cluster._brokers:
        if not await _learn(client, servers):
            raise KafkaConnectionError(f"Unable to bootstrap from {client._bootstrap_servers}")
        if not cluster._brokers:
            await asyncio.sleep(_PAUSE)
    cluster._bootstrap_brokers = {}
    for where in [where for where in client._conns if where[0] in servers]:
        client._conns.pop(where).close()
    client._sync_task = asyncio.create_task(client._md_synchronizer())


async def _learn(client: Any, servers: Iterable[str]) -> bool:
    """Ask one server after another until one names brokers. Return whether any answered."""
    answered = False
    for server in servers:
        connection = await client._get_conn(server)
        if connection is None:
            continue
        with contextlib.suppress(KafkaError, TimeoutError):
            metadata = await connection.send(MetadataRequest([]))
            answered = True
            if metadata.brokers:
                client.cluster.update_metadata(metadata)
                break
    return answered


async def let_go(client: Any) -> None:
    """End all connections and tasks of `client` for good, even if its own stop failed.

    What it sent may still arrive later, even after another client sent the same again.
    """
    client._get_conn = _nothing
    drop(client)
    tending, client._sync_task = client._sync_task, None
    if tending is not None:
        tending.cancel()
        await asyncio.wait([tending], timeout=0.2)


async def _nothing(*_: Any, **__: Any) -> None:
    """Return no connection."""


def drop(client: Any) -> None:
    """Break all connections of `client` at once."""
    for connection in tuple(client._conns.values()):
        if connection._writer is not None:
            connection._writer.transport.abort()
        connection.close()


def client_of(client: Any) -> Any:
    """Return the `AIOKafkaClient` in a producer or a consumer, or `client` itself."""
    names = [name for name in ("client", "_client") if hasattr(client, name)]
    return getattr(client, names[0]) if names else client


def begin_with(client: Any, server: str) -> None:
    """Let `client`, not started yet, start with `server` alone."""
    client_of(client)._bootstrap_servers = [server]


def let_fetches_wait(consumer: Any, milliseconds: int) -> None:
    """Set how long a broker holds a fetch that finds nothing, for a running `consumer`."""
    consumer._fetcher._fetch_max_wait_ms = milliseconds


def watch_requests(producer: Any) -> set[asyncio.Task[Any]]:
    """Return a set that always holds the tasks of the producer's pending requests.

    The producer's own stop cancels one. The others would wait for ever for a closed client.
    """
    tasks: set[asyncio.Task[Any]] = set()
    send = producer._sender._send_produce_req

    async def watched(*what: Any) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio has one
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await send(*what)

    producer._sender._send_produce_req = watched
    return tasks


async def end_sending(producer: Any) -> None:
    """Stop `producer` and drop what it has not sent. Its own stop would wait for that (#1101)."""
    producer._closed = True  # prevents a warning
    await producer._sender.close()
