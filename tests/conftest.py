"""What tests share: a stream in memory that the test drives, a real Kafka, workers.

Tests with Kafka run only with CI or TICKER_TEST_KAFKA in the environment. They all run in one
worker, except a file that names a group of its own (compose.yaml's services). The other workers
share the remaining tests. Many brokers at once would use the whole machine, and tests that wait
would exceed their deadlines.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pytest

from tests.examples import IS_PLAIN, examples
from tests.kafka_broker import NEEDS_JAVA, Broker, available, start_only_once
from tests.kafka_secure import SecureKafka
from ticker.errors import StreamError
from ticker.health import Health, StreamState
from ticker.records import Batch, Position
from ticker.streams.protocol import ReadStats

KAFKA_IS_OPTIONAL = "runs with CI=1, or with TICKER_TEST_KAFKA=1 or =HOST:PORT"


BENCHES = Path(__file__).parent / "bench"
COMMANDS = Path(__file__).parent / "integration" / "cli"
_PLAIN_RUN = "TICKER_TEST_PLAIN_RUN"
"""Set in the environment of the workers of a plain run."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the workers of `-n auto`: one more than cores, because tests wait half of their time.

    Benches run without workers, because they need the whole machine.
    """
    if config.option.markexpr == "bench":
        return 0
    return 1 + (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Load hypothesis, which takes a second, but not in the process that only starts workers."""
    if session.config.option.dist != "no":
        return
    import hypothesis

    # Other tests run at the same time, so there is no deadline. Tests with their own number of
    # examples take it from `examples`.
    hypothesis.settings.register_profile("full", deadline=None)
    hypothesis.settings.register_profile("plain", deadline=None, max_examples=examples(100))
    hypothesis.settings.load_profile("plain" if IS_PLAIN else "full")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out files without a test of this run, so that workers do not load them."""
    if _PLAIN_RUN not in os.environ or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    starts = COMMANDS in collection_path.parents or "pytestmark = pytest.mark.processes" in text
    is_left_out = (
        collection_path.parent == BENCHES
        or ("kafka" in collection_path.name and not _kafka_is_wanted())
        or (starts and "pytest.mark.smoke" not in text)
    )
    return is_left_out or None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group the tests with Kafka, and skip them unless they are wanted.

    A plain run leaves out tests that start processes, except those marked `smoke`.
    """
    if _PLAIN_RUN in os.environ:
        left_out = [item for item in items if not _is_plain(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_plain(item)]
    for item in items:
        if _needs_kafka(item):
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group("kafka"))
            if not _kafka_is_wanted():
                item.add_marker(pytest.mark.skip(reason=KAFKA_IS_OPTIONAL))


def pytest_configure(config: pytest.Config) -> None:
    """Tell the workers if this is a plain run: no CI, no file, no `-k`, `-m bench` or `-m slow`."""
    if sys.dont_write_bytecode:
        _keep_byte_code(config.rootpath / ".cache" / "pycache")
    is_chosen = config.option.keyword or config.option.markexpr in {"bench", "slow"}
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    if IS_PLAIN and not is_chosen and not is_named:
        os.environ[_PLAIN_RUN] = "1"
    if config.option.dist == "loadgroup" and not _kafka_is_wanted():
        config.option.dist = "worksteal"  # no groups: this way of sharing is cheaper


def _keep_byte_code(folder: Path) -> None:
    """Keep compiled modules in `folder` if the sources' folder is read-only.

    Otherwise each worker compiles every test, and each process that a test starts all of ours.
    """
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def _is_plain(item: pytest.Item) -> bool:
    """Return whether a plain run has this test: it starts no processes, or is marked `smoke`."""
    starts = COMMANDS in item.path.parents or item.get_closest_marker("processes") is not None
    return not starts or item.get_closest_marker("smoke") is not None


def _kafka_is_wanted() -> bool:
    return bool(os.environ.get("CI") or os.environ.get("TICKER_TEST_KAFKA"))


