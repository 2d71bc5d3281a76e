"""Runs a command to its end. Defines what each signal does, and the exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

_ASKED_ENOUGH: Final = 2
_PATIENCE: Final = 10.0
"""How long a command may take to end after a signal (s)."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    main: Coroutine[Any, Any, int],
    *,
    stop: Callable[[], None] | None = None,
    patience: float = _PATIENCE,
) -> int:
    """Run `main`. Returns its exit code, or 128 + the number of the first signal.

    The first signal calls `stop`, which asks `main` to end; without `stop` it cancels `main`. The
    second signal cancels `main`. The third ends the process at once. The process also ends if
    `main` has not ended `patience` seconds after the first signal.
    """
    received: list[int] = []
    # If the event loop is stuck (in a write to a terminal), only this timer can act.
    leave = threading.Timer(patience, lambda: os._exit(128 + received[0]))
    leave.daemon = True
    try:
        return asyncio.run(_run(main, stop, received, leave))
    finally:
        leave.cancel()


async def _run(
    main: Coroutine[Any, Any, int],
    stop: Callable[[], None] | None,
    received: list[int],
    leave: threading.Timer,
) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(main)

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        if len(received) > _ASKED_ENOUGH:
            os._exit(128 + number)
        is_first = len(received) == 1
        if is_first:
            leave.start()
        loop.call_soon_threadsafe(stop if is_first and stop is not None else task.cancel)

    with _handling(on_signal):
        try:
            code = await task
        except asyncio.CancelledError:
            if not received:
                raise
            code = 0
    return 128 + received[0] if received else code


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn a signal in a synchronous block into an exception, so that everything is cleaned up.

    Raises `typer.Exit` with 128 + the number of the first signal.
    """
    received: list[int] = []

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    with _handling(on_signal):
        try:
            yield
        except BaseException:
            if received:  # DuckDB may replace KeyboardInterrupt with an error of its own
                raise typer.Exit(128 + received[0]) from None
            raise


@contextmanager
def _handling(on_signal: Callable[[int, Any], None]) -> Iterator[None]:
    """Call `on_signal` for each signal that ends a program.

    It uses Python's handlers, not the event loop's: they run even while the loop is stuck. An
    ignored signal stays ignored, because nohup needs that.
    """
    before = {
        number: signal.signal(number, on_signal)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
