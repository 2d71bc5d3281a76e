"""Turn any stream into a tape.

A stream that is not a recording is first recorded into a temporary folder.
Only recordings are tapes, so there is one way to play. The folder is deleted after the replay.
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


@asynccontextmanager
async def tape_of(
    stream: Stream,
    span: Span,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[Tape]:
    """Yield a tape of what `stream` holds of `span` now; a tape is yielded as it is.

    The last tick of each symbol before the span is on it too: it is known from the first moment.
    `on_progress` is told how many ticks were read so far. Raises `NothingToPlay`, `StreamError`,
    and `StreamNotWritable` where the temporary folder is full.
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
                before = await asyncio.to_thread(_last_before, stream, span.symbols, span.since)
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
            tape.url = stream.url  # that is what is played
            yield tape


def _last_before(stream: Stream, symbols: Iterable[str] | None, since: int) -> Sequence[Tick]:
    """The last tick of each (origin, symbol) before `since` (µs). Synchronous, for a thread."""
    last: dict[Key, Mapping[str, Any]] = {}
    chosen = None if symbols is None else list(symbols)
    for chunk in stream.columns(symbols=chosen, until=since):
        keys = zip(chunk["origin"], chunk["symbol"], strict=True)
        # Of each key the last row of the chunk: a later one takes its place.
        for key, at in {key: at for at, key in enumerate(keys)}.items():
            last[key] = {name: chunk[name][at] for name in TICK_FIELDS}
    return sorted((Tick(**values) for values in last.values()), key=lambda tick: tick.received)
