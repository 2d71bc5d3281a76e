from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from msgspec.structs import replace

from ticker.health import Health, StreamState
from ticker.health.reasons import REASONS, Reason
from ticker.health.sentences import Backlog, of_heartbeat, of_writer
from ticker.health.verdict import Standing, of_stream, of_writers
from ticker.health.writers import Outage, Sign, WriterHealth, Writers, judge
from ticker.records import Heartbeat
from ticker.times import clock
from ticker.units import MINUTE, SECOND

NOW = 1_795_447_805_000_000


def beat(age: int = 0, state: str = "ok", **facts: Any) -> Heartbeat:
    told: dict[str, Any] = {"last_good": NOW - 10 * MINUTE, **facts}
    writer = told.pop("writer", "w")
    return Heartbeat("one", writer, "yahoo", NOW - age, NOW - age, 15 * SECOND, state, 2, 1, **told)


def verdict(*beats: Heartbeat, at: int = NOW) -> Any:
    return of_stream(Health("s", StreamState.OK, heartbeats=beats), at, UTC)


@pytest.mark.parametrize(
    "state", [state for state, reason in REASONS.items() if reason is not Reason.FRESH]
)
def test_a_source_without_prices_makes_its_stream_stale(state: str) -> None:
    assert verdict(beat(state=state)).standing is Standing.STALE


@pytest.mark.parametrize("state", ["unreachable", "unreadable", "no-prices", "slow"])
def test_an_outage_counts_from_the_last_good_answer(state: str) -> None:
    words = verdict(beat(state=state)).words
    assert f"since {clock(NOW - 10 * MINUTE, UTC)}" in words
    assert "since" not in verdict(beat(state=state, last_good=None)).words
    assert "last good answer" in of_heartbeat(judge(Sign(beat(state=state), NOW), NOW), NOW, UTC)


@pytest.mark.parametrize(
    ("source", "waited", "words"),
    [
        ("yahoo", SECOND, "Waiting for the first answer from Yahoo, asked at {}."),
        (
            "yahoo",
            12 * SECOND,
            "No answer from Yahoo since {}. "
            "Check your connection, or try `ticker demo`, which works offline.",
        ),
        ("exchange", 12 * SECOND, "No answer from the exchange since {}."),
    ],
)
def test_a_poller_without_its_first_answer_names_what_it_waits_for(
    source: str, waited: int, words: str
) -> None:
    starting = replace(beat(age=waited, state="starting"), source=source)
    assert verdict(starting).words == words.format(clock(NOW - waited, UTC))


def test_a_replay_is_described_by_its_tape_and_never_as_a_poller() -> None:
    tape = NOW - 60 * MINUTE
    running = beat(state="replaying", tape_time=tape, speed=10.0)
    words = f"A replay writes this stream, ×10, now at {clock(tape, UTC)}"
    assert verdict(running).words == words
    paused = beat(state="replaying", tape_time=tape)
    assert "paused, now at" in verdict(paused).words
    over = beat(state="stopped", tape_time=tape)
    assert verdict(over).words == f"The replay ended at {clock(NOW, UTC)}."
    dead = beat(age=5 * MINUTE, state="replaying", tape_time=tape)
    assert verdict(dead).words == f"No sign of the replay since {clock(NOW - 5 * MINUTE, UTC)}."


def test_after_an_outage_of_the_stream_starting_a_poller_is_not_advised() -> None:
    late = replace(beat(age=MINUTE), interval=SECOND)
    found = judge(Sign(late, NOW - MINUTE), NOW, Outage(NOW - MINUTE, NOW + SECOND))
    since = clock(NOW - MINUTE, UTC)
    words = f"The stream was away. Last sign of the poller: {since}."
    assert of_writer(found, NOW, UTC) == words


def test_a_next_try_is_shown_only_while_it_lies_ahead() -> None:
    for state in ("unreachable", "rate-limited"):
        for pause, is_told in ((SECOND, True), (0, False), (-SECOND, False)):
            late = beat(state=state, retry_at=NOW + pause)
            assert ("Next try" in verdict(late).words) is is_told
            listed = of_heartbeat(judge(Sign(late, NOW), NOW), NOW, UTC)
            assert ("next try" in listed) is is_told


