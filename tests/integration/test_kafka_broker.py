"""The Kafkas of the tests: one that many tests share, and one as a program of its own."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kafka_broker import start_only_once

PROGRAM = Path(__file__).parent.parent / "kafka_broker.py"


@pytest.mark.usefixtures("make_broker")  # which skips where none can be started
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_broker_run_as_a_program_leaves_nothing_behind(
    number: signal.Signals, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as program:
        assert program.stdout is not None
        host, _, port = program.stdout.readline().strip().partition(":")
        program.send_signal(number)
        program.wait(30)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)
    assert list(tmp_path.iterdir()) == []


def test_a_second_start_of_the_shared_kafka_fails(tmp_path: Path) -> None:
    start_only_once(tmp_path)
    with pytest.raises(RuntimeError, match="a second worker"):
        start_only_once(tmp_path)


@pytest.mark.usefixtures("kafka")
def test_all_tests_that_share_a_kafka_run_in_one_worker(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs all")
    groups = {item.nodeid: item.get_closest_marker("xdist_group") for item in request.session.items}
    sharing = [name for name, mark in groups.items() if mark and mark.args == ("kafka",)]
    assert len(sharing) > 1
    assert [name for name in sharing if not name.endswith("@kafka")] == []
