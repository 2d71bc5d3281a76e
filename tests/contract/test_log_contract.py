"""What every backend promises (Stream and Log).

On Kafka the symbols A, D and F lie in three different partitions, between which there is no order.
"""

import asyncio
import contextlib
import inspect
import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from ticker.errors import (
    InvalidRecord,
    MixedPrices,
    SequenceConflict,
    StreamMissing,
    UsageError,
    WrongPosition,
)
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.streams import Stream
from ticker.streams.arrays import Texts

NOW = 1_795_447_805_000_000


def tick(origin: str, symbol: str, sequence: int, **other: Any) -> Tick:
    fields: dict[str, Any] = {
        "source": "test",
        "time": NOW + sequence,
        "received": NOW + sequence * 1_000,
        "price": 100.0 + sequence,
        "volume": 7,
    }
    return Tick(symbol=symbol, origin=origin, sequence=sequence, **{**fields, **other})


def quote(origin: str, symbol: str, sequence: int, **other: Any) -> Quote:
    fields: dict[str, Any] = {
        "source": "test",
        "time": NOW + sequence,
        "received": NOW + sequence * 1_000,
        "price": 100.0 + sequence,
        "name": "\x1b]0;x\x07[bold red]\u202e",
    }
    return Quote(symbol=symbol, origin=origin, sequence=sequence, **{**fields, **other})


def heartbeat(origin: str, writer: str = "poller", **other: Any) -> Heartbeat:
    fields: dict[str, Any] = {"received": NOW, "refused": {"NOPE": "no such symbol"}}
    fields = {
        "time": NOW,
        "interval": 1_000_000,
        "state": "ok",
        "asked": 2,
        "answered": 1,
        **fields,
    }
    return Heartbeat(origin=origin, writer=writer, source="test", **{**fields, **other})


def span(origin: str, **other: Any) -> Gap:
    fields: dict[str, Any] = {"received": NOW + 9, "from_": NOW, "until": NOW + 9}
    return Gap(source="test", origin=origin, writer="w", reason="stopped", **{**fields, **other})


def by_symbol(ticks: Iterable[Tick]) -> Mapping[tuple[str, str], list[Tick]]:
    """(origin, symbol) → its ticks in the order in which they came."""
    found: dict[tuple[str, str], list[Tick]] = defaultdict(list)
    for one in ticks:
        found[one.origin, one.symbol].append(one)
    return found


def own(log: Any) -> str:
    """The origin of what a test writes: the log's, if it numbers."""
    return str(getattr(log, "origin", "program"))


async def everything(
    stream: Stream, after: Position | None = None, **options: Any
) -> tuple[list[Tick], list[Gap], list[Quote], list[Heartbeat]]:
    begin = await stream.find("start") if after is None else after
    batches = [batch async for batch in stream.read(begin, follow=False, **options)]
    return (
        [record for batch in batches for record in batch.ticks],
        [record for batch in batches for record in batch.gaps],
        [record for batch in batches for record in batch.quotes],
        [record for batch in batches for record in batch.heartbeats],
    )


