"""The parent, seen by its child: orders come on standard input, news go to standard output.

Both are JSON, one object a line. Orders have `do` (`{"do":"add","symbols":["AAPL"]}`), news have
`say` (`{"say":"ready","port":8790}`). End of file on standard input means that the parent is gone.
The child is then asked to stop, and ended after a grace period, even if its event loop is stuck. A
parent that does not read never blocks its child. This module does not know what the orders mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import msgspec

GRACE: Final = 5.0
"""How long a child may take to end by itself after its parent is gone (s)."""

MAX_LINE: Final = 1_000_000
"""The longest order (bytes). Longer ones are ignored."""

MAX_WAITING: Final = 1_000_000
"""The most news that wait for the parent to read (bytes). Further news are dropped."""

Order = Mapping[str, Any]


class Control:
    """Listens to the parent while an `async with` block runs.

    `on_order` is called with each order, and `on_end` once if the parent ends; both in the event
    loop. An order that is no JSON object is ignored. `leave` is called `grace` seconds after the
    parent's end, in a thread, to end the process. `orders` and `news` are file descriptors.
    """

    def __init__(
        self,
        on_order: Callable[[Order], None],
        on_end: Callable[[], None],
        *,
        grace: float = GRACE,
        orders: int = 0,
        news: int = 1,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._on_order = on_order
        self._on_end = on_end
        self._grace = grace
        self._orders = orders
        self._news = news
        self._leave = leave
        self._waiting = bytearray()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left = threading.Event()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        if not os.isatty(self._news):
            os.set_blocking(self._news, False)
        # A thread can read pipes, files and terminals, and runs even while the event loop hangs.
        threading.Thread(target=self._listen, name="control", daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left.set()
        self._flush()

    def say(self, what: str, **facts: Any) -> None:
        """Send news to the parent without waiting. Drop it if too much news waits already."""
        line = msgspec.json.encode({"say": what, **facts}) + b"\n"
        with self._lock:
            if len(self._waiting) + len(line) <= MAX_WAITING:
                self._waiting += line
        self._flush()

    def _flush(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._waiting:
                del self._waiting[: os.write(self._news, self._waiting)]

    def _listen(self) -> None:
        rest = b""
        while True:
            try:
                piece = os.read(self._orders, 65_536)
            except OSError:
                piece = b""
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > MAX_LINE:
                rest = b""
            for line in lines:
                with contextlib.suppress(msgspec.MsgspecError):
                    self._call(self._on_order, msgspec.json.decode(line, type=dict[str, Any]))
        if self._left.is_set():
            return
        self._call(self._on_end)
        # The process should end by itself. If it hangs in its event loop or in a request, it ends
        # here.
        time.sleep(self._grace)
        self._leave(0)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None  # noqa: S101  (set before the thread starts)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *arguments)
