"""The relay over a real source, to a destination that goes away on demand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ticker.errors import (
    ConfigError,
    InvalidRecord,
    MixedPrices,
    RecordRefused,
    SameLog,
    SequenceConflict,
    StreamError,
    StreamNotWritable,
    StreamUnreachable,
    StreamUnusable,
)
from ticker.health import WriterState
from ticker.records import Batch, Gap, Heartbeat, Position, Quote, Tick
from ticker.relay import FileCheckpoint, HoldCheckpoint, Relay, RelayStatus
from ticker.relay.filter import Filter
from ticker.streams.protocol import Log
from ticker.streams.sqlite import SqliteLog, SqliteStream
from ticker.times import Moment
from ticker.units import SECOND

AWAY = WriterState.STREAM_UNREACHABLE
NOW = 1_795_447_805_000_000


def ticks(origin: str, first: int, last: int, symbol: str = "A", **facts: Any) -> list[Tick]:
    return [
        Tick(symbol, "yahoo", origin, n, NOW + n, NOW + n, 1.0 + n, **facts)
        for n in range(first, last + 1)
    ]


def quote(origin: str, sequence: int, symbol: str = "A") -> Quote:
    return Quote(symbol, "yahoo", NOW, NOW + sequence, 1.0 + sequence, origin, sequence)


def beat(origin: str, time: int = NOW) -> Heartbeat:
    return Heartbeat(origin, "poller", "yahoo", time, time, 1_000_000, "ok", 1, 1)


class Destination:
    """Makes logs over one file; `trouble` is asked before each append and may raise or hang."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connected = 0
        self.closed = 0
        self.appended: list[int] = []
        self.trouble: Callable[[], Any] = lambda: None
        self.making: Callable[[], None] = lambda: None

    def __call__(self) -> Log:
        self.making()
        return cast("Log", _Troubled(self))


class _Troubled:
    def __init__(self, owner: Destination) -> None:
        self._owner = owner
        self._log = SqliteLog(owner.path)
        self.url = self._log.url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def __aenter__(self) -> Any:
        self._owner.connected += 1
        await self._log.__aenter__()
        return self

    async def close(self, within: float = 5.0) -> int:
        self._owner.closed += 1
        return await self._log.close(within)

    async def append(self, batch: Batch) -> Position:
        result = self._owner.trouble()
        if asyncio.iscoroutine(result):
            await result
        position = await self._log.append(batch)
        self._owner.appended.append(len(batch.ticks))
        return position


