"""If some of several requests fail, the answered ones still count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from tests.polling import START, FakeSource, MemoryLog, Scene, rising
from ticker.errors import RateLimited, SourceError
from ticker.records import Quote
from ticker.sources import Answer
from ticker.units import SECOND

MINUTE = 60 * SECOND


def answer(
    source: FakeSource, symbols: Sequence[str], lost: Collection[str], error: SourceError
) -> Answer:
    now = source.clock.wall()
    price = 100.0 + len(source.asked)
    return Answer(
        [Quote(s, "yahoo", now, now, price, session="regular") for s in symbols if s not in lost],
        {s: f"Yahoo: {error.problem}" for s in symbols if s in lost},
        failures={s: error for s in symbols if s in lost},
    )


def losing(*lost: str, between: tuple[int, int], error: Callable[[FakeSource], SourceError]) -> Any:
    """Return a script that leaves out these symbols for a span of seconds."""

    def script(source: FakeSource, symbols: Sequence[str]) -> Any:
        begin, end = between
        if begin * SECOND <= source.clock.now < end * SECOND:
            return answer(source, symbols, lost, error(source))
        return rising(source, symbols)

    return script


def trouble(_: FakeSource) -> SourceError:
    return SourceError("yahoo", "has a server error (HTTP 500)")


async def test_answered_symbols_are_stored_and_the_rest_are_named() -> None:
    scene = Scene(losing("B", between=(0, 99), error=trouble))
    await scene.poll("A", "B", "C", every=SECOND, duration=3 * SECOND).run()
    assert {tick.symbol for tick in scene.log.ticks} == {"A", "C"}
    assert len(scene.log.ticks) == 6
    beat = scene.log.heartbeats[0]
    assert (beat.state, beat.asked, beat.answered) == ("ok", 3, 2)
    assert beat.refused == {"B": "Yahoo: has a server error (HTTP 500)"}
    assert scene.times == [0, 1, 2]
    problems = {status.problem for status in scene.told if status.state == "ok"}
    assert "has a server error (HTTP 500)" in problems


async def test_only_the_unanswered_symbols_have_a_gap() -> None:
    scene = Scene(losing("B", "C", between=(5, 12), error=trouble))
    await scene.poll("A", "B", "C", every=SECOND, duration=20 * SECOND).run()
    [gap] = scene.log.gaps
    assert gap.symbols == ("B", "C")
    assert (gap.from_, gap.until) == (START + 4 * SECOND, START + 12 * SECOND)
    assert gap.reason == "unreadable"


async def test_one_unanswered_poll_makes_no_gap() -> None:
    scene = Scene(losing("B", between=(5, 6), error=trouble))
    await scene.poll("A", "B", every=SECOND, duration=20 * SECOND).run()
    assert scene.log.gaps == []


async def test_a_rate_limit_of_one_request_is_waited_for_and_reported() -> None:
    limited = losing(
        *("B",),
        between=(15, 16),
        error=lambda source: RateLimited("yahoo", source.clock.wall() + 90 * SECOND),
    )
    scene = Scene(limited)
    await scene.poll("A", "B", duration=110 * SECOND).run()
    assert scene.times == [0, 15, 105]
    assert [tick.symbol for tick in scene.log.ticks] == ["A", "B", "A", "A", "B"]
    beats = [beat for beat in scene.log.heartbeats if beat.state == "rate-limited"]
    assert {(beat.answered, beat.retry_at) for beat in beats} == {(1, START + 105 * SECOND)}
    gaps = {gap.symbols: (gap.from_, gap.until, gap.reason) for gap in scene.log.gaps}
    end = START + 105 * SECOND
    assert gaps == {
        ("A",): (START + 15 * SECOND, end, "rate-limited"),
        ("B",): (START, end, "rate-limited"),
    }


async def test_symbols_unanswered_from_the_start_have_a_gap_since_the_last_poll() -> None:
    log = MemoryLog()
    before = Scene(rising, log=log)
    await before.poll("A", "B", every=SECOND, duration=3 * SECOND).run()
    scene = Scene(losing("B", between=(0, 30), error=trouble), log=log)
    scene.clock.offset = START + MINUTE
    await scene.poll("A", "B", every=SECOND, duration=40 * SECOND).run()
    gaps = {gap.symbols: (gap.from_, gap.until) for gap in log.gaps}
    last = START + 2 * SECOND
    assert gaps == {
        ("A",): (last, START + MINUTE),
        ("B",): (last, START + MINUTE + 30 * SECOND),
    }


async def test_a_poller_killed_while_a_request_fails_hides_no_gap_from_the_next_one() -> None:
    log = MemoryLog()
    first = Scene(losing("B", between=(5, 99), error=trouble), log=log)
    await first.poll("A", "B", every=SECOND, duration=60 * SECOND).run()
    assert log.heartbeats.pop().state == "stopped"  # as a SIGKILL leaves it
    second = Scene(rising, log=log)
    second.clock.offset = START + 60 * SECOND
    await second.poll("A", "B", every=SECOND, duration=3 * SECOND).run()
    gaps = {gap.symbols: gap.from_ for gap in log.gaps}
    assert gaps == {("B",): START + 4 * SECOND}
