"""Finds out why no broker accepts us, and says what to do.

aiokafka reports a wrong password, a missing certificate and a slow broker in the same words
(`Unable to bootstrap`). So this module asks each broker once more, in a way that shows the cause.
The texts never contain anything from a file or variable that holds a secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    BrokerResponseError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NotLeaderForPartitionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from ticker.errors import StreamSilent, StreamUnreachable
from ticker.security import MECHANISMS, Security
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.metadata import Describe

FRESH: Final = 3.0
"""Seconds that a broker has to answer, or to show why it does not accept us."""

OLD: Final = "is too old: ticker needs Kafka 3.0 or newer"
"""The problem of a broker that does not know one of our requests."""

_TLS_ALERT: Final = "352518912"  # 0x15030300 as a length: a TLS server's answer to plain bytes
_CLOSES: Final = "closes the connection: is it Kafka?"
_NOT_FOR: Final = (62, 64)  # OpenSSL's codes: wrong host name, wrong address
_OUT_OF_TIME: Final = (9, 10)  # … not yet valid, expired
_SIGNER: Final = (18, 19, 20, 21)  # … self-signed, or signed by an unknown authority


async def ask_why(address: KafkaAddress, error: BaseException) -> StreamUnreachable:
    """Ask each server again, and return the error to raise instead of `error`.

    A refusal says more than silence, so it is preferred. If all answer now, `error` is described.
    """
    try:
        failed = await _ask_all(address, address.servers)
    except StreamUnreachable as unusable:  # a security file, gone since the start
        return unusable
    causes = [*failed.values()]
    refusals = [cause for cause in causes if _refusal(cause, address.security) is not None]
    return no_answer(address, (refusals or causes or [error])[0])


def no_answer(address: KafkaAddress, error: BaseException) -> StreamUnreachable:
    """Return the error to raise instead of `error`, which is aiokafka's or the network's."""
    refusal = _refusal(error, address.security)
    if refusal is not None:
        return StreamUnreachable(address.url, refusal)
    return StreamSilent(address.url, _silence(error))


async def unreachable(address: KafkaAddress, brokers: Sequence[str]) -> str | None:
    """Say why a broker of `brokers` cannot be reached (HOST:PORT as the cluster advertises it).

    Returns `None` if all can be reached now. The servers that the user named are not asked: one of
    them answered, so the problem is elsewhere.
    """
    others = [broker for broker in brokers if broker.lower() not in address.servers]
    failed = await _ask_all(address, others)
    if not failed:
        return None
    broker, error = next(iter(failed.items()))
    names = f"answers, but names its broker {broker}, which"
    is_unknown = isinstance(error, socket.gaierror)
    refusal = _refusal(error, address.security)
    if refusal is not None and not is_unknown:
        return f"{names} {refusal}{'' if refusal.endswith('?') else '.'} Check advertised.listeners"
    advice = "check advertised.listeners"
    if len(failed) < len(brokers) and not is_unknown:
        advice = "it is away, or its advertised.listeners is wrong"
    return f"{names} this machine cannot reach: {advice} ({_silence(error)})"


async def _ask_all(address: KafkaAddress, servers: Sequence[str]) -> dict[str, BaseException]:
    """Ask all `servers` at once. Return server → what goes wrong, for those that fail."""
    options, asked = address.options(), address.security
    answers = await asyncio.gather(*(_ask(server, options, asked) for server in servers))
    return {
        server: error for server, error in zip(servers, answers, strict=True) if error is not None
    }


class _NotThatWay(ConnectionError):
    """The broker speaks another protocol than expected. The text is for users."""


async def _ask(server: str, options: Any, asked: Security) -> BaseException | None:
    """Ask this broker, and return what goes wrong; `None` if it answers."""
    try:
        async with asyncio.timeout(FRESH):
            await _speak(server, options)
    except ConnectionResetError:
        # A broker without TLS reads the first bytes of TLS as a size, and closes the connection.
        if asked.has_tls and await _speaks_plainly(server):
            name = asked.security.replace("SASL_SSL", "SASL_PLAINTEXT").replace("SSL", "PLAINTEXT")
            return _NotThatWay(
                f"does not use TLS on this port. Name its TLS port, or {_set('security', name)}"
            )
        return _NotThatWay(_CLOSES)
    except NotImplementedError:
        return _NotThatWay(OLD)
    except (KafkaError, OSError, ValueError) as error:
        return _NotThatWay(_CLOSES) if _is_closed(error) else error
    return None


def _is_closed(error: BaseException) -> bool:
    """Tell whether the broker closed the connection, without a TLS alert."""
    cause = error.__cause__
    cut = isinstance(cause, asyncio.IncompleteReadError | ConnectionResetError)
    return isinstance(error, KafkaConnectionError) and cut and _TLS_ALERT not in f"{cause}"


async def _speak(server: str, options: Any) -> None:
    """Connect and ask a first question, as a client does. Raises what goes wrong."""
    connection = await connect(server, options)
    try:
        await connection.send(Describe(()))
    except KafkaError as error:
        closed = isinstance(error.__cause__, asyncio.IncompleteReadError)
        if closed and "sasl_mechanism" not in options:
            # It listed its API versions, which needs no user, and then closed the connection.
            raise _NotThatWay(
                "requires a user and a password (SASL): "
                f"{_set('security', 'SASL_SSL' if options else 'SASL_PLAINTEXT')}, "
                "with mechanism, user and password_file"
            ) from error
        raise
    finally:
        connection.close()


async def _speaks_plainly(server: str) -> bool:
    """Tell whether the broker answers without TLS. Sends no secret."""
    with contextlib.suppress(KafkaError, OSError):
        async with asyncio.timeout(FRESH):
            (await connect(server, {})).close()
            return True
    return False


async def connect(server: str, options: Any, within: float = FRESH) -> Any:
    """Connect to `server`. Raises what goes wrong, here or later in `within` seconds."""
    host, _, port = server.rpartition(":")
    wait = int(within * 1_000)
    return await create_conn(host.strip("[]"), int(port), request_timeout_ms=wait, **options)


def _silence(error: BaseException) -> str:
    """Say in a few words why nothing answers, without the names of aiokafka's classes."""
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "no such host"
        case TimeoutError():
            return "no answer in time"
        case KafkaConnectionError():
            return "no connection"
        case BrokerResponseError():
            return str(error.description or error.message).rstrip(".")
        case KafkaError():
            return ": ".join(map(str, error.args))
        case OSError(strerror=str(why)):
            return why.lower()
    return str(error)


