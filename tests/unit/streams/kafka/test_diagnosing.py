"""Why a broker cannot be used, in plain words."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NotEnoughReplicasError,
    RequestTimedOutError,
)

from ticker.errors import StreamSilent, StreamUnreachable
from ticker.streams import open_stream
from ticker.streams.kafka.address import KafkaAddress
from ticker.streams.kafka.diagnosing import no_answer


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_the_error_for_a_server_that_hangs_up_asks_whether_it_is_kafka(says: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(says)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"kafka://127.0.0.1:{port}/x"
        async with open_stream(url) as stream:
            with pytest.raises(StreamUnreachable) as caught:
                await stream.snapshot()
    assert str(caught.value) == f"{url}: closes the connection: is it Kafka?"
    assert not isinstance(caught.value, StreamSilent)


async def test_a_server_that_does_not_run_is_silent() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    async with open_stream(f"kafka://127.0.0.1:{port}/x") as stream:
        with pytest.raises(StreamSilent, match="does not answer: connection refused"):
            await stream.snapshot()
        assert (await stream.health()).state == "unreachable"


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError("Connection at h:1 closed"),
        KafkaError("Unable to go on"),
        KafkaError(),
        RequestTimedOutError(),
        NotEnoughReplicasError("of ticks"),
    ],
)
def test_no_problem_names_an_error_class(error: KafkaError) -> None:
    words = no_answer(KafkaAddress(("h:1",), "p"), error).problem
    assert words.startswith("does not answer")
    assert "Error" not in words
