"""The program that runs the README's commands always ends what it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / ".ci" / "readme.py"
PATIENCE = 60.0

# One runs in the background, one left its session, and one waits in the foreground.
LEAVES = """<!-- ci: background until "up" -->
```sh
sh -c 'echo $$ > {folder}/1; setsid sleep 300 & echo $! > {folder}/2; echo up; sleep 300'
```
"""
FAILS = """
<!-- ci: run -->
```sh
false
```
"""
WAITS = """
<!-- ci: run -->
```sh
echo $$ > {folder}/3; echo waiting; sleep 300
```
"""


def start(readme: Path, text: str) -> subprocess.Popen[str]:
    readme.write_text(text.replace("{folder}", str(readme.parent)))
    return subprocess.Popen(
        [sys.executable, str(RUNNER), str(readme)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def started(folder: Path) -> Iterator[int]:
    for name in ("1", "2", "3"):
        if (folder / name).exists():
            yield int((folder / name).read_text())


def test_the_readmes_processes_end_after_a_failure(tmp_path: Path) -> None:
    with start(tmp_path / "README.md", LEAVES + FAILS) as running:
        assert running.wait(PATIENCE) == 1
    assert len(list(started(tmp_path))) == 2
    assert [pid for pid in started(tmp_path) if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_readmes_processes_end_after_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path / "README.md", LEAVES + WAITS) as running:
        assert running.stdout is not None
        assert any(line == "waiting\n" for line in running.stdout)
        os.kill(running.pid, number)
        assert running.wait(PATIENCE) == 128 + number
    assert len(list(started(tmp_path))) == 3
    assert [pid for pid in started(tmp_path) if Path(f"/proc/{pid}").exists()] == []


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8790))
            taken.listen()
        except OSError:
            pass  # another program has it, which serves the test as well
        block = '<!-- ci: background until "up" -->\n```sh\nticker exchange\n```\n'
        with start(tmp_path / "README.md", block) as running:
            out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    assert "Port 8790 is not free" in err
    assert not out
