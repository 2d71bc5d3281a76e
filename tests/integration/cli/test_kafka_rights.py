"""A Kafka that gives each user only the rights that the README names."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it is public
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.kafka_broker import Broker

from .conftest import Program, until, write

READ, WRITE, CREATE = AclOperation.READ, AclOperation.WRITE, AclOperation.CREATE
_AUTHORIZER: Final = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
_WHO: Final = "User:ANONYMOUS"  # we, and the broker itself: no listener here asks who one is


class Guarded:
    """A broker on which we may do what a test allows, and nothing else with these topics."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})
        broker = (AclOperation.CLUSTER_ACTION, AclOperation.ALTER, AclOperation.DESCRIBE)
        self._allow(ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, broker)

    def allow(self, stream: str, *rights: AclOperation) -> None:
        """Replace all rights on the topics of `stream` by these."""
        prefix = stream.rpartition("/")[2]
        self._allow(ResourceType.TOPIC, prefix, ResourcePatternType.PREFIXED, rights)

    def _allow(self, kind: Any, name: str, pattern: Any, rights: tuple[Any, ...]) -> None:
        allow = AclPermissionType.ALLOW
        wanted = [AclBinding(kind, name, pattern, _WHO, "*", right, allow) for right in rights]
        for future in self.admin.create_acls(wanted).values():
            future.result()
        for binding in wanted:  # once the broker itself knows of them
            which = AclBindingFilter(kind, name, pattern, _WHO, "*", binding.operation, allow)
            until(lambda which=which: self.admin.describe_acls(which).result())


@pytest.fixture(scope="module")
def guarded(make_broker: Callable[..., Broker]) -> Iterator[Guarded]:
    broker = make_broker(
        f"authorizer.class.name={_AUTHORIZER}\nallow.everyone.if.no.acl.found=true\n"
    )
    broker.start()
    yield Guarded(broker.address)
    broker.kill()


@pytest.fixture
def stream(guarded: Guarded) -> str:
    """A stream that is there, with 20 ticks; what may be done with it is yet to be said."""
    url = f"kafka://{guarded.address}/rights{time.time_ns()}"
    write(url, ticks=20)
    return url


def status(ticker: Program, stream: str) -> tuple[int, dict[str, Any]]:
    done = ticker("status", "--stream", stream)
    return done.returncode, json.loads(done.stdout)


def test_a_reader_needs_no_more_than_read(ticker: Program, guarded: Guarded, stream: str) -> None:
    guarded.allow(stream, READ)
    read = ticker("tail", "--stream", stream, "--since", "start", "--no-follow", "-n", "100")
    assert (read.returncode, len(read.stdout.splitlines())) == (0, 20)
    assert ticker("watch", "--stream", stream, "--once").returncode == 0
    code, told = status(ticker, stream)
    assert (code, told["healthy"], told["ticks"]) == (0, True, 20)
    assert "may not see how its topics are kept" in told["problem"]
    log = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(log, ticks=5)
    refused = ticker("forward", log, stream, "--no-follow")
    assert refused.returncode == 6
    assert "this user may not use its topics" in refused.stderr


def test_a_relay_needs_no_more_than_read_and_write(
    ticker: Program, guarded: Guarded, stream: str
) -> None:
    guarded.allow(stream, READ, WRITE)
    log = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(log, ticks=5)
    done = ticker("forward", log, stream, "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "complete: 5 ticks" in done.stderr
    code, told = status(ticker, stream)
    assert (code, told["healthy"], told["ticks"]) == (0, True, 25)


def test_only_a_user_with_the_right_to_create_can_create_topics(
    ticker: Program, guarded: Guarded
) -> None:
    log = f"sqlite:{ticker.folder / 'log.sqlite'}"
    write(log, ticks=5)
    stream = f"kafka://{guarded.address}/made{time.time_ns()}"
    guarded.allow(stream, READ, WRITE)
    refused = ticker("forward", log, stream, "--no-follow")
    assert refused.returncode == 6
    assert "cannot make the topic made" in refused.stderr
    assert "this user may not create topics" in refused.stderr
    guarded.allow(stream, CREATE)
    done = ticker("forward", log, stream, "--no-follow")
    assert done.returncode == 0, done.stderr
    assert "complete: 5 ticks" in done.stderr