async def test_a_missing_stream_is_named_and_never_created(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.reader(tmp_path) as stream:
        with pytest.raises(StreamMissing):
            await stream.snapshot()
        with pytest.raises(StreamMissing):
            await stream.find("start")
        with pytest.raises(StreamMissing):
            list(stream.columns())
        assert (await stream.health()).state == "missing"
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the rule for async functions wants no Path


async def test_each_kind_of_record_is_read_as_it_was_written(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        full = tick(
            own(log),
            "GC=F",
            2,
            previous_price=101.0,
            day_change=-1.5,
            day_change_percent=-0.25,
            volume=2.5,
            bid=100.0,
            ask=101.0,
            currency="GBp",
            session="pre",
            size=3,
        )
        ticks = [tick(own(log), "GC=F", 1), full]
        gaps = [
            span(own(log), symbols=("GC=F", "AAPL")),
            span(own(log), symbol="X", first_sequence=1, last_sequence=2, from_=None, until=None),
        ]
        quotes = [quote(own(log), "GC=F", 2, market_cap=10**12, delay=600_000_000)]
        beats = [
            heartbeat(
                own(log), retry_at=NOW, tape_time=NOW, speed=0.5, symbols=("GC=F", "EURUSD=X")
            )
        ]
        await log.append(Batch(ticks=ticks, gaps=gaps, quotes=quotes, heartbeats=beats))
        assert await everything(log) == (ticks, gaps, quotes, beats)
        assert [type(t.volume) for t in (await everything(log))[0]] == [int, float]


async def test_a_position_resumes_after_its_batch(stream_backend: Any, tmp_path: Path) -> None:
    async with stream_backend.writer(tmp_path) as log:
        ticks = [tick(own(log), "A", n) for n in range(1, 11)]
        await log.append(Batch(ticks=ticks))
        seen: list[Tick] = []
        position = await log.find("start")
        while len(seen) < len(ticks):
            async for batch in log.read(position, follow=False, limit=3):
                assert len(batch.ticks) <= 3
                seen += batch.ticks
                position = batch.position
                break
        assert seen == ticks


async def test_the_position_that_append_returns_lies_after_its_ticks(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        position = await log.append(Batch(ticks=[tick(own(log), "A", 1)]))
        await log.append(Batch(ticks=[tick(own(log), "A", 2)]))
        assert [t.sequence for t in (await everything(log, position))[0]] == [2]


async def test_appending_again_changes_nothing(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        ticks = [tick(own(log), s, n) for n in (1, 2, 3) for s in "AD"]
        gaps = [span(own(log))]
        await log.append(Batch(ticks=ticks, gaps=gaps))
        await log.append(Batch(ticks=ticks, gaps=gaps))
        await log.append(Batch(ticks=ticks[1:3]))
        await log.append(Batch(ticks=[*ticks[-2:], tick(own(log), "A", 4)]))
        found, *others = await everything(log)
        assert by_symbol(found) == by_symbol([*ticks, tick(own(log), "A", 4)])
        assert others == [gaps, [], []]
        assert (await log.health()).ticks == 7


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [((5,), 4), ((4, 6), 4)],
    ids=["a hole before it", "a hole inside"],
)
async def test_a_tick_that_skips_a_sequence_refuses_the_whole_append(
    log_backend: Any, tmp_path: Path, wrong: tuple[int, ...], expected: int
) -> None:
    async with log_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(own(log), "A", n) for n in (1, 2, 3)]))
        before = await everything(log)
        call = [tick(own(log), "D", 1), *(tick(own(log), "A", n, price=9.0) for n in wrong)]
        with pytest.raises(SequenceConflict) as caught:
            await log.append(
                Batch(ticks=call, gaps=[span(own(log))], heartbeats=[heartbeat(own(log))])
            )
        assert caught.value.expected.keys() == {(own(log), "A")}
        assert caught.value.expected[own(log), "A"] in {expected, 5}
        assert await everything(log) == before
        assert await log.last() == {(own(log), "A"): 3}
        await log.append(Batch(ticks=[tick(own(log), "A", 4), tick(own(log), "D", 1)]))


async def test_a_sequence_that_belongs_to_another_tick_refuses_the_whole_append(
    numbering_backend: Any, tmp_path: Path
) -> None:
    async with numbering_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(log.origin, "A", n) for n in (1, 2, 3)]))
        before = await everything(log)
        call = [tick(log.origin, "D", 1), tick(log.origin, "A", 2, price=9.0)]
        with pytest.raises(SequenceConflict) as caught:
            await log.append(
                Batch(ticks=call, gaps=[span(log.origin)], heartbeats=[heartbeat(own(log))])
            )
        assert caught.value.expected == {(log.origin, "A"): 4}
        assert await everything(log) == before
        assert await log.last() == {(log.origin, "A"): 3}
        await log.append(Batch(ticks=[tick(log.origin, "A", 4), tick(log.origin, "D", 1)]))


