"""What the tests of the command line share: the program itself, terminals, an exchange, a log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Any, Final

import pytest

from tests import forked
from tests.serving import serving
from ticker.exchange import Exchange, Market
from ticker.processes.child import environment
from ticker.records import Batch, Heartbeat, Quote, Tick
from ticker.streams import open_log

PATIENCE: Final = 60.0


class Terminal:
    """A command on a terminal of its own."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], rows: int, columns: int
    ) -> None:
        self.seen = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], list(words), dict(env))  # noqa: S606  (a shell is not wanted)
        ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text: str, charset: str = "utf-8") -> None:
        deadline = time.monotonic() + PATIENCE
        while text.encode(charset) not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen[-3000:]!r}"
            assert self._read(), f"ended without {text!r}: {self.seen[-3000:]!r}"

    def shows(self, text: str, *, after: str) -> bool:
        """Return whether it has shown `text`. If not, type the keys `after`."""
        self.type(after)
        self._read()
        return text.encode() in self.seen

    def type(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def close(self) -> None:
        """The window is shut."""
        os.close(self.descriptor)
        self.descriptor = -1

    def end(self) -> int:
        """The exit code, once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.descriptor >= 0:
                self._read()
            else:
                time.sleep(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.descriptor >= 0 and self._read():
                    pass
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"did not end: {self.seen[-3000:]!r}")

    def _read(self) -> bool:
        """Read more output. Returns false at the end."""
        if not select.select([self.descriptor], [], [], 0.05)[0]:
            return True
        try:
            piece = os.read(self.descriptor, 65_536)
        except OSError:
            return False
        self.seen += piece
        return bool(piece)


class Program:
    """`ticker`, with a state directory and a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in environment().items() if "TICKER" not in name},
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }
        self.state = folder / "state" / "ticker"
        self.words = [sys.executable, "-P", "-m", "ticker"]
        self.forks = True
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end: in a fork of this process, if it `forks`."""
        if not self.forks:
            return self.run(*words, **env)
        return forked.run(words, env={**self.env, **env}, cwd=self.folder, timeout=PATIENCE)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, in a process of its own: it is imported and ended, too."""
        return subprocess.run(
            [*self.words, *words],
            env={**self.env, **env},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            [*self.words, *words],
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        self._started.append(started)
        return started

    def clean_up(self) -> None:
        for started in self._started:
            started.kill()
            started.wait()
            for pipe in (started.stdout, started.stderr):
                if pipe is not None:
                    pipe.close()

    def on_terminal(self, *words: str, rows: int = 24, columns: int = 110, **env: str) -> Terminal:
        return Terminal([*self.words, *words], {**self.env, **env}, rows, columns)


@pytest.fixture
def ticker(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.clean_up()


@pytest.fixture
def exchange() -> Iterator[str]:
    """The source URL of an exchange that moves ten times a second."""
    with serving(Exchange(Market(7, every=100_000), port=0)) as (host, port):
        yield f"exchange:{host}:{port}"


NOW: Final = time.time_ns() // 1_000


def write(
    url: str,
    *,
    ticks: int = 0,
    name: str = "Gold",
    state: str = "ok",
    age: int = 0,
    simulated: bool = False,
    **told: Any,
) -> None:
    """A log with `ticks` of GC=F, its quote and a heartbeat of just now, or `age` µs ago."""

    async def fill() -> None:
        async with open_log(url) as log:
            origin = str(getattr(log, "origin", "program"))
            made = [
                Tick(
                    "GC=F",
                    "yahoo",
                    origin,
                    n,
                    NOW + n,
                    NOW + n,
                    4100.0 + n,
                    simulated=simulated,
                )
                for n in range(1, ticks + 1)
            ]
            quote = Quote(
                "GC=F",
                "yahoo",
                NOW,
                NOW,
                4100.0 + ticks,
                origin,
                ticks or None,
                name=name,
                simulated=simulated,
            )
            now = time.time_ns() // 1_000 - age
            writer = told.pop("writer", "writer")
            beat = Heartbeat(origin, writer, "yahoo", NOW, now, 15_000_000, state, 1, 1, **told)
            await log.append(Batch(ticks=made, quotes=[quote] if ticks else [], heartbeats=[beat]))

    asyncio.run(fill())


def descendants(program: Program) -> list[int]:
    """Return the running processes with this program's state directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(program.folder).encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def rows(path: Path, table: str = "ticks") -> list[tuple[Any, ...]]:
    """Return a log's rows as another program reads them, without positions."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(f"select * from {table} order by position").fetchall()  # noqa: S608
    connection.close()
    return [row[1:] for row in found]


def until_said(process: subprocess.Popen[bytes], words: str) -> str:
    """Read standard error until `words` are there."""
    assert process.stderr is not None
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while words.encode() not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([process.stderr], [], [], 0.1)[0]:
            piece = os.read(process.stderr.fileno(), 65_536)
            assert piece, seen
            seen += piece
    return seen.decode()


def until(condition: Any, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks


def ended(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, str, float]:
    """The exit code, the last words, and how long the end took (s)."""
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err.decode(), time.monotonic() - began


def count(path: Path) -> int:
    return len(rows(path)) if path.exists() else 0


def local_logs(ticker: Program) -> list[Path]:
    return sorted(ticker.state.glob("to-*.sqlite"))
