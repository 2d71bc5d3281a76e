"""Whatever was recorded: replayed as fast as it goes, the same lies in the other log."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.examples import examples
from ticker.play import MAX, Player, Span, begin
from ticker.records import Batch, Gap, Position, Quote, Tick
from ticker.streams import open_log, open_stream
from ticker.system_clock import monotonic, now

NOW = 1_795_447_805_000_000

STEPS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from("ABC"), st.sampled_from(["one", "two"]), st.booleans()),
            max_size=6,
        ),
        st.integers(-50, 200),  # how far `received` moved: clocks step back, too
        st.booleans(),  # a span in which nobody looked
    ),
    min_size=1,
    max_size=12,
)


def recorded(steps: list[Any]) -> list[Batch]:
    """What a poller and a relay may have appended, call by call, each with its gaps and quotes."""
    heads: dict[tuple[str, str], int] = {}
    made: list[Batch] = []
    received = NOW
    for found, moved, is_gap in steps:
        received += moved
        ticks: list[Tick] = []
        gaps = [Gap("x", "one", "w", received, "stopped", from_=NOW, until=NOW + 1)] * is_gap
        for symbol, origin, has_hole in found:
            key = (origin, symbol)
            sequence = heads.get(key, 0) + 1
            if has_hole and key in heads:
                gaps.append(
                    Gap(
                        "x",
                        origin,
                        "w",
                        received,
                        "lost",
                        symbol=symbol,
                        first_sequence=sequence,
                        last_sequence=sequence + 1,
                    )
                )
                sequence += 2
            heads[key] = sequence
            ticks.append(Tick(symbol, "x", origin, sequence, received, received, 1.0 + sequence))
        quotes = [
            Quote(t.symbol, "x", t.time, t.received, t.price, t.origin, t.sequence, name="N")
            for t in ticks
        ]
        made.append(Batch(Position(""), ticks=ticks, gaps=gaps, quotes=quotes))
    return made


async def held(url: str) -> tuple[list[Tick], list[Gap], set[Quote]]:
    ticks: list[Tick] = []
    gaps: list[Gap] = []
    async with open_stream(url) as stream:
        async for batch in stream.read(await stream.find("start"), follow=False):
            ticks += batch.ticks
            gaps += batch.gaps
        quotes = {*(await stream.snapshot()).quotes}
    # Of two gaps the one that was written first may be told last: only their times are known.
    return ticks, sorted(gaps, key=repr), quotes


async def replayed(steps: list[Any], folder: Path) -> None:
    source, copy = f"sqlite:{folder / 'source.sqlite'}", f"sqlite:{folder / 'copy.sqlite'}"
    batches = recorded(steps)
    async with open_log(source) as log:
        for each in batches:
            await log.append(each.ticks, gaps=each.gaps, quotes=each.quotes)
    async with open_stream(source) as stream, open_log(copy) as log:
        beginning = await begin(stream, Span())
        player = Player(beginning, log, MAX, clock=now, elapsed=monotonic)
        await player.prepare()
        assert await player.run()
    ticks, gaps, quotes = await held(source)
    assert await held(copy) == (ticks, gaps, quotes)
    assert (player.ticks, player.gaps) == (len(ticks), len(gaps))
    assert ticks == [tick for each in batches for tick in each.ticks]


@settings(deadline=None, max_examples=examples(60))
@given(STEPS.filter(lambda steps: any(found for found, *_ in steps)))
def test_a_replay_is_tick_for_tick_and_gap_for_gap_what_was_recorded(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(replayed(steps, Path(folder)))