class Bench:
    """A source, a destination, and relays between them."""

    def __init__(self, source: SqliteLog, destination: Destination) -> None:
        self.source = source
        self.destination = destination
        self.told: list[RelayStatus] = []
        self.paused: list[float] = []
        self.changed = asyncio.Event()

    def relay(self, **options: Any) -> Relay:
        bookmark = options.pop("bookmark", HoldCheckpoint(self.source, "there"))
        return Relay(
            self.source,
            self.destination,
            bookmark,
            name="relay-1",
            on_status=self._hear,
            random=lambda: 0.5,
            pause=self._pause,
            **options,
        )

    def _hear(self, status: RelayStatus) -> None:
        self.told.append(status)
        self.changed.set()

    async def _pause(self, _: asyncio.Event, seconds: float) -> None:
        self.paused.append(seconds)
        await asyncio.sleep(0)

    async def until(self, holds: Callable[[RelayStatus], bool]) -> None:
        async with asyncio.timeout(20):
            while not (self.told and holds(self.told[-1])):
                self.changed.clear()
                await self.changed.wait()

    async def once(self, **options: Any) -> RelayStatus:
        return await self.relay(follow=False, **options).run()

    async def arrived(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        async with SqliteLog(self.destination.path) as log:
            async for batch in log.read(await log.find("start"), follow=False):
                for tick in batch.ticks:
                    found.setdefault((tick.origin, tick.symbol), []).append(tick.sequence)
        return found

    async def gaps(self) -> list[Gap]:
        async with SqliteLog(self.destination.path) as log:
            start = await log.find("start")
            return [g async for b in log.read(start, follow=False) for g in b.gaps]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with SqliteLog(tmp_path / "from.sqlite") as source:
        yield Bench(source, Destination(tmp_path / "to.sqlite"))


async def test_all_four_kinds_arrive_unchanged_and_in_order(bench: Bench) -> None:
    origin = bench.source.origin
    gap = Gap("yahoo", origin, "poller", NOW, "poller stopped", from_=NOW - 9, until=NOW)
    both = ticks(origin, 1, 3) + ticks(origin, 1, 2, "B")
    await bench.source.append(
        Batch(
            ticks=both,
            gaps=[gap],
            quotes=[quote(origin, 3), quote(origin, 2, "B")],
            heartbeats=[beat(origin)],
        )
    )
    report = await bench.once()
    assert (report.ticks, report.gaps, report.waiting) == (5, 1, 0)
    async with SqliteLog(bench.destination.path) as log:
        (batch,) = [b async for b in log.read(await log.find("start"), follow=False)]
        assert list(batch.ticks) == both
        assert list(batch.gaps) == [gap]
        assert list(batch.quotes) == [quote(origin, 3), quote(origin, 2, "B")]
        assert list(batch.heartbeats) == [beat(origin)]


async def test_an_older_copy_of_the_source_is_reported_and_not_dropped_as_repeats(
    tmp_path: Path,
) -> None:
    path, older = tmp_path / "from.sqlite", tmp_path / "older.sqlite"
    destination = Destination(tmp_path / "to.sqlite")
    async with SqliteLog(path) as source:
        await source.append(Batch(ticks=ticks(source.origin, 1, 3)))
    shutil.copy(path, older)
    async with SqliteLog(path) as source:
        await source.append(
            Batch(ticks=ticks(source.origin, 4, 6) + ticks(source.origin, 1, 2, "B"))
        )
        await Bench(source, destination).once()
    async with SqliteLog(older) as source:
        # Another tick, with a number that is taken.
        await source.append(Batch(ticks=ticks(source.origin, 4, 4)))
        with pytest.raises(StreamUnusable, match=r"older.sqlite: lacks 4 ticks of .* that .*to.sq"):
            await Bench(source, destination).relay().run()
    assert destination.appended == [8]


async def _older_destination(
    tmp_path: Path, *batches: list[Tick], since: Moment = "start"
) -> tuple[dict[tuple[str, str], list[int]], list[tuple[int | None, int | None]]]:
    """What arrived where the destination lost all but the first batch, and the gaps.

    Each batch is appended and sent on before the next, the last one after the loss.
    """
    path, kept = tmp_path / "to.sqlite", tmp_path / "kept.sqlite"
    async with SqliteLog(tmp_path / "from.sqlite") as source:
        bench = Bench(source, Destination(path))

        async def sent(batch: list[Tick]) -> None:
            made = [replace(tick, origin=source.origin) for tick in batch]
            heads = {tick.symbol: tick.sequence for tick in made}
            quotes = [quote(source.origin, n, symbol) for symbol, n in heads.items()]
            await source.append(Batch(ticks=made, quotes=quotes))
            bookmark = HoldCheckpoint(source, "there", tmp_path / "met")
            await bench.once(bookmark=bookmark, since=since)

        await sent(batches[0])
        shutil.copy(path, kept)
        for batch in batches[1:-1]:
            await sent(batch)
        shutil.copy(kept, path)  # closed, so it has no -wal file
        await sent(batches[-1])
        gaps = [(gap.first_sequence, gap.last_sequence) for gap in await bench.gaps()]
        arrived = await bench.arrived()
    return {("o", symbol): found for (_, symbol), found in arrived.items()}, gaps


async def test_ticks_that_the_destination_lost_are_sent_again(tmp_path: Path) -> None:
    arrived, gaps = await _older_destination(
        tmp_path,
        ticks("o", 1, 3) + ticks("o", 1, 2, "B"),
        ticks("o", 4, 6) + ticks("o", 3, 4, "B") + ticks("o", 1, 2, "NEW"),
        ticks("o", 7, 7) + ticks("o", 3, 3, "NEW"),
    )
    assert arrived == {
        ("o", "A"): [1, 2, 3, 4, 5, 6, 7],
        ("o", "B"): [1, 2, 3, 4],  # which moved no more
        ("o", "NEW"): [1, 2, 3],  # of which nothing was left
    }
    assert gaps == []


async def test_a_loss_at_the_destination_brings_no_ticks_from_before_the_start(
    tmp_path: Path,
) -> None:
    early = ticks("o", 1, 4, "B")
    async with SqliteLog(tmp_path / "from.sqlite") as source:
        made = [replace(tick, origin=source.origin) for tick in early]
        await source.append(Batch(ticks=made, quotes=[quote(source.origin, 4, "B")]))
    arrived, _ = await _older_destination(
        tmp_path, ticks("o", 1, 3), ticks("o", 4, 6), ticks("o", 7, 7), since=NOW + SECOND
    )
    assert ("o", "B") not in arrived


async def test_a_destination_that_worked_once_is_waited_for_after_any_error(
    bench: Bench,
) -> None:
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.source.append(Batch(heartbeats=[beat(bench.source.origin)]))
    await bench.until(lambda _: bool(bench.destination.appended))

    def refuse() -> None:
        raise StreamUnusable(str(bench.destination.path), "this user may not use its topics")

    bench.destination.trouble = refuse
    await bench.source.append(Batch(heartbeats=[beat(bench.source.origin, NOW + SECOND)]))
    await bench.until(lambda status: status.is_away)
    bench.destination.trouble = lambda: None
    await bench.until(lambda status: not status.is_away)
    relay.stop()
    assert (await running).problem is None


def test_delivered_quotes_and_heartbeats_are_not_sent_round_in_circles() -> None:
    there, back = Filter("there"), Filter("back")
    for one, own in ((there, "b"), (back, "a")):
        one.begin(own, {}, whole=True)
        one.restart_counting()
    at = Position("1")
    first = Batch(at, quotes=[quote("o", 1)], heartbeats=[beat("o", NOW)])
    later = Batch(at, quotes=[quote("o", 2)], heartbeats=[beat("o", NOW + SECOND)])
    sent = []
    for batch in (first, later):
        going = there.fresh(batch)
        there.delivered(going)
        coming = back.fresh(going)
        back.delivered(coming)
        sent.append(coming)
    assert [list(batch.heartbeats) for batch in sent] == [first.heartbeats, later.heartbeats]
    assert [bool(there.fresh(batch)) for batch in sent] == [False, False]


def test_heartbeats_and_quotes_are_sent_after_a_clock_was_set_back() -> None:
    relay = Filter("there")
    relay.begin("b", {}, whole=True)
    relay.restart_counting()
    at = Position("1")
    moved = replace(quote("o", 2), received=NOW - SECOND)
    before = Batch(at, quotes=[quote("o", 1)], heartbeats=[beat("o", NOW)])
    after = Batch(at, quotes=[moved], heartbeats=[beat("o", NOW - SECOND)])
    for batch in (before, after):
        sent = relay.fresh(batch)
        assert (list(sent.quotes), list(sent.heartbeats)) == (batch.quotes, batch.heartbeats)
        relay.delivered(sent)


async def test_a_second_run_continues_where_the_first_ended(bench: Bench) -> None:
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 3)))
    await bench.once()
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 4, 5)))
    report = await bench.once()
    assert (report.ticks, report.repeats) == (2, 0)
    assert await bench.arrived() == {(bench.source.origin, "A"): [1, 2, 3, 4, 5]}


