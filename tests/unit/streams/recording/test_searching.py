"""Searches for positions in a recording, with and without its index."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from ticker.records import Gap, Quote, Tick
from ticker.streams.recording import Recorder, RecordingStream

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


def tick(symbol: str, sequence: int, received: int, price: float = 100.0, **other: object) -> Tick:
    fields: dict[str, object] = {"source": "test", "origin": "o", "time": received, **other}
    return Tick(symbol=symbol, sequence=sequence, received=received, price=price, **fields)  # type: ignore[arg-type]  # by name


def write(path: Path, ticks: list[Tick], gaps: dict[int, list[Gap]] | None = None) -> None:
    with Recorder(path) as recorder:
        for n, one in enumerate(ticks):
            recorder.add([one], (gaps or {}).get(n, []))
        recorder.add([], (gaps or {}).get(len(ticks), []))
        recorder.finish()


@st.composite
def tapes(draw: st.DrawFn) -> list[Tick]:
    """Ticks of three symbols, of which C is rare; the clock may be set back."""
    now, sequences = NOW, dict.fromkeys("ABC", 0)
    ticks = []
    for n in range(draw(st.integers(1, 40))):
        now += draw(st.sampled_from([0, 1, 1_000, SECOND, SECOND, -SECOND]))
        symbol = draw(st.sampled_from("AABB" if n % 10 else "C"))
        sequences[symbol] += 1
        ticks.append(tick(symbol, sequences[symbol], now))
    return ticks


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four rows, so that a small recording has many."""
    for name in ("index", "reading", "searching"):
        monkeypatch.setattr(f"ticker.streams.recording.{name}.BLOCK", 4)


@pytest.mark.usefixtures("small_blocks")
@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ticks=tapes(), is_indexed=st.booleans(), data=st.data())
async def test_ticks_are_found_by_time(
    tmp_path_factory: pytest.TempPathFactory,
    ticks: list[Tick],
    is_indexed: bool,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("tape") / "a.parquet"
    write(path, ticks)
    async with RecordingStream(path) as tape:
        if is_indexed:
            await tape.index()
        read = [
            t for batch in [b async for b in tape.read("start", follow=False)] for t in batch.ticks
        ]
        dues = list(accumulate((t.received for t in read), max))
        time = data.draw(st.sampled_from([NOW - SECOND, *dues])) + data.draw(
            st.sampled_from([-1, 0, 1])
        )
        symbols = data.draw(st.sampled_from([None, ["A"], ["C"], ["A", "C"], ["Z"]]))
        known = await tape.last_ticks(time)
        wanted = {t.symbol: t for t, due in zip(read, dues, strict=True) if due <= time}
        assert {t.symbol: t for t in known.ticks} == wanted
        rest = [t async for b in tape.read(known.position, follow=False) for t in b.ticks]
        assert rest == read[len(read) - len(rest) :]
        assert len(rest) == sum(due > time for due in dues)
        mine = [
            due for t, due in zip(read, dues, strict=True) if symbols is None or t.symbol in symbols
        ]
        after, before = [d for d in mine if d > time], [d for d in mine if d < time]
        assert await tape.next_tick(time, symbols=symbols) == min(after, default=None)
        found = await tape.next_tick(time, symbols=symbols, forward=False)
        assert found == max(before, default=None)


async def test_gaps_come_in_the_order_of_the_log(tmp_path: Path) -> None:
    def missing(first: int, last: int, received: int) -> Gap:
        return Gap("test", "o", "w", received, "lost", None, None, None, "A", first, last)

    def stopped(received: int) -> Gap:
        return Gap("test", "o", "w", received, "stopped", None, received - 1, received)

    ticks = [tick("A", n, NOW + n * SECOND) for n in (1, 2, 5, 6)]
    gaps = {
        1: [stopped(NOW + 1_500_000), stopped(NOW)],
        2: [missing(3, 4, NOW), stopped(NOW + 99 * SECOND)],
        4: [stopped(NOW + 7 * SECOND)],
    }
    write(tmp_path / "a.parquet", ticks, gaps)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        timeline = await tape.timeline()
    told = [(due - NOW, gap.reason) for due, gap in timeline.gaps]
    assert told == [
        (1 * SECOND, "stopped"),
        (1_500_000, "stopped"),
        (5 * SECOND, "lost"),
        (5 * SECOND, "stopped"),
        (7 * SECOND, "stopped"),
    ]


async def test_facts_come_with_the_tick_before_them(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.parquet") as recorder:
        for n in (1, 2):
            one = tick("A", n, NOW + n * SECOND)
            quote = Quote("A", "test", NOW, NOW, 1.0, "o", n, open=float(n))
            if n == 1:
                recorder.tell([quote])
            recorder.add([one])
            recorder.tell([quote])
        recorder.finish()
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        facts = (await tape.timeline()).facts
    assert [(due, one.open) for due, one in facts] == [(0, 1.0), (NOW + 2 * SECOND, 2.0)]


async def test_the_largest_moves_come_first_with_their_spans(tmp_path: Path) -> None:
    prices = [100.0] * 30 + [110.0, 121.0] + [121.0] * 30 + [60.5] + [60.5] * 30
    ticks = [tick("A", n, NOW + n * SECOND, price) for n, price in enumerate(prices, 1)]
    ticks += [tick("B", n, NOW + n * SECOND, 50.0 + (n == 9)) for n in range(1, 60)]
    write(tmp_path / "a.parquet", ticks)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        moves = await tape.moves(NOW, NOW + 100 * SECOND, count=3)
        spread = await tape.moves(NOW, NOW + 1_000 * SECOND, count=1)
    assert [(m.symbol, (m.time - NOW) // SECOND, round(m.percent, 2)) for m in moves] == [
        ("A", 63, -50.0),
        ("A", 31, 10.0),
        ("B", 9, 2.0),
    ]
    assert [move.until - move.time for move in moves] == [0, 0, 0]
    assert [(move.until - move.time) // SECOND for move in spread] == [9]


async def test_symbols_that_change_their_session_together_are_one_mark(
    tmp_path: Path,
) -> None:
    ticks = []
    for n in range(1, 200):
        for symbol in "AB":
            opens = 90 if symbol == "A" else 100
            session = "pre" if n < opens else "regular"
            ticks.append(tick(symbol, n, NOW + n * SECOND, session=session))
    write(tmp_path / "a.parquet", ticks)
    async with RecordingStream(tmp_path / "a.parquet") as tape:
        (change,) = await tape.session_changes(NOW, NOW + 300 * SECOND)
        none = await tape.session_changes(NOW + 120 * SECOND, NOW + 300 * SECOND)
    assert (change.time, change.session) == (NOW + 90 * SECOND, "regular")
    assert change.symbols == ("A", "B")
    assert not none
