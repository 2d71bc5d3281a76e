"""A demo on a simulated clock: the same ticks each time, as a poller would have made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticker.exchange import Market
from ticker.poll import PollReport
from ticker.records import Batch, Tick
from ticker.simulation import BEGIN, simulated_poll
from ticker.streams.recording import Recorder, RecordingStream
from ticker.units import DAY, MINUTE, SECOND

SYMBOLS = ("AAPL", "GC=F", "BTC-USD")


async def record(
    path: Path,
    *,
    symbols: tuple[str, ...] = SYMBOLS,
    seed: int = 7,
    begin: int = BEGIN,
    duration: int = MINUTE,
    every: int = SECOND,
) -> PollReport:
    with Recorder(path) as recorder:
        report = await simulated_poll(
            recorder,
            Market(seed),
            symbols,
            seed=seed,
            begin=begin,
            duration=duration,
            every=every,
        ).run()
        recorder.finish()
    return report


async def held(path: Path) -> list[Batch]:
    async with RecordingStream(path) as stream:
        return [batch async for batch in stream.read("start", follow=False)]


async def ticks(path: Path) -> list[Tick]:
    return [tick for batch in await held(path) for tick in batch.ticks]


async def test_the_same_seed_gives_the_same_file_byte_for_byte(tmp_path: Path) -> None:
    first, second, other = (tmp_path / f"{name}.parquet" for name in "abc")
    await record(first)
    await record(second)
    await record(other, seed=8)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


async def test_each_tick_is_the_price_that_the_market_had_at_that_second(tmp_path: Path) -> None:
    await record(tmp_path / "a.parquet")
    found = await ticks(tmp_path / "a.parquet")
    market, moves = Market(7), []
    before: dict[str, float] = {}
    for n in range(60):
        for state in market.look(SYMBOLS, BEGIN + n * SECOND):
            symbol = state.listing.symbol
            if state.price != before.get(symbol):
                moves.append((symbol, BEGIN + n * SECOND, state.price, before.get(symbol)))
            before[symbol] = state.price
    assert sorted(moves) == sorted(
        (tick.symbol, tick.received, tick.price, tick.previous_price) for tick in found
    )
    assert all(tick.simulated for tick in found)
    for symbol in SYMBOLS:
        numbers = [tick.sequence for tick in found if tick.symbol == symbol]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_the_pace_is_the_requested_one(tmp_path: Path) -> None:
    report = await record(tmp_path / "a.parquet", every=5 * SECOND)
    assert report.status.polls == 12
    found = await ticks(tmp_path / "a.parquet")
    assert {(tick.received - BEGIN) % (5 * SECOND) for tick in found} == {0}


async def test_the_standing_facts_and_their_changes_are_recorded(tmp_path: Path) -> None:
    # At midnight what was the price becomes the previous close.
    midnight = BEGIN - BEGIN % DAY + DAY
    await record(tmp_path / "a.parquet", symbols=("AAPL",), begin=midnight - 30 * SECOND)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        before = (await tape.snapshot_at(await tape.find(midnight))).quotes[0]
        after = (await tape.snapshot()).quotes[0]
    assert (before.name, before.exchange, before.session) == ("Apple Inc.", "NasdaqGS", "regular")
    assert after.previous_close == before.price != before.previous_close
    assert after.open == before.price


async def test_silence_in_the_simulation_is_no_gap(tmp_path: Path) -> None:
    report = await record(tmp_path / "a.parquet", every=MINUTE, duration=10 * MINUTE)
    assert report.status.gaps == 0
    assert [gap for batch in await held(tmp_path / "a.parquet") for gap in batch.gaps] == []


async def test_a_symbol_outside_the_market_is_refused(tmp_path: Path) -> None:
    report = await record(tmp_path / "a.parquet", symbols=("AAPL", "NOPE"))
    assert report.status.refused == {"NOPE": "the exchange knows no such symbol"}
    assert {tick.symbol for tick in await ticks(tmp_path / "a.parquet")} == {"AAPL"}


@pytest.mark.parametrize("change", [{"begin": BEGIN + SECOND}, {"every": 2 * SECOND}, {"seed": 8}])
async def test_different_ticks_have_a_different_origin(
    tmp_path: Path, change: dict[str, int]
) -> None:
    await record(tmp_path / "a.parquet")
    await record(tmp_path / "b.parquet", **change)  # type: ignore[arg-type]  # by name
    first, second = await ticks(tmp_path / "a.parquet"), await ticks(tmp_path / "b.parquet")
    assert first[0].origin != second[0].origin