async def test_ticks_of_the_own_origin_begin_at_one(numbering_backend: Any, tmp_path: Path) -> None:
    async with numbering_backend.writer(tmp_path) as log:
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick(log.origin, "A", 2)]))


async def test_records_without_a_sequence_are_refused_in_a_sentence(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        for call in (
            {"ticks": [tick("", "A", 1)]},
            {"quotes": [replace(quote("o", "A", 1), origin=None)]},
            {"quotes": [replace(quote("o", "A", 1), sequence=None)]},
        ):
            with pytest.raises(InvalidRecord, match="A is not numbered: give it an origin"):
                await log.append(Batch(**call))
        assert await everything(log) == ([], [], [], [])


async def test_ticks_of_another_origin_may_start_anywhere_and_skip_a_reported_gap(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick("elsewhere", "A", 42)]))
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick("elsewhere", "A", 45)]))
        told = span(
            "elsewhere", symbol="A", first_sequence=43, last_sequence=44, from_=None, until=None
        )
        await log.append(Batch(ticks=[tick("elsewhere", "A", 45)], gaps=[told]))
        ticks, gaps, _, _ = await everything(log)
        assert [t.sequence for t in ticks] == [42, 45]
        assert gaps == [told]


async def test_ticks_of_the_own_origin_may_not_skip_even_a_reported_gap(
    numbering_backend: Any, tmp_path: Path
) -> None:
    async with numbering_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(log.origin, "A", 1)]))
        told = span(
            log.origin, symbol="A", first_sequence=2, last_sequence=8, from_=None, until=None
        )
        with pytest.raises(SequenceConflict) as caught:
            await log.append(Batch(ticks=[tick(log.origin, "A", 9)], gaps=[told]))
        assert caught.value.expected == {(log.origin, "A"): 2}
        assert [t.sequence for t in (await everything(log))[0]] == [1]


async def test_a_quote_of_the_own_origin_is_never_ahead_of_its_ticks(
    numbering_backend: Any, tmp_path: Path
) -> None:
    async with numbering_backend.writer(tmp_path) as log:
        with pytest.raises(SequenceConflict) as caught:
            await log.append(Batch(quotes=[quote(log.origin, "A", 99)]))
        assert caught.value.expected == {(log.origin, "A"): 1}
        with pytest.raises(SequenceConflict):
            await log.append(
                Batch(ticks=[tick(log.origin, "A", 1)], quotes=[quote(log.origin, "A", 2)])
            )
        assert await everything(log) == ([], [], [], [])
        await log.append(
            Batch(
                ticks=[tick(log.origin, "A", 1)],
                quotes=[quote(log.origin, "A", 1), quote("else", "A", 9)],
            )
        )


async def test_invented_and_real_prices_never_mix(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(own(log), "A", 1, simulated=True)]))
        with pytest.raises(MixedPrices) as caught:
            await log.append(Batch(ticks=[tick(own(log), "A", 2)]))
        assert caught.value.symbol == "A"
        assert caught.value.log_is_simulated
        with pytest.raises(MixedPrices):
            await log.append(Batch(quotes=[quote(own(log), "A", 1)]))
        ticks, _, quotes, _ = await everything(log)
        assert [t.simulated for t in ticks] == [True]
        assert quotes == []
        assert next(iter(log.columns()))["simulated"] == (True,)


async def test_a_refused_append_does_not_decide_whether_prices_are_real(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick("o", "A", n, simulated=True) for n in (1, 3)]))
        await log.append(Batch(ticks=[tick("o", "A", 1)], quotes=[quote("o", "A", 1)]))
        with pytest.raises(MixedPrices):
            await log.append(Batch(ticks=[tick("o", "A", 2, simulated=True)]))


