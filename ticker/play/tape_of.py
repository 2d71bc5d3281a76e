"""Turns any stream into a tape.

A stream that is not a recording is first recorded into a temporary folder. Only recordings are
tapes, so there is one way to play. The folder is deleted after the replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ticker.play.reel import NothingToPlay, Span
from ticker.records import TICK_FIELDS, Tick
from ticker.streams.narrowing import as_tape
from ticker.streams.protocol import Stream
from ticker.streams.sequence import Key
from ticker.streams.tape import Tape
from ticker.units import HOUR


@asynccontextmanager
async def tape_of(
    stream: Stream,
    span: Span,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[Tape]:
    """Yield a tape of the records in `span` that `stream` holds now.

    If `stream` is a tape, it is yielded whole. A new tape also has the last tick of each symbol
    before the span, so all prices are known at the start.
    `on_progress` gets the number of ticks read so far. Raises `NothingToPlay`, `StreamError`, and
    `StreamNotWritable` if the temporary folder is full.
    """
    if (itself := as_tape(stream)) is not None:
        yield itself
        return
    from ticker.streams.recording import Recorder, RecordingStream, record

    with TemporaryDirectory(prefix="ticker-replay-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "replay.parquet"
        with Recorder(path) as recorder:
            before: Sequence[Tick] = ()
            if span.since is not None:
                before = await _last_before(stream, span.symbols, span.since, on_progress)
            begin = await stream.find("start" if span.since is None else span.since)
            await record(
                stream,
                recorder,
                symbols=span.symbols,
                before=before,
                after=begin,
                until=span.until,
                on_progress=on_progress,
            )
            if recorder.ticks == len(before):
                raise NothingToPlay(stream.url)
            await asyncio.to_thread(recorder.finish)
        async with RecordingStream(path) as tape:
            tape.url = stream.url  # the user plays this stream
            yield tape


async def _last_before(
    stream: Stream,
    symbols: Iterable[str] | None,
    since: int,
    on_progress: Callable[[int], None],
) -> Sequence[Tick]:
    """Return the last tick of each (origin, symbol) before `since` (µs).

    One pass over two columns finds the keys. Their ticks are searched in the hour before `since`,
    and then further back. `on_progress` gets the rows of the pass.
    """
    chosen = None if symbols is None else sorted(symbols)
    loop = asyncio.get_running_loop()

    def tell(rows: int) -> None:
        loop.call_soon_threadsafe(on_progress, rows)

    missing = await asyncio.to_thread(_keys_before, stream, chosen, since, tell)
    found: dict[Key, Tick] = {}
    until, back = since, HOUR
    while missing and until > 0:
        begin = max(0, since - back)
        wanted = sorted({symbol for _, symbol in missing})
        last = await asyncio.to_thread(_last_in, stream, wanted, begin, until)
        found |= {key: last[key] for key in missing & last.keys()}
        missing -= last.keys()
        until, back = begin, 8 * back
    return sorted(found.values(), key=lambda tick: tick.received)


def _keys_before(
    stream: Stream, symbols: Sequence[str] | None, since: int, tell: Callable[[int], None]
) -> set[Key]:
    """Find each (origin, symbol) with a tick before `since`. Synchronous, for a thread."""
    keys: set[Key] = set()
    rows = 0
    for chunk in stream.columns(symbols=symbols, until=since, fields=["origin", "symbol"]):
        keys.update(zip(chunk["origin"], chunk["symbol"], strict=True))
        rows += len(chunk["symbol"])
        tell(rows)
    return keys


def _last_in(stream: Stream, symbols: Sequence[str], since: int, until: int) -> Mapping[Key, Tick]:
    """Return the last tick of each (origin, symbol) in a span. Synchronous, for a thread."""
    last: dict[Key, Mapping[str, Any]] = {}
    for chunk in stream.columns(symbols=symbols, since=since, until=until):
        keys = zip(chunk["origin"], chunk["symbol"], strict=True)
        # Keep the last row of each key. A later chunk replaces it.
        for key, at in {key: at for at, key in enumerate(keys)}.items():
            last[key] = {name: chunk[name][at] for name in TICK_FIELDS}
    return {key: Tick(**values) for key, values in last.items()}