async def test_an_outdated_position_repeats_nothing(bench: Bench) -> None:
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 3)))
    await bench.source.hold("there", await bench.source.find("start"))
    await bench.once()
    await bench.source.hold("there", await bench.source.find("start"))
    report = await bench.once()
    assert (report.ticks, report.repeats) == (0, 3)
    assert bench.destination.appended == [3]


async def test_undelivered_ticks_are_held_from_the_first_moment(bench: Bench) -> None:
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 3)))

    def away() -> None:
        raise StreamUnreachable("there", "nobody answers")

    bench.destination.trouble = away
    with pytest.raises(StreamUnreachable):
        await bench.once()
    assert (await bench.source.holds())["there"].ticks == 3


async def test_a_destination_that_returns_gets_everything_in_order(bench: Bench) -> None:
    origin = bench.source.origin
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    await bench.until(lambda status: status.ticks == 2)
    failures = 0

    def away() -> None:
        nonlocal failures
        failures += 1
        if failures <= 7:
            raise StreamUnreachable("there", "nobody answers")

    bench.destination.trouble = away
    await bench.source.append(Batch(ticks=ticks(origin, 3, 4)))
    await bench.until(lambda status: status.ticks == 4)
    relay.stop()
    report = await running
    assert report.waiting == 0
    assert await bench.arrived() == {(origin, "A"): [1, 2, 3, 4]}
    assert bench.paused == [0.5, 1, 2, 4, 5, 5, 5]
    away_words = [status for status in bench.told if status.state == AWAY]
    assert "nobody answers" in (away_words[0].problem or "")
    assert away_words[0].away == relay.status.destination
    assert away_words[0].waiting == 2
    assert bench.told[-1].problem is None
    assert bench.destination.closed == bench.destination.connected == 8


