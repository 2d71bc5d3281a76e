"""Runs a user's own program: without a shell, with no output on our screen, for a limited time.

When the program ends, or after `within` seconds, its whole process group is killed. A failure is
returned in words. This module does not know what the program is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Final

WITHIN: Final = 10.0
"""How long a program may take (s)."""
_SAID: Final = 0.2
"""How long to wait for the program's last output after its end (s)."""
_KEPT: Final = 500
"""How much of the beginning of its standard error is kept (bytes)."""


async def run_command(words: Sequence[str], data: bytes, *, within: float = WITHIN) -> str | None:
    """Run `words` with `data` on standard input. Returns why it failed; `None` if it did not.

    The reason contains text from outside: escape it. The program is killed after `within` seconds,
    and if this call is cancelled.
    """
    name = os.path.basename(words[0])  # noqa: PTH119  (a word, not always a path)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, start_new_session=True
        )
    except FileNotFoundError:
        return f"{name}: there is no such program"
    except (OSError, ValueError) as error:
        return f"{name} cannot be started: {getattr(error, 'strerror', None) or error}"
    said = bytearray()
    listening = asyncio.create_task(_listen(process, said))
    try:
        async with asyncio.timeout(within):
            await _feed(process, data)
            code = await process.wait()
            # Its children may hold its standard error open.
            await asyncio.wait([listening], timeout=_SAID)
    except TimeoutError:
        return f"{name} was ended: it took more than {within:g} s"
    finally:
        _end(process)
        listening.cancel()
        await asyncio.wait([listening])
        await process.wait()
    if code == 0:
        return None
    how = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    lines = said.decode(errors="replace").split("\n")
    why = next((f": {line.strip()}" for line in lines if line.strip()), "")
    return f"{name} {how}{why}"


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None  # noqa: S101  (it was asked for)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the program need not read it
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _listen(process: Process, said: bytearray) -> None:
    assert process.stderr is not None  # noqa: S101  (it was asked for)
    while piece := await process.stderr.read(4096):
        said += piece[: max(0, _KEPT - len(said))]


def _end(process: Process) -> None:
    """Kill the program's process group, if it still runs."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
