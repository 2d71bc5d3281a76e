"""One child process, seen by its parent: start it, talk to it, end it within seconds.

The child notices every end of its parent, even a kill: its standard input is a pipe that only the
parent holds. A Ctrl-C for the parent does not reach the child. The child's standard error is kept
for a diagnosis and never reaches the parent's screen. `stop` always ends the child. This module
does not know what a child does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import site
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_LINE: Final = 8_000_000
"""The longest message of a child (bytes). Longer ones are ignored."""
KEPT_ERRORS: Final = 20_000
"""How much of the end of a child's standard error is kept (bytes)."""

News = Mapping[str, Any]


def command(*arguments: str) -> list[str]:
    """Return the words that start another `ticker`, in any folder and with any PATH."""
    # -P: never run a file ticker.py in the user's folder.
    return [sys.executable, "-P", "-m", "ticker", *arguments]


def environment() -> dict[str, str]:
    """Return our environment. Add this package's folder if Python would not find it otherwise."""
    package = str(Path(__file__).parents[2])
    if package in {*site.getsitepackages(), site.getusersitepackages()}:
        return dict(os.environ)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Child:
    """One process. `start` it once. `on_news` is called with each message, in the event loop.

    `inherits` are file descriptors of ours. The child gets them under the same numbers.
    """

    def __init__(
        self, words: Sequence[str], *, on_news: Callable[[News], None], inherits: Sequence[int] = ()
    ) -> None:
        self._words = words
        self._on_news = on_news
        self._inherits = inherits
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._errors = bytearray()
        self.why = ""
        """Its last error message (`{"say":"error","text":…}`); empty if there was none."""

    @property
    def errors(self) -> str:
        """The end of its standard error. The text is from outside: escape it to show it."""
        return self._errors.decode(errors="replace")

    @property
    def pid(self) -> int | None:
        """Its process id; `None` before the start."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it. Raises `OSError` if it cannot be started."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            limit=MAX_LINE,
            # Not in the terminal's foreground: Ctrl-C and Ctrl-Z are for the parent.
            process_group=0,
            pass_fds=self._inherits,
        )
        assert process.stdout is not None  # noqa: S101  (it was asked for)
        assert process.stderr is not None  # noqa: S101  (it was asked for)
        self._tasks = [
            asyncio.create_task(self._listen(process.stdout)),
            asyncio.create_task(self._keep_errors(process.stderr)),
        ]

    def send(self, do: str, **facts: Any) -> None:
        """Send an order. If the child has ended, the order is lost without an error."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        process.stdin.write(msgspec.json.encode({"do": do, **facts}) + b"\n")

    async def wait(self) -> int:
        """Wait for its end and its last message. Returns its exit code; -9 means signal 9."""
        assert self._process is not None, "start it first"  # noqa: S101  (a mistake of ours)
        code = await self._process.wait()
        # The child's own children may hold the pipes open. Their output does not matter.
        await asyncio.wait(self._tasks, timeout=1.0)
        return code

    async def stop(self, within: float = 5.0) -> int | None:
        """End it in `within` + 0.5 seconds at most: end of file, then SIGTERM, then SIGKILL.

        Returns its exit code; `None` if it was never started.
        """
        process = self._process
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        for share, then in ((0.6, process.terminate), (0.3, process.kill), (0.1, None)):
            try:
                async with asyncio.timeout(within * share):
                    await process.wait()
                    break
            except TimeoutError:
                if then is not None:
                    with contextlib.suppress(ProcessLookupError):
                        then()
        await asyncio.wait(self._tasks, timeout=0.5)
        for task in self._tasks:
            task.cancel()
        return process.returncode

    async def _listen(self, out: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await out.readline()
            except ValueError:  # longer than MAX_LINE: ignored
                continue
            if not line:
                return
            with contextlib.suppress(msgspec.MsgspecError):
                news = msgspec.json.decode(line, type=dict[str, Any])
                if news.get("say") == "error":
                    self.why = str(news.get("text", ""))
                self._on_news(news)

    async def _keep_errors(self, errors: asyncio.StreamReader) -> None:
        while piece := await errors.read(65_536):
            self._errors += piece
            del self._errors[:-KEPT_ERRORS]