async def test_a_hanging_append_is_given_up_and_repeated(bench: Bench) -> None:
    origin = bench.source.origin
    hanging = [True]

    async def hang() -> None:
        if hanging.pop() if hanging else False:
            await asyncio.Event().wait()

    bench.destination.trouble = hang
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    relay = bench.relay(patience=0.2)
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.ticks == 2)
    relay.stop()
    await running
    assert any("no answer" in (status.problem or "") for status in bench.told)
    assert await bench.arrived() == {(origin, "A"): [1, 2]}


async def test_an_end_with_a_hanging_destination_is_bounded_and_reports_the_rest(
    bench: Bench,
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    bench.destination.trouble = hang
    relay = bench.relay(within=0.1)
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.state == WriterState.FOLLOWING)
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 7)))
    relay.stop()
    async with asyncio.timeout(30):
        report = await running
    assert report.waiting == 7


async def test_an_end_delivers_all_earlier_appends(bench: Bench) -> None:
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.state == WriterState.FOLLOWING)
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 7)))
    relay.stop()
    report = await running
    assert (report.ticks, report.waiting) == (7, 0)


async def test_an_end_while_catching_up_delivers_what_came_meanwhile(bench: Bench) -> None:
    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    relay = bench.relay()
    first = [True]

    async def more() -> None:
        if first and first.pop():
            await bench.source.append(Batch(ticks=ticks(origin, 3, 4)))
            # The catching up has looked where its end was; the stop comes before the following.
            relay.stop()

    bench.destination.trouble = more
    report = await relay.run()
    assert (report.ticks, report.waiting) == (4, 0)


async def test_an_end_with_an_unreachable_destination_tries_once_more_and_reports(
    bench: Bench,
) -> None:
    def away() -> None:
        raise StreamUnreachable("there", "nobody answers")

    bench.destination.trouble = away
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 2)))
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.state == AWAY)
    relay.stop()
    report = await running
    assert report.waiting == 2
    assert "nobody answers" in (report.problem or "")


async def test_a_hole_at_the_source_becomes_a_gap_at_the_destination(bench: Bench) -> None:
    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    await bench.once()
    await bench.source.hold("there", None)
    clock_free = SqliteLog(Path(bench.source.url[7:]), keep_for=1)
    async with clock_free as log:
        await log.append(Batch(ticks=ticks(origin, 3, 6)))
        await log.prune()
        await log.append(Batch(ticks=ticks(origin, 7, 8)))
    await bench.once()
    held = await bench.arrived()
    assert held[origin, "A"][-2:] == [7, 8]
    (gap,) = [g for g in await bench.gaps() if g.symbol == "A"]
    assert (gap.first_sequence, gap.last_sequence, gap.writer) == (
        3,
        held[origin, "A"][2] - 1,
        "relay-1",
    )