def test_advice_names_the_stream_and_can_be_typed_as_printed() -> None:
    on = " --stream 'sqlite:my log'"
    for beats in ((), (beat(state="stopped"),), (beat(age=60 * MINUTE),)):
        words = of_stream(Health("s", StreamState.OK, heartbeats=beats), NOW, UTC, option=on).words
        assert words.endswith(on)
        assert (
            of_stream(Health("s", StreamState.OK, heartbeats=beats), NOW, UTC).words + on == words
        )
    assert of_stream(Health("s", StreamState.MISSING), NOW, UTC, option=on).words.endswith(
        f"ticker poll AAPL{on}"
    )
    away = of_writer(WriterHealth(beat(retry_at=NOW + SECOND), Reason.UNREACHABLE), NOW, UTC, on)
    assert "which works offline. Next try" in away


def test_advice_to_start_a_poller_always_names_a_symbol() -> None:
    for stopped in (beat(state="stopped"), beat(state="stopped", symbols=())):
        assert verdict(stopped).words.endswith("Start one: ticker poll AAPL")


@pytest.mark.parametrize("state", ["stopped", "ok"])
def test_advice_names_the_source_unless_it_is_the_default(state: str) -> None:
    on = " --stream kafka://h:1/p"
    gone = replace(beat(age=MINUTE, state=state, symbols=("AAPL", "MSFT")), source="exchange")
    health = Health("s", StreamState.OK, heartbeats=(gone,))
    words = of_stream(health, NOW, UTC, option=on).words
    assert words.endswith(
        "Start one: ticker poll AAPL MSFT --source exchange --stream kafka://h:1/p"
    )
    for source in ("yahoo", "exchange; rm", "--help", "exchange:evil:1", "an import's"):
        health = Health("s", StreamState.OK, heartbeats=(replace(gone, source=source),))
        words = of_stream(health, NOW, UTC, option=on).words
        assert words.endswith("Start one: ticker poll AAPL MSFT --stream kafka://h:1/p")


def test_advice_about_missed_symbols_names_their_source() -> None:
    gone = replace(beat(age=MINUTE, writer="gone", symbols=("^IXIC",)), source="exchange")
    assert verdict(LIVING, gone).words.endswith("ticker poll '^IXIC' --source exchange")


def test_the_reason_stays_the_same_while_only_its_times_change() -> None:
    before = verdict(beat())
    after = verdict(beat(age=-MINUTE), at=NOW + MINUTE)
    assert before.words != after.words
    assert before.key == after.key
    assert before.key != verdict(beat(state="unreachable")).key


def test_only_refusals_to_living_writers_are_reported() -> None:
    here = beat(refused={"ADH": "no price"})
    assert verdict(here).summary == "healthy, but refused: ADH"
    gone = Heartbeat("one", "v", "yahoo", NOW, NOW, SECOND, "stopped", 1, 0, {"OLD": "no price"})
    assert verdict(here, gone).refused == ("ADH",)


def test_no_poller_and_empty_and_unreachable_are_distinguished() -> None:
    assert verdict().words.startswith("No poller is running")
    assert of_stream(Health("s", StreamState.MISSING), NOW, UTC).standing is Standing.EMPTY
    away = of_stream(Health("s", StreamState.UNUSABLE, problem="is damaged"), NOW, UTC)
    assert (away.standing, away.summary) == (Standing.AWAY, "is damaged")


def test_names_from_outside_are_harmless() -> None:
    hostile = Heartbeat("o", "w", "\x1b[2J", NOW, NOW, SECOND, "ok", 1, 1)
    assert "\x1b" not in of_writer(WriterHealth(hostile, Reason.FRESH), NOW, UTC)


LIVING = beat(writer="living", symbols=("BTC-USD", "AAPL"))


def test_several_healthy_pollers_share_one_sentence() -> None:
    other = replace(beat(SECOND, writer="other"), asked=24, answered=24)
    told, later = verdict(LIVING, other), verdict(replace(LIVING, received=NOW - 2 * SECOND), other)
    when = clock(NOW, UTC)
    assert told.words == f"2 pollers of Yahoo, last asked {when}: 25 of 26 answered"
    assert (told.summary, told.key) == ("healthy", later.key)
    elsewhere = replace(other, source="exchange")
    assert verdict(LIVING, elsewhere).words.startswith("2 pollers of Yahoo, the exchange, last")
    gone = beat(age=MINUTE, writer="gone", state="stopped")
    assert verdict(LIVING, gone).words.startswith("Yahoo every 15s, last asked")


