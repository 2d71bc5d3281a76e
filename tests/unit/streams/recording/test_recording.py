"""A recording holds what its stream held. The contract shows that it reads like any stream."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.errors import StreamMissing, StreamNotWritable, StreamUnusable, WrongPosition
from ticker.records import Batch, Gap, Position, Quote, Tick
from ticker.streams.digest import digests
from ticker.streams.recording import Recorder, RecordingStream, record
from ticker.streams.recording.layout import Manifest
from ticker.streams.sqlite import SqliteLog
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


def tick(symbol: str, sequence: int, received: int, price: float = 100.0, **other: object) -> Tick:
    fields: dict[str, object] = {"source": "test", "origin": "o", "time": received, **other}
    return Tick(symbol=symbol, sequence=sequence, received=received, price=price, **fields)  # type: ignore[arg-type]  # by name


def gap(until: int, *symbols: str) -> Gap:
    return Gap("test", "o", "w", until, "poller stopped", symbols or None, until - SECOND, until)


def quote(of: Tick, **facts: object) -> Quote:
    return Quote(
        symbol=of.symbol, source="test", time=of.time, received=of.received, price=of.price,
        origin=of.origin, sequence=of.sequence, **facts,  # type: ignore[arg-type]  # by name
    )  # fmt: skip


@dataclasses.dataclass
class Step:
    """One append: gaps, then ticks."""

    ticks: list[Tick]
    gaps: list[Gap] = dataclasses.field(default_factory=list)


def write(path: Path, steps: Sequence[Step], quotes: Sequence[Quote] = ()) -> Manifest:
    with Recorder(path) as recorder:
        for step in steps:
            recorder.add(step.ticks, step.gaps)
        recorder.tell(quotes)
        return recorder.finish()


async def read(
    stream: RecordingStream, after: Position | None = None, limit: int = 5_000
) -> list[Batch]:
    begin = await stream.find("start") if after is None else after
    return [batch async for batch in stream.read(begin, follow=False, limit=limit)]


def events(batches: Sequence[Batch]) -> list[Tick | Gap]:
    """In the order in which a reader prints them: a batch's gaps before its ticks."""
    found: list[Tick | Gap] = []
    for batch in batches:
        found += batch.gaps
        found += batch.ticks
    return found


