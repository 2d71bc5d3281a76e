from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import pytest

from tests.polling import START, FakeSource, MemoryLog, Scene, rising
from ticker.errors import (
    InvalidRecord,
    MixedPrices,
    RateLimited,
    SourceError,
    SourceUnreachable,
    StreamNotWritable,
    StreamUnreachable,
)
from ticker.poll import PollReport
from ticker.records import Quote, Tick
from ticker.sources.budget import Budget
from ticker.units import SECOND


async def test_polls_keep_an_absolute_schedule_and_ticks_their_sequence() -> None:
    scene = Scene(rising)
    report = await scene.poll(every=SECOND, duration=5 * SECOND).run()
    assert scene.times == [0, 1, 2, 3, 4]
    assert [tick.sequence for tick in scene.log.ticks] == [1, 2, 3, 4, 5]
    assert report == PollReport(report.status, why="duration", answers=5)
    done = report.status
    assert (done.polls, done.ticks, done.quotes, done.gaps, done.refused) == (5, 5, 5, 0, {})
    assert scene.log.gaps == []


async def test_a_heartbeat_for_very_many_symbols_holds_only_their_number() -> None:
    crowd = [f"S{n}" for n in range(12_000)]
    scene = Scene(lambda _, __: {"S7": 1.0})
    await scene.poll(*crowd, every=SECOND, duration=SECOND).run()
    for told in scene.log.heartbeats:
        assert (told.asked, told.symbols) == (12_000, None)
        assert len(told.refused) <= 5_000


