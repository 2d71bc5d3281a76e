"""`replay` on a screen: the tape is played into a temporary log, which the dashboard follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ticker.cli.failing import DONE, HUNG_UP, INTERRUPTED
from ticker.cli.settings import Settings
from ticker.cli.tape import ReplayOptions, find_beginning, missing
from ticker.errors import TickerError
from ticker.feed import Mark, MarkKind
from ticker.health import StreamState
from ticker.play import Beginning, Player, Span, begin
from ticker.streams import Stream, open_log, open_stream
from ticker.system_clock import monotonic, now
from ticker.watch import Watch

if TYPE_CHECKING:
    from ticker.dashboard import Dashboard

_LOOK: Final = 0.02
"""Between two looks whether the screen follows (s)."""
_AT_END: Final = 2.0
"""For how long a loop shows the end before it begins again (s)."""


class Showing:
    """One replay on a dashboard, from its first lap to `q`."""

    def __init__(self, wish: ReplayOptions, settings: Settings, *, title: str, loop: bool) -> None:
        self._wish = wish
        self._title = title
        self._loop = loop
        self._sort = settings.sort()
        self._laps = 0
        self._player: Player | None = None
        self._dashboard: Dashboard | None = None
        self._failure: TickerError | None = None
        self._is_over = False

    async def main(self) -> int:
        """Show until `q` or a signal; the exit code."""
        wish = self._wish
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(open_stream(wish.source))
            span, beginning = await find_beginning(source, wish)
            folder = Path(
                stack.enter_context(
                    TemporaryDirectory(prefix="ticker-replay-", ignore_cleanup_errors=True)
                )
            )
            watch = Watch(await self._lap(stack, folder, beginning), wish.symbols)
            from ticker.dashboard import Dashboard

            self._dashboard = dashboard = Dashboard(
                watch,
                title=self._title,
                player=self,
                zone=wish.zone,
                sort=self._sort,
                simulated=wish.source.demo,
                option=wish.source.option,
            )
            if absent := await missing(source, wish):
                dashboard.tell(f"{', '.join(absent)}: not in {source.url}")
            playing = asyncio.create_task(self._play(stack, folder, source, span, watch))
            if self._is_over:  # while it was still loading
                self._leave()
            left = await dashboard.show()
            self._dashboard = None
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing
        if self._failure is not None:
            raise self._failure
        if left.hung_up:
            return HUNG_UP
        return INTERRUPTED if left.interrupted else DONE

    def toggle(self) -> None:
        """Pause, or go on."""
        if self._player is not None:
            self._player.toggle()

    # What is not here yet of `PlayerControl` does nothing: a tape of its own will do it.

    start = end = time = 0
    speed: float = 0
    reached: float | None = None
    is_paused = has_ended = False
    loop_from: int | None = None
    loop_to: int | None = None
    marks: Sequence[Mark] = ()

    def set_speed(self, speed: float) -> None:
        """See `PlayerControl`."""

    def slower(self) -> None:
        """See `PlayerControl`."""

    def faster(self) -> None:
        """See `PlayerControl`."""

    def seek(self, time: int) -> None:
        """See `PlayerControl`."""

    def step(self, symbols: Sequence[str], *, forward: bool) -> None:
        """See `PlayerControl`."""

    def undo(self) -> None:
        """See `PlayerControl`."""

    def mark(self) -> Mark:
        """See `PlayerControl`."""
        return Mark(self.time, MarkKind.OWN, "")

    def next_mark(self) -> Mark | None:
        """See `PlayerControl`."""
        return None

    def previous_mark(self) -> Mark | None:
        """See `PlayerControl`."""
        return None

    def cycle_loop(self) -> None:
        """See `PlayerControl`."""

    def hand_over(self) -> str | None:
        """See `PlayerControl`."""
        return "This replay cannot go to live"

    async def stop(self) -> None:
        """End the screen."""
        self._leave()

    def _leave(self) -> None:
        self._is_over = True
        if self._dashboard is not None:
            self._dashboard.action_leave()

    async def _lap(self, stack: AsyncExitStack, folder: Path, beginning: Beginning) -> Stream:
        """A log of its own for one lap, because a log takes each tick once; its reader."""
        self._laps += 1
        url = f"sqlite:{folder / f'{self._laps}.sqlite'}"
        log = await stack.enter_async_context(open_log(url))
        self._player = Player(beginning, log, self._wish.speed, clock=now, elapsed=monotonic)
        await self._player.prepare()
        return await stack.enter_async_context(open_stream(url))

    async def _play(
        self, stack: AsyncExitStack, folder: Path, source: Stream, span: Span, watch: Watch
    ) -> None:
        """Lap after lap; an error ends the screen."""
        try:
            stream = watch.stream
            while self._player is not None:
                await _followed(watch, stream)
                await self._player.run()
                if not self._loop:
                    return
                await asyncio.sleep(_AT_END)
                beginning = await begin(source, span)
                stream = await self._lap(stack, folder, beginning)
                watch.switch(stream)
        except TickerError as error:
            self._failure = error
            self._leave()


async def _followed(watch: Watch, stream: Stream) -> None:
    """Wait until the screen reads `stream`, so that it sees every tick arrive."""
    # The watch tells only the screen when it has begun.
    while watch.stream is not stream or watch.state is not StreamState.OK:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)
