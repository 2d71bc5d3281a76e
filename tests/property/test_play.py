"""Any recording: what a replay writes into another log, and what a player shows."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.examples import examples
from tests.played import Clock, playing, shown
from ticker.play import LogPlayer, Span, load, tape_of
from ticker.play.schedule import MAX_SPEED
from ticker.records import Batch, Gap, Position, Quote, Tick
from ticker.streams import Stream, open_log, open_stream
from ticker.streams.recording import PlacedFacts, Recorder, RecordingStream
from ticker.system_clock import monotonic, now
from ticker.units import SECOND

NOW = 1_795_447_805_000_000

STEPS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from("ABC"), st.sampled_from(["one", "two"]), st.booleans()),
            max_size=6,
        ),
        # How far `received` moved: within a burst, beyond it, and back.
        st.sampled_from([0, 1, 300, 999, 1_000, 5_000, 700_000, -400, -900_000]),
        st.booleans(),  # a gap
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
            before = 0.5 * sequence if sequence > 1 else None
            price = 1.0 + sequence
            ticks.append(Tick(symbol, "x", origin, sequence, received, received, price, before))
        quotes = [
            Quote(
                t.symbol, "x", t.time, t.received, t.price, t.origin, t.sequence, t.previous_price,
                name="N",
            )
            for t in ticks
        ]  # fmt: skip
        made.append(Batch(Position(""), ticks=ticks, gaps=gaps, quotes=quotes))
    return made


async def held(stream: Stream) -> tuple[list[Tick], list[Gap], list[Quote]]:
    """All that `stream` holds, by symbol: only the order of each symbol is promised."""
    ticks: list[Tick] = []
    gaps: list[Gap] = []
    async for batch in stream.read("start", follow=False):
        ticks += batch.ticks
        gaps += batch.gaps
    quotes = (await stream.snapshot()).quotes
    ticks.sort(key=lambda tick: (tick.origin, tick.symbol))  # stable
    return ticks, sorted(gaps, key=repr), sorted(quotes, key=repr)


async def replayed(source: str, copy: str) -> LogPlayer:
    """Play all of one log into another."""
    async with open_stream(source) as stream, tape_of(stream, Span()) as tape:
        async with open_log(copy) as log:
            reel = await load(tape, Span())
            player = LogPlayer(reel, log, MAX_SPEED, clock=now, elapsed=monotonic)
            assert await player.run()
        return player


async def check_replays(steps: list[Any], folder: Path) -> None:
    source, copy, again = (f"sqlite:{folder / name}" for name in ("source", "copy", "again"))
    batches = recorded(steps)
    async with open_log(source) as log:
        for each in batches:
            await log.append(Batch(ticks=each.ticks, gaps=each.gaps, quotes=each.quotes))
    player = await replayed(source, copy)
    await replayed(copy, again)
    async with open_stream(source) as one, open_stream(copy) as two, open_stream(again) as three:
        first = await held(one)
        assert await held(two) == first
        assert await held(three) == first
    assert player.ticks == len(first[0]) == sum(len(each.ticks) for each in batches)


with_ticks = STEPS.filter(lambda steps: any(found for found, *_ in steps))


@settings(deadline=None, max_examples=examples(20))
@given(with_ticks)
def test_a_replay_of_a_replay_equals_the_recording(
    steps: list[Any],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check_replays(steps, Path(folder)))


def recording_of(path: Path, batches: list[Batch]) -> RecordingStream:
    """A recording of `batches`."""
    with Recorder(path) as recorder:
        for each in batches:
            recorder.add(each.ticks, each.gaps)
            recorder.tell(each.quotes)
        recorder.finish()
    return RecordingStream(path)


async def ended_at(tape: RecordingStream, path: Path, time: int) -> RecordingStream:
    """The same tape, if it had ended at `time`."""
    timeline = await tape.timeline()
    gaps = [(due, gap) for due, gap in timeline.gaps if due <= time]
    with Recorder(path) as recorder:
        due = 0
        async for batch in tape.read("start", follow=False):
            for tick in batch.ticks:
                due = max(due, tick.received)
                if due <= time:
                    recorder.add([tick], [gap for at, gap in gaps if at <= due])
                    gaps = [(at, gap) for at, gap in gaps if at > due]
        recorder.add([], [gap for _, gap in gaps])
        recorder.tell_placed(PlacedFacts(0, facts) for at, facts in timeline.facts if at <= time)
        recorder.finish()
    return RecordingStream(path)


async def check_screens(steps: list[Any], folder: Path, data: st.DataObject) -> None:
    # Of two origins on one symbol, which price was up depends on both: no screen promises that.
    steps = [([(s, "one", hole) for s, _, hole in found], *rest) for found, *rest in steps]
    tape, clock, other = recording_of(folder / "tape.parquet", recorded(steps)), Clock(), Clock()
    async with playing(tape, clock) as player:

        async def seek(time: int) -> object:
            player.seek(time)
            await clock.settle()
            return shown(player.board)

        length = player.end - player.start
        await clock.advance(data.draw(st.integers(0, length + 1)))
        time, played = player.time, shown(player.board)
        if not player.is_paused:
            player.toggle()
        assert await seek(time) == played
        async with playing(await ended_at(tape, folder / "ended.parquet", time), other) as ended:
            ended.seek(time)
            await other.settle()
            # Gaps of one moment may come in another order, which only ticks decide.
            assert shown(ended.board)[:3] == played[:3]
        symbols = data.draw(st.sampled_from([["A"], ["A", "B"], ["A", "B", "C"]]))
        for forward in (True, False):
            stood = player.time
            player.step(symbols, forward=forward)
            await clock.settle()
            before = player.time, shown(player.board)
            player.step(symbols, forward=not forward)
            await clock.settle()
            if stood == before[0] or player.time == before[0]:
                continue  # there is no tick on that side
            player.step(symbols, forward=forward)
            await clock.settle()
            assert (player.time, shown(player.board)) == before
        at_end = await seek(player.end)
        await seek(time)
        player.toggle()
        await clock.advance(length + SECOND)
        assert player.has_ended
        assert shown(player.board) == at_end
        assert player.board.gaps == len((await tape.timeline()).gaps)
        assert player.board.ticks == (await tape.manifest()).ticks


@settings(deadline=None, max_examples=examples(15))
@given(with_ticks, st.data())
def test_a_seek_shows_what_was_known_at_that_time(steps: list[Any], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check_screens(steps, Path(folder), data))
