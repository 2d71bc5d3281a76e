"""Uses private parts of aiokafka. No other file does.

`tests/unit/streams/kafka/test_internals.py` lists each name.

The module works around three faults. A consumer's stop may end half way; then its metadata task
lives on and connects again. A request for metadata may create topics. A producer's stop waits for
what it cannot send. So call `hold` before a client starts, and `let_go` at its end. The module
knows nothing of records.
"""

# ruff: noqa: SLF001 - the private parts of aiokafka are what this module is about

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.protocol.metadata import MetadataRequest


class _CreatingNothing:
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

    async def connected(*where: Any, **how: Any) -> _CreatingNothing | None:
        connection = await connect(*where, **how)
        if client._get_conn is not connected:
            _drop(client)  # it was released already
            return None
        return None if connection is None else _CreatingNothing(connection)

    client._get_conn = connected


def keep_metadata_fresh(client: Any) -> None:
    """Start the task that asks for the metadata of `client` again and again."""
    client._sync_task = asyncio.create_task(client._md_synchronizer())


async def let_go(client: Any) -> None:
    """End all connections and tasks of `client` for good, even if its own stop failed.

    What it sent may still arrive later, even after another client sent the same again.
    """
    client._get_conn = _nothing
    _drop(client)
    tending, client._sync_task = client._sync_task, None
    if tending is not None:
        tending.cancel()
        await asyncio.wait([tending], timeout=0.2)


async def _nothing(*_: Any, **__: Any) -> None:
    """Return no connection."""


def _drop(client: Any) -> None:
    """Break all connections of `client` at once."""
    for connection in tuple(client._conns.values()):
        if connection._writer is not None:
            connection._writer.transport.abort()
        connection.close()


def client_of(client: Any) -> Any:
    """Return the `AIOKafkaClient` in a producer or a consumer, or `client` itself."""
    names = [name for name in ("client", "_client") if hasattr(client, name)]
    return getattr(client, names[0]) if names else client


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
