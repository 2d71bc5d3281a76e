"""`replay` on a screen: a dashboard with a player."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from ticker.board.holdings import Portfolio
from ticker.cli.dashboard_screen import Screen
from ticker.cli.replay_source import ReplayOptions, missing, open_reel
from ticker.cli.status_line import StatusLine
from ticker.currency_pairs import pairs_in
from ticker.follow import Follow
from ticker.play import Player
from ticker.streams import Stream, open_stream

if TYPE_CHECKING:
    from ticker.board import Board
    from ticker.feed import Feed


async def show_replay(wish: ReplayOptions, screen: Screen, line: StatusLine) -> int:
    """Play on `screen` until `q` or a signal. Returns the exit code. `line` shows the loading."""
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(open_stream(wish.source))
        if screen.portfolio is not None:
            listed = chain.from_iterable(screen.preferences.watchlists.values())
            wish = await _with_pairs(wish, source, screen.portfolio, set(listed))
        reel = await open_reel(stack, source, wish, line)
        alerting = await stack.enter_async_context(screen.alerting)

        def follow(board: Board) -> Feed:
            live = Follow(source, wish.symbols, board=board, observe=alerting.take)
            alerting.attach(live)
            return live

        player = Player(
            reel,
            wish.speed,
            is_paused=wish.is_paused,
            loop=wish.loop,
            idle=wish.idle,
            live=follow if wish.source.address.backend.is_writable else None,
            why_not_live="A recording has no live end",
            rows=wish.symbols,
            beside=wish.beside,
        )
        player.look_for(alerting.alerts)
        if absent := await missing(source, wish):
            screen.notify(f"{', '.join(absent)}: not in {source.url}")
        return await screen.show(player, player=player)


async def _with_pairs(
    wish: ReplayOptions, stream: Stream, portfolio: Portfolio, listed: set[str]
) -> ReplayOptions:
    """Return the options with the exchange-rate pairs in `stream` that totals need.

    A pair has no row, unless it is named, or nothing is named and it is `listed` in a watchlist.
    """
    pairs = pairs_in(portfolio, (await stream.snapshot()).quotes)
    pairs -= listed if wish.symbols is None else set(wish.symbols)
    return msgspec.structs.replace(wish, beside=(*wish.beside, *sorted(pairs)))