async def test_slots_never_drift_and_missed_ones_are_skipped() -> None:
    async def uneven(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        await source.clock.sleep(2_000_000 if len(source.asked) == 3 else 999_999)
        return rising(source, symbols)

    scene = Scene(uneven)
    await scene.poll(every=SECOND, duration=8 * SECOND).run()
    assert scene.times == [0, 1, 2, 5, 6, 7]


async def test_a_slow_answer_skips_slots_and_requests_never_pile_up() -> None:
    async def slow(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        await source.clock.sleep(1_300_000)
        return rising(source, symbols)

    scene = Scene(slow)
    await scene.poll(every=SECOND, duration=6 * SECOND).run()
    assert scene.times == [0, 2, 4]
    assert scene.source.most_under_way == 1


async def test_a_very_slow_answer_is_reported_and_leaves_a_gap() -> None:
    async def slow(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 2:
            await source.clock.sleep(5 * SECOND)
        return rising(source, symbols)

    scene = Scene(slow)
    await scene.poll(every=SECOND, duration=8_500_000).run()
    assert "slow" in [beat.state for beat in scene.log.heartbeats]
    assert [(gap.from_, gap.until, gap.reason) for gap in scene.log.gaps] == [
        (START, START + 6 * SECOND, "slow answer")
    ]


async def test_before_its_first_answer_a_poller_is_starting_and_not_slow() -> None:
    async def slow(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        await source.clock.sleep(12 * SECOND if len(source.asked) == 2 else 3 * SECOND)
        return rising(source, symbols)

    scene = Scene(slow)
    await scene.poll(every=5 * SECOND, duration=30 * SECOND).run()
    beats = [(beat.received - START, beat.state) for beat in scene.log.heartbeats]
    assert beats[:2] == [(SECOND, "starting"), (3 * SECOND, "ok")]
    assert "slow" in {state for _, state in beats[2:]}


async def test_a_failing_source_is_not_called_slow_during_a_retry() -> None:
    async def hanging(source: FakeSource, symbols: Sequence[str]) -> Any:
        if 1 < len(source.asked) < 5:
            await source.clock.sleep(10 * SECOND)
            return SourceUnreachable("yahoo", "no answer within 10 s")
        return rising(source, symbols)

    scene = Scene(hanging)
    await scene.poll(every=SECOND, duration=60 * SECOND).run()
    states = [state for state, _ in groupby(beat.state for beat in scene.log.heartbeats)]
    assert states == ["ok", "slow", "unreachable", "ok", "stopped"]
    signs = [beat.received for beat in scene.log.heartbeats]
    assert all(later - earlier <= 3 * SECOND for earlier, later in pairwise(signs))


async def test_each_status_of_a_failing_source_names_the_next_try() -> None:
    scene = Scene(lambda source, _: RateLimited("yahoo", source.clock.wall() + 60 * SECOND))
    await scene.poll(duration=200 * SECOND).run()
    failing = [status for status in scene.told if status.state == "rate-limited"]
    assert [status.polls for status in failing] == [1, 2, 3, 4]
    tries = [START + (60 * polls) * SECOND for polls in (1, 2, 3, 4)]
    assert [status.retry_at for status in failing] == tries


async def test_a_hanging_request_is_given_up_and_the_source_asked_again() -> None:
    async def hanging(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 1:
            await asyncio.Event().wait()
        return rising(source, symbols)

    scene = Scene(hanging)
    report = await scene.poll(every=SECOND, patience=10 * SECOND, duration=13 * SECOND).run()
    assert report.status.ticks > 0
    assert any(status.problem == "no answer for 10s" for status in scene.told)


async def test_a_rate_limited_poller_waits_and_sends_heartbeats_and_records_one_gap() -> None:
    def limited(source: FakeSource, symbols: Sequence[str]) -> Any:
        if len(source.asked) == 2:
            return RateLimited("yahoo", source.clock.wall() + 90 * SECOND)
        return rising(source, symbols)

    scene = Scene(limited)
    await scene.poll(duration=110 * SECOND).run()
    assert scene.times == [0, 15, 105]
    beats = [beat for beat in scene.log.heartbeats if beat.state == "rate-limited"]
    assert len(beats) == 6
    assert {beat.retry_at for beat in beats} == {START + 105 * SECOND}
    assert {beat.time for beat in beats} == {START + 15 * SECOND}
    [gap] = scene.log.gaps
    assert (gap.from_, gap.until, gap.reason) == (START, START + 105 * SECOND, "rate-limited")
    assert gap.symbols is None


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SourceUnreachable("yahoo", "refused"), "unreachable"),
        (SourceError("yahoo", "?"), "unreadable"),
    ],
)
async def test_a_failing_source_is_asked_less_often_and_its_state_reported(
    error: SourceError, state: str
) -> None:
    def failing(source: FakeSource, symbols: Sequence[str]) -> Any:
        return error if 1 < len(source.asked) < 8 else rising(source, symbols)

    scene = Scene(failing, budget=3_600)
    await scene.poll(every=SECOND, duration=200 * SECOND, count=2).run()
    waits = [after - before for before, after in pairwise(scene.times)]
    assert waits == [1, 1, 2, 4, 8, 16, 32]
    [gap] = scene.log.gaps
    assert gap.reason == state
    assert state in {beat.state for beat in scene.log.heartbeats}
    assert all(later.received - beat.received <= 16 * SECOND for beat, later in
               pairwise(scene.log.heartbeats))  # fmt: skip


@pytest.mark.parametrize(("every", "waits"), [(0.1, [0.5, 1, 2, 2, 2]), (1, [1, 2, 2, 2])])
async def test_a_server_without_a_budget_is_asked_again_within_two_seconds(
    every: float, waits: list[float]
) -> None:
    scene = Scene(lambda *_: SourceUnreachable("exchange", "no connection"))
    await scene.poll(every=round(every * SECOND), duration=8 * SECOND).run()
    assert [after - before for before, after in pairwise(scene.times)][: len(waits)] == waits


async def test_heartbeats_come_at_most_once_a_second_and_with_the_end() -> None:
    scene = Scene(rising)
    await scene.poll(every=SECOND // 10, duration=3 * SECOND).run()
    assert len(scene.source.asked) == 30
    assert [beat.state for beat in scene.log.heartbeats] == ["ok", "ok", "ok", "stopped"]


@pytest.mark.parametrize("every", [100_000, 250_000, 500_000, 700_000, 2 * SECOND, 9 * SECOND])
async def test_heartbeats_carry_the_time_of_the_last_poll_at_any_interval(every: int) -> None:
    async def uneven(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        await source.clock.sleep(9_000 if len(source.asked) % 7 == 1 else 2_000)
        return dict.fromkeys(symbols, 5.0)

    scene = Scene(uneven)
    await scene.poll(every=every, duration=60 * SECOND).run()
    *beats, _ = scene.log.heartbeats
    assert all(beat.received - beat.time < every for beat in beats)
    assert all(beat.last_good == beat.received for beat in beats)
    assert all(
        SECOND <= later.received - beat.received < SECOND + 2 * every
        for beat, later in pairwise(beats)
    )


async def test_unchanged_quotes_are_not_written() -> None:
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    scene = Scene(lambda _, symbols: dict.fromkeys(symbols, 5.0))
    scene.clock.wall = lambda: START  # type: ignore[method-assign]
    scene.log.fail = count
    await scene.poll(every=SECOND // 10, duration=SECOND).run()
    assert (len(scene.log.ticks), calls) == (1, 2)


async def test_after_a_restart_sequences_continue_and_the_absence_is_a_gap() -> None:
    first = Scene(rising)
    await first.poll("A", every=SECOND, duration=3 * SECOND).run()
    second = Scene(rising, log=first.log)
    second.clock.offset = START + 60 * SECOND
    await second.poll("A", every=SECOND, duration=2 * SECOND).run()
    assert [tick.sequence for tick in first.log.ticks] == [1, 2, 3, 4, 5]
    [gap] = first.log.gaps
    assert gap.reason == "poller stopped"
    assert (gap.from_, gap.until) == (START + 2 * SECOND, START + 60 * SECOND)
    assert gap.writer == first.log.heartbeats[0].writer


async def test_a_quick_restart_leaves_no_gap() -> None:
    first = Scene(rising)
    await first.poll(every=SECOND, duration=3 * SECOND).run()
    second = Scene(rising, log=first.log)
    second.clock.offset = START + 4 * SECOND
    await second.poll(every=SECOND, duration=2 * SECOND).run()
    assert first.log.gaps == []


async def test_a_restart_with_another_watchlist_names_the_symbols_of_the_gap() -> None:
    first = Scene(rising)
    await first.poll("A", "B", every=SECOND, duration=3 * SECOND).run()
    second = Scene(rising, log=first.log)
    second.clock.offset = START + 60 * SECOND
    await second.poll("B", "C", every=SECOND, duration=2 * SECOND).run()
    [gap] = first.log.gaps
    assert gap.symbols == ("B",)


async def test_a_symbol_added_is_asked_for_within_a_second_and_its_absence_is_a_gap() -> None:
    first = Scene(rising)
    await first.poll("B", every=SECOND, duration=3 * SECOND).run()
    scene = Scene(rising, log=first.log)
    scene.clock.offset = START + 100 * SECOND
    poll = scene.poll("A", duration=29 * SECOND)

    async def add() -> None:
        await scene.clock.sleep(5 * SECOND)
        poll.add(["B", "A"])

    task = asyncio.create_task(add())
    await asyncio.sleep(0)
    await poll.run()
    await task
    assert scene.source.asked[1] == (5 * SECOND, ("A", "B"))
    [gap] = first.log.gaps
    assert gap.symbols == ("B",)
    assert gap.from_ == START + 2 * SECOND


async def test_a_removed_symbol_is_not_polled_and_nonsense_is_never_added() -> None:
    scene = Scene(rising)
    poll = scene.poll("A", "B", every=SECOND, duration=2 * SECOND)
    poll.remove(["B", "X"])
    with pytest.raises(InvalidRecord):
        poll.add(["C", "\x1b[31m"])
    await poll.run()
    assert {symbols for _, symbols in scene.source.asked} == {("A",)}


async def test_two_pollers_on_one_log_make_no_hole_and_no_repeat() -> None:
    log = MemoryLog()
    one, two = Scene(rising, log=log), Scene(rising, log=log)
    two.clock, two.source.clock = one.clock, one.clock
    await asyncio.gather(
        one.poll("A", every=SECOND, duration=5 * SECOND).run(),
        two.poll("A", "B", every=SECOND // 2, duration=5 * SECOND).run(),
    )
    for symbol in ("A", "B"):
        mine = [tick for tick in log.ticks if tick.symbol == symbol]
        assert [tick.sequence for tick in mine] == list(range(1, len(mine) + 1))
        assert all(b.previous_price == a.price for a, b in pairwise(mine))


async def test_a_price_that_returns_while_another_poller_wrote_is_still_a_tick() -> None:
    log = MemoryLog()

    def steady(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 2:
            now = source.clock.wall()
            log.ticks.append(Tick("A", "yahoo", "o", 2, now - 1, now - 1, 6.0, 5.0))
            log.latest["A"] = Quote("A", "yahoo", now - 1, now - 1, 6.0, "o", 2)
        return dict.fromkeys(symbols, 5.0)

    scene = Scene(steady, log=log)
    await scene.poll(every=SECOND, duration=5 * SECOND).run()
    assert [(tick.sequence, tick.price) for tick in log.ticks] == [(1, 5.0), (2, 6.0), (3, 5.0)]


async def test_an_interval_below_the_budget_is_stretched_and_reported() -> None:
    scene = Scene(rising, budget=360)
    await scene.poll(every=SECOND, duration=25 * SECOND).run()
    assert scene.times == [0, 10, 20]
    assert scene.told[-1].note == "you asked for 1s; Yahoo's limit"


async def test_the_poller_asks_less_often_while_all_markets_are_closed() -> None:
    def closed(source: FakeSource, symbols: Sequence[str]) -> dict[str, Any]:
        return rising(source, symbols) | {"session": "closed" if len(source.asked) > 1 else "post"}

    scene = Scene(closed)
    await scene.poll(duration=140 * SECOND).run()
    assert scene.times == [0, 15, 75, 135]
    assert scene.log.gaps == []


async def test_a_stepped_wall_clock_neither_stops_the_polls_nor_makes_a_gap() -> None:
    def step(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 3:
            source.clock.offset -= 3_600 * SECOND
        if len(source.asked) == 5:
            source.clock.offset += 7_200 * SECOND
        return rising(source, symbols)

    scene = Scene(step)
    await scene.poll(every=SECOND, duration=7 * SECOND).run()
    assert scene.times == [0, 1, 2, 3, 4, 5, 6]
    assert scene.log.gaps == []


async def test_a_full_disk_ends_the_poller_with_its_own_error() -> None:
    scene = Scene(rising)
    full = StreamNotWritable("memory:", "disk full")
    scene.log.fail = lambda: full if len(scene.log.ticks) >= 3 else None
    with pytest.raises(StreamNotWritable):
        await scene.poll(every=SECOND, duration=60 * SECOND).run()
    assert len(scene.log.ticks) == 3


async def test_mixed_prices_end_the_poller_before_anything_is_written() -> None:
    scene = Scene(rising)
    scene.log.fail = lambda: MixedPrices("memory:", "A", log_is_simulated=True)
    with pytest.raises(MixedPrices):
        await scene.poll(every=SECOND).run()
    assert scene.log.heartbeats == []


async def test_a_stream_that_is_away_is_waited_for_and_leaves_a_gap() -> None:
    scene = Scene(rising)
    away = StreamUnreachable("memory:", "locked")
    scene.log.fail = lambda: away if 2 * SECOND <= scene.clock.now < 7 * SECOND else None
    await scene.poll(every=SECOND, duration=10 * SECOND).run()
    assert [tick.sequence for tick in scene.log.ticks] == [1, 2, 3, 4, 5]
    assert "stream-unreachable" in [status.state for status in scene.told]
    [gap] = scene.log.gaps
    assert gap.reason == "stream unreachable"


async def test_a_stop_ends_the_poller_at_once_even_if_the_source_hangs() -> None:
    async def hanging(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 2:
            poll.stop()
            await asyncio.Event().wait()
        return rising(source, symbols)

    scene = Scene(hanging)
    poll = scene.poll(every=SECOND)
    report = await poll.run()
    assert report.why == "stopped"
    assert [beat.state for beat in scene.log.heartbeats] == ["ok", "stopped"]
    assert scene.told[-1].state == "stopped"


async def test_the_wanted_count_ends_the_poller_after_a_whole_answer() -> None:
    scene = Scene(rising)
    report = await scene.poll("A", "B", "C", every=SECOND, count=4).run()
    assert (report.status.ticks, report.why) == (6, "count")


async def test_refusals_are_reported_by_symbol_and_do_not_affect_others() -> None:
    scene = Scene(lambda *_: {"A": 1.0})
    report = await scene.poll("A", "NOPE", every=SECOND, duration=SECOND).run()
    assert report.status.refused == {"NOPE": "no such symbol"}
    beat = scene.log.heartbeats[0]
    assert (beat.asked, beat.answered, dict(beat.refused)) == (2, 1, {"NOPE": "no such symbol"})


async def test_refusals_are_still_reported_while_the_source_does_not_answer() -> None:
    def limited(source: FakeSource, _: Sequence[str]) -> Any:
        is_first = len(source.asked) == 1
        return {"A": 1.0} if is_first else RateLimited("yahoo", source.clock.wall() + SECOND)

    scene = Scene(limited)
    await scene.poll("A", "NOPE", every=SECOND, duration=2 * SECOND).run()
    beat = scene.log.heartbeats[-2]
    assert (beat.state, beat.answered) == ("rate-limited", 0)
    assert dict(beat.refused) == {"NOPE": "no such symbol"}


async def test_an_answer_without_any_price_does_not_count_as_good() -> None:
    scene = Scene(
        lambda source, symbols: {} if 1 < len(source.asked) < 6 else rising(source, symbols)
    )
    await scene.poll(every=SECOND, duration=7 * SECOND).run()
    assert [gap.reason for gap in scene.log.gaps] == ["no prices"]
    assert "no-prices" in [beat.state for beat in scene.log.heartbeats]


def test_no_hour_holds_more_requests_than_the_budget() -> None:
    now = 0
    budget = Budget(3, uptime=lambda: now)
    for _ in range(3):
        assert budget.wait(1) == 0
        assert budget.take() == 0
        now += 10
    assert budget.take() > 0
    assert budget.wait(1) == 3_600 * SECOND - now
    assert budget.wait(2) == 3_600 * SECOND + 10 - now


async def test_many_symbols_take_several_requests_of_the_budget() -> None:
    scene = Scene(rising, budget=360)
    await scene.poll(*(f"S{n}" for n in range(51)), duration=SECOND).run()
    assert (scene.told[-1].interval, scene.told[-1].note) == (20 * SECOND, "Yahoo's limit")


@pytest.mark.parametrize(
    ("every", "note"), [(1_000, "you asked for 1ms; at least 50ms"), (50_000, None)]
)
async def test_no_source_is_asked_more_often_than_twenty_times_a_second(
    every: int, note: str | None
) -> None:
    scene = Scene(rising)
    await scene.poll(every=every, duration=SECOND).run()
    assert (scene.told[-1].interval, scene.told[-1].note) == (50_000, note)
    assert len(scene.times) == 20


async def test_an_answer_resets_the_wait_after_failures() -> None:
    def shaky(source: FakeSource, symbols: Sequence[str]) -> Any:
        failing = len(source.asked) in {2, 3, 5}
        return SourceUnreachable("yahoo", "?") if failing else rising(source, symbols)

    scene = Scene(shaky)
    await scene.poll(every=SECOND, duration=6_500_000).run()
    assert scene.times == [0, 1, 2, 4, 5, 6]
