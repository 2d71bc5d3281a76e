"""Finds what a replay plays, or raises an error that says what the stream holds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from ticker.cli.exit_codes import NO_DATA, Failed
from ticker.cli.status_line import StatusLine
from ticker.figures import count_text
from ticker.health.sentences import invitation
from ticker.play import NothingToPlay, Reel, Span, load, session_start, tape_of
from ticker.streams import Stream, StreamChoice
from ticker.system_clock import monotonic, now
from ticker.times import Zone, span_text
from ticker.units import SECOND

_SOON: Final = SECOND
"""Progress is shown only after this time (µs)."""


class ReplayOptions(msgspec.Struct, frozen=True):
    """What to play, and how fast."""

    source: StreamChoice
    symbols: tuple[str, ...] | None
    """The symbols with rows; `None`: all."""
    since: int | None
    """Inclusive, by `received` (µs, UTC); `None`: from the start."""
    until: int | None
    """Exclusive, by `received` (µs, UTC); `None`: to the end."""
    last_session: bool
    """Whether to begin with the last session, not with the start."""
    speed: float
    zone: Zone
    beside: tuple[str, ...] = ()
    """Symbols that are played too but have no row, even if `symbols` is `None`."""
    is_paused: bool = False
    loop: bool = False
    idle: int | None = None
    """Silences longer than this are shortened to it (µs of the tape)."""


async def open_reel(
    stack: AsyncExitStack, stream: Stream, wish: ReplayOptions, line: StatusLine
) -> Reel:
    """Return what the replay plays. `stack` closes its tape.

    `line` shows the progress if this takes more than a second. Raises `StreamError`, and `Failed`
    if there is nothing to play.
    """
    symbols = None if wish.symbols is None else (*wish.symbols, *wish.beside)
    span = Span(symbols, wish.since, wish.until)
    health = await stream.health()
    if wish.last_session and health.last is not None:
        last = health.last if wish.until is None else min(health.last, wish.until - 1)
        since = await asyncio.to_thread(session_start, stream, last, span)
        span = msgspec.structs.replace(span, since=since)
    began = monotonic()

    def show(ticks: int) -> None:
        if monotonic() - began > _SOON:
            line.show(f"reading {wish.source.word}: {count_text(ticks, 'tick')}", "reading")

    try:
        tape = await stack.enter_async_context(tape_of(stream, span, on_progress=show))
        return await load(tape, span)
    except NothingToPlay as error:
        raise Failed(await _why(stream, wish), NO_DATA) from error
    finally:
        line.clear()


async def _why(stream: Stream, wish: ReplayOptions) -> str:
    """Say why there is nothing to play, and what the stream holds."""
    option = wish.source.option
    health = await stream.health()
    if not health.ticks and health.is_finished:
        return f"{stream.url}: this recording holds no tick"
    if not health.ticks:
        return f"{stream.url}: {invitation(option=option)}"
    absent = await missing(stream, wish)
    if absent and len(absent) == len(wish.symbols or ()):
        return f"{', '.join(absent)}: not in {stream.url}. See what it holds: ticker status{option}"
    words = f"{stream.url} has no tick in that span"
    if health.first is None or health.last is None:
        return f"{words}. See what it holds: ticker status{option}"
    span = span_text(health.first, health.last, wish.zone, now=now())
    return f"{words}. Its ticks are from {span}"


async def missing(stream: Stream, wish: ReplayOptions) -> list[str]:
    """Return the wished symbols that the stream does not hold."""
    held = {quote.symbol for quote in (await stream.snapshot()).quotes}
    return [symbol for symbol in wish.symbols or () if symbol not in held]
