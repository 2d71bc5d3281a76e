"""A Kafka with authentication: each security setting works, and each wrong one its own message."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka_secure import PASSWORD, SecureKafka
from ticker.address import parse_address
from ticker.errors import StreamUnreachable
from ticker.records import Batch, Quote, Tick
from ticker.streams import open_log, open_stream
from ticker.streams.kafka import KafkaLog, secured


@pytest.fixture(autouse=True)
async def no_connection_stays() -> AsyncIterator[None]:
    """A refused connection is closed. With TLS both sides must agree to that."""
    yield
    loop: Any = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while len(loop._selector.get_map()) > 1:  # noqa: ASYNC110 - it sends no notification
            await asyncio.sleep(0.01)


NOW = 1_795_447_805_000_000


def tick(origin: str, sequence: int) -> Tick:
    at = NOW + sequence
    return Tick("GC=F", "test", origin, sequence, at, at, 4100.0 + sequence)


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [
        ("SASL_PLAINTEXT", "PLAIN"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        ("SSL", ""),
        ("SASL_SSL", "SCRAM-SHA-256"),
        ("SASL_SSL", "SCRAM-SHA-512"),
    ],
)
async def test_each_security_setting_can_write_and_read_and_follow(
    secure_kafka: SecureKafka, listener: str, mechanism: str
) -> None:
    url = secure_kafka.url(listener, f"way.{listener}.{mechanism}")
    security = secure_kafka.security(listener, mechanism)
    async with open_log(url, security=security) as log:
        quote = Quote("GC=F", "test", NOW, NOW, 4101.0, "o", 1)
        await log.append(Batch(ticks=[tick("o", 1)], quotes=[quote]))
        async with open_stream(url, security=security) as stream:
            snapshot = await stream.snapshot()
            assert [each.symbol for each in snapshot.quotes] == ["GC=F"]
            begin = await stream.find("start")
            seen = [t async for b in stream.read(begin, follow=False) for t in b.ticks]
            assert seen == [tick("o", 1)]
            async with asyncio.timeout(20):
                await log.append(Batch(ticks=[tick("o", 2)]))
                async for batch in stream.read(snapshot.position, last_seen=snapshot.last_seen):
                    if batch.ticks:
                        assert batch.ticks == [tick("o", 2)]
                        break
            assert (
                sum(len(c["price"]) for c in await asyncio.to_thread(list, stream.columns())) == 2
            )
            assert (await stream.health()).state == "ok"


NO_CERTIFICATE = {"certificate": None, "key": None}

REFUSALS: list[Any] = [
    # the port, its protocol, the changed settings, the reported problem
    ("SASL_PLAINTEXT", "SASL_PLAINTEXT", {"password": f"{PASSWORD}!"}, "refuses the user ann, or"),
    ("SASL_SSL", "SASL_SSL", {"password": f"{PASSWORD}!"}, "refuses the user ann, or the password"),
    ("SASL_SSL", "SASL_SSL", {"user": "eve"}, "refuses the user eve, or the password"),
    ("SASL_SSL", "SASL_SSL", {"mechanism": "PLAIN"}, "does not support PLAIN: set mechanism"),
    ("SSL", "SSL", {"ca": "other"}, "a certificate whose signer is not in OTHER"),
    ("SASL_SSL", "SASL_SSL", {"ca": None}, "whose signer this machine does not trust"),
    ("SSL", "SSL", NO_CERTIFICATE, "requires a client certificate. Name it and its key"),
    ("SSL", "SASL_SSL", {}, "requires a client certificate. Name it and its key"),
    ("SSL", "SSL", {"host": "localhost"}, "a certificate for another name: Hostname mismatch"),
    ("PLAINTEXT", "SSL", {}, "does not use TLS on this port.*TY, to PLAINTEXT$"),
    ("SASL_PLAINTEXT", "SASL_SSL", {}, "does not use TLS on this port.* to SASL_PLAINTEXT$"),
    ("SSL", "PLAINTEXT", {}, "requires TLS: set security .* to SSL or SASL_"),
    ("SASL_SSL", "SASL_PLAINTEXT", {}, "requires TLS: .* to SASL_SSL$"),
    (
        "SASL_PLAINTEXT",
        "PLAINTEXT",
        {},
        r"requires a user and a password \(SASL\): .*SASL_PLAINTEXT",
    ),
    (
        "SASL_SSL",
        "SSL",
        NO_CERTIFICATE,
        r"requires a user and a password \(SASL\): .* to SASL_SSL, ",
    ),
    ("PLAINTEXT", "SASL_PLAINTEXT", {}, r"does not use SASL, but a user is set: .* to PLAINTEXT$"),
]


@pytest.mark.parametrize(("port", "asked", "other", "words"), REFUSALS)
async def test_each_wrong_security_setting_is_distinguished_within_seconds(
    secure_kafka: SecureKafka, port: str, asked: str, other: dict[str, Any], words: str
) -> None:
    said = {key: value for key, value in other.items() if key != "host"}
    if said.get("ca") == "other":
        said["ca"] = secure_kafka.other_ca
        words = words.replace("OTHER", secure_kafka.other_ca)
    security = secure_kafka.security(asked, **said)
    url = secure_kafka.url(port, "refused", other.get("host", "127.0.0.1"))
    begin = time.monotonic()
    with pytest.raises(StreamUnreachable, match=words) as reading:
        async with open_stream(url, security=security) as stream:
            await stream.snapshot()
    with pytest.raises(StreamUnreachable, match=words) as writing:
        async with open_log(url, security=security):
            pass
    health = await open_stream(url, security=security).health()
    assert time.monotonic() - begin < 10
    assert health.state == "unreachable"
    assert PASSWORD not in f"{reading.value!r} {writing.value!r} {health}"


async def test_a_refusing_broker_is_reported_before_unreachable_ones(
    secure_kafka: SecureKafka,
) -> None:
    port = secure_kafka.ports["SASL_PLAINTEXT"]
    url = f"kafka://127.0.0.1:1,127.0.0.1:{port}/refused"
    security = secure_kafka.security("SASL_PLAINTEXT", password="wrong")
    with pytest.raises(StreamUnreachable, match="refuses the user ann"):
        await open_stream(url, security=security).snapshot()


async def test_a_server_that_does_not_know_the_password_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, secure_kafka: SecureKafka
) -> None:
    def forged(_: Any, __: str) -> None:
        raise ValueError("Server sent wrong signature!")

    place = "aiokafka.conn.ScramAuthenticator.process_server_final_message"
    monkeypatch.setattr(place, forged)
    url = secure_kafka.url("SASL_PLAINTEXT", "forged")
    stream = open_stream(url, security=secure_kafka.security("SASL_PLAINTEXT"))
    with pytest.raises(StreamUnreachable, match="does not know the password"):
        await stream.snapshot()


async def test_a_reader_and_a_writer_continue_with_a_changed_password(
    secure_kafka: SecureKafka, tmp_path: Path
) -> None:
    broker, file = secure_kafka.broker, tmp_path / "password"
    await asyncio.to_thread(broker.set_password, "bob", "first")
    file.touch(0o600)
    file.write_text("first")
    url = secure_kafka.url("SASL_PLAINTEXT", "rotated")
    said = {"user": "bob", "password_file": str(file)}
    security = secure_kafka.security("SASL_PLAINTEXT", **said)
    async with (
        asyncio.timeout(120),
        open_stream(url, security=security) as stream,
        KafkaLog(secured(parse_address(url), security), delivery=3) as log,
    ):
        await log.append(Batch(ticks=[tick("o", 1)]))
        batches = aiter(stream.read(await stream.find("start")))
        assert (await anext(batches)).ticks == [tick("o", 1)]
        await asyncio.to_thread(broker.set_password, "bob", "second")
        away = file.rename(tmp_path / "away")
        broker.kill()  # or they would stay connected
        await asyncio.to_thread(broker.start)
        while "password_file: cannot be read" not in str(stream.read_stats().problem):
            assert not await anext(batches)
        with pytest.raises(StreamUnreachable, match="password_file: cannot be read"):
            await log.append(Batch(ticks=[tick("o", 2)]))
        away.write_text("second")
        away.rename(file)
        with pytest.raises(StreamUnreachable):  # by the producer, which knows the first one
            await log.append(Batch(ticks=[tick("o", 2)]))
        while True:  # a broker that has just begun may not know its users yet
            with contextlib.suppress(StreamUnreachable):
                await log.append(Batch(ticks=[tick("o", 2)]))
                break
        while not (batch := await anext(batches)).ticks:
            pass
        assert batch.ticks == [tick("o", 2)]
        assert stream.read_stats().problem is None
