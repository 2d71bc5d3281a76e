"""What tests of several rooms share: a stream in memory, driven by the test; a real Kafka."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Literal, Self

import pytest

from tests.kafka_secure import SecureKafka
from ticker.errors import StreamError
from ticker.records import Batch, Health, Position
from ticker.streams.protocol import Noticed


class StreamInMemory:
    """A stream that says what the test tells it to; only `snapshot`, `read` and `health` serve.

    `told` is the snapshot, or the error that it raises. What is `put` comes out of `read`: a batch
    is given out, an error raised.
    """

    url = "sqlite:stand-in.sqlite"

    def __init__(self, told: Batch | StreamError | None = None) -> None:
        self.told = told if told is not None else Batch(Position("0"))
        self.coming: asyncio.Queue[Batch | StreamError] = asyncio.Queue()
        self.state = Health(self.url, "ok")
        self.read_after: list[str] = []
        self.read_symbols: list[Collection[str] | None] = []

    def put(self, what: Batch | StreamError) -> None:
        self.coming.put_nowait(what)

    async def snapshot(self) -> Batch:
        if isinstance(self.told, StreamError):
            raise self.told
        return self.told

    async def read(
        self,
        after: Position | Literal["start", "end"],
        *,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,  # noqa: ARG002  (of the protocol)
    ) -> AsyncIterator[Batch]:
        self.read_after.append(after)
        self.read_symbols.append(symbols)
        while follow or not self.coming.empty():
            match await self.coming.get():
                case StreamError() as error:
                    raise error
                case batch:
                    yield batch

    async def find(self, when: int | Literal["start", "end"]) -> Position:
        raise NotImplementedError

    async def find_last(self, ticks: int, *, symbols: Collection[str] | None = None) -> Position:
        raise NotImplementedError

    def columns(
        self,
        *,
        symbols: Collection[str] | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Mapping[str, Sequence[Any]]]:
        raise NotImplementedError

    def noticed(self) -> Noticed:
        return Noticed(broken=self.state.broken, problem=self.state.problem)

    async def health(self) -> Health:
        return self.state

    async def close(self, within: float = 5.0) -> int:  # noqa: ARG002  (of the protocol)
        return 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


@pytest.fixture
def stream_in_memory() -> Callable[..., Any]:
    """Makes a `StreamInMemory`."""
    return StreamInMemory


def _kafka_broker() -> ModuleType:
    """tests/kafka_broker.py: tests are no package, so it is found by its place."""
    place = Path(__file__).parent / "kafka_broker.py"
    spec = importlib.util.spec_from_file_location("kafka_broker", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Makes a `Broker` that the test starts, kills and freezes; skips where none can be had.

    Never skips in CI: there its absence is a failure.
    """
    module = _kafka_broker()
    if not module.available() and not os.environ.get("CI"):
        pytest.skip(module.HOW)
    brokers: list[Any] = []

    def make(properties: str = "", **options: Any) -> Any:
        brokers.append(module.Broker(tmp_path_factory.mktemp("kafka"), properties, **options))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture(scope="session")
def secure_kafka(
    make_broker: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> SecureKafka:
    """A running Apache Kafka of our own that can be spoken to in each secure way."""
    secure = SecureKafka(make_broker, tmp_path_factory.mktemp("certificates"))
    secure.broker.start()
    return secure


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """HOST:PORT of a running Apache Kafka: that of TICKER_TEST_KAFKA, or one of our own."""
    if named := os.environ.get("TICKER_TEST_KAFKA"):
        return named
    broker = request.getfixturevalue("make_broker")()
    broker.start()
    return str(broker.address)