async def test_two_logs_may_forward_to_each_other(bench: Bench, tmp_path: Path) -> None:
    other = SqliteLog(bench.destination.path)
    async with other:
        a, b = bench.source.origin, other.origin
        await bench.source.append(
            Batch(ticks=ticks(a, 1, 2), quotes=[quote(a, 2)], heartbeats=[beat(a)])
        )
        await other.append(Batch(ticks=ticks(b, 1, 3), quotes=[quote(b, 3)]))

        async def back() -> int:
            way = Relay(
                other,
                lambda: SqliteLog(tmp_path / "from.sqlite"),
                HoldCheckpoint(other, "back"),
                name="relay-2",
                follow=False,
            )
            return (await way.run()).ticks

        await bench.once()
        assert await back() == 3
        assert (await bench.once()).ticks == 0
        end = await other.find("end")
        assert await back() == 0
        await bench.once()
        # Nothing goes round and round.
        assert not any([bool(b) async for b in other.read(end, follow=False)])
        assert dict(await other.last()) == dict(await bench.source.last())


async def test_a_quote_that_has_long_been_unchanged_arrives_too(
    bench: Bench, tmp_path: Path
) -> None:
    now = [NOW]
    async with SqliteLog(tmp_path / "old.sqlite", keep_for=SECOND, clock=lambda: now[0]) as source:
        o = source.origin
        await source.append(Batch(ticks=ticks(o, 1, 2, "OLD"), quotes=[quote(o, 2, "OLD")]))
        await source.append(Batch(ticks=ticks(o, 1, 2)))
        now[0] += 9 * SECOND
        await source.append(Batch(ticks=ticks(o, 3, 4), quotes=[quote(o, 4)]))
        await source.prune()
        relay = Relay(
            source, bench.destination, HoldCheckpoint(source, "x"), name="relay", follow=False
        )
        await relay.run()
    async with SqliteLog(bench.destination.path) as log:
        assert {q.symbol for q in (await log.snapshot()).quotes} == {"OLD", "A"}
    assert await bench.arrived() == {(o, "A"): [3, 4]}


@pytest.mark.parametrize("kind", [MixedPrices, StreamNotWritable])
async def test_permanent_errors_are_raised_at_the_start(
    bench: Bench, kind: type[StreamError]
) -> None:
    def refuse() -> None:
        if kind is MixedPrices:
            raise MixedPrices("there", "A", log_is_simulated=True)
        raise StreamNotWritable("there", "the disk is full")

    bench.destination.trouble = refuse
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 2)))
    with pytest.raises(kind):
        await bench.relay().run()


async def test_a_record_that_cannot_be_stored_is_reported_and_not_retried_for_ever(
    bench: Bench,
) -> None:
    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.ticks == 2)

    def refuse() -> None:
        raise InvalidRecord("record", "longer than 900,000 bytes")

    bench.destination.trouble = refuse
    await bench.source.append(Batch(ticks=ticks(origin, 3, 3)))
    with pytest.raises(RecordRefused, match=r"cannot store a record of .*longer than") as refused:
        await running
    assert refused.value.stream.endswith("to.sqlite")
    assert relay.status.waiting == 1


async def test_a_log_is_not_sent_into_itself_under_another_name(bench: Bench) -> None:
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 2)))

    class SameTopics(SqliteStream):
        """A stream that has two names, as servers may."""

        async def log_id(self) -> str:
            async with SqliteLog(bench.destination.path) as log:
                return log.id

    source = SameTopics(Path(bench.source.url.removeprefix("sqlite:")))
    source.url = "kafka://other.name/t"
    relay = Relay(source, bench.destination, HoldCheckpoint(bench.source, "there"), name="relay-1")
    with pytest.raises(SameLog, match=r"to\.sqlite: is kafka://other\.name/t by another name"):
        await relay.run()
    assert bench.destination.appended == []


