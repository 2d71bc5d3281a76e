"""A real Kafka with an unreachable advertised address: what each command says and does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from .conftest import Program, until_said

INSIDE: Final = "kafka-internal.invalid:29092"
SAYS: Final = (
    f"answers, but names its broker {INSIDE}, which this machine cannot reach: "
    "check advertised.listeners"
)
NOT_REACHABLE: Final = 6


@pytest.fixture(scope="module")
def stream(make_broker: Callable[..., Any]) -> str:
    broker = make_broker(f"advertised.listeners=PLAINTEXT://{INSIDE}")
    broker.start()
    return f"kafka://{broker.address}/advertised"


@pytest.mark.parametrize(
    "words",
    [("status",), ("tail", "--no-follow"), ("watch", "--once")],
    ids=lambda words: words[0],
)
def test_a_one_shot_command_names_the_address_and_the_setting(
    ticker: Program, stream: str, words: tuple[str, ...]
) -> None:
    began = time.monotonic()
    done = ticker(*words, "--stream", stream)
    assert done.returncode == NOT_REACHABLE
    assert SAYS in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 12


def test_a_reader_with_a_wrong_advertised_address_waits_and_reports_it(
    ticker: Program, stream: str
) -> None:
    process = ticker.start("tail", "--stream", stream)
    until_said(process, SAYS)
    assert process.poll() is None


def test_a_poller_with_a_wrong_advertised_address_continues_and_reports_it(
    ticker: Program, stream: str, exchange: str
) -> None:
    process = ticker.start("poll", "AAPL", "--source", exchange, "--stream", stream)
    until_said(process, SAYS)
    assert process.poll() is None
