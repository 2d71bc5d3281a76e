"""Sends messages to the brokers: one idempotent producer at a time, every wait with a deadline.

An idempotent producer's batches never expire, so its send and its stop hang while the broker is
away (aio-libs/aiokafka #1101). After `OutOfOrderSequenceNumber` every later send fails too (#1017).
So a send that fails or takes too long ends the producer, and the next call makes a new one. Knows
nothing of sequences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from ticker.errors import InvalidRecord, StreamUnreachable
from ticker.records import MAX_BYTES
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.connecting import CLOSED, bounded, end, keep, map_errors, start
from ticker.streams.kafka.internals import end_sending, watch_requests
from ticker.streams.kafka.messages import Headers

DELIVERY: Final = 30.0
"""Seconds until a call must be acknowledged. A killed broker is back after 7 to 15 s."""

BATCH_BYTES: Final = 512 * 1024
"""Bytes of one batch before compression. Brokers take 1 MB unless configured otherwise."""

_REQUEST_MS: Final = 5_000

Message = tuple[bytes | None, bytes, Headers]
"""Key, value, headers."""


class Producing:
    """Sends messages. Only one task at a time may call `send`; any task may call `close`."""

    def __init__(self, address: KafkaAddress, delivery: float = DELIVERY) -> None:
        self._address = address
        self._delivery = delivery
        self._producer: Any = None
        self._requests: set[asyncio.Task[Any]] = set()  # the producer's pending requests
        self._sending: asyncio.Task[Any] | None = None
        self._closed = False

    async def send(
        self, topic: str, messages: Mapping[int, Iterable[Message]]
    ) -> dict[TopicPartition, list[tuple[int, int]]]:
        """Send `messages`, by partition and in order. Wait until all in-sync replicas have them.

        Returns, for each batch, the first offset and the number of messages. The offset is -1
        (unknown) if a retry found that the broker has the batch already. After `StreamUnreachable`
        it is unknown what arrived.
        """
        self._sending = asyncio.ensure_future(self._send(topic, messages))
        try:
            with map_errors(self._address):
                done, _ = await asyncio.wait([self._sending], timeout=self._delivery)
                if self._sending.cancelled():
                    problem = "closed before it acknowledged"
                elif not done:
                    problem = "does not acknowledge in time"
                else:
                    found: dict[TopicPartition, list[tuple[int, int]]] = self._sending.result()
                    return found
                raise StreamUnreachable(self._address.url, problem)  # noqa: TRY301 - to abandon it
        except BaseException:
            await self.abandon()
            raise
        finally:
            self._sending = None

    async def _send(
        self, topic: str, messages: Mapping[int, Iterable[Message]]
    ) -> dict[TopicPartition, list[tuple[int, int]]]:
        if self._closed:
            raise StreamUnreachable(self._address.url, CLOSED)
        if self._producer is None:
            self._producer = await start(
                AIOKafkaProducer,
                self._address,
                self._delivery,
                acks="all",
                compression_type="zstd",  # 2 to 17 times smaller, as fast as no compression
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=_REQUEST_MS,
            )
            self._requests = watch_requests(self._producer)
        tasks = [
            asyncio.ensure_future(self._send_to(topic, partition, some))
            for partition, some in messages.items()
        ]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()  # if one fails, the others must not wait for the producer
        return {
            TopicPartition(topic, partition): offsets
            for partition, offsets in zip(messages, found, strict=True)
        }

    def _batches(self, messages: Iterable[Message]) -> Iterator[Any]:
        """Yield batches of `messages`. They are closed, so aiokafka adds nothing to them."""
        batch = self._producer.create_batch()
        append = batch.append
        for key, value, headers in messages:
            if len(value) > MAX_BYTES:  # a shorter one fits into a batch of its own
                raise InvalidRecord("record", f"longer than {MAX_BYTES:,} bytes: {value[:80]!r}")
            if append(timestamp=None, key=key, value=value, headers=headers) is None:
                batch.close()
                yield batch
                batch = self._producer.create_batch()
                append = batch.append
                append(timestamp=None, key=key, value=value, headers=headers)
        batch.close()
        yield batch

    async def _send_to(
        self, topic: str, partition: int, messages: Iterable[Message]
    ) -> list[tuple[int, int]]:
        """Send the messages of one partition: one batch is sent while the next one is filled."""
        waiting: list[tuple[Any, int]] = []
        for batch in self._batches(messages):
            while True:
                try:
                    future = await self._producer.send_batch(batch, topic, partition=partition)
                except KafkaTimeoutError:
                    continue  # its queue is full while the broker is away; our deadline decides
                waiting.append((future, batch.record_count()))
                break
            await asyncio.sleep(0)  # let the sender take it now
        # Retrieve all exceptions, so that asyncio does not log them.
        found = await asyncio.gather(*(f for f, _ in waiting), return_exceptions=True)
        offsets: list[tuple[int, int]] = []
        for answer, (_, count) in zip(found, waiting, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            offsets.append((answer.offset, count))
        return offsets

    async def close(self, within: float) -> None:
        """Close in about `within` seconds. A later send raises `StreamUnreachable`."""
        self._closed = True
        sending = self._sending
        if sending is not None:
            await asyncio.wait([sending], timeout=max(0.0, within - 3))
            if not sending.done():
                sending.cancel()  # the task that waits in `send` drops the producer
                await asyncio.wait([sending], timeout=1)
                return
        producer, self._producer = self._producer, None
        if producer is not None:
            await end(producer, min(within, 2))

    async def abandon(self) -> None:
        """Drop the producer and all that it has not sent, even if we are cancelled meanwhile.

        What it sent may have arrived. The next writer sees that in the sequences.
        """
        producer, self._producer = self._producer, None
        ending = _abandon(self._sending, producer, self._requests)
        await asyncio.shield(keep(asyncio.ensure_future(ending)))


async def _abandon(
    sending: asyncio.Task[Any] | None, producer: Any, requests: Iterable[asyncio.Task[Any]]
) -> None:
    if sending is not None and not sending.done():
        sending.cancel()
        await asyncio.wait([sending], timeout=1)
    if producer is not None:
        # Its own stop would wait for what it has not sent (#1101).
        await end(producer.client, 1)
        await bounded(end_sending(producer), 1)
        for request in tuple(requests):
            request.cancel()
