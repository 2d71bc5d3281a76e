"""Runs the commands of the README, and of other files for people, as they are printed.

The files' blocks run one after another, as one session of one user. What a file starts in the
background also serves the files that follow. A comment before each block of code says how:

    <!-- ci: run -->                     must end with 0, within 600 s
    <!-- ci: run, needs PROGRAM -->      the same; PROGRAM must be on the path
    <!-- ci: source -->                  what follows runs after it
    <!-- ci: background until "X" -->    goes on until the end; X must appear within 180 s
    <!-- ci: screen until "X" -->        on a terminal: X must appear, then `q` ends it with 0
    <!-- ci: python -->                  a script
    <!-- ci: notebook -->                a cell in a fresh kernel; Jupyter is installed by then
    <!-- ci: tests -->                   the project's test command: `--print-tests` shows it
    <!-- ci: skip, REASON -->             is told

A block of shell or Python without a comment is an error, so that none is forgotten.

There is no container engine, so `docker` is a stand-in (tests/compose_up.py): it starts what
compose.yaml says as processes, on the ports that the file publishes; Kafka is a real one.

Whatever the blocks start has ended when this ends: by itself, by a failure or by a signal.
"""

from __future__ import annotations

import ctypes
import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import NoReturn

import psutil

BLOCK = re.compile(
    r"(?:<!-- ci: (?P<how>.*?) -->\n)?```(?P<kind>sh|python)\n(?P<code>.*?)```", re.DOTALL
)
PATIENCE = 180.0
"""How long what is waited for may take to appear (s)."""
COMMAND_PATIENCE = 600.0
"""How long a command may take to end (s): some of them install much."""
GRACE = 30.0
"""How long what still runs at the end may take to end by itself (s)."""
PORTS = {8790: "ticker exchange", 9092: "docker compose up"}
"""Ports that blocks with these words listen on."""
PR_SET_CHILD_SUBREAPER = 36