def _needs_kafka(item: pytest.Item) -> bool:
    """Return whether a test uses Kafka."""
    # A parameter may have the name of a fixture without being one.
    values = item.callspec.params if hasattr(item, "callspec") else {}
    fixtures = {name for name in getattr(item, "fixturenames", ()) if name not in values}
    return bool(fixtures & {"make_broker", "kafka", "server"} or item.get_closest_marker("kafka"))


class StreamInMemory:
    """A stream that returns what the test wants, and has no past.

    `told` is the snapshot, or the error that it raises. `read` yields each batch that was `put`,
    and raises each error.

    The backend in memory cannot replace it: a log makes its own batches and positions. A test
    could not choose the next batch or error, or see the arguments of `read`.
    """

    url = "sqlite:stand-in.sqlite"

    def __init__(self, told: Batch | StreamError | None = None) -> None:
        self.told = told if told is not None else Batch(Position("0"))
        self.coming: asyncio.Queue[Batch | StreamError] = asyncio.Queue()
        self.state = Health(self.url, StreamState.OK)
        self.repeats = 0
        self.read_after: list[str] = []
        self.read_last_seen: list[Mapping[tuple[str, str], int] | None] = []
        self.read_symbols: list[Collection[str] | None] = []
        self.position = self.told.position if isinstance(self.told, Batch) else None
        """The position of the newest batch."""

    def put(self, what: Batch | StreamError) -> None:
        if isinstance(what, Batch):
            self.position = what.position
        self.coming.put_nowait(what)

    async def snapshot(self) -> Batch:
        if isinstance(self.told, StreamError):
            raise self.told
        return self.told

    async def read(
        self,
        after: Position | Literal["start", "end"],
        *,
        last_seen: Mapping[tuple[str, str], int] | None = None,
        symbols: Collection[str] | None = None,
        follow: bool = True,
        limit: int = 5_000,  # noqa: ARG002  (of the protocol)
    ) -> AsyncGenerator[Batch, None]:
        self.read_after.append(after)
        self.read_last_seen.append(last_seen)
        self.read_symbols.append(symbols)
        while follow or not self.coming.empty():
            match await self.coming.get():
                case StreamError() as error:
                    raise error
                case batch:
                    yield batch

    async def find(self, when: int | Literal["start", "end"]) -> Position:  # noqa: ARG002
        return Position("0")

    async def count(self, after: Position) -> int:  # noqa: ARG002  (it has no past)
        return 0

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

    arrays = columns

    def read_stats(self) -> ReadStats:
        return ReadStats(self.state.broken, repeats=self.repeats, problem=self.state.problem)

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
    """Return a function that makes a `StreamInMemory`."""
    return StreamInMemory


@pytest.fixture(scope="session")
def make_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Broker]]:
    """Return a function that makes a `Broker` for the test to start, kill and freeze.

    Skips the test if none can be started; in CI it fails.
    """
    if not available() and not os.environ.get("CI"):
        pytest.skip(NEEDS_JAVA)
    brokers: list[Broker] = []

    def make(properties: str = "", **options: Any) -> Broker:
        brokers.append(Broker(tmp_path_factory.mktemp("kafka"), properties, **options))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture(scope="session")
def secure_kafka(
    make_broker: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> SecureKafka:
    """Return a running Apache Kafka of our own with all secure listeners."""
    secure = SecureKafka(make_broker, tmp_path_factory.mktemp("certificates"))
    secure.broker.start()
    return secure


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Return HOST:PORT of a running Apache Kafka: TICKER_TEST_KAFKA, or one that all tests share.

    Only one worker may start one. A second worker fails here.
    """
    if ":" in (named := os.environ.get("TICKER_TEST_KAFKA", "")):
        return named
    folder: Path = request.getfixturevalue("tmp_path_factory").getbasetemp()
    start_only_once(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)
    broker: Broker = request.getfixturevalue("make_broker")()
    broker.start()
    return broker.address
