"""All that we use of aiokafka's private parts, in this file only: `test_internals` names each.

aiokafka begins on a connection that it keeps to itself, and leaves it open when it is cut short.
Its consumer's stop ends half way while a fetch is under way, so that the task which keeps the
metadata fresh lives on and connects again. Each connection has a broker make the topics that it is
asked for and has not. A producer's stop waits for what it cannot send. Nothing public helps: so
`hold` a client before it begins, and `let_go` of it at the end. Knows nothing of records.
"""

# ruff: noqa: SLF001 - the private parts of aiokafka are what this module is about

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

_PAUSE: Final = 0.1  # seconds between two looks at a cluster that has no broker yet


class _Asked:
    """A connection as a client has it that asks about topics: with the word not to make them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, request: MetadataRequest) -> Any:
        asked = MetadataRequest(request._topics, allow_auto_topic_creation=False)
        return self._connection.send(asked)


def hold(client: Any) -> None:
    """Have all connections of `client`, an `AIOKafkaClient` not begun yet, go through here.

    It makes no topic by asking for it. A broker with `auto.create.topics.enable`, which is Kafka's
    default, makes each topic that it is asked about, unless the question forbids it; aiokafka's
    does not, and has no setting for it. So the consumers that were at work when somebody deleted a
    stream brought its topics back, with policies that are not ours, and no log could be opened
    there any more. On what `_get_conn` gives the client speaks itself with this question only; all
    others go by `send`.
    """
    connect = client._get_conn

    async def connected(*where: Any, **how: Any) -> _Asked | None:
        connection = await connect(*where, **how)
        if client._get_conn is not connected:
            drop(client)  # it was let go meanwhile
            return None
        return None if connection is None else _Asked(connection)

    async def bootstrap() -> None:
        await _bootstrap(client)

    client._get_conn = connected
    client.bootstrap = bootstrap


async def _bootstrap(client: Any) -> None:
    """Learn of one of its servers which brokers there are; on connections that are known as its.

    A cluster that has just begun knows of no broker, not even of the one that says so: it is asked
    again, for ever; aiokafka takes that for an answer, and has nobody to send its requests to.
    Raises `KafkaConnectionError` where no server answers.
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
    """Ask one after another until one names brokers; whether any answered."""
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
    """Whatever became of its own end: no connection stays, none comes, and no task of its goes on.

    What it had sent may yet arrive, after the same was sent again.
    """
    client._get_conn = _nothing
    drop(client)
    tending, client._sync_task = client._sync_task, None
    if tending is not None:
        tending.cancel()
        await asyncio.wait([tending], timeout=0.2)


async def _nothing(*_: Any, **__: Any) -> None:
    """No connection."""


def drop(client: Any) -> None:
    """Break all its connections, at once."""
    for connection in tuple(client._conns.values()):
        if connection._writer is not None:
            connection._writer.transport.abort()
        connection.close()


def client_of(client: Any) -> Any:
    """The `AIOKafkaClient` in a producer or a consumer, or `client` itself."""
    names = [name for name in ("client", "_client") if hasattr(client, name)]
    return getattr(client, names[0]) if names else client


def begin_with(client: Any, server: str) -> None:
    """Let `client`, not begun yet, begin with `server` alone."""
    client_of(client)._bootstrap_servers = [server]


def let_fetches_wait(consumer: Any, milliseconds: int) -> None:
    """Set how long a broker keeps a fetch open that finds nothing, while `consumer` is at work."""
    consumer._fetcher._fetch_max_wait_ms = milliseconds


def watch_requests(producer: Any) -> set[asyncio.Task[Any]]:
    """The tasks that will hold its requests: its own end cancels one, and forgets the others.

    One that waits for news of the cluster, from a client that is closed, would wait for ever.
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
    """End `producer` without what it has not sent: its own stop would wait for that (#1101)."""
    producer._closed = True  # so that nobody warns of it
    await producer._sender.close()
