"""Clients of aiokafka, begun and ended within bounds, and what went wrong in words.

aiokafka says `Unable to bootstrap` to a wrong password, an unknown host and a sleeping broker
alike, waits for ever for a broker that is away when it is told to stop, and raises a cancellation
nobody asked for. So each beginning and end goes through here. Knows nothing of records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Coroutine, Iterator
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    NoError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)

from ticker.errors import StreamError, StreamUnreachable, StreamUnusable
from ticker.streams.kafka.address import Address

ANSWER: Final = 8.0
"""Seconds in which a broker answers a question, or counts as away."""

_PAUSE: Final = 0.1  # seconds between two looks at a cluster that has no broker yet
_FRESH: Final = 3.0  # seconds for one broker to say why it does not take us
_TLS_ALERT: Final = "352518912"  # 0x15030300, read as a length: a TLS server answers plain bytes

# aiokafka logs each failed attempt as an error, several a second; what matters is told as errors
# of ours and in `health()`.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

_left: set[asyncio.Task[Any]] = set()


@contextlib.contextmanager
def told(url: str) -> Iterator[None]:
    """Errors of aiokafka and of the network come out as `StreamError`."""
    try:
        yield
    except StreamError:
        raise
    except (SaslAuthenticationFailed, AuthenticationFailedError) as error:
        raise StreamUnreachable(url, "refuses the user or the password") from error
    except TopicAuthorizationFailedError as error:
        raise StreamUnusable(url, "this user may not use its topics") from error
    except TimeoutError as error:
        raise StreamUnreachable(url, "does not answer in time") from error
    except KafkaError as error:
        raise StreamUnreachable(url, _words(error)) from error
    except OSError as error:
        raise StreamUnreachable(url, _words(error)) from error


async def begin(address: Address, client: Any, within: float = ANSWER) -> None:
    """Start `client`, or raise `StreamUnreachable` with the reason, in about `within` seconds."""
    work = client.bootstrap() if hasattr(client, "bootstrap") else client.start()
    try:
        async with asyncio.timeout(within):
            await work
            await _brokers(client)
    except (KafkaError, OSError) as error:  # a TimeoutError is an OSError
        await end(client)
        raise StreamUnreachable(address.url, await _reason(address, error)) from error
    except BaseException:
        await end(client)
        raise


async def _brokers(client: Any) -> None:
    """Wait until the cluster names a broker.

    One that has just begun knows of none, not even of itself; aiokafka takes that for an answer,
    and has nobody to send its requests to.
    """
    inner = _inner(client)
    while not inner.cluster.brokers():
        await asyncio.sleep(_PAUSE)
        await inner.force_metadata_update()


async def end(client: Any, within: float = 2.0) -> None:
    """Let go of `client`, whichever kind it is, in about `within` seconds."""
    try:
        await bounded(client.stop() if hasattr(client, "stop") else client.close(), within)
    finally:
        # Whatever became of its stop, and of us: no connection stays.
        for connection in tuple(_inner(client)._conns.values()):  # noqa: SLF001 - nothing public does it
            connection.close()


def _inner(client: Any) -> Any:
    """The `AIOKafkaClient` in a producer, a consumer or an admin client, or `client` itself."""
    names = [name for name in ("client", "_client") if hasattr(client, name)]
    return getattr(client, names[0]) if names else client


async def bounded(work: Coroutine[Any, Any, Any], within: float) -> None:
    """Do `work`, a client's stop, for at most `within` seconds; what it raises is of no use.

    In a task of its own, because aiokafka's stop raises `CancelledError` where a fetch fails, which
    would look like a cancellation of the caller.
    """
    task = asyncio.ensure_future(work)
    _left.add(task)
    task.add_done_callback(_forget)
    await asyncio.wait([task], timeout=within)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody logs it as forgotten


def fault(code: int) -> type[KafkaError] | None:
    """The class of a broker's error code; `None` if it is no error."""
    found: type[KafkaError] = for_code(code)
    return None if found is NoError else found


async def _reason(address: Address, error: BaseException) -> str:
    """Why no broker took us: asked once more, one by one, in a way that tells the cause."""
    reason = _words(error)
    for server in address.servers:
        host, _, port = server.rpartition(":")
        attempt: Awaitable[Any] = create_conn(
            host.strip("[]"), int(port), request_timeout_ms=int(_FRESH * 1_000), **address.options
        )
        try:
            async with asyncio.timeout(_FRESH):
                connection = await attempt
        except (KafkaError, OSError) as cause:
            reason = _words(cause)
        else:
            connection.close()
    return reason


def _words(error: BaseException) -> str:
    text = str(error)
    match error:
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return "refuses the user or the password"
        case UnsupportedSaslMechanismError():
            return "does not know this SASL mechanism"
        case ssl.SSLCertVerificationError():
            return f"shows a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or text}"
        case ConnectionRefusedError():
            return "does not answer: connection refused"
        case socket.gaierror():
            return "no such host"
        case TimeoutError():
            return "does not answer in time"
        case _ if _TLS_ALERT in text:
            return "speaks TLS, and was asked without"
        case _ if isinstance(error.__cause__, ssl.SSLError):
            return _words(error.__cause__)
    return f"does not answer: {text or type(error).__name__}"
