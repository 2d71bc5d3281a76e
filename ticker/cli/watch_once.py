"""`watch --once`: prints the board once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ticker.cli.exit_codes import DONE, NO_DATA
from ticker.cli.heartbeat_ahead import arrivals
from ticker.cli.options import Format
from ticker.cli.printing import quotes_text
from ticker.cli.standard_streams import Output, tell
from ticker.health.sentences import invitation
from ticker.health.verdict import Standing, of_writers
from ticker.streams import StreamChoice, open_stream
from ticker.system_clock import now
from ticker.times import Zone

if TYPE_CHECKING:
    from ticker.board import Board


async def print_board(
    choice: StreamChoice, symbols: Sequence[str] | None, how: Format, zone: Zone
) -> int:
    """Print the newest quotes of `symbols` (`None`: all). Returns the exit code.

    Messages say why a symbol has no price.
    """
    from ticker.follow import Follow

    async with open_stream(choice) as stream:
        watched = Follow(stream, symbols)
        batch = await stream.snapshot()
        board = watched.board
        at = now()
        board.fold(batch, at, read_at=at)
        watched.clock.take(batch.heartbeats, read_at=at)
        for beat in await arrivals(stream, batch.position, batch.heartbeats, at):
            board.writers.take(beat, now())
    chosen = set(board.symbols)
    quotes = [quote for quote in batch.quotes if quote.symbol in chosen]
    order = {symbol: place for place, symbol in enumerate(board.symbols)}
    quotes.sort(key=lambda quote: order[quote.symbol])
    at = watched.clock()
    Output().write(quotes_text(quotes, how, zone, at, _ages(board, at)))
    missing = [symbol for symbol in board.symbols if board.row(symbol).price is None]
    for symbol in missing:
        why = board.age(board.row(symbol), now()).detail or "no price in this stream"
        tell(f"{symbol}: {why}")
    verdict = of_writers(board.writers, now(), zone, symbols=symbols, option=choice.option)
    is_unknown = verdict.standing is Standing.UNKNOWN
    if is_unknown:
        tell(verdict.summary)
    elif not quotes and not missing:
        is_log = choice.address.backend.is_writable
        words = f" yet. {verdict.words}" if is_log else f". {invitation(option=choice.option)}"
        tell(f"No price in {choice.url}{words}")
    return NO_DATA if missing or is_unknown or not quotes else DONE


def _ages(board: Board, at: int) -> dict[str, str]:
    """Return symbol → the age of its price at `at` (µs, UTC) with the reason, in words."""
    from ticker.board.columns import age_text, reason_text

    elapsed = now()
    aged = {symbol: board.age(board.row(symbol), at, elapsed=elapsed) for symbol in board.symbols}
    return {symbol: f"{age_text(age)} {reason_text(age)}".strip() for symbol, age in aged.items()}
