from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from ticker.board import Age
from ticker.dashboard.status import MarketCount, of_rows, status
from ticker.follow import Follow
from ticker.health import Health, StreamState
from ticker.health.gaps import of_gap
from ticker.health.reasons import Reason
from ticker.records import Batch, Gap, Heartbeat, Position, Quote
from ticker.times import clock
from ticker.units import HOUR, MINUTE

NOW = 1_795_447_805_000_000


async def test_unreadable_records_are_reported_at_the_foot_of_the_screen(
    stream_in_memory: Callable[..., Any],
) -> None:
    stream = stream_in_memory(Batch(Position("0"), quotes=[Quote("A", "s", NOW, NOW, 1.0, "o", 1)]))
    watch = Follow(stream)
    await watch.snapshot()
    assert status(watch, NOW, UTC).words == "0 ticks"
    stream.state = Health(stream.url, StreamState.OK, broken=5)
    words = "0 ticks · skipped 5 unreadable records (damaged, or not written by ticker)"
    assert status(watch, NOW, UTC).words.removeprefix(f"{watch.url}: ") == words


@pytest.mark.parametrize(
    ("moved", "seen", "words"),
    [
        (1_204, 1_131, "market moved 1,204 times, we saw 1,131"),
        (1, 1, "market moved 1 time, we saw 1"),
        (9, 10, "market moved 10 times, we saw 10"),  # the exchange's word is a moment late
    ],
)
async def test_ticks_are_shown_beside_the_counted_moves_of_the_market(
    stream_in_memory: Callable[..., Any], moved: int, seen: int, words: str
) -> None:
    stream = stream_in_memory(Batch(Position("0"), quotes=[Quote("A", "s", NOW, NOW, 1.0, "o", 1)]))
    watch = Follow(stream)
    await watch.snapshot()
    assert status(watch, NOW, UTC, market=MarketCount(moved, seen)).words == words


def told_by(stream_in_memory: Callable[..., Any], **news: Any) -> Any:
    beat = Heartbeat(
        "o", "w", "exchange", NOW, NOW, 1_000_000, asked=4, last_good=NOW - MINUTE, **news
    )
    quote = Quote("A", "exchange", NOW, NOW, 1.0, "o", 1)
    return Follow(
        stream_in_memory(Batch(Position("0"), quotes=[quote], heartbeats=(beat,))),
        clock=lambda: NOW,
        elapsed=lambda: 0,
    )


async def test_a_line_too_short_for_price_times_still_names_the_problem(
    stream_in_memory: Callable[..., Any],
) -> None:
    problem = "asks for consent to its cookies instead of answering"
    watch = told_by(stream_in_memory, state="unreadable", answered=0, problem=problem)
    await watch.snapshot()
    found = status(watch, NOW, UTC)
    assert f": it {problem}. Prices shown" in found.fitting(200)
    assert found.fitting(120).endswith(f": it {problem}.")
    assert problem not in found.fitting(80)


async def test_a_narrow_line_names_the_problem_of_a_source_that_answers(
    stream_in_memory: Callable[..., Any],
) -> None:
    problem = "its socket sends nothing"
    watch = told_by(stream_in_memory, state="ok", answered=4, problem=problem)
    await watch.snapshot()
    told = status(watch, NOW, UTC)
    assert f"answered at {clock(NOW, UTC)} · {problem}" in told.fitting(70)
    assert told.is_trouble  # so a notice does not hide it


async def test_a_gap_of_the_last_minute_is_worded_as_in_tail(
    stream_in_memory: Callable[..., Any],
) -> None:
    quote = Quote("A", "s", NOW, NOW, 1.0, "o", 1)
    gap = Gap("s", "o", "w", NOW, "poller stopped", from_=NOW - MINUTE, until=NOW, symbols=("A",))
    stream = stream_in_memory(Batch(Position("0"), quotes=[quote], gaps=[gap]))
    watch = Follow(stream)
    await watch.snapshot()
    words = of_gap(gap, NOW, UTC)
    assert words.startswith("gap A: no prices for 1m, ")
    told = status(watch, NOW + MINUTE - 1, UTC)
    assert told.words == f"0 ticks · {words}"
    assert status(watch, NOW + MINUTE, UTC).words == "0 ticks · 1 gap"