class Runner:
    """Runs blocks one after another in `folder`, with a state and a configuration of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.before = ""
        self.background: list[subprocess.Popen[bytes]] = []
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        certificates = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_", "UV_"))
        }
        self.environment = {**kept, **certificates, "HOME": str(home), "TERM": "xterm-256color"}
        docker = home / "bin" / "docker"
        docker.parent.mkdir()
        # -P: it runs in the clone, but what `fetch` brought is in this folder.
        words = shlex.join([sys.executable, "-P", "-m", "tests.compose_up"])
        docker.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(Path.cwd()))} exec {words} "$@"\n'
        )
        docker.chmod(0o755)
        self.environment["PATH"] = f"{docker.parent}:{kept['PATH']}"

    def shell(self, code: str) -> list[str]:
        return ["bash", "-eo", "pipefail", "-c", f"{self.before}\n{code}"]

    def run(self, code: str) -> None:
        # head closes its pipe early, and that is no failure of what writes into it.
        subprocess.run(
            self.shell(code),
            cwd=self.folder,
            env=self.environment,
            check=True,
            timeout=COMMAND_PATIENCE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who end all the others
        )

    def python(self, code: str) -> None:
        script = Path(self.environment["HOME"]) / "example.py"
        script.write_text(code)
        self.run(f"timeout 60 python {script}")

    def notebook(self, code: str) -> None:
        cell = {"cell_type": "code", "id": "only", "metadata": {}, "outputs": []}
        cell |= {"execution_count": None, "source": code}
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        book = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}
        path = Path(self.environment["HOME"]) / "example.ipynb"
        path.write_text(json.dumps(book))
        self.run(f"jupyter execute --timeout=60 {path}")

    def start(self, code: str, until: str) -> None:
        child = subprocess.Popen(
            self.shell("exec " + code.strip()),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.background.append(child)
        assert child.stdout is not None
        self._await(child.stdout.fileno(), until, PATIENCE)

    def screen(self, code: str, until: str) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("bash", self.shell(code), self.environment)
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
        self._await(terminal, until, PATIENCE)
        os.write(terminal, b"q")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                with suppress(OSError):
                    os.read(terminal, 65_536)
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                if os.waitstatus_to_exitcode(status) != 0:
                    raise SystemExit(f"ended with {os.waitstatus_to_exitcode(status)}")
                return
        os.kill(pid, signal.SIGKILL)
        raise SystemExit("q did not end it")

    def _await(self, descriptor: int, until: str, patience: float) -> None:
        seen = b""
        deadline = time.monotonic() + patience
        while until.encode() not in seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SystemExit(f"no {until!r} within {patience:.0f} s, but: {seen[-2000:]!r}")
            try:
                piece = os.read(descriptor, 65_536)
            except OSError:
                piece = b""
            if not piece:
                raise SystemExit(f"ended without {until!r}: {seen[-2000:]!r}")
            seen += piece

    def end(self) -> None:
        for child in reversed(self.background):
            child.send_signal(signal.SIGINT)
            code = child.wait(timeout=40)
            if code != 130:
                raise SystemExit(f"a background command ended with {code}, not 130")


def adopt_descendants() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is lost."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> None:
    """End all that was started, wherever it moved to: first politely, then by force."""
    for descendant in descendants():
        with suppress(psutil.NoSuchProcess):
            descendant.terminate()
    psutil.wait_procs(descendants(), timeout=GRACE)
    while left := descendants():
        for descendant in left:
            with suppress(psutil.NoSuchProcess):
                descendant.kill()
        psutil.wait_procs(left, timeout=1)


def descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def check_ports(blocks: list[dict[str, str]]) -> None:
    """Leave if a port that a block will listen on is taken."""
    told = [block["code"] for block in blocks if not (block["how"] or "").startswith("skip")]
    for port, words in PORTS.items():
        if not any(words in code for code in told):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise SystemExit(
                    f"Port {port} is not free ({error.strerror}), and `{words}` needs it. "
                    f"See who has it: ss -ltnp 'sport = :{port}'"
                ) from None


def leave(number: int, _: object) -> NoReturn:
    """End as on Ctrl-C: by an exception, so that all is cleaned up."""
    raise SystemExit(128 + number)


def main() -> None:
    arguments = sys.argv[1:]
    files = [Path(word) for word in arguments if not word.startswith("--")]
    blocks = [match.groupdict() for file in files for match in BLOCK.finditer(file.read_text())]
    if "--print-tests" in arguments:
        print(next(block["code"] for block in blocks if block["how"] == "tests").strip())
        return
    check_ports(blocks)
    adopt_descendants()
    # A shell starts what it puts into the background with Ctrl-C ignored, and so would we.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as clone:
        try:
            # The very first command is for a clone in an empty folder, so that is where all run.
            folder = Path(clone) / "ticker"
            subprocess.run(["git", "clone", "-q", str(Path.cwd()), str(folder)], check=True)
            if any("docker" in block["code"] for block in blocks):
                subprocess.run([sys.executable, "-m", "tests.compose_up", "fetch"], check=True)
            runner = Runner(folder, Path(home))
            for block in blocks:
                print(f"-- {block['how']}: {block['code'].strip()}", flush=True)
                obey(runner, block["how"], block["code"])
            runner.end()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # what is being ended is ended whole
            end_descendants()


def obey(runner: Runner, how: str | None, code: str) -> None:
    until = (re.search(r'until "(.*)"', how or "") or [None, ""])[1]
    match (how or "missing").partition(",")[0].split()[0]:
        case "run":
            runner.run(code)
        case "python":
            runner.python(code)
        case "notebook":
            runner.notebook(code)
        case "source":
            runner.before += code
        case "background":
            runner.start(code, until)
        case "screen":
            runner.screen(code, until)
        case "tests" | "skip":
            pass
        case _:
            raise SystemExit("a block of code without a word on how to run it")


if __name__ == "__main__":
    main()
