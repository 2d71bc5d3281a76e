"""What of which stream a replay plays: found, or an error that says what the stream holds."""

from __future__ import annotations

import asyncio

import msgspec

from ticker.cli.failing import NO_DATA, Failed
from ticker.health.sentences import invitation
from ticker.play import Beginning, NothingToPlay, Span, begin, session_start
from ticker.streams import Stream, StreamChoice
from ticker.system_clock import now
from ticker.times import Zone, clock


class ReplayOptions(msgspec.Struct, frozen=True):
    """What to play, and how fast."""

    source: StreamChoice
    symbols: tuple[str, ...] | None
    """`None`: all."""
    since: int | None
    """`received` of the first record (µs, UTC); `None`: from the start."""
    until: int | None
    """Exclusive; `None`: to the end."""
    last_session: bool
    """From the beginning of the last session, not from the start."""
    speed: float
    zone: Zone


async def find_beginning(stream: Stream, wish: ReplayOptions) -> tuple[Span, Beginning]:
    """The span that is wished for, read up to its first tick.

    Raises `StreamError`, and `Failed` where there is nothing to play.
    """
    span = Span(wish.symbols, wish.since, wish.until)
    health = await stream.health()
    if wish.last_session and health.last is not None:
        last = health.last if wish.until is None else min(health.last, wish.until - 1)
        since = await asyncio.to_thread(session_start, stream, last, span)
        span = msgspec.structs.replace(span, since=since)
    try:
        return span, await begin(stream, span)
    except NothingToPlay as error:
        raise Failed(await _why(stream, wish), NO_DATA) from error


async def _why(stream: Stream, wish: ReplayOptions) -> str:
    """Why there is nothing to play, and what there is."""
    option = wish.source.option
    health = await stream.health()
    if not health.ticks:
        return f"{stream.url}: {invitation(option=option)}"
    absent = await missing(stream, wish)
    if absent and len(absent) == len(wish.symbols or ()):
        return f"{', '.join(absent)}: not in {stream.url}. What it holds: ticker status{option}"
    words = f"{stream.url} holds no tick of that time"
    if health.first is None or health.last is None:
        return f"{words}. What it holds: ticker status{option}"
    first, last = (clock(time, wish.zone, now=now()) for time in (health.first, health.last))
    return f"{words}. Its ticks are from {first} to {last}"


async def missing(stream: Stream, wish: ReplayOptions) -> list[str]:
    """The symbols wished for that the stream does not hold."""
    held = {quote.symbol for quote in (await stream.snapshot()).quotes}
    return [symbol for symbol in wish.symbols or () if symbol not in held]
