from __future__ import annotations

import asyncio

from ticker import wire
from ticker.compare.clients import percentile
from ticker.compare.plan import EventSchedule, RunPlan, due_times, tick_of
from ticker.system_clock import monotonic


def test_server_and_clients_compute_the_same_schedule() -> None:
    plan = RunPlan(events=1_000, rate=50.0, start=7)
    due = due_times(plan)
    assert due == due_times(plan) == sorted(due)
    assert due[0] > 7
    assert 15e6 < due[-1] < 25e6  # 1,000 events at 50 a second
    assert due_times(RunPlan(events=3, start=7)) == [7, 7, 7]


def test_events_differ_and_have_one_size() -> None:
    events = [wire.encode(tick_of(n)) for n in range(1, 1_001)]
    assert len(set(events)) == 1_000
    assert max(map(len, events)) - min(map(len, events)) < 15


async def test_a_schedule_keeps_its_order_and_waits_for_no_listener() -> None:
    published: list[int] = []

    async def publish(first: int, last: int) -> None:
        published.extend(range(first, last + 1))

    schedule = EventSchedule(RunPlan(events=2_500, start=monotonic()), publish)
    waiting = asyncio.create_task(schedule.beyond(2_499))
    await schedule.run()
    assert published == list(range(1, 2_501))
    assert await waiting == schedule.there == len(schedule.late) == 2_500


async def test_lateness_counts_from_the_time_at_which_an_event_was_due() -> None:
    async def publish(*_: int) -> None:
        await asyncio.sleep(0.03)  # a sender that is slow

    start = monotonic() - 1_000_000  # a second ago
    schedule = EventSchedule(RunPlan(events=2, start=start), publish)
    await schedule.run()
    assert all(late >= 1_030_000 for late in schedule.late)


def test_percentiles_are_measured_latencies() -> None:
    latencies = [1_000 * n for n in range(100, 0, -1)]
    assert (percentile(latencies, 50), percentile(latencies, 99)) == (50.0, 99.0)
    assert percentile([5_000], 99) == 5.0
    assert percentile([], 50) is None