async def test_all_pollers_are_shown_with_unhealthy_ones_first(
    stream_in_memory: Callable[..., Any],
) -> None:
    def beat(writer: str, state: str, asked: int, source: str = "exchange") -> Heartbeat:
        return Heartbeat("o", writer, source, NOW, NOW, 1_000_000, state, asked, asked)

    quote = Quote("A", "exchange", NOW, NOW, 1.0, "o", 1)
    beats = (beat("one", "ok", 4), beat("two", "ok", 24), beat("three", "slow", 1, "yahoo"))
    stream = stream_in_memory(Batch(Position("0"), quotes=[quote], heartbeats=beats))
    watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: 0)
    await watch.snapshot()
    assert status(watch, NOW, UTC).words == (
        "1 of 3 pollers has problems (Yahoo: source slow) · "
        f"2 pollers of the exchange, last asked {clock(NOW, UTC)}: 28 of 28 answered · 0 ticks"
    )


@pytest.mark.parametrize(
    ("state", "problem", "words"),
    [
        (StreamState.UNREACHABLE, "does not answer", "The stream is away: does not answer."),
        (StreamState.UNREACHABLE, "is it Kafka?", "The stream is away: is it Kafka?"),
        (StreamState.UNUSABLE, "is no log.", "The stream cannot be read: is no log."),
        (StreamState.MISSING, "has no topic t", "has no topic t. Waiting for it to come back."),
    ],
)
def test_a_problem_of_the_stream_ends_in_one_full_stop(
    stream_in_memory: Callable[..., Any], state: StreamState, problem: str, words: str
) -> None:
    watch = Follow(stream_in_memory())
    watch.state, watch.problem = state, problem
    assert status(watch, NOW, UTC).words.removeprefix(f"{watch.url}: ") == words


async def test_a_screen_with_its_own_poller_does_not_advise_to_start_one(
    stream_in_memory: Callable[..., Any],
) -> None:
    quotes = [Quote(s, "yahoo", at, at, 1.0, "o", 1) for s, at in (("A", NOW), ("B", NOW - HOUR))]
    gone = Heartbeat("o", "w", "yahoo", NOW - HOUR, NOW - HOUR, 1_000_000, "stopped", 2, 2)
    elapsed = 0
    stream = stream_in_memory(Batch(Position("0"), quotes=quotes, heartbeats=[gone]))
    watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: elapsed)
    await watch.snapshot()
    shown = f"Prices shown are from {clock(NOW - HOUR, UTC)} to {clock(NOW, UTC)}."
    told = status(watch, NOW, UTC, has_poller=True)
    assert (told.words, told.is_trouble) == (f"The poller is starting. {shown}", False)
    # Without its own poller the user must act. Prices of different times are expected then.
    words = status(watch, NOW, UTC).words
    assert "The poller stopped at" in words
    assert words.endswith(shown)
    # A poller that was heard since then and died is reported.
    beat = Heartbeat("o", "w", "yahoo", NOW, NOW, 1_000_000, "ok", 2, 2)
    watch.board.fold(Batch(Position("1"), heartbeats=[beat]), elapsed + 1)
    elapsed += 60_000_000
    words = status(watch, NOW, UTC, has_poller=True).words
    assert "No sign of the poller" in words
    assert "Start one" not in words  # it starts again by itself


async def test_a_poller_that_starts_beside_another_is_not_unhealthy(
    stream_in_memory: Callable[..., Any],
) -> None:
    def beat(writer: str, state: str) -> Heartbeat:
        return Heartbeat("o", writer, "yahoo", NOW, NOW, 1_000_000, state, 1, 1)

    quote = Quote("A", "yahoo", NOW, NOW, 1.0, "o", 1)
    beats = [beat("one", "ok"), beat("two", "starting")]
    stream = stream_in_memory(Batch(Position("0"), quotes=[quote], heartbeats=beats))
    watch = Follow(stream, clock=lambda: NOW, elapsed=lambda: 0)
    await watch.snapshot()
    assert "problems" not in status(watch, NOW, UTC).words


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ([Reason.FRESH, Reason.UNCHANGED], ""),
        ([Reason.UNCHANGED, Reason.UNCHANGED], "all unchanged for a minute"),
        ([Reason.CLOSED, Reason.CLOSED], "all closed"),
        ([Reason.DELAYED, Reason.CLOSED, Reason.FRESH], "1 closed, 1 delayed"),
        ([Reason.REFUSED, Reason.FRESH], "1 refused (i says why)"),
        ([Reason.NOT_POLLED, Reason.FRESH], "1 not polled (i says why)"),
        ([Reason.REFUSED, Reason.NOT_POLLED], "1 refused, 1 not polled (i says why)"),
        ([], ""),
    ],
)
def test_reasons_for_old_prices_are_counted_over_the_rows_on_screen(
    reasons: list[Reason], words: str
) -> None:
    part = of_rows(Age(1, reason) for reason in reasons)
    assert part.words + part.hint == words
    assert "says why" not in part.words
