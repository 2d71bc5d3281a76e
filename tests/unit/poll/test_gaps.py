"""Which spans count as not looked at, from what the log tells of all who looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.polling import SECOND, START, FakeSource, MemoryLog, Scene, rising
from ticker.errors import SourceUnreachable
from ticker.records import Gap


def steady(_: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
    """Nothing new, so no quote shows that somebody looked."""
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
    """Poll each second from `at` for so many seconds; the gaps that this added."""
    before = len(log.gaps)
    scene = Scene(script, log=log)
    scene.clock.offset = START + at * SECOND
    await scene.poll(*symbols, every=SECOND, duration=seconds * SECOND).run()
    return log.gaps[before:]


def spans(gaps: list[Gap]) -> list[tuple[int, int, tuple[str, ...] | None]]:
    """From, until (seconds since the start), and whom they concern."""
    return [
        (
            ((gap.from_ or 0) - START) // SECOND,
            ((gap.until or 0) - START) // SECOND,
            gap.symbols,
        )
        for gap in gaps
    ]


def without_farewell(log: MemoryLog) -> None:
    """As a SIGKILL leaves it."""
    assert log.heartbeats.pop().state == "stopped"


@pytest.mark.parametrize("back_at", [3_601, 7_200], ids=["at once", "an hour later"])
async def test_a_stop_in_an_outage_hides_nothing_of_it(back_at: int) -> None:
    log = MemoryLog()
    await poll(log, at=0, seconds=3_600, script=cut_off_after(3))
    gaps = await poll(log, at=back_at, seconds=2)
    assert spans(gaps) == [(2, back_at, None)]


async def test_a_kill_in_an_outage_makes_no_gap_of_what_was_looked_at() -> None:
    log = MemoryLog()
    await poll(log, at=0, seconds=1_020, script=cut_off_after(1_000))
    without_farewell(log)
    assert spans(await poll(log, at=1_100, seconds=2)) == [(999, 1_100, None)]


async def test_a_restart_in_an_outage_remembers_when_it_began() -> None:
    log = MemoryLog()
    await poll(log, at=0, seconds=20, script=cut_off_after(10))
    await poll(log, at=60, seconds=20, script=cut_off_after(0))
    without_farewell(log)
    assert spans(await poll(log, at=100, seconds=2)) == [(9, 100, None)]


async def test_a_heartbeat_tells_when_the_last_good_answer_came() -> None:
    log = MemoryLog()
    await poll(log, at=0, seconds=4, script=cut_off_after(2))
    assert [(beat.state, beat.last_good) for beat in log.heartbeats] == [
        ("ok", START),
        ("ok", START + SECOND),
        ("unreachable", START + SECOND),
        ("unreachable", START + SECOND),
        ("stopped", START + SECOND),
    ]


@pytest.mark.parametrize("killed", [False, True])
async def test_a_poller_of_one_shared_symbol_hides_no_gap_of_the_others(killed: bool) -> None:
    log = MemoryLog()
    await poll(log, "A", "B", at=0, seconds=3)
    await poll(log, "B", at=3, seconds=600, script=rising)
    if killed:
        without_farewell(log)
    gaps = await poll(log, "A", "B", at=604, seconds=2)
    assert spans(gaps) == [(2, 604, ("A",))]


async def test_symbols_that_were_last_looked_at_by_different_pollers_have_gaps_of_their_own() -> (
    None
):
    log = MemoryLog()
    await poll(log, "A", "B", at=0, seconds=3)
    await poll(log, "C", "D", at=3, seconds=97, script=rising)
    gaps = await poll(log, "A", "B", "C", "E", at=200, seconds=2, script=rising)
    assert sorted(spans(gaps), key=str) == [(2, 200, ("A", "B")), (99, 200, ("C",))]


async def test_a_poller_that_is_gone_does_not_vouch_for_symbols_that_others_asked_for() -> None:
    log = MemoryLog()
    await poll(log, "A", at=0, seconds=3)
    await poll(log, "B", at=3, seconds=600)
    assert spans(await poll(log, "A", "X", at=700, seconds=2)) == [(2, 700, ("A",))]


async def test_a_killed_poller_of_many_symbols_leaves_one_gap() -> None:
    def uneven(source: FakeSource, symbols: Sequence[str]) -> dict[str, float]:
        # Faster than heartbeats: what was kept after the last of them differs by symbol.
        prices = steady(source, symbols)
        return prices | {symbols[len(source.asked) % 2]: float(len(source.asked))}

    log = MemoryLog()
    scene = Scene(uneven, log=log)
    await scene.poll("A", "B", every=SECOND // 10, duration=3 * SECOND - 1).run()
    without_farewell(log)
    [gap] = await poll(log, "A", "B", at=60, seconds=2)
    assert (gap.from_, gap.symbols) == (START + 29 * SECOND // 10, None)
