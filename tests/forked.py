"""Runs a command of `ticker` in a fork of this process, which has everything imported already.

A new interpreter needs half a second to start and import the program. A fork needs a hundredth of
that, and the suite runs hundreds of commands. Tests about the start or end of the program use a new
process instead.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NoReturn

import ticker.cli.config
import ticker.cli.diagnostics
import ticker.cli.exchange
import ticker.cli.forward
import ticker.cli.poll
import ticker.cli.quote
import ticker.cli.run
import ticker.cli.status
import ticker.cli.tail
import ticker.cli.watch
import ticker.output
import ticker.relay
import ticker.streams.kafka
import ticker.streams.sqlite  # noqa: F401  (all of these are imported for the forks)
from ticker.cli import main


def run(
    words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as `subprocess.run` does with captured text."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        pid = os.fork()
        if pid == 0:
            _become(words, env, cwd, files)
        _wait(pid, timeout)
        status = os.waitpid(pid, 0)[1]
        out, err = (_text(file) for file in files)
    return subprocess.CompletedProcess([*words], os.waitstatus_to_exitcode(status), out, err)


def _wait(pid: int, timeout: float) -> None:
    ended = os.pidfd_open(pid)
    try:
        if not select.select([ended], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(ended)


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def _become(
    words: Sequence[str], env: Mapping[str, str], cwd: Path, files: Sequence[BinaryIO]
) -> NoReturn:
    """Run `words` as this process. Never returns."""
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (until the end)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(env)
        time.tzset()
        os.chdir(cwd)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.excepthook = threading.__excepthook__
        main(words)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else code
    finally:
        os._exit(code)