def by_symbol(quote: Quote) -> str:
    return quote.symbol


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Appends of three symbols; the clock mostly advances, and may step back."""
    steps: list[Step] = []
    now, sequences = NOW, dict.fromkeys("ABC", 0)
    for n in range(draw(st.integers(0, 12))):
        now += draw(st.sampled_from([0, 1, 1_000, SECOND, -SECOND]))
        gaps = [gap(now + n, "A")] if draw(st.booleans()) else []
        ticks = []
        for symbol in draw(st.lists(st.sampled_from("ABC"), max_size=4)):
            sequences[symbol] += 1
            price = draw(st.floats(0.01, 1e6))
            volume = draw(st.sampled_from([None, 7, 2.5]))
            ticks.append(tick(symbol, sequences[symbol], now, price, volume=volume))
        steps.append(Step(ticks, gaps))
    return steps


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=histories(), limit=st.sampled_from([1, 3, 5_000]))
async def test_a_recording_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], limit: int
) -> None:
    path = tmp_path_factory.mktemp("tape") / "a.parquet"
    manifest = write(path, steps)
    told = [one for step in steps for one in (*step.gaps, *step.ticks)]
    async with RecordingStream(path) as tape:
        found = events(await read(tape, limit=limit))
        for symbol in "ABC":
            mine = [one for one in told if isinstance(one, Tick) and one.symbol == symbol]
            assert [one for one in found if isinstance(one, Tick) and one.symbol == symbol] == mine
        # Each gap stands before every tick that came after it.
        for at, one in enumerate(told):
            if isinstance(one, Gap):
                later = [each for each in told[at:] if isinstance(each, Tick)]
                behind = found[found.index(one) :]
                assert all(each in behind for each in later)
        spans = {(s.origin, s.symbol): (s.first, s.last, s.count, s.digest) for s in manifest.spans}
        assert spans == {
            key: (d.first, d.last, d.count, d.digest) for key, d in digests(tape.columns()).items()
        }


async def test_a_position_resumes_after_its_batch_and_gaps_at_the_end_come_once(
    tmp_path: Path,
) -> None:
    steps = [Step([tick("A", n, NOW + n)]) for n in range(1, 8)]
    steps.insert(3, Step([], [gap(NOW + 4, "A")]))
    steps.append(Step([], [gap(NOW + 9)]))
    write(tmp_path / "a.parquet", steps)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        whole = events(await read(tape))
        assert sum(isinstance(one, Gap) for one in whole) == 2
        for batch in await read(tape, limit=2):
            seen = len(events(await read(tape))) - len(events(await read(tape, batch.position)))
            assert whole[:seen] + events(await read(tape, batch.position)) == whole
        end = await tape.find("end")
        assert await read(tape, end) == []


async def test_the_snapshot_of_a_moment_holds_nothing_later(tmp_path: Path) -> None:
    ticks = [tick("A", n, NOW + n * SECOND, 100.0 + n, day_change=1.0) for n in range(1, 6)]
    ticks += [tick("B", 1, NOW + 4 * SECOND)]
    write(tmp_path / "a.parquet", [Step([one]) for one in ticks])
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        moment = await tape.find(NOW + 3 * SECOND)
        then = await tape.snapshot_at(moment)
        assert [(q.symbol, q.sequence, q.price) for q in then.quotes] == [("A", 2, 102.0)]
        assert then.quotes[0].previous_close == 101.0
        (batch,) = [b async for b in tape.read(then.position, follow=False)]
        assert [t.sequence for t in batch.ticks if t.symbol == "A"] == [3, 4, 5]
        assert batch.gaps == []
        assert {q.symbol for q in (await tape.snapshot()).quotes} == {"A", "B"}


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=histories(), data=st.data())
async def test_a_snapshot_is_the_same_if_the_tape_ends_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("tapes")
    ticks = write(folder / "whole.parquet", steps).ticks
    row = data.draw(st.integers(0, ticks))
    async with RecordingStream(folder / "whole.parquet") as whole:
        moment = await whole.step(await whole.find("start"), row)
        before = [tick for batch in await read(whole) for tick in batch.ticks][:row]
        known = await whole.snapshot_at(moment)
    write(folder / "ended.parquet", [Step(before)])
    async with RecordingStream(folder / "ended.parquet") as ended:
        at_end = await ended.snapshot()
    assert sorted(known.quotes, key=by_symbol) == sorted(at_end.quotes, key=by_symbol)


async def test_facts_hold_from_their_place_on(tmp_path: Path) -> None:
    first, second = tick("A", 1, NOW), tick("A", 2, NOW + SECOND)
    with Recorder(tmp_path / "a.parquet") as recorder:
        recorder.tell([quote(second, name="Apple", session="post")], fixed_only=True)
        recorder.add([first])
        recorder.add([second])
        recorder.tell([quote(second, name="Apple", session="post", open=99.0)])
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        (early,) = (await tape.snapshot_at(await tape.find(NOW + 1))).quotes
        assert (early.name, early.session, early.open) == ("Apple", None, None)
        (late,) = (await tape.snapshot()).quotes
        assert (late.name, late.session, late.open) == ("Apple", "post", 99.0)


async def test_a_step_moves_by_ticks_and_stays_inside(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [Step([tick("A", n, NOW + n) for n in range(1, 6)])])
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        start, end = await tape.find("start"), await tape.find("end")
        third = await tape.step(start, 3)
        assert await tape.step(third, -3) == start
        assert await tape.step(await tape.step(third, 1), -1) == third
        assert await tape.count(await tape.step(start, 99)) == 0
        assert await tape.step(start, -1) == start
        assert await tape.count(end) == 0
        assert await tape.count(third) == 2


async def test_a_step_by_some_symbols_skips_the_others(tmp_path: Path) -> None:
    made = [tick("AB"[n % 2], n // 2 + 1, NOW + n) for n in range(10)]
    write(tmp_path / "a.parquet", [Step(made)])
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        start, end = await tape.find("start"), await tape.find("end")
        assert await tape.count(await tape.step(start, 2, symbols=["B"])) == 6
        assert await tape.count(await tape.step(end, -2, symbols=["B"])) == 3
        assert await tape.step(end, -9, symbols=["B"]) == start
        assert await tape.count(await tape.step(start, 9, symbols=["B"])) == 0


async def test_any_parquet_reader_opens_the_ticks_with_times_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    write(path, [Step([tick("A", 1, NOW, volume=7)])])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    (row,) = connection.execute(
        "SELECT symbol, epoch_us(time), volume, typeof(time) FROM read_parquet(?)", [str(path)]
    ).fetchall()
    assert row == ("A", NOW, 7.0, "TIMESTAMP WITH TIME ZONE")


async def test_a_log_becomes_a_recording_with_its_gaps_and_names(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        for n in range(1, 6):
            one = tick("A", n, NOW + n * SECOND, 100.0 + n, origin=log.origin)
            gaps = [gap(one.received, "A")] if n == 1 else []
            await log.append(
                Batch(ticks=[one], gaps=gaps, quotes=[quote(one, name="Apple", price_hint=2)])
            )
        with Recorder(tmp_path / "a.parquet") as recorder:
            await record(log, recorder, until=NOW + 5 * SECOND)
            manifest = recorder.finish()
        assert manifest.ticks == 4
        async with RecordingStream(tmp_path / "a.parquet") as tape:
            assert sum(isinstance(one, Gap) for one in events(await read(tape))) == 1
            (early,) = (await tape.snapshot_at(await tape.find(NOW + 2 * SECOND))).quotes
            assert (early.name, early.price_hint, early.price) == ("Apple", 2, 101.0)
    assert {"a.parquet"} == {name for name in os.listdir(tmp_path) if "parquet" in name}  # noqa: PTH208


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"mine")
    with pytest.raises(StreamNotWritable, match="is there already"):
        write(path, [Step([tick("A", 1, NOW)])])
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_ticks_make_the_same_file(tmp_path: Path) -> None:
    steps = [Step([tick("A", n, NOW + n)], [gap(NOW + n)]) for n in range(1, 4)]
    one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
    assert write(one, steps) == write(two, steps)
    assert one.read_bytes() == two.read_bytes()


async def test_files_that_are_no_recordings_are_refused_with_the_reason(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    write(whole, [Step([tick("A", n, NOW + n) for n in range(1, 2_000)])])
    data = whole.read_bytes()
    foreign = tmp_path / "foreign.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS a) TO '{foreign}' (FORMAT parquet)")
    newer = tmp_path / "newer.parquet"
    duckdb.execute(
        f"COPY (SELECT 1 AS a) TO '{newer}' "
        """(FORMAT parquet, KV_METADATA {'ticker.manifest': '{"version":99}'})"""
    )
    broken = bytearray(data)
    broken[len(data) - 300 : len(data) - 100] = b"\0" * 200
    cases = {
        "empty": (b"", "is an empty file"),
        "log": (b"SQLite format 3\0", r"Name it as sqlite:.*log\.parquet"),
        "text": (b"symbol,price\nA,1\n", "not a Parquet file"),
        "bare": (data.replace(b"ticker.checksum", b"ticker.checks--"), "has no checksum"),
        "short": (data[: len(data) // 2], "cut off"),
        "broken": (bytes(broken), "damaged|cannot be read"),
        "foreign": (foreign.read_bytes(), "not a recording"),
        "newer": (newer.read_bytes(), "another version"),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        async with RecordingStream(path) as tape:
            with pytest.raises(StreamUnusable, match=words):
                await tape.snapshot()
            assert (await tape.health()).state == "unusable"
    async with RecordingStream(tmp_path / "none.parquet") as tape:
        with pytest.raises(StreamMissing):
            await tape.find("start")
        with pytest.raises(StreamMissing):
            list(tape.columns())
        assert (await tape.health()).state == "missing"
    async with RecordingStream(tmp_path) as tape:
        with pytest.raises(StreamUnusable, match="folder"):
            await tape.snapshot()


async def test_a_file_with_a_single_wrong_bit_is_refused_wherever_it_lies(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.parquet", tmp_path / "a.parquet"
    write(whole, [Step([tick("A", n, NOW + n)], [gap(NOW + n)]) for n in range(1, 300)])
    data = whole.read_bytes()
    chance = random.Random(7)  # noqa: S311
    for _ in range(examples(100)):
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        async with RecordingStream(path) as tape:
            with pytest.raises(StreamUnusable):
                await tape.snapshot()


async def test_an_empty_recording_reads_as_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [])
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        assert events(await read(tape)) == []
        assert list((await tape.snapshot()).quotes) == []
        assert (await tape.health()).state == "empty"
        assert list(tape.columns()) == []


@pytest.mark.parametrize("position", ["", "x:1", "{id}:", "{id}:-1", "{id}:99", "{id}"])
async def test_an_unknown_position_is_refused(tmp_path: Path, position: str) -> None:
    identity = write(tmp_path / "a.parquet", [Step([tick("A", 1, NOW)])]).identity
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        with pytest.raises(WrongPosition):
            await read(tape, Position(position.format(id=identity)))


async def test_a_hole_ends_a_batch_and_is_reported_before_the_next_tick(tmp_path: Path) -> None:
    numbers = [1, 2, 5, 6, 9]
    told = Gap(
        source="test", origin="o", writer="relay", received=NOW + 9, reason="lost",
        symbol="A", first_sequence=7, last_sequence=8,
    )  # fmt: skip
    steps = [Step([tick("A", n, NOW + n)], [told] if n == 9 else []) for n in numbers]
    write(tmp_path / "a.parquet", steps)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        found = events(await read(tape))
        names = [
            one.sequence if isinstance(one, Tick) else (one.first_sequence, one.last_sequence)
            for one in found
        ]
        assert names == [1, 2, (3, 4), 5, 6, (7, 8), 9]
        assert tape.read_stats().holes == 4


async def test_facts_of_the_beginning_come_with_the_first_tick_that_is_read(tmp_path: Path) -> None:
    ticks = [tick("A", 1, NOW), tick("B", 1, NOW + 1), tick("A", 2, NOW + 2), tick("A", 3, NOW + 3)]
    with Recorder(tmp_path / "a.parquet") as recorder:
        recorder.tell([quote(ticks[0], open=7.0), quote(ticks[1], open=8.0)])
        recorder.add(ticks)
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:

        async def told(at: int) -> list[list[tuple[object, ...]]]:
            batches = await read(tape, await tape.find(at), limit=1)
            return [[(q.symbol, q.sequence, q.open) for q in batch.quotes] for batch in batches]

        assert await told(NOW) == [[("A", 1, 7.0)], [("B", 1, 8.0)], [], []]
        assert await told(NOW + 2) == [[("A", 2, 7.0)], []]


async def test_facts_that_change_midway_do_not_end_a_reading(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.parquet") as recorder:
        for n in range(1, 5_001):
            one = tick("A", n, NOW + n)
            recorder.add([one], (), [quote(one, open=float(1 + n // 1_000))])
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        batches = await read(tape, limit=100)
        assert [t.sequence for b in batches for t in b.ticks] == [*range(1, 5_001)]
        assert len({q.open for b in batches for q in b.quotes}) == 6


@pytest.mark.parametrize(("name", "other"), [("hour[1]", "hour1"), ("hour*", "hour2")])
async def test_the_name_of_a_recording_is_not_read_as_a_pattern(
    tmp_path: Path, name: str, other: str
) -> None:
    expected = [tick("A", 1, NOW, price=1.0)]
    write(tmp_path / f"{name}.parquet", [Step(expected)])
    write(tmp_path / f"{other}.parquet", [Step([tick("B", 1, NOW, price=2.0)])])
    async with RecordingStream(tmp_path / f"{name}.parquet") as tape:
        assert events(await read(tape)) == expected
