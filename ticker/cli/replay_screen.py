"""`replay` on a screen: a dashboard with a player."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from ticker.alert_watch import Alerting
from ticker.board.holdings import Portfolio
from ticker.cli.dashboard_screen import Screen
from ticker.cli.holdings_and_alerts import portfolio_of, rereading
from ticker.cli.preferences import FilePreferences
from ticker.cli.replay_source import ReplayOptions, missing, open_reel
from ticker.cli.settings import Settings
from ticker.cli.status_line import StatusLine
from ticker.currency_pairs import pairs_in
from ticker.follow import Follow
from ticker.play import Player
from ticker.streams import Stream, open_stream

if TYPE_CHECKING:
    from ticker.board import Board
    from ticker.feed import Feed


class PlayOptions(msgspec.Struct, frozen=True):
    """The options of a replay on a screen."""

    title: str
    is_paused: bool = False
    loop: bool = False
    idle: int | None = None
    """Silences longer than this are shortened to it (µs of the tape)."""
    runs_commands: bool = False
    """Whether the commands of alerts are run."""


class ReplayScreen:
    """One replay on a dashboard, until `q`."""

    def __init__(
        self, wish: ReplayOptions, how: PlayOptions, settings: Settings, line: StatusLine
    ) -> None:
        self._wish = wish
        self._how = how
        self._sort = settings.sort()
        self._portfolio = portfolio_of(settings)
        self._theme = settings.theme()
        self._alerting = Alerting(
            settings.alerts(), runs=how.runs_commands, keep_in=settings.config.path
        )
        self._preferences = FilePreferences(settings)
        self._line = line
        self._screen = Screen()

    async def main(self) -> int:
        """Show until `q` or a signal. Returns the exit code."""
        wish, how = self._wish, self._how
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(open_stream(wish.source))
            if self._portfolio is not None:
                wish = await self._with_pairs(source, self._portfolio)
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
                why_not_live="A recording has no live end",
                rows=wish.symbols,
                beside=wish.beside,
            )
            player.look_for(alerting.alerts)
            player.board.own(self._portfolio)
            self._preferences.on_read = rereading(alerting, player.board, player=player)
            from ticker.dashboard import Dashboard, TerminalDriver

            dashboard = Dashboard(
                player,
                title=how.title,
                player=player,
                zone=wish.zone,
                sort=self._sort,
                look=self._theme,
                simulated=wish.source.demo,
                option=wish.source.option,
                alerts=alerting,
                preferences=self._preferences,
                driver=TerminalDriver,
            )
            if absent := await missing(source, wish):
                dashboard.tell(f"{', '.join(absent)}: not in {source.url}")
            return await self._screen.show(dashboard)

    def stop(self) -> None:
        """End the screen."""
        self._screen.leave()

    async def _with_pairs(self, stream: Stream, portfolio: Portfolio) -> ReplayOptions:
        """Return the options with the exchange-rate pairs in `stream` that totals need.

        A pair has no row, unless it is named, or nothing is named and it is in a watchlist.
        """
        wish = self._wish
        listed = chain.from_iterable(self._preferences.watchlists.values())
        pairs = pairs_in(portfolio, (await stream.snapshot()).quotes)
        pairs -= set(listed if wish.symbols is None else wish.symbols)
        return msgspec.structs.replace(wish, beside=(*wish.beside, *sorted(pairs)))
