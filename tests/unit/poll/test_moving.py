"""A poller whose log was removed continues in a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from tests.polling import START, FakeSource, MemoryLog, Scene, rising
from ticker.errors import RateLimited, SourceUnreachable, StreamMissing
from ticker.health import WriterState
from ticker.poll import Poll
from ticker.records import Heartbeat, Quote, Tick
from ticker.streams.protocol import NumberingLog
from ticker.units import SECOND

ALL_THE_TIME = 10**18


def other_log() -> MemoryLog:
    log = MemoryLog()
    log.origin = "p"
    return log


async def lose_log(scene: Scene, poll: Poll, at: int) -> MemoryLog:
    """Run until the log is found to be gone, `at` (µs) or soon after; the one in its place."""
    gone = StreamMissing("memory:", "was removed")
    scene.log.fail = lambda: gone if scene.clock.now >= at else None
    with pytest.raises(StreamMissing):
        await poll.run()
    for _ in range(10):  # opening a file lets others run, too
        await asyncio.sleep(0)
    log = other_log()
    poll.move(cast("NumberingLog", log))
    return log


async def test_the_schedule_and_the_counts_continue_in_the_new_log() -> None:
    scene = Scene(rising)
    poll = scene.poll(every=SECOND, duration=8 * SECOND)
    log = await lose_log(scene, poll, 5 * SECOND)
    report = await poll.run()
    assert scene.times == [0, 1, 2, 3, 4, 5, 6, 7]
    assert scene.clock.now == 8 * SECOND
    assert [tick.sequence for tick in log.ticks] == [1, 2]
    assert (report.status.ticks, report.status.gone, report.status.polls, report.why) == (
        7,
        5,
        8,
        "duration",
    )
    assert [tick.origin for tick in log.ticks] == ["p", "p"]
    assert log.gaps == []


async def test_ticks_lost_with_the_old_log_count_towards_the_wanted_number() -> None:
    scene = Scene(rising)
    poll = scene.poll(every=SECOND, count=7)
    log = await lose_log(scene, poll, 4 * SECOND)
    report = await poll.run()
    assert (len(scene.log.ticks), len(log.ticks)) == (4, 3)
    assert (report.status.ticks, report.status.gone, report.why) == (7, 4, "count")
    assert not report.is_log_gone


async def test_added_and_removed_symbols_and_the_writers_name_survive_the_move() -> None:
    scene = Scene(rising)
    poll = scene.poll("A", "B", every=SECOND, duration=6 * SECOND)
    poll.add(["C"])
    poll.remove(["A"])
    log = await lose_log(scene, poll, 3 * SECOND)
    poll.add(["D"])  # between the two logs
    await poll.run()
    assert set(log.latest) == {"B", "C", "D"}
    assert {beat.writer for beat in log.heartbeats} == {scene.log.heartbeats[0].writer}


async def test_a_stop_between_two_logs_takes_effect() -> None:
    scene = Scene(rising)
    poll = scene.poll(every=SECOND)
    log = await lose_log(scene, poll, 3 * SECOND)
    poll.stop()
    report = await poll.run()
    assert (report.status.ticks, report.status.gone, report.why) == (3, 3, "stopped")
    assert (log.ticks, log.heartbeats) == ([], [])


async def test_the_poller_is_reported_as_stopped_only_at_its_end() -> None:
    scene = Scene(rising)
    poll = scene.poll(every=SECOND, duration=6 * SECOND)
    await lose_log(scene, poll, 3 * SECOND)
    assert WriterState.STOPPED not in {status.state for status in scene.told}
    await poll.run()
    assert [status.state for status in scene.told].count(WriterState.STOPPED) == 1
    assert [status.ticks for status in scene.told] == sorted(s.ticks for s in scene.told)


async def test_the_new_log_gets_prices_within_a_second() -> None:
    scene = Scene(rising)
    poll = scene.poll(duration=50 * SECOND)
    log = await lose_log(scene, poll, 15 * SECOND)
    await poll.run()
    assert scene.times == [0, 15, 16, 30, 45]
    assert len(log.ticks) == 3


@pytest.mark.parametrize("losses", [3, 70])
async def test_removed_logs_never_push_an_hour_over_the_budget(
    losses: int,
) -> None:
    scene = Scene(rising, budget=60)
    poll = scene.poll(duration=2 * 3_600 * SECOND)
    for n in range(losses):
        scene.log = await lose_log(scene, poll, n * SECOND)
    await poll.run()
    asked = scene.times
    assert all(sum(at <= other < at + 3_600 for other in asked) <= 60 for at in asked)


async def test_a_request_in_flight_counts_in_the_budget() -> None:
    async def slow(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 1:
            await source.clock.sleep(ALL_THE_TIME)
        return rising(source, symbols)

    scene = Scene(slow, budget=4)
    poll = scene.poll(patience=ALL_THE_TIME, duration=3_500 * SECOND)
    scene.log = await lose_log(scene, poll, 1_000 * SECOND)
    for n in range(6):
        scene.log = await lose_log(scene, poll, (1_800 + n) * SECOND)
    await poll.run()
    # A log that is gone is noticed with the next sign of life, a second after a slot.
    assert scene.times == [0, 1_801, 1_802, 1_803]


async def test_the_new_log_knows_a_rate_limit_and_the_source_is_not_asked() -> None:
    def limited(source: FakeSource, symbols: Sequence[str]) -> Any:
        if len(source.asked) == 2:
            return RateLimited("yahoo", source.clock.wall() + 90 * SECOND)
        return rising(source, symbols)

    scene = Scene(limited)
    poll = scene.poll(duration=110 * SECOND)
    log = await lose_log(scene, poll, 40 * SECOND)
    await poll.run()
    assert scene.times == [0, 15, 105]
    first, *_ = log.heartbeats
    assert (first.state, first.retry_at) == ("rate-limited", START + 105 * SECOND)
    assert (first.origin, first.received, first.last_good) == ("p", START + 45 * SECOND, None)
    assert {beat.origin for beat in log.heartbeats} == {"p"}


async def test_a_failing_source_is_still_asked_less_and_less_often() -> None:
    scene = Scene(lambda *_: SourceUnreachable("yahoo", "refused"), budget=3_600)
    poll = scene.poll(every=SECOND, duration=40 * SECOND)
    await lose_log(scene, poll, 7 * SECOND)
    await poll.run()
    assert scene.times == [0, 1, 3, 7, 15, 31]


async def test_no_second_request_starts_while_one_is_in_flight() -> None:
    async def slow(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 2:
            try:
                await source.clock.sleep(ALL_THE_TIME)
            finally:
                await source.clock.sleep(5 * SECOND)  # lets go late
        return rising(source, symbols)

    scene = Scene(slow)
    poll = scene.poll(every=SECOND, duration=20 * SECOND)
    log = await lose_log(scene, poll, 2 * SECOND)
    await poll.run()
    assert scene.source.most_under_way == 1
    assert log.ticks


async def test_in_an_older_copy_of_the_log_the_absence_is_a_gap() -> None:
    scene = Scene(rising)
    poll = scene.poll(every=SECOND, duration=20 * SECOND)
    log = await lose_log(scene, poll, 10 * SECOND)
    log.ticks.append(Tick("A", "yahoo", "p", 1, START, START, 5.0))
    log.latest["A"] = Quote("A", "yahoo", START, START, 5.0, "p", 1)
    log.heartbeats.append(
        Heartbeat(
            "p", poll.writer, "yahoo", START, START, SECOND, "ok", 1, 1, last_good=START,
            symbols=("A",),
        )
    )  # fmt: skip
    await poll.run()
    [gap] = log.gaps
    assert (gap.from_, gap.until, gap.origin) == (START, START + 11 * SECOND, "p")


async def test_a_log_found_removed_at_the_end_holds_none_of_the_ticks() -> None:
    scene = Scene(rising)
    gone = StreamMissing("memory:", "was removed")
    scene.log.fail = lambda: gone if scene.clock.now > SECOND else None
    report = await scene.poll(duration=5 * SECOND).run()
    assert (report.status.ticks, report.status.gone, report.why) == (1, 1, "duration")
    assert report.is_log_gone