def test_symbols_of_only_a_dead_poller_make_the_stream_stale() -> None:
    gone = beat(age=MINUTE, writer="gone", symbols=("AAPL", "MSFT", "^IXIC"))
    told = verdict(LIVING, gone)
    since = clock(NOW - MINUTE, UTC)
    assert told.standing is Standing.STALE
    assert told.summary == (
        f"stale: No sign of the poller of MSFT, ^IXIC since {since}. "
        "Start one: ticker poll MSFT '^IXIC'"
    )
    assert told.key == verdict(LIVING, gone, at=NOW + SECOND).key != verdict(LIVING).key
    others = beat(writer="other", symbols=("MSFT", "^IXIC"))
    assert verdict(LIVING, gone, others).summary == "healthy"


def test_a_few_of_many_missed_symbols_are_named() -> None:
    gone = beat(age=MINUTE, writer="gone", symbols=("A", "B", "C", "D", "E"))
    words = verdict(LIVING, gone).words
    assert "of A, B, C and 2 more since" in words
    assert words.endswith("ticker poll A B C D E")
    many = beat(age=MINUTE, writer="gone", symbols=tuple(f"S{n}" for n in range(600)))
    assert verdict(LIVING, many).words.endswith("S10 S11 …")


def test_a_poller_that_ended_in_order_leaves_the_stream_healthy_while_another_polls() -> None:
    stopped = beat(age=MINUTE, writer="gone", symbols=("MSFT",), state="stopped")
    assert verdict(LIVING, stopped).summary == "healthy"
    assert verdict(stopped).standing is Standing.STALE


def test_a_failing_poller_is_reported_beside_a_healthy_one() -> None:
    limited = beat(writer="x", symbols=("MSFT",), state="rate-limited", retry_at=NOW + MINUTE)
    told = verdict(LIVING, limited)
    next_try = clock(NOW + MINUTE, UTC)
    assert told.summary == f"stale: MSFT: Yahoo: too many requests. Next try {next_try}."
    gone = beat(age=MINUTE, writer="gone", symbols=("GC=F",))
    both = verdict(LIVING, limited, gone).words
    assert "too many requests" in both
    assert "poller of GC=F" in both


def test_a_reader_of_some_symbols_gets_no_reports_on_others() -> None:
    gone = beat(age=MINUTE, writer="gone", symbols=("MSFT",))
    health = Health("s", StreamState.OK, heartbeats=(LIVING, gone))
    assert of_stream(health, NOW, UTC, symbols=["AAPL"]).standing is Standing.HEALTHY
    assert of_stream(health, NOW, UTC, symbols=["AAPL", "MSFT"]).standing is Standing.STALE


ONE = Backlog(1, is_sending=True, source="yahoo")


@pytest.mark.parametrize("state", ["stopped", "ok"])
def test_while_ticks_are_being_relayed_starting_a_poller_is_not_advised(state: str) -> None:
    gone = beat(age=MINUTE, state=state)
    words = "86 ticks wait here: a relay sends them as soon as the stream takes them."
    for beats in ((gone,), ()):
        told = of_stream(
            Health("s", StreamState.OK, heartbeats=beats),
            NOW,
            UTC,
            backlog=Backlog(86, is_sending=True, source="yahoo"),
        )
        assert (told.standing, told.summary) == (Standing.STALE, f"stale: {words}")
    for empty in (StreamState.MISSING, StreamState.EMPTY):
        told = of_stream(
            Health("s", empty), NOW, UTC, backlog=Backlog(86, is_sending=True, source="yahoo")
        )
        assert (told.standing, told.words) == (Standing.EMPTY, f"The stream is empty, but {words}")
    one = of_stream(Health("s", StreamState.OK, heartbeats=(gone,)), NOW, UTC, backlog=ONE).words
    assert one == "1 tick waits here: a relay sends it as soon as the stream takes it."