def _refusal(error: BaseException, asked: Security) -> str | None:
    """Describe a refusal, an unknown host or a missing broker; `None` for any other error."""
    text = str(error)
    match error:
        case _NotThatWay():
            return text
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return (
                f"refuses the user {asked.user}, or the password. Look at user and password_file "
                "in [streams], or at TICKER_KAFKA_USER and TICKER_KAFKA_PASSWORD"
            )
        case UnsupportedSaslMechanismError():
            others = " or ".join(name for name in MECHANISMS if name != asked.mechanism)
            return f"does not support {asked.mechanism}: {_set('mechanism', others)}"
        case IllegalSaslStateError():
            name = "SSL" if asked.has_tls else "PLAINTEXT"
            return f"does not use SASL, but a user is set: {_set('security', name)}"
        case ssl.SSLCertVerificationError():
            return _certificate_words(error, asked)
        case ssl.SSLError():
            return _tls_words(error, asked)
        case ConnectionRefusedError() | TimeoutError():
            return None
        case socket.gaierror():
            return "no such host"
        case NodeNotReadyError() | LeaderNotAvailableError() | NotLeaderForPartitionError():
            return "one of its brokers is away, or is still starting"
        case ValueError():
            return "does not know the password. Is it the right server?"
        case _ if _TLS_ALERT in f"{text} {error.__cause__}":
            names = "SASL_SSL" if asked.has_sasl else "SSL or SASL_SSL"
            return f"requires TLS: {_set('security', names)}"
        case _ if isinstance(error.__cause__, ssl.SSLError):
            return _refusal(error.__cause__, asked)
    return None


def _certificate_words(error: ssl.SSLCertVerificationError, asked: Security) -> str:
    """Describe what is wrong with the certificate that the broker showed."""
    why = error.verify_message.rstrip(".")
    if error.verify_code in _NOT_FOR:
        return f"shows a certificate for another name: {why}. Use a name that is in it"
    if error.verify_code in _OUT_OF_TIME:
        return f"shows a certificate that is not valid today: {why}. Check this machine's clock"
    if error.verify_code not in _SIGNER:
        return f"shows a certificate that is not trusted: {why}"
    signer = f"is not in {asked.ca}" if asked.ca else "this machine does not trust"
    return (
        f"shows a certificate whose signer {signer} ({why}). "
        "Name the signer's own: ca in [streams], or TICKER_KAFKA_CA"
    )


def _tls_words(error: ssl.SSLError, asked: Security) -> str:
    """Describe a TLS error: mostly, the broker wants a certificate or does not accept ours."""
    why = error.reason or str(error)
    if not ("CERTIFICATE" in why or "UNKNOWN_CA" in why or "HANDSHAKE_FAILURE" in why):
        return f"TLS failed: {why}"
    if asked.certificate is None:
        return (
            "requires a client certificate. Name it and its key: certificate and key in "
            "[streams], or TICKER_KAFKA_CERTIFICATE and TICKER_KAFKA_KEY"
        )
    return f"rejects our certificate {asked.certificate} ({why}). Does it trust the signer?"


def _set(key: str, value: str) -> str:
    return f"set {key} in [streams], or TICKER_KAFKA_{key.upper()}, to {value}"
