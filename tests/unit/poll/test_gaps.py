"""Which spans become gaps, given the heartbeats of all pollers in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tests.polling import START, FakeSource, MemoryLog, Scene, rising
from ticker.errors import SourceUnreachable
from ticker.records import Gap, Heartbeat
from ticker.units import SECOND


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def steady(_: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
    """Prices that never change, so no quote shows that a poller ran."""
    return dict.fromkeys(symbols, 5.0) | {"time": START}


def cut_off_after(seconds: int) -> Any:
    def script(source: FakeSource, symbols: Sequence[str]) -> Any:
        if source.clock.now >= seconds * SECOND:
            return SourceUnreachable("yahoo", "refused")
        return steady(source, symbols)

    return script


async def poll(
    log: MemoryLog, *symbols: str, at: int, seconds: int, script: Any = steady
) -> list[Gap]:
    """Poll each second from `at` for so many seconds. Returns the new gaps."""
    before = len(log.gaps)
    scene = Scene(script, log=log)
    scene.clock.offset = START + at * SECOND
    await scene.poll(*symbols, every=SECOND, duration=seconds * SECOND).run()
    return log.gaps[before:]


def spans(gaps: list[Gap]) -> list[tuple[int, int, tuple[str, ...] | None]]:
    """Return from, until (s since the start) and symbols of each gap."""
    return [
        (
            ((gap.from_ or 0) - START) // SECOND,
            ((gap.until or 0) - START) // SECOND,
            gap.symbols,
        )
        for gap in gaps
    ]


def without_farewell(log: MemoryLog) -> None:
    """Remove the last heartbeat, as after a SIGKILL."""
    assert log.heartbeats.pop().state == "stopped"


@pytest.mark.parametrize("back_at", [3_601, 7_200], ids=["at once", "an hour later"])
async def test_a_stop_in_an_outage_hides_nothing_of_it(log: MemoryLog, back_at: int) -> None:
    await poll(log, at=0, seconds=3_600, script=cut_off_after(3))
    gaps = await poll(log, at=back_at, seconds=2)
    assert spans(gaps) == [(2, back_at, None)]


async def test_a_kill_in_an_outage_makes_no_gap_for_covered_symbols(log: MemoryLog) -> None:
    await poll(log, at=0, seconds=1_020, script=cut_off_after(1_000))
    without_farewell(log)
    assert spans(await poll(log, at=1_100, seconds=2)) == [(999, 1_100, None)]


async def test_a_poller_that_is_killed_and_started_again_at_once_was_stopped(
    log: MemoryLog,
) -> None:
    await poll(log, "A", at=0, seconds=3)
    without_farewell(log)
    [gap] = await poll(log, "A", at=6, seconds=2)
    assert (spans([gap]), gap.reason) == ([(2, 6, None)], "poller stopped")


async def test_a_restart_in_an_outage_remembers_when_it_began(log: MemoryLog) -> None:
    await poll(log, at=0, seconds=20, script=cut_off_after(10))
    await poll(log, at=60, seconds=20, script=cut_off_after(0))
    without_farewell(log)
    assert spans(await poll(log, at=100, seconds=2)) == [(9, 100, None)]


async def test_a_heartbeat_carries_the_time_of_the_last_good_answer(log: MemoryLog) -> None:
    await poll(log, at=0, seconds=4, script=cut_off_after(2))
    assert [(beat.state, beat.last_good) for beat in log.heartbeats] == [
        ("ok", START),
        ("ok", START + SECOND),
        ("unreachable", START + SECOND),
        ("unreachable", START + SECOND),
        ("stopped", START + SECOND),
    ]


@pytest.mark.parametrize("killed", [False, True])
async def test_a_poller_of_one_shared_symbol_hides_no_gap_of_the_others(
    log: MemoryLog, killed: bool
) -> None:
    await poll(log, "A", "B", at=0, seconds=3)
    await poll(log, "B", at=3, seconds=600, script=rising)
    if killed:
        without_farewell(log)
    gaps = await poll(log, "A", "B", at=604, seconds=2)
    assert spans(gaps) == [(2, 604, ("A",))]


async def test_symbols_last_polled_by_different_pollers_have_separate_gaps(
    log: MemoryLog,
) -> None:
    await poll(log, "A", "B", at=0, seconds=3)
    await poll(log, "C", "D", at=3, seconds=97, script=rising)
    gaps = await poll(log, "A", "B", "C", "E", at=200, seconds=2, script=rising)
    assert sorted(spans(gaps), key=str) == [(2, 200, ("A", "B")), (99, 200, ("C",))]


async def test_a_dead_poller_does_not_cover_symbols_of_others(
    log: MemoryLog,
) -> None:
    await poll(log, "A", at=0, seconds=3)
    await poll(log, "B", at=3, seconds=600)
    assert spans(await poll(log, "A", "X", at=700, seconds=2)) == [(2, 700, ("A",))]


async def test_a_killed_poller_of_many_symbols_leaves_one_gap(log: MemoryLog) -> None:
    def uneven(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        # Faster than heartbeats: what was kept after the last of them differs by symbol.
        prices = steady(source, symbols)
        return prices | {symbols[len(source.asked) % 2]: float(len(source.asked))}

    scene = Scene(uneven, log=log)
    await scene.poll("A", "B", every=SECOND // 10, duration=3 * SECOND - 1).run()
    without_farewell(log)
    [gap] = await poll(log, "A", "B", at=60, seconds=2)
    assert (gap.from_, gap.symbols) == (START + 29 * SECOND // 10, None)


def beat(at: int, *symbols: str, last_good: int | None = None, **told: Any) -> Heartbeat:
    """A sign of life of another poller, each second, which asked `at` (seconds)."""
    good = START + (at if last_good is None else last_good) * SECOND
    facts: dict[str, Any] = {"state": "ok", "asked": 2, "answered": 2, **told}
    return Heartbeat(
        "o",
        "other",
        "yahoo",
        time=START + at * SECOND,
        received=START + at * SECOND,
        interval=SECOND,
        last_good=good,
        symbols=symbols,
        **facts,
    )


async def test_symbols_that_another_living_poller_covers_are_in_no_gap() -> None:
    log = MemoryLog()
    await poll(log, "A", "M", at=0, seconds=3)
    without_farewell(log)
    await poll(log, "B", "A", at=0, seconds=60, script=rising)
    without_farewell(log)
    assert spans(await poll(log, "A", "M", at=60, seconds=2)) == [(2, 60, ("M",))]


async def test_there_is_no_gap_if_others_covered_every_symbol() -> None:
    log = MemoryLog()
    await poll(log, "A", "M", at=0, seconds=3)
    log.heartbeats.append(beat(60, "M", "A"))
    assert await poll(log, "A", "M", at=61, seconds=2) == []


@pytest.mark.parametrize(
    ("at", "state", "reason"),
    [
        (62, "ok", "poller held up"),
        (62, "stopped", "poller stopped"),
        (90, "ok", "poller stopped"),  # no heartbeat for long: it was killed
    ],
)
async def test_a_late_poller_has_not_stopped_when_another_starts(
    log: MemoryLog, at: int, state: str, reason: str
) -> None:
    await poll(log, "A", at=0, seconds=3)
    log.heartbeats.append(beat(59, "A", state=state))
    [gap] = await poll(log, "A", at=at, seconds=2)
    assert (spans([gap]), gap.reason) == ([(59, at, ("A",))], reason)


async def test_a_gap_begins_when_the_other_poller_stopped_covering_the_symbol() -> None:
    log = MemoryLog()
    await poll(log, "A", "M", at=0, seconds=3)
    log.heartbeats.append(beat(30, "A", "B", state="stopped"))
    gaps = await poll(log, "A", "M", at=60, seconds=2)
    assert sorted(spans(gaps)) == [(2, 60, ("M",)), (30, 60, ("A",))]


def cut_off_for_long(log: MemoryLog, other: Callable[[int], Heartbeat]) -> Any:
    """Return a script that fails from second 3 to 20, with a heartbeat of `other` each time."""

    def script(source: FakeSource, symbols: Sequence[str]) -> Any:
        second = source.clock.now // SECOND
        log.heartbeats.append(other(second))
        if 3 <= second < 20:
            return SourceUnreachable("yahoo", "refused")
        return steady(source, symbols)

    return script


async def test_a_poller_cut_off_alone_reports_only_symbols_that_others_did_not_cover() -> None:
    log = MemoryLog()
    script = cut_off_for_long(log, lambda second: beat(second, "A", "B"))
    [gap] = await poll(log, "A", "M", at=0, seconds=60, script=script)
    assert (gap.from_, gap.reason, gap.symbols) == (START + 2 * SECOND, "unreachable", ("M",))


async def test_a_poller_cut_off_with_the_others_reports_all_its_symbols() -> None:
    log = MemoryLog()

    def failing(second: int) -> Heartbeat:
        return beat(second, "A", "B", last_good=2, state="unreachable")

    [gap] = await poll(log, "A", "M", at=0, seconds=60, script=cut_off_for_long(log, failing))
    assert (gap.from_, gap.symbols) == (START + 2 * SECOND, None)


@pytest.mark.parametrize("every", [100_000, 250_000, 500_000, 700_000])
async def test_symbols_that_another_poller_asked_for_often_are_in_no_gap(every: int) -> None:
    async def uneven(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        await source.clock.sleep(9_000 if len(source.asked) % 7 == 1 else 2_000)
        return steady(source, symbols)

    log = MemoryLog()
    other = Scene(uneven, log=log)
    await other.poll("A", "B", every=every, duration=60 * SECOND).run()
    without_farewell(log)
    assert await poll(log, "A", at=60, seconds=2) == []


async def test_gaps_that_begin_with_the_same_pollers_end_are_one() -> None:
    log = MemoryLog()
    await poll(log, "A", at=0, seconds=3)
    await poll(log, "C", "D", at=0, seconds=6, script=rising)

    def script(source: FakeSource, symbols: Sequence[str]) -> Any:
        if source.clock.now < 10 * SECOND:
            log.heartbeats.append(beat(102, "A", "C", state="stopped"))
            return SourceUnreachable("yahoo", "refused")
        return steady(source, symbols)

    [gap] = await poll(log, "A", "C", at=100, seconds=30, script=script)
    # A log would take a second one of this writer with the same beginning for the first.
    assert (gap.from_, gap.symbols) == (START + 102 * SECOND, ("A", "C"))


async def test_a_symbol_added_in_an_outage_was_not_covered_before_it() -> None:
    log = MemoryLog()
    await poll(log, "A", at=0, seconds=3)
    # Its last good answer was about other symbols.
    log.heartbeats.append(beat(60, "B", "A", last_good=30, state="unreachable"))
    assert spans(await poll(log, "A", "X", at=60, seconds=2)) == [(2, 60, ("A",))]


async def test_a_poller_of_another_source_covers_nothing_here() -> None:
    log = MemoryLog()
    await poll(log, "A", at=0, seconds=3)
    elsewhere = msgspec.structs.replace(beat(59, "A"), source="exchange")
    log.heartbeats.append(elsewhere)
    assert spans(await poll(log, "A", at=60, seconds=2)) == [(2, 60, None)]


async def test_a_symbol_that_was_removed_for_a_while_was_not_polled(log: MemoryLog) -> None:
    scene = Scene(rising, log=log)
    poller = scene.poll("A", "B", every=SECOND, duration=20 * SECOND)

    def script(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        match len(source.asked):
            case 3:
                poller.remove(["A"])
            case 13:
                poller.add(["A"])
        return rising(source, symbols)

    scene.source.script = script
    await poller.run()
    [gap] = log.gaps
    assert (spans([gap]), gap.reason) == ([(2, 13, ("A",))], "not polled")


@pytest.mark.parametrize("other", [None, "unreachable", "ok"])
async def test_a_symbol_that_was_removed_has_a_gap_since_its_last_poll(
    log: MemoryLog, other: str | None
) -> None:
    scene = Scene(steady, log=log)
    poller = scene.poll("A", "B", every=SECOND, duration=40 * SECOND)

    def script(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        match len(source.asked):
            case 10:
                poller.remove(["A"])
            case 20 if other == "ok":
                log.heartbeats.append(beat(15, "A", state="stopped"))
            case 30:
                if other == "unreachable":  # it does not say what its last answer was for
                    log.heartbeats.append(beat(29, "A", last_good=20, state=other))
                poller.add(["A"])
        return steady(source, symbols)

    scene.source.script = script
    await poller.run()
    [gap] = log.gaps
    assert (spans([gap]), gap.reason) == (
        [(15 if other == "ok" else 9, 30, ("A",))],
        "not polled",
    )


async def test_a_poller_without_symbols_polls_none(log: MemoryLog) -> None:
    scene = Scene(steady, log=log)
    poller = scene.poll("A", every=SECOND, duration=20 * SECOND)

    async def change() -> None:
        await scene.clock.sleep(5 * SECOND)
        poller.remove(["A"])
        await scene.clock.sleep(10 * SECOND)
        poller.add(["A", "B"])

    task = asyncio.create_task(change())
    await asyncio.sleep(0)
    await poller.run()
    await task
    [gap] = log.gaps
    assert (spans([gap]), gap.reason) == ([(4, 15, ("A",))], "not polled")


async def test_a_heartbeat_names_the_symbols_of_its_writer() -> None:
    scene = Scene(rising)
    poller = scene.poll("A", every=SECOND // 4, duration=2 * SECOND)

    def script(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        if len(source.asked) == 2:
            poller.add(["B"])
        return rising(source, symbols)

    scene.source.script = script
    await poller.run()
    assert [b.symbols for b in scene.log.heartbeats][:2] == [("A",), ("A", "B")]
    assert scene.log.heartbeats[-1].symbols == ("A", "B")
    # Reported at once, before a second has passed.
    assert scene.log.heartbeats[1].received < START + SECOND + SECOND // 2
