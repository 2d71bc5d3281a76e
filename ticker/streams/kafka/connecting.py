"""Starts and stops aiokafka's clients in bounded time, and maps their errors to ours.

aiokafka does not say why it cannot start (`diagnosing` finds out). Its stop waits for ever for a
broker that is away, and may raise `CancelledError` without a cause. Knows nothing of records.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from ticker.errors import StreamError, StreamUnusable
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.diagnosing import OLD, ask_why, connect, no_answer
from ticker.streams.kafka.internals import client_of, hold, keep_metadata_fresh, let_go

ANSWER: Final = 8.0
"""Seconds in which a broker must answer a question. After that it counts as away."""

CLOSED: Final = "was closed"
"""The problem of a client that is used after it was closed."""

_PAUSE: Final = 0.1  # seconds between two questions to a cluster that names no broker yet
_log: Final = logging.getLogger(__name__)
_warned: set[str] = set()  # URLs of the streams that `warn` warned about
_left: set[asyncio.Task[Any]] = set()


@contextlib.contextmanager
def map_errors(address: KafkaAddress) -> Iterator[None]:
    """Raise errors of aiokafka and of the network as `StreamError`."""
    url = address.url
    try:
        yield
    except StreamError:
        raise
    except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError) as error:
        raise StreamUnusable(url, "this user may not use its topics") from error
    except MessageSizeTooLargeError as error:
        words = "takes no batch of this size: raise max.message.bytes of its topics to 1 MB"
        raise StreamUnusable(url, words) from error
    except NotImplementedError as error:  # aiokafka's, if a broker has no such version
        raise StreamUnusable(url, OLD) from error
    except (KafkaError, OSError) as error:  # a TimeoutError is also an OSError
        raise no_answer(address, error) from error


async def start(kind: Any, address: KafkaAddress, within: float = ANSWER, **settings: Any) -> Any:
    """Make a client of this class of aiokafka, and start it within `within` seconds.

    Raises `StreamUnreachable` with the reason. Finding the reason takes a few seconds more.
    `internals.hold` says what changes in the client.
    """
    warn(address)
    servers, options = list(address.servers), address.options()
    client = kind(bootstrap_servers=servers, **settings, **options)
    core = client_of(client)
    hold(core)
    core.bootstrap = partial(_bootstrap, core, servers, options)
    try:
        async with asyncio.timeout(within):
            await (core.bootstrap() if core is client else client.start())
    except (KafkaError, OSError, ValueError) as error:  # ValueError: the broker lacks the password
        await end(client)
        raise await ask_why(address, error) from error
    except BaseException:
        await end(client)
        raise
    return client


def warn(address: KafkaAddress) -> None:
    """Warn, once for each stream, if its password crosses a network unencrypted."""
    asked = address.security
    if asked.has_tls or asked.mechanism != "PLAIN" or address.url in _warned:
        return
    if not all(map(_is_here, address.servers)):
        _warned.add(address.url)
        words = "%s: the password is sent unencrypted. Use SASL_SSL, or a mechanism of SCRAM"
        _log.warning(words, address.url)


def _is_here(server: str) -> bool:
    """Tell whether HOST:PORT names this machine, so that no data leaves it."""
    host = server.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _bootstrap(client: Any, servers: Sequence[str], options: Any) -> None:
    """Let `client` know the brokers that the first answering server names.

    aiokafka asks one server after another, and a silent one would use up all the time. It also
    accepts the answer of a cluster that has just started and names no broker yet; here the question
    is repeated.
    """
    while True:
        tasks = [asyncio.ensure_future(_brokers(server, options)) for server in servers]
        failed: list[Exception] = []
        try:
            for answer in asyncio.as_completed(tasks):
                try:
                    client.cluster.update_metadata(await answer)
                except (KafkaError, OSError, ValueError) as error:
                    failed.append(error)
                if client.cluster.brokers():
                    keep_metadata_fresh(client)
                    return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if len(failed) == len(tasks):
            raise failed[0]
        await asyncio.sleep(_PAUSE)


async def _brokers(server: str, options: Any) -> Any:
    """Ask `server` which brokers exist, on a connection that is closed afterwards."""
    connection = await connect(server, options, ANSWER)
    try:
        return await connection.send(MetadataRequest([]))
    finally:
        connection.close()


async def end(client: Any, within: float = 2.0) -> None:
    """Stop a client, consumer or producer in about `within` seconds."""
    try:
        await bounded(client.stop() if hasattr(client, "stop") else client.close(), within)
    finally:
        await let_go(client_of(client))


async def bounded(work: Coroutine[Any, Any, Any], within: float) -> None:
    """Run `work`, a client's stop, for at most `within` seconds, and ignore what it raises.

    It runs in a task of its own: aiokafka's stop raises `CancelledError` if a fetch fails, which
    would look like a cancellation of the caller.
    """
    task = keep(asyncio.ensure_future(work))
    await asyncio.wait([task], timeout=within)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


def keep(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """Keep a reference to `task` until it ends, so that it is not garbage-collected."""
    _left.add(task)
    task.add_done_callback(_forget)
    return task


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # retrieve it, so that asyncio does not log it


def fault(code: int) -> type[KafkaError] | None:
    """Return the exception class for a broker's error code; `None` if it is no error."""
    found: type[KafkaError] = for_code(code)
    return None if found is NoError else found
