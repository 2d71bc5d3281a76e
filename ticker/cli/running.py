"""Runs a command to its end: signals, and the log of diagnostics."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from ticker.errors import ConfigError
from ticker.files import real_path, state_directory

_ASKED_ENOUGH: Final = 2
_PATIENCE: Final = 10.0
"""The time limit for the end after a signal (s)."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    main: Coroutine[Any, Any, int],
    *,
    stop: Callable[[], Awaitable[None]] | None = None,
    patience: float = _PATIENCE,
) -> int:
    """Run `main` to its exit code; a signal ends it with 128 + its number.

    The first signal calls `stop`, which asks `main` to end by itself; without `stop` it cancels
    `main`. The second signal cancels `main`. The third leaves at once. `patience` is how long the
    end after a signal may take (s).
    """
    return asyncio.run(_run(main, stop, patience))


async def _run(
    main: Coroutine[Any, Any, int],
    stop: Callable[[], Awaitable[None]] | None,
    patience: float,
) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(main)
    received: list[int] = []
    stopping: set[asyncio.Task[None]] = set()

    def act(times: int) -> None:
        if stop is not None and times == 1:
            stopping.add(asyncio.create_task(_await(stop())))
        else:
            task.cancel()

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        if len(received) > _ASKED_ENOUGH:
            os._exit(128 + number)
        if len(received) == 1:
            # An event loop that is stuck (in a write to a terminal) cannot act, so leave.
            leave = threading.Timer(patience, os._exit, (128 + number,))
            leave.daemon = True
            leave.start()
        loop.call_soon_threadsafe(act, len(received))

    # Python's own handlers, not the event loop's: they run even while the loop is stuck. A program
    # started with nohup must go on ignoring hang-ups.
    before = {
        number: signal.signal(number, on_signal)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        code = await task
    except asyncio.CancelledError:
        if not received:
            raise
        code = 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + received[0] if received else code


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a signal end a synchronous block like an exception, so that everything is cleaned up.

    The exit code is 128 + its number.
    """
    received: list[int] = []

    def on_signal(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, on_signal)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    except BaseException:
        if received:  # DuckDB turns it into an error of its own
            raise typer.Exit(128 + received[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _await(awaitable: Awaitable[None]) -> None:
    await awaitable


def set_up_logging(
    *, quiet: bool = False, verbose: bool = False, plain: bool = False, screen: bool = False
) -> None:
    """Log to standard error, and to a rotated file in the state directory if possible.

    With `screen` nothing goes to standard error, because a dashboard is shown. With `plain` there
    is no terminal, so the log reports progress. With `verbose` it does too, and the file also has
    the messages of Kafka's client.
    """
    from ticker.cli.diagnostics import Harmless, Screen, SharedFile

    root = logging.getLogger("ticker")
    root.setLevel(logging.DEBUG)
    # Messages of asyncio (about a forgotten task) are only for the file. Without a handler of its
    # own, asyncio would write them across the screen.
    tasks = logging.getLogger("asyncio")
    # Kafka's client logs each failed attempt, several a second, and our own errors say enough.
    # Never below INFO: at DEBUG it logs what it sends, including passwords.
    client = logging.getLogger("aiokafka")
    client.setLevel(logging.INFO if verbose else logging.CRITICAL)
    for logger in (root, tasks, client):
        logger.propagate = False
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
    for logger in (tasks, client):
        logger.addHandler(logging.NullHandler())
    verbose = verbose or plain
    if not screen:
        stderr = Screen(sys.stderr)
        level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
        stderr.setLevel(level)
        stderr.setFormatter(Harmless("%(asctime)s %(message)s", "%H:%M:%S"))
        root.addHandler(stderr)
    try:
        directory = state_directory()
        directory.mkdir(parents=True, exist_ok=True)
        file = SharedFile(real_path(directory / "ticker.log"))
        if not os.access(directory, os.W_OK):
            return
    except (ConfigError, OSError):
        return  # no place for a log file: standard error has everything
    file.setLevel(logging.DEBUG if verbose else logging.INFO)
    file.setFormatter(Harmless("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    for logger in (root, tasks, client):
        logger.addHandler(file)