def test_relayed_ticks_hide_neither_a_healthy_poller_nor_a_problem() -> None:
    limited = beat(state="rate-limited")
    gone = beat(age=MINUTE, writer="gone", symbols=("MSFT",))
    for beats in ((LIVING,), (limited,), (LIVING, gone)):
        health = Health("s", StreamState.OK, heartbeats=beats)
        assert of_stream(health, NOW, UTC, backlog=ONE) == of_stream(health, NOW, UTC)
    away = Health("s", StreamState.UNREACHABLE, problem="refused", heartbeats=(gone,))
    assert of_stream(away, NOW, UTC, backlog=ONE).standing is Standing.AWAY


def test_an_unsent_backlog_is_reported_with_the_command_that_sends_it() -> None:
    on = " --stream kafka://h:1/p"
    for empty in (StreamState.MISSING, StreamState.EMPTY):
        kept = Backlog(1_543, is_sending=False, source="exchange")
        told = of_stream(Health("s", empty), NOW, UTC, option=on, backlog=kept)
        assert (told.standing, told.words) == (
            Standing.EMPTY,
            "The stream is empty, but 1,543 ticks wait here. "
            "To send them: ticker poll --source exchange --stream kafka://h:1/p",
        )
    stopped = Health("s", StreamState.OK, heartbeats=(beat(state="stopped"),))
    assert of_stream(stopped, NOW, UTC, backlog=kept) == of_stream(stopped, NOW, UTC)


def test_a_heartbeat_ahead_of_the_clock_leaves_the_state_unknown_until_another() -> None:
    ahead = beat(age=-60 * MINUTE)
    told = verdict(ahead)
    assert told.standing is Standing.UNKNOWN
    assert told.summary == (
        f"unknown: The last sign of the poller is dated {clock(NOW + 60 * MINUTE, UTC, now=NOW)}, "
        "ahead of this machine's clock, so it is unknown whether the poller runs. "
        "Check both clocks."
    )
    health = Health("s", StreamState.OK, heartbeats=(ahead,))
    arrived = [beat(age=-61 * MINUTE)]
    assert of_stream(health, NOW, UTC, arrived=arrived).standing is Standing.HEALTHY
    listed = of_heartbeat(judge(Sign(ahead, NOW, is_sure=False), NOW), NOW, UTC)
    assert f"last sign dated {clock(NOW + 60 * MINUTE, UTC, now=NOW)}, ahead of this" in listed


def test_silence_is_timed_by_the_readers_clock_after_a_step() -> None:
    writers = Writers()
    writers.take(beat(), 0)
    # The clock was set back an hour, and a minute went by.
    at = NOW - 59 * MINUTE
    told = of_writers(writers, at, UTC, elapsed=MINUTE)
    assert f"No sign of the poller since {clock(NOW - 60 * MINUTE, UTC, now=at)}" in told.words


def test_a_symbol_that_two_pollers_ask_for_counts_once() -> None:
    one = beat(writer="a", symbols=("AAPL", "MSFT", "ADH"), refused={"ADH": "no price"})
    two = beat(writer="b", symbols=("AAPL", "GC=F"))
    assert verdict(one, two).words.endswith("3 of 4 answered")


@pytest.mark.parametrize(
    ("url", "option", "command"),
    [
        (
            "exchange:127.0.0.1:22790",
            " --stream work",
            "ticker poll AAPL GC=F --source exchange:127.0.0.1:22790 --stream work",
        ),
        ("exchange:127.0.0.1:22790", " --stream demo", "ticker demo --keep"),
        (None, " --stream demo", "ticker poll AAPL GC=F --source exchange --stream demo"),
        ("exchange:$(rm -r x)", "", "ticker poll AAPL GC=F --source exchange"),
    ],
)
def test_the_advice_to_start_a_poller_names_the_server_that_was_asked(
    url: str | None, option: str, command: str
) -> None:
    facts: dict[str, Any] = {"symbols": ("AAPL", "GC=F"), "source_url": url}
    stopped = replace(beat(state="stopped", **facts), source="exchange")
    words = of_stream(
        Health("s", StreamState.OK, heartbeats=(stopped,)), NOW, UTC, option=option
    ).words
    assert words.endswith(f"Start one: {command}")
