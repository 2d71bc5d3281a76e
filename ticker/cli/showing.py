"""`replay` on a screen: a player on a dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from ticker.alerting import Alerting
from ticker.board.rates import is_pair
from ticker.cli.line import Line
from ticker.cli.owning import portfolio_of
from ticker.cli.preferences import FilePreferences
from ticker.cli.screen import Screen
from ticker.cli.settings import Settings
from ticker.cli.tape import ReplayOptions, missing, open_reel
from ticker.follow import Follow
from ticker.play import Player
from ticker.streams import Stream, open_stream

if TYPE_CHECKING:
    from ticker.board import Board
    from ticker.feed import Feed


class PlayOptions(msgspec.Struct, frozen=True):
    """How a replay begins on a screen."""

    title: str
    is_paused: bool = False
    loop: bool = False
    idle: int | None = None
    """Silences longer than this are shortened to it (µs of the tape)."""
    runs_commands: bool = False
    """Whether the commands of alerts are run."""


class Showing:
    """One replay on a dashboard, until `q`."""

    def __init__(
        self, wish: ReplayOptions, how: PlayOptions, settings: Settings, line: Line
    ) -> None:
        self._wish = wish
        self._how = how
        self._sort = settings.sort()
        self._portfolio = portfolio_of(settings)
        self._alerting = Alerting(
            settings.alerts(), runs=how.runs_commands, keep_in=settings.config.path
        )
        self._preferences = FilePreferences(settings)
        self._line = line
        self._screen = Screen()

    async def main(self) -> int:
        """Show until `q` or a signal; the exit code."""
        wish, how = self._wish, self._how
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(open_stream(wish.source))
            if self._portfolio is not None and wish.symbols is not None:
                wish = msgspec.structs.replace(wish, beside=await _with_pairs(source, wish.beside))
            reel = await open_reel(stack, source, wish, self._line)
            grows = wish.source.address.backend.is_writable

            alerting = await stack.enter_async_context(self._alerting)

            def follow(board: Board) -> Feed:
                live = Follow(source, wish.symbols, board=board, observe=alerting.take)
                alerting.attach(live)
                return live

            player = Player(
                reel,
                wish.speed,
                is_paused=how.is_paused,
                loop=how.loop,
                idle=how.idle,
                live=follow if grows else None,
                why_not_live="A recording does not grow: there is nothing live to go to",
                rows=wish.symbols,
            )
            player.look_for(alerting.alerts)
            if self._portfolio is not None:
                player.board.own(self._portfolio)
            from ticker.dashboard import Dashboard, TerminalDriver

            dashboard = Dashboard(
                player,
                title=how.title,
                player=player,
                zone=wish.zone,
                sort=self._sort,
                simulated=wish.source.demo,
                option=wish.source.option,
                alerts=alerting,
                preferences=self._preferences,
                driver=TerminalDriver,
            )
            if absent := await missing(source, wish):
                dashboard.tell(f"{', '.join(absent)}: not in {source.url}")
            return await self._screen.show(dashboard)

    async def stop(self) -> None:
        """End the screen."""
        self._screen.leave()


async def _with_pairs(stream: Stream, symbols: Sequence[str]) -> tuple[str, ...]:
    """`symbols`, and every pair of currencies that `stream` holds: a total may need it."""
    held = (quote.symbol for quote in (await stream.snapshot()).quotes)
    return (*symbols, *(symbol for symbol in held if is_pair(symbol)))
