"""What logs with ticker's own retention promise: what they delete, keep and report."""

import asyncio
from pathlib import Path
from typing import Any

from ticker.records import Batch, Gap, Tick
from ticker.units import SECOND

NOW = 1_795_447_805_000_000


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def ticks(origin: str, first: int, last: int, symbols: str = "A") -> list[Tick]:
    return [
        Tick(s, "test", origin, n, NOW + n, NOW + n, 1.0 + n)
        for n in range(first, last + 1)
        for s in symbols
    ]


async def held(log: Any, **options: Any) -> list[int]:
    begin = await log.find("start")
    batches = [batch async for batch in log.read(begin, follow=False, **options)]
    assert [gap for batch in batches for gap in batch.gaps] == []
    return [t.sequence for batch in batches for t in batch.ticks]


async def test_retention_deletes_old_appends_and_sequences_continue(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=60 * SECOND, clock=clock) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 3)))
        clock.now += 50 * SECOND
        await log.append(Batch(ticks=ticks(log.origin, 4, 5)))
        clock.now += 20 * SECOND
        assert await log.prune() == 3
        assert await held(log) == [4, 5]
        assert (await log.health()).ticks == 2
        clock.now += 100 * SECOND
        await log.prune()
        assert await held(log) == []
        assert await log.last() == {(log.origin, "A"): 5}
        await log.append(
            Batch(ticks=ticks(log.origin, 5, 6))
        )  # the repeat is deleted, and still a repeat
        assert await held(log) == [6]


async def test_retention_counts_from_the_time_of_appending(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=60 * SECOND, clock=clock) as log:
        await log.append(Batch(ticks=[Tick("A", "test", log.origin, 1, 5, 5, 1.0)]))
        await log.prune()
        assert await held(log) == [1]


async def test_appending_alone_runs_retention(retained_backend: Any, tmp_path: Path) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=10 * SECOND, clock=clock) as log:
        for n in range(1, 41):
            clock.now += 2 * SECOND
            await log.append(Batch(ticks=ticks(log.origin, n, n)))
        assert 5 <= len(await held(log)) <= 8


async def test_a_single_wrong_clock_reading_deletes_nothing(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=60 * SECOND, clock=clock) as log:
        for n in range(1, 11):
            await log.append(Batch(ticks=ticks(log.origin, n, n)))
            clock.now += SECOND
        clock.now += 600 * SECOND
        await log.append(Batch(ticks=ticks(log.origin, 11, 11)))
        clock.now -= 600 * SECOND
        for n in range(12, 15):
            await log.append(Batch(ticks=ticks(log.origin, n, n)))
            clock.now += SECOND
        assert await held(log) == [*range(1, 15)]


async def test_after_a_long_absence_the_second_append_deletes_old_ticks(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=60 * SECOND, clock=clock) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 5)))
        clock.now += 600 * SECOND
        await log.append(Batch(ticks=ticks(log.origin, 6, 6)))
        clock.now += SECOND
        await log.append(Batch(ticks=ticks(log.origin, 7, 7)))
        assert await held(log) == [6, 7]


async def test_an_append_never_deletes_its_own_ticks(retained_backend: Any, tmp_path: Path) -> None:
    async with retained_backend.writer(tmp_path, keep_bytes=1) as log:
        for n in range(1, 4):
            position = await log.append(Batch(ticks=ticks(log.origin, n, n)))
            assert (await held(log))[-1] == n
            assert position == await log.find("end")


async def test_the_size_of_a_retained_log_is_bounded(retained_backend: Any, tmp_path: Path) -> None:
    bound = 2 * 2**20
    async with retained_backend.writer(tmp_path, keep_bytes=bound) as log:
        for n in range(60):
            await log.append(Batch(ticks=ticks(log.origin, n * 1_000 + 1, n * 1_000 + 1_000)))
        kept = await held(log)
        assert kept[-1] == 60_000
        assert kept == list(range(kept[0], 60_001))
        assert 5_000 < len(kept) < 50_000
        health = await log.health()
        assert health.size is not None
        assert health.size < bound * 1.25


async def test_a_shorter_retention_frees_disk_space(retained_backend: Any, tmp_path: Path) -> None:
    async with retained_backend.writer(tmp_path) as log:
        for n in range(20):
            await log.append(Batch(ticks=ticks(log.origin, n * 5_000 + 1, n * 5_000 + 5_000)))
        before = (await log.health()).size
    async with retained_backend.writer(tmp_path, keep_bytes=2**20) as log:
        await log.prune()
        after = (await log.health()).size
        assert before > 5 * 2**20
        assert after < before / 2