async def test_a_refused_append_to_the_own_origin_does_not_decide_whether_prices_are_real(
    numbering_backend: Any, tmp_path: Path
) -> None:
    async with numbering_backend.writer(tmp_path) as log:
        o = log.origin
        invented = tick(o, "A", 1, simulated=True)
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[tick(o, "A", 5, simulated=True)]))
        with pytest.raises(SequenceConflict):
            await log.append(Batch(quotes=[quote(o, "A", 5, simulated=True)]))
        with pytest.raises(SequenceConflict):
            await log.append(Batch(ticks=[invented], quotes=[quote(o, "A", 5, simulated=True)]))
        await log.append(Batch(ticks=[tick(o, "A", 1)], quotes=[quote(o, "A", 1)]))
        with pytest.raises(MixedPrices):
            await log.append(Batch(ticks=[tick(o, "A", 2, simulated=True)]))


async def test_an_older_quote_does_not_replace_the_last_one(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        newest = quote(own(log), "A", 2, time=NOW + 50)
        await log.append(Batch(ticks=[tick(own(log), "A", n) for n in (1, 2)]))
        await log.append(Batch(quotes=[quote(own(log), "A", 1), newest]))
        await log.append(
            Batch(quotes=[quote(own(log), "A", 2, time=NOW + 49), quote("o2", "A", 1)])
        )
        await log.append(Batch(quotes=[quote(own(log), "A", 1, time=NOW + 99)]))
        later = heartbeat(own(log), received=NOW + 5, state="unreachable")
        await log.append(
            Batch(heartbeats=[heartbeat(own(log)), later, heartbeat(own(log), "other")])
        )
        snapshot = await log.snapshot()
        assert sorted(snapshot.quotes, key=lambda q: str(q.origin == "o2")) == [
            newest,
            quote("o2", "A", 1),
        ]
        assert {h.writer: h.state for h in snapshot.heartbeats} == {
            "poller": "unreachable",
            "other": "ok",
        }
        assert snapshot.ticks == ()


async def test_the_heartbeat_written_last_counts_even_after_its_clock_was_set_back(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        ahead = heartbeat(own(log), received=NOW + 3_600_000_000)
        other = heartbeat(own(log), "other")
        now = heartbeat(own(log), state="unreachable")
        await log.append(Batch(heartbeats=[ahead]))
        await log.append(Batch(heartbeats=[other]))
        seen = await log.find("end")
        await log.append(Batch(heartbeats=[now]))
        # In the order in which they were written.
        assert list((await log.snapshot()).heartbeats) == [other, now]
        assert (await log.health()).heartbeats == (other, now)
        beats = [b async for batch in log.read(seen, follow=False) for b in batch.heartbeats]
        assert beats == [now]


async def test_a_history_comes_in_the_order_of_the_log_with_gaps_before_ticks(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        o = own(log)
        written: list[Tick | Gap] = []
        for n in (1, 2, 3, 4):
            told = [span(o, received=NOW + n, from_=NOW + n)] if n in (1, 3) else []
            made = [tick(o, "A", n)]
            await log.append(Batch(ticks=made, gaps=told, quotes=[quote(o, "A", n)]))
            written += [*told, *made]
            await asyncio.sleep(0.005)  # Kafka orders topics by the millisecond of appending
        for options in ({}, {"symbols": {"A"}}, {"limit": 2}):
            batches = [b async for b in log.read(await log.find("start"), follow=False, **options)]
            come = [record for batch in batches for record in (*batch.gaps, *batch.ticks)]
            # From different topics nothing is promised across batches.
            assert sorted(come, key=repr) == sorted(written, key=repr)
            for batch in batches:
                first = min((t.sequence for t in batch.ticks), default=9)
                assert all(gap.received <= NOW + first for gap in batch.gaps)
            if stream_backend.server is None:
                assert come == written
            # After each batch a reader resumes at its position.
            for number, batch in enumerate(batches[:-1], 1):
                ticks, gaps, _, _ = await everything(log, batch.position, **options)
                assert ticks == [t for b in batches[number:] for t in b.ticks]
                assert gaps == [g for b in batches[number:] for g in b.gaps]


async def test_symbols_filter_ticks_quotes_and_gaps(stream_backend: Any, tmp_path: Path) -> None:
    async with stream_backend.writer(tmp_path) as log:
        made = [tick(own(log), s, n) for n in (1, 2) for s in ("A", "D", "A'F")]
        await log.append(
            Batch(
                ticks=made,
                gaps=[
                    span(own(log), symbols=("A",)),
                    span(own(log), symbols=("D",), received=NOW + 10),
                    span(own(log), received=NOW + 11),
                ],
                quotes=[quote(own(log), s, 2) for s in "AD"],
            )
        )
        ticks, gaps, quotes, _ = await everything(log, symbols={"D", "A'F"})
        assert by_symbol(ticks) == by_symbol(t for t in made if t.symbol != "A")
        assert [gap.symbols for gap in gaps] == [("D",), None]
        assert [q.symbol for q in quotes] == ["D"]
        (chunk,) = log.columns(symbols=["A'F"])
        assert chunk["sequence"] == (1, 2)


async def test_find_returns_the_position_before_everything_received_since(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        received = [10, 30, 20, 40, 35, 50]  # mostly, but not always, in order
        for n, at in enumerate(received, 1):
            await log.append(Batch(ticks=[tick(own(log), "A", n, received=at)]))
        for when in range(60):
            ticks, *_ = await everything(log, await log.find(when))
            assert {t.received for t in ticks} >= {at for at in received if at >= when}
        assert await log.find(51) == await log.find("end")
        assert len((await everything(log, await log.find(35)))[0]) <= 3
        assert (await everything(log, await log.find("end")))[0] == []


async def test_find_last_returns_the_position_before_the_last_ticks(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(own(log), s, n) for n in range(1, 6) for s in "AD"]))
        for count, expected in ((0, 0), (3, 3), (10, 10), (99, 10)):
            ticks, *_ = await everything(log, await log.find_last(count))
            assert len(ticks) == expected
        position = await log.find_last(2, symbols=["A"])
        ticks, *_ = await everything(log, position, symbols=["A"])
        assert [t.sequence for t in ticks] == [4, 5]


async def test_columns_hold_the_fields_between_since_and_until(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        await log.append(Batch(ticks=[tick(own(log), "A", n) for n in range(1, 8)]))
        (chunk,) = log.columns(since=NOW + 3_000, until=NOW + 6_000)
        assert tuple(chunk) == Tick.__struct_encode_fields__
        assert chunk["sequence"] == (3, 4, 5)
        assert list(log.columns(since=NOW + 99_000)) == []
        assert list(log.columns(until=0)) == []


async def test_columns_and_arrays_hold_only_the_fields_that_are_asked_for(
    stream_backend: Any, tmp_path: Path
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        made = [tick(own(log), "A", n, bid=[None, 1.5][n % 2], currency="GBp") for n in (1, 2, 3)]
        await log.append(Batch(ticks=made))
        (whole,) = log.columns()
        (arrays,) = log.arrays()
        for field in Tick.__struct_encode_fields__:
            values = [getattr(t, field) for t in made]
            assert list(whole[field]) == values
            assert [*map(type, whole[field])] == [*map(type, values)]
            assert list(log.columns(fields=[field])) == [{field: tuple(values)}]
            (alone,) = log.arrays(fields=[field])
            assert_same(alone.pop(field), values)
            assert alone == {}
            assert_same(arrays[field], values)
        (chunk,) = log.columns(fields=["price", "symbol"], since=NOW + 2_000)
        assert list(chunk) == ["price", "symbol"]
        assert list(log.arrays(until=0)) == []
        for wrong in ("price", ["nope"], [], 7):
            with pytest.raises(UsageError, match="fields: "):
                list(log.columns(fields=wrong))


def assert_same(column: Any, values: list[Any]) -> None:
    """A column of `arrays` against values, of which the unknown are `None`."""
    if isinstance(column, Texts):
        assert [column.words[code] for code in column.codes] == values
    else:
        assert column.dtype in (np.int64, np.float64, np.bool_)
        assert [None if n != n else n for n in column.tolist()] == values  # noqa: PLR0124 - NaN


async def test_count_returns_how_many_ticks_follow_a_position(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log:
        begin = await log.find("start")
        assert await log.count(begin) == 0
        middle = await log.append(
            Batch(ticks=[tick("one", "A", n) for n in (1, 2)], quotes=[quote("one", "A", 2)])
        )
        await log.append(Batch(ticks=[tick("one", "B", n) for n in (1, 2, 3)], gaps=[span("one")]))
        counts = [await log.count(place) for place in (begin, middle, await log.find("end"))]
        assert counts == [5, 3, 0]


@pytest.mark.parametrize("position", ["", "garbage", "1:2", "zzzzzzzz:0:0", "{id}:999:0"])
async def test_an_unknown_position_is_refused(
    stream_backend: Any, tmp_path: Path, position: str
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        wrong = Position(position.format(id=log.id))
        with pytest.raises(WrongPosition):
            await everything(log, wrong)


async def test_silence_gives_an_empty_batch(stream_backend: Any, tmp_path: Path) -> None:
    async with stream_backend.writer(tmp_path) as log, asyncio.timeout(30):
        await log.append(Batch(ticks=[tick(own(log), "A", 1)]))
        async for batch in log.read(await log.find("end")):
            assert not batch
            assert batch.position == await log.find("end")
            break


async def test_snapshot_and_follow_show_everything_once_with_several_writers(
    log_backend: Any, tmp_path: Path
) -> None:
    rounds = 60
    async with log_backend.writer(tmp_path) as log, log_backend.reader(tmp_path) as stream:

        async def write() -> None:
            for n in range(1, rounds + 1):
                await log.append(
                    Batch(
                        ticks=[tick(own(log), s, n) for s in "ADF"],
                        quotes=[quote(own(log), s, n) for s in "ADF"],
                    )
                )

        async def look() -> None:
            snapshot = await stream.snapshot()
            known = {q.symbol: q.sequence or 0 for q in snapshot.quotes}
            async for batch in stream.read(snapshot.position, last_seen=snapshot.last_seen):
                assert not batch.gaps
                for t in batch.ticks:
                    assert t.sequence == known.get(t.symbol, 0) + 1
                    known[t.symbol] = t.sequence
                if known == dict.fromkeys("ADF", rounds):
                    break

        await log.append(Batch(heartbeats=[heartbeat(own(log))]))
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(write())
            for _ in range(3):
                group.create_task(look())


async def test_what_a_snapshot_knows_is_passed_to_readers_and_not_remembered(
    log_backend: Any, tmp_path: Path
) -> None:
    async with log_backend.writer(tmp_path) as log, log_backend.reader(tmp_path) as other:
        o = own(log)
        behind = await log.append(
            Batch(ticks=[tick(o, "A", n) for n in (1, 2)], quotes=[quote(o, "A", 2)])
        )
        snapshot = await log.snapshot()
        assert snapshot.last_seen == {(o, "A"): 2}
        await log.append(Batch(ticks=[tick(o, "A", 3), tick(o, "D", 1)]))
        after, known = snapshot.position, snapshot.last_seen
        for stream in (other, log):
            batches = [b async for b in stream.read(after, last_seen=known, follow=False)]
            assert by_symbol(t for b in batches for t in b.ticks) == by_symbol(
                [tick(o, "A", 3), tick(o, "D", 1)]
            )
            assert all(batch.last_seen == {} for batch in batches)
        # It alone decides what a reading knows.
        for told, expected in ((3, []), (1, [2, 3])):
            options: Any = {"last_seen": {(o, "A"): told}, "symbols": ["A"], "follow": False}
            batches = [b async for b in log.read(behind, **options)]
            found = [t.sequence for b in batches for t in b.ticks]
            # What lies before the position is told missing, or on Kafka fetched.
            found += [g.first_sequence or 0 for b in batches for g in b.gaps]
            assert sorted(found) == expected


async def test_two_writers_at_once_leave_neither_hole_nor_repeat(
    numbering_backend: Any, tmp_path: Path
) -> None:
    async def write(writer: Any, price: float) -> int:
        done = 0
        last = dict(await writer.last())
        while done < 30:
            n = last.get((writer.origin, "A"), 0) + 1
            try:
                await writer.append(Batch(ticks=[tick(writer.origin, "A", n, price=price)]))
                last[writer.origin, "A"] = n
                done += 1
            except SequenceConflict:
                last = dict(await writer.last())
        return done

    async with numbering_backend.writer(tmp_path) as one, numbering_backend.writer(tmp_path) as two:
        assert one.origin == two.origin
        async with asyncio.timeout(30):
            await asyncio.gather(write(one, 1.0), write(two, 2.0))
        ticks, gaps, _, _ = await everything(one)
        assert [t.sequence for t in ticks] == list(range(1, 61))
        assert [t.price for t in ticks].count(1.0) == 30
        assert gaps == []


async def test_health_counts_and_never_raises(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        assert (await log.health()).state == "empty"
        await log.append(Batch(gaps=[span(own(log))]))
        assert (await log.health()).state == "empty"
        await log.append(
            Batch(
                ticks=[tick(own(log), s, n) for n in (1, 2) for s in "AD"],
                heartbeats=[heartbeat(own(log))],
            )
        )
        health = await log.health()
        assert (health.state, health.ticks, health.symbols) == ("ok", 4, 2)
        assert (health.first, health.last) == (NOW + 1_000, NOW + 2_000)
        assert health.simulated is False
        assert health.heartbeats == (heartbeat(own(log)),)


async def test_a_log_with_one_heartbeat_is_not_empty(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        await log.append(Batch(heartbeats=[heartbeat(own(log))]))
        assert (await log.health()).state == "ok"


async def test_an_empty_append_is_allowed(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        assert await log.append(Batch()) == await log.find("end")
        assert await everything(log) == ([], [], [], [])
        assert await log.snapshot() == Batch(await log.find("end"), quotes=[], heartbeats=[])


async def test_an_append_of_anything_but_a_batch_is_refused_with_an_example(
    log_backend: Any, tmp_path: Path
) -> None:
    ticks: Any = [tick("other", "A", 1)]
    async with log_backend.writer(tmp_path) as log:
        for wrong in (ticks, ticks[0], Batch(ticks), "AAPL"):
            with pytest.raises(UsageError, match=r"append: expected a Batch, like Batch\(ticks="):
                await log.append(wrong)
        assert await everything(log) == ([], [], [], [])


async def test_the_symbols_of_a_heartbeat_may_be_a_list(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        symbols: Any = ["GC=F", "AAPL"]
        await log.append(Batch(heartbeats=[heartbeat("other", symbols=symbols)]))
        [beat] = (await log.snapshot()).heartbeats
        assert list(beat.symbols) == symbols


async def test_reading_begins_at_start_or_end(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        ticks = [tick(own(log), "A", n) for n in range(1, 4)]
        await log.append(Batch(ticks=ticks[:2]))
        batches = [batch async for batch in log.read("start", follow=False)]
        assert [each for batch in batches for each in batch.ticks] == ticks[:2]
        assert not [b async for b in log.read("end", follow=False) if b.ticks]
        async with asyncio.timeout(20), contextlib.aclosing(log.read("end")) as batches_to_come:
            await anext(batches_to_come)  # of the first second of silence
            await log.append(Batch(ticks=ticks[2:]))
            async for batch in batches_to_come:
                if batch.ticks:
                    assert list(batch.ticks) == ticks[2:]
                    break
        position = batches[-1].position
        rest = [batch async for batch in log.read(position, follow=False)]
        assert [each for batch in rest for each in batch.ticks] == ticks[2:]


async def test_a_stream_that_is_missing_has_neither_start_nor_end(
    stream_backend: Any, tmp_path: Path
) -> None:
    for word in ("start", "end"):
        with pytest.raises(StreamMissing):
            await anext(stream_backend.reader(tmp_path).read(word))


@pytest.mark.parametrize("after", [0, None, 1.5, b"start", ["start"]])
async def test_a_wrong_position_is_refused_with_the_valid_ones(
    stream_backend: Any, tmp_path: Path, after: Any
) -> None:
    async with stream_backend.writer(tmp_path) as log:
        with pytest.raises(UsageError, match='"start", "end" or the position of a batch'):
            await anext(log.read(after))
        with pytest.raises(UsageError, match="last_seen: expected that of a snapshot"):
            await anext(log.read("start", last_seen=["A"]))
        with pytest.raises(WrongPosition):
            await log.count(after)


@pytest.mark.parametrize("symbols", ["AAPL", 7, ["AAPL", 7], [None]])
async def test_symbols_must_be_a_list_of_strings(
    stream_backend: Any, tmp_path: Path, symbols: Any
) -> None:
    stream = stream_backend.reader(tmp_path)
    with pytest.raises(UsageError, match="symbols: expected"):
        await anext(stream.read("start", symbols=symbols))
    with pytest.raises(UsageError, match="symbols: expected"):
        list(stream.columns(symbols=symbols))
    with pytest.raises(UsageError, match="symbols: expected"):
        await stream.find_last(1, symbols=symbols)


@pytest.mark.parametrize("wrong", [1.5, "yesterday", datetime(2026, 11, 28, tzinfo=UTC), True])
async def test_wrong_times_and_counts_are_refused_by_name(
    stream_backend: Any, tmp_path: Path, wrong: Any
) -> None:
    stream = stream_backend.reader(tmp_path)
    with pytest.raises(UsageError, match="find: expected"):
        await stream.find(wrong)
    with pytest.raises(UsageError, match="since: expected microseconds"):
        list(stream.columns(since=wrong))
    with pytest.raises(UsageError, match="until: expected microseconds"):
        list(stream.columns(until=wrong))
    with pytest.raises(UsageError, match="ticks: expected"):
        await stream.find_last(wrong)
    with pytest.raises(UsageError, match="limit: expected"):
        await anext(stream.read("start", limit=wrong))


def test_help_describes_each_method_of_a_stream(log_backend: Any, tmp_path: Path) -> None:
    for stream in (log_backend.reader(tmp_path), log_backend.writer(tmp_path)):
        for name in (n for n in dir(stream) if not n.startswith("_") and n != "url"):
            told = inspect.getdoc(getattr(type(stream), name)) or ""
            assert len(told) > 30, name
            assert not told.startswith("See "), name


async def test_negative_prices_come_back_as_they_went_in(log_backend: Any, tmp_path: Path) -> None:
    async with log_backend.writer(tmp_path) as log:
        prices = [18.27, 0.01, -0.01, -37.63, 10.01]
        ticks = [
            tick(
                own(log),
                "CL=F",
                n,
                price=price,
                previous_price=before,
                bid=-40.0,
                ask=-37.0,
                day_change_percent=-305.9,
            )
            for n, (before, price) in enumerate(itertools.pairwise([None, *prices]), 1)
        ]
        told = quote(
            own(log), "CL=F", 5, price=10.01, previous_close=-37.63, open=-1.0, day_low=-40.32
        )
        await log.append(Batch(ticks=ticks, quotes=[told]))
        seen, _, quotes, _ = await everything(log)
        assert (seen, quotes) == (ticks, [told])
        assert (await log.snapshot()).quotes == [told]
        columns = [value for chunk in log.columns() for value in chunk["price"]]
        assert columns == prices
