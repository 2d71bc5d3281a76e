"""The present of a stream: the moment from which `09:30` and `-10m` count."""

from __future__ import annotations

from ticker import system_clock
from ticker.streams.open import open_stream
from ticker.streams.stream_choice import StreamChoice, choose_stream


async def present(stream: str | StreamChoice | None, *, is_replay: bool = False) -> int:
    """Return now (µs, UTC); for a recording or in a replay, the `received` of the last tick.

    In these, a time without a date is on the last day with ticks. If there is no tick, returns now.
    `stream` is as for `open_stream`. Raises `StreamError` if it cannot be read.
    """
    choice = stream if isinstance(stream, StreamChoice) else choose_stream(stream)
    if choice.address.backend.is_writable and not is_replay:
        return system_clock.now()
    async with open_stream(choice) as opened:
        health = await opened.health()
        if health.state.is_away:
            await opened.snapshot()  # raises what is wrong
    return system_clock.now() if health.last is None else health.last
