"""A player on a tape, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import structs

from ticker.board import Board
from ticker.board.row import Row
from ticker.play import Player, Span, load
from ticker.records import Gap, Tick
from ticker.streams.recording import Recorder, RecordingStream
from ticker.units import SECOND

PATIENCE = 10.0
"""The time limit for the threads that read a tape (s)."""


class Clock:
    """A clock that the test moves. A player waits with `rest`."""

    def __init__(self) -> None:
        self.elapsed = 0
        self._sleeper: tuple[int, asyncio.Event, asyncio.Event] | None = None

    async def rest(self, nudge: asyncio.Event, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleeper = self.elapsed + max(1, round(seconds * SECOND)), woken, nudge
        waits = [asyncio.ensure_future(event.wait()) for event in (woken, nudge)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleeper = None
            for wait in waits:
                wait.cancel()

    async def settle(self) -> tuple[int, asyncio.Event]:
        """Wait until the player waits. Returns until when, and what wakes it."""
        async with asyncio.timeout(PATIENCE):
            # A thread reads the tape at the same time, and no event says that it is done.
            while self._sleeper is None or self._sleeper[2].is_set() or self._sleeper[1].is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
        return self._sleeper[0], self._sleeper[1]

    async def advance(self, micros: int) -> None:
        """Let `micros` pass, with everything that the player does meanwhile."""
        end = self.elapsed + micros
        while True:
            due, woken = await self.settle()
            if due > end:
                self.elapsed = end
                return
            self.elapsed = due
            woken.set()
            await asyncio.sleep(0)


def write(
    path: Path, ticks: Sequence[Tick], gaps: Sequence[tuple[int, Gap]] = (), **told: Any
) -> RecordingStream:
    """Make a recording of these ticks. Each gap comes before the tick with its number (from 0)."""
    with Recorder(path) as recorder:
        recorder.tell(told.get("quotes", ()))
        for n, one in enumerate(ticks):
            recorder.add([one], [gap for at, gap in gaps if at == n])
        recorder.add([], [gap for at, gap in gaps if at >= len(ticks)])
        recorder.finish()
    return RecordingStream(path)


@asynccontextmanager
async def playing(
    tape: RecordingStream, clock: Clock, span: Span | None = None, speed: float = 1.0, **how: Any
) -> AsyncIterator[Player]:
    """Yield a running player of `tape`, at the beginning."""
    async with tape:
        reel = await load(tape, span or Span())
        player = Player(
            reel, speed, clock=lambda: 0, elapsed=lambda: clock.elapsed, rest=clock.rest, **how
        )
        running = asyncio.create_task(player.run())
        await clock.settle()
        try:
            yield player
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def shown(board: Board) -> tuple[dict[str, Row], int, int, Gap | None]:
    """Return what a board shows, without the times of moves."""
    rows = {s: structs.replace(board.row(s), moved=None, before=None) for s in board.symbols}
    return rows, board.ticks, board.gaps, board.gap