async def test_a_full_destination_that_worked_once_is_waited_for(bench: Bench) -> None:
    origin = bench.source.origin
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.source.append(Batch(ticks=ticks(origin, 1, 2)))
    await bench.until(lambda status: status.ticks == 2)
    full = [True]

    def refuse() -> None:
        if full and full.pop():
            raise StreamNotWritable("there", "the disk is full")

    bench.destination.trouble = refuse
    await bench.source.append(Batch(ticks=ticks(origin, 3, 4)))
    await bench.until(lambda status: status.ticks == 4)
    relay.stop()
    assert (await running).waiting == 0


async def test_a_password_file_that_vanishes_for_a_while_is_waited_for(bench: Bench) -> None:
    misses = 0

    def lost() -> None:
        raise StreamUnreachable(bench.destination().url, "lost")

    def vanished() -> None:
        nonlocal misses
        misses += 1
        if misses == 1:
            bench.destination.trouble = lambda: None
            raise ConfigError("cannot be read", path="/secret")

    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 2)))
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.ticks == 2)
    bench.destination.trouble = lost
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 3, 3)))
    await bench.until(lambda status: status.state == AWAY)
    bench.destination.making = vanished
    await bench.until(lambda status: status.ticks == 3)
    relay.stop()
    await running
    assert any("/secret: cannot be read" in (status.problem or "") for status in bench.told)


async def test_a_password_file_that_vanishes_before_the_first_connection_is_waited_for(
    bench: Bench,
) -> None:
    vanished = [ConfigError("cannot be read", path="/secret")]

    def making() -> None:
        if vanished:
            raise vanished.pop()

    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 2)))
    relay = bench.relay()
    bench.destination.making = making
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.ticks == 2)
    relay.stop()
    await running
    assert any("/secret: cannot be read" in (status.problem or "") for status in bench.told)


async def test_another_writer_of_the_same_ticks_makes_no_repeat(bench: Bench) -> None:
    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 6)))
    raced = [True]

    async def race() -> None:
        if raced and raced.pop():
            async with SqliteLog(bench.destination.path) as twin:
                await twin.append(Batch(ticks=ticks(origin, 1, 4)))
            raise SequenceConflict("there", {(origin, "A"): 5})

    bench.destination.trouble = race
    report = await bench.once()
    assert (report.ticks, report.repeats) == (2, 4)
    assert await bench.arrived() == {(origin, "A"): [1, 2, 3, 4, 5, 6]}


async def test_a_checkpoint_file_serves_a_stream_that_cannot_keep_one(
    bench: Bench, tmp_path: Path
) -> None:
    bookmark = FileCheckpoint(bench.source, tmp_path / "place")
    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 3)))
    await bench.once(bookmark=bookmark)
    await bench.source.append(Batch(ticks=ticks(origin, 4, 5)))
    assert await bookmark.waiting() == 2
    report = await bench.once(bookmark=bookmark)
    assert (report.ticks, report.repeats, report.waiting) == (2, 0, 0)
    (tmp_path / "place").write_text("another:7:7")  # of a stream that lay here before
    report = await bench.once(bookmark=bookmark)
    assert (report.ticks, report.repeats) == (0, 5)
    await bookmark.forget()
    assert await bookmark.load() is None


@pytest.mark.parametrize("kind", ["hold", "file"])
async def test_a_new_log_in_the_destinations_place_gets_everything(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    def bookmark() -> Any:
        met = tmp_path / "met"
        if kind == "hold":
            return HoldCheckpoint(bench.source, "there", met)
        return FileCheckpoint(bench.source, tmp_path / "place", met)

    origin = bench.source.origin
    await bench.source.append(Batch(ticks=ticks(origin, 1, 3), quotes=[quote(origin, 3)]))
    await bench.once(bookmark=bookmark())
    bench.destination.path.unlink()
    await bench.source.append(Batch(ticks=ticks(origin, 4, 5)))
    report = await bench.once(bookmark=bookmark())
    assert (report.ticks, report.waiting) == (5, 0)
    assert await bench.arrived() == {(origin, "A"): [1, 2, 3, 4, 5]}
    report = await bench.once(bookmark=bookmark())
    assert (report.ticks, report.repeats) == (0, 0)
    await bookmark().forget()
    assert (await bookmark().load(), await bookmark().destination()) == (None, None)


async def test_batches_are_bounded(bench: Bench) -> None:
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 25)))
    await bench.once(limit=10)
    assert bench.destination.appended == [10, 10, 5]