async def test_a_hold_protects_later_ticks_across_restarts_until_it_is_released(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    options = {"keep_for": 10 * SECOND, "clock": clock}
    async with retained_backend.writer(tmp_path, **options) as log:
        position = await log.append(Batch(ticks=ticks(log.origin, 1, 3)))
        await log.hold("relay", position)
        await log.append(Batch(ticks=ticks(log.origin, 4, 6)))
        clock.now += 99 * SECOND
        assert await log.prune() == 3
    async with retained_backend.writer(tmp_path, **options) as log:
        await log.prune()
        assert await held(log) == [4, 5, 6]
        await log.hold("relay", await log.find("end"))
        clock.now += 99 * SECOND
        await log.append(Batch())
        await log.hold("relay", None)
        await log.append(Batch(ticks=ticks(log.origin, 7, 7)))
        await log.prune()
        assert await held(log) == [7]


async def test_holds_show_each_readers_position_and_how_many_ticks_wait(
    retained_backend: Any, tmp_path: Path
) -> None:
    async with retained_backend.writer(tmp_path) as log:
        assert await log.holds() == {}
        assert (await log.health()).undelivered == 0
        await log.hold("slow", await log.append(Batch(ticks=ticks(log.origin, 1, 3))))
        await log.hold("quick", await log.append(Batch(ticks=ticks(log.origin, 4, 8))))
        await log.append(Batch(ticks=ticks(log.origin, 9, 9)))
    async with retained_backend.writer(tmp_path) as log:
        holds = await log.holds()
        assert {reader: hold.ticks for reader, hold in holds.items()} == {"slow": 6, "quick": 1}
        batches = [b async for b in log.read(holds["slow"].position, follow=False)]
        assert [t.sequence for b in batches for t in b.ticks] == [4, 5, 6, 7, 8, 9]
        assert (await log.health()).undelivered == 6
        assert (await log.health()).waiting == {"slow": 6, "quick": 1}
        await log.hold("slow", None)
        assert (await log.health()).undelivered == 1


async def test_retention_reports_to_an_overtaken_reader_exactly_what_it_missed(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=10 * SECOND, clock=clock) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 2, "AB")))
        snapshot = await log.snapshot()
        await log.append(Batch(ticks=ticks(log.origin, 3, 5, "A")))
        clock.now += 99 * SECOND
        await log.append(Batch(ticks=ticks(log.origin, 6, 6, "A")))
        await log.prune()
        batches = [
            b async for b in log.read(snapshot.position, last_seen=snapshot.last_seen, follow=False)
        ]
        gaps = [gap for batch in batches for gap in batch.gaps]
        assert [(g.symbol, g.first_sequence, g.last_sequence, g.reason) for g in gaps] == [
            ("A", 3, 5, "retention")
        ]
        assert [t.sequence for batch in batches for t in batch.ticks] == [6]
        assert (await log.health()).holes == 3


async def test_a_reader_that_resumes_after_retention_gets_the_missed_span(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=10 * SECOND, clock=clock) as log:
        position = await log.append(Batch(ticks=ticks(log.origin, 1, 2, "AB")))
        await log.append(Batch(ticks=ticks(log.origin, 3, 5, "A")))
        clock.now += 99 * SECOND
        await log.append(Batch(ticks=ticks(log.origin, 6, 6, "A")))
        await log.prune()
    async with retained_backend.reader(tmp_path) as stream:
        batches = [b async for b in stream.read(position, follow=False)]
        (gap,) = [gap for batch in batches for gap in batch.gaps]
        assert isinstance(gap, Gap)
        assert (gap.symbols, gap.from_, gap.until) == (("A",), NOW + 2, NOW + 6)
        batches = [b async for b in stream.read(position, symbols={"B"}, follow=False)]
        assert [gap for batch in batches for gap in batch.gaps] == []


async def test_a_follower_that_retention_overtook_continues(
    retained_backend: Any, tmp_path: Path
) -> None:
    clock = Clock()
    async with retained_backend.writer(tmp_path, keep_for=10 * SECOND, clock=clock) as log:
        await log.append(Batch(ticks=ticks(log.origin, 1, 20)))
        seen: list[int] = []
        missed: list[tuple[int | None, int | None]] = []
        async with asyncio.timeout(30):
            async for batch in log.read(await log.find("start"), limit=5):
                seen += [t.sequence for t in batch.ticks]
                missed += [(g.first_sequence, g.last_sequence) for g in batch.gaps]
                if seen == [1, 2, 3, 4, 5]:
                    clock.now += 99 * SECOND
                    await log.append(Batch(ticks=ticks(log.origin, 21, 22)))
                    await log.prune()
                if seen[-1] == 22:
                    break
        assert seen == [1, 2, 3, 4, 5, 21, 22]
        assert missed == [(6, 20)]
