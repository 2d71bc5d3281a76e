from __future__ import annotations

import asyncio
import os
import signal
import threading

from ticker.cli.signals import run


def test_a_command_that_ended_after_a_signal_does_not_end_its_process_later() -> None:
    over = asyncio.Event()

    async def main() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await over.wait()
        return 0

    assert run(main(), stop=over.set, patience=60) == 128 + signal.SIGTERM
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
            assert not thread.is_alive()