async def test_a_slow_destination_is_reported_long_before_it_is_given_up(
    bench: Bench,
) -> None:
    answers = asyncio.Event()
    bench.destination.trouble = answers.wait
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 3)))
    relay = bench.relay(silence=0.02)
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: (status.state, status.waiting) == (AWAY, 3))
    assert "does not answer" in (bench.told[-1].problem or "")
    answers.set()
    await bench.until(lambda status: status.state == WriterState.FOLLOWING and status.ticks == 3)
    assert (bench.told[-1].problem, bench.told[-1].waiting) == (None, None)
    assert bench.destination.connected == 1
    relay.stop()
    assert (await running).waiting == 0


async def test_a_source_that_goes_away_is_reported_until_it_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    path, elsewhere = tmp_path / "from.sqlite", tmp_path / "elsewhere.sqlite"
    await bench.source.append(Batch(ticks=ticks(bench.source.origin, 1, 3)))
    await bench.source.close()
    bench.source = cast("SqliteLog", SqliteStream(path, silence=0.05))
    relay = bench.relay(bookmark=FileCheckpoint(bench.source, tmp_path / "place"))
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.ticks == 3)
    path.rename(elsewhere)
    await bench.until(lambda status: status.state == AWAY)
    assert bench.told[-1].problem is not None
    assert bench.told[-1].away == bench.source.url
    elsewhere.rename(path)
    back = (WriterState.FOLLOWING, None)
    await bench.until(lambda status: (status.state, status.problem) == back)
    relay.stop()
    await running


async def test_a_silent_source_is_named_and_the_relay_is_not_called_following(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = bench.source.snapshot
    asked = 0

    async def snapshot() -> Batch:
        nonlocal asked
        asked += 1
        if asked <= 3:
            raise StreamUnreachable(bench.source.url, "connection refused")
        return await answer()

    monkeypatch.setattr(bench.source, "snapshot", snapshot)
    relay = bench.relay()
    running = asyncio.create_task(relay.run())
    await bench.until(lambda status: status.state == WriterState.FOLLOWING)
    assert [(status.state, status.away) for status in bench.told] == [
        (AWAY, bench.source.url),
        (AWAY, bench.source.url),
        (AWAY, bench.source.url),
        ("following", None),
    ]
    relay.stop()
    await running


async def test_quotes_are_sent_again_with_each_connection_and_each_day(
    bench: Bench,
) -> None:
    origin = bench.source.origin
    sent: list[list[int]] = []
    day = 0.0

    class Watched(_Troubled):
        async def append(self, batch: Batch) -> Position:
            sent.append([q.sequence or 0 for q in batch.quotes])
            return await super().append(batch)

    def make() -> Log:
        return cast("Log", Watched(bench.destination))

    await bench.source.append(Batch(ticks=ticks(origin, 1, 2), quotes=[quote(origin, 2)]))
    for _ in range(2):
        place = HoldCheckpoint(bench.source, "there")
        await Relay(bench.source, make, place, name="relay-1", follow=False).run()
    assert sent == [[2], [2]]
    following = Relay(
        bench.source,
        make,
        HoldCheckpoint(bench.source, "there"),
        name="relay-1",
        on_status=bench._hear,
        monotonic=lambda: day,
    )
    running = asyncio.create_task(following.run())
    async with asyncio.timeout(20):
        while len(sent) < 3:  # noqa: ASYNC110 - the destination is another's
            await asyncio.sleep(0.01)
        day += 86_401
        while len(sent) < 4:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    following.stop()
    await running
    assert sent == [[2]] * 4
