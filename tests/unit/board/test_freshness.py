from __future__ import annotations

from typing import Any

import pytest

from ticker.board import Row
from ticker.board.freshness import age_of
from ticker.health.reasons import REASONS, TROUBLES, Reason
from ticker.health.states import WriterState
from ticker.health.writers import Writers
from ticker.records import Heartbeat
from ticker.units import MINUTE, SECOND

NOW = 1_795_447_805_000_000


def heartbeat(age: int = 0, **facts: Any) -> Heartbeat:
    told: dict[str, Any] = {
        "origin": "one",
        "writer": "w",
        "source": "yahoo",
        "time": NOW - age,
        "received": NOW - age,
        "interval": 15 * SECOND,
        "state": "ok",
        "asked": 1,
        "answered": 1,
    }
    return Heartbeat(**(told | facts))


def row(age: int = SECOND, **facts: Any) -> Row:
    return Row("AAPL", price=10.0, source="yahoo", time=NOW - age, received=NOW - age, **facts)


def writers(*heartbeats: Heartbeat) -> Writers:
    heard = Writers()
    for beat in heartbeats:
        heard.take(beat, NOW, read_at=NOW)
    return heard


@pytest.mark.parametrize(
    ("beat", "reason"),
    [
        (heartbeat(), Reason.FRESH),
        (heartbeat(age=39 * SECOND), Reason.FRESH),
        (heartbeat(age=40 * SECOND), Reason.POLLER_STOPPED),
        (heartbeat(age=4 * SECOND, interval=SECOND), Reason.FRESH),
        (heartbeat(age=5 * SECOND, interval=SECOND), Reason.POLLER_STOPPED),
        (heartbeat(state="stopped"), Reason.POLLER_STOPPED),
        (heartbeat(state="unreachable"), Reason.UNREACHABLE),
        (heartbeat(state="something new"), Reason.FRESH),
        (
            heartbeat(age=39 * SECOND, state="rate-limited", retry_at=NOW + MINUTE),
            Reason.RATE_LIMITED,
        ),
        (
            heartbeat(age=40 * SECOND, state="rate-limited", retry_at=NOW + MINUTE),
            Reason.POLLER_STOPPED,
        ),
        (heartbeat(state="unreadable"), Reason.UNREADABLE),
        (heartbeat(state="no-prices"), Reason.NO_PRICES),
        (heartbeat(state="slow"), Reason.SLOW),
    ],
)
def test_a_writer_is_judged_by_its_state_and_by_its_silence(
    beat: Heartbeat, reason: Reason
) -> None:
    assert writers(beat).at(NOW)[0].reason is reason


def test_a_writer_of_a_lost_stream_is_not_gone_while_the_stream_returns() -> None:
    beat = heartbeat(age=63 * SECOND, interval=SECOND)
    heard = writers(beat, heartbeat(age=600 * SECOND, interval=SECOND, writer="dead"))
    assert {writer.reason for writer in heard.at(NOW)} == {Reason.POLLER_STOPPED}
    heard.stream_lost(NOW - 60 * SECOND)
    heard.stream_found(NOW)
    found = {writer.heartbeat.writer: writer.reason for writer in heard.at(NOW)}
    assert found == {"w": Reason.STREAM_AWAY, "dead": Reason.POLLER_STOPPED}
    # A stream that comes and goes was away all the time.
    heard.stream_lost(NOW + 5 * SECOND)
    heard.stream_found(NOW + 8 * SECOND)
    assert heard.at(NOW + 17 * SECOND)[0].reason is Reason.STREAM_AWAY
    assert heard.at(NOW + 18 * SECOND)[0].reason is Reason.POLLER_STOPPED


def test_a_writer_that_reported_its_stop_is_not_waited_for() -> None:
    heard = writers(heartbeat(age=62 * SECOND, state="stopped"))
    heard.stream_lost(NOW - 60 * SECOND)
    heard.stream_found(NOW)
    assert heard.at(NOW)[0].reason is Reason.POLLER_STOPPED


def test_the_nearest_cause_is_reported_first() -> None:
    closed = row(age=15 * MINUTE, session="closed", delay=10 * MINUTE)
    live = writers(heartbeat())
    dead = writers(heartbeat(age=MINUTE))
    assert age_of(closed, dead, NOW, "no answer").reason is Reason.STREAM_AWAY
    assert age_of(closed, dead, NOW, None).reason is Reason.POLLER_STOPPED
    assert age_of(closed, live, NOW, None).reason is Reason.CLOSED
    late = row(age=10 * MINUTE, session="regular", delay=10 * MINUTE)
    assert age_of(late, live, NOW, None).reason is Reason.DELAYED
    assert age_of(row(age=2 * MINUTE), live, NOW, None).reason is Reason.UNCHANGED
    assert age_of(row(age=2 * MINUTE, session="pre"), live, NOW, None).reason is Reason.PRE_MARKET
    assert age_of(row(session="post"), live, NOW, None).reason is Reason.AFTER_HOURS
    assert age_of(row(), live, NOW, None).reason is Reason.FRESH


def test_the_age_counts_from_the_events_time() -> None:
    assert age_of(row(age=7 * SECOND), writers(heartbeat()), NOW, None).micros == 7 * SECOND


def test_a_time_ahead_of_the_readers_clock_gives_no_negative_age() -> None:
    assert age_of(row(age=-SECOND), writers(heartbeat()), NOW, None).micros == 0


def test_a_rate_limit_shows_its_end() -> None:
    age = age_of(row(), writers(heartbeat(state="rate-limited", retry_at=NOW + MINUTE)), NOW, None)
    assert (age.reason, age.until, age.is_trouble) == (Reason.RATE_LIMITED, NOW + MINUTE, True)


def test_every_writer_state_has_a_reason_for_the_age() -> None:
    assert set(REASONS) == set(WriterState)


def test_only_a_writer_that_gets_prices_keeps_them_fresh() -> None:
    well = {state for state, reason in REASONS.items() if reason is Reason.FRESH}
    assert well == {"ok", "replaying", "following", "elsewhere"}
    troubles = set(REASONS.values()) - {Reason.FRESH, Reason.STARTING}
    assert troubles <= TROUBLES


def test_a_poller_that_waits_for_its_first_answer_is_starting_and_not_in_trouble() -> None:
    starting = writers(heartbeat(state="starting"))
    for shown in (row(), Row("AAPL")):
        age = age_of(shown, starting, NOW, None)
        assert (age.reason, age.is_trouble) == (Reason.STARTING, False)


def test_a_refused_symbol_says_why_with_a_price_or_without() -> None:
    live = writers(heartbeat(refused={"ADH": "no price", "AAPL": "older"}))
    assert age_of(Row("ADH"), live, NOW, None).detail == "no price"
    assert age_of(row(), live, NOW, None).detail == "older"
    assert age_of(Row("X"), live, NOW, None).reason is Reason.AWAITED


def test_a_refusal_by_a_dead_writer_does_not_concern_the_price() -> None:
    gone = heartbeat(writer="one", state="stopped", refused={"AAPL": "no price"})
    both = writers(gone, heartbeat(writer="two"))
    assert age_of(row(), both, NOW, None).reason is Reason.FRESH
    assert both.refusals(NOW) == {}
    assert age_of(Row("AAPL"), both, NOW, None).detail == "no price"


def test_a_price_that_came_after_a_refusal_is_not_refused() -> None:
    beat = heartbeat(age=2 * SECOND, refused={"AAPL": "no price"})
    assert age_of(row(age=SECOND), writers(beat), NOW, None).reason is Reason.FRESH
    assert age_of(row(age=3 * SECOND), writers(beat), NOW, None).reason is Reason.REFUSED


def test_one_healthy_writer_of_two_is_enough() -> None:
    both = writers(heartbeat(age=MINUTE, writer="a"), heartbeat(writer="b"))
    assert age_of(row(), both, NOW, None).reason is Reason.FRESH


def test_a_writer_of_another_source_does_not_vouch_for_a_row() -> None:
    both = writers(heartbeat(age=MINUTE), heartbeat(source="exchange", writer="b"))
    assert age_of(row(), both, NOW, None).reason is Reason.POLLER_STOPPED


def test_imported_prices_need_no_writer() -> None:
    assert age_of(row(), writers(), NOW, None).reason is Reason.FRESH


def test_the_heartbeat_written_last_counts_even_with_an_older_time() -> None:
    ahead = heartbeat(age=-120 * MINUTE, state="unreachable", refused={"ADH": "no price"})
    heard = writers(ahead, heartbeat(refused={"ADH": "not known"}))
    assert heard.at(NOW)[0].reason is Reason.FRESH
    assert heard.refusals(NOW) == {"ADH": "not known"}


def test_a_heartbeat_ahead_of_the_clock_does_not_prove_a_living_writer() -> None:
    ahead = heartbeat(age=-60 * MINUTE)
    assert writers(heartbeat(age=-2 * SECOND)).at(NOW)[0].reason is Reason.FRESH
    heard = writers(ahead)
    assert heard.at(NOW)[0].reason is Reason.UNKNOWN
    assert heard.at(NOW)[0].silent is None
    assert not heard.at(NOW)[0].is_alive
    assert age_of(row(), heard, NOW, None).reason is Reason.UNKNOWN
    # A reader that continues knows once the next heartbeat is overdue.
    assert heard.at(NOW + 39 * SECOND)[0].reason is Reason.UNKNOWN
    assert heard.at(NOW + 40 * SECOND)[0].reason is Reason.POLLER_STOPPED
    heard.take(heartbeat(age=-61 * MINUTE), NOW + 40 * SECOND)
    assert heard.at(NOW + 40 * SECOND)[0].reason is Reason.FRESH


def test_a_healthy_writer_ranks_before_an_unknown_one() -> None:
    heard = writers(heartbeat(age=-MINUTE, writer="a"), heartbeat(writer="b"))
    assert [writer.reason for writer in heard.at(NOW)] == [Reason.FRESH, Reason.UNKNOWN]


@pytest.mark.parametrize("skew", [-120 * MINUTE, 0, 120 * MINUTE])
def test_a_following_reader_judges_by_when_heartbeats_arrived(skew: int) -> None:
    heard = Writers()
    for second in (0, 15, 30):
        heard.take(heartbeat(age=-second * SECOND + skew), second * SECOND)
    assert heard.at(30 * SECOND)[0].reason is Reason.FRESH
    assert heard.at(69 * SECOND)[0].reason is Reason.FRESH
    gone = heard.at(70 * SECOND)[0]
    assert (gone.reason, gone.silent) == (Reason.POLLER_STOPPED, 40 * SECOND)
    # The reader's clock counts, even if the writer's differs.
    assert abs(gone.last_sign(NOW + 70 * SECOND) - (NOW + 30 * SECOND)) <= SECOND


def test_a_repeated_heartbeat_is_no_sign_of_life() -> None:
    heard = Writers()
    heard.take(heartbeat(), 0)
    heard.take(heartbeat(), 30 * SECOND)
    assert heard.at(40 * SECOND)[0].reason is Reason.POLLER_STOPPED


def test_a_new_heartbeat_is_a_sign_of_life_even_ahead_of_the_clock() -> None:
    heard = writers(heartbeat())
    heard.take(heartbeat(age=-60 * MINUTE), NOW + 20 * SECOND, read_at=NOW)
    assert heard.at(NOW + 59 * SECOND)[0].reason is Reason.FRESH


def test_a_row_is_judged_by_the_writers_that_poll_its_symbol() -> None:
    killed = heartbeat(age=MINUTE, writer="a", symbols=("AAPL", "MSFT"))
    living = heartbeat(writer="b", symbols=("BTC-USD",))
    assert age_of(row(), writers(killed, living), NOW, None).reason is Reason.POLLER_STOPPED
    both = writers(killed, heartbeat(writer="b", symbols=("BTC-USD", "AAPL")))
    assert age_of(row(), both, NOW, None).reason is Reason.FRESH
    limited = heartbeat(writer="a", symbols=("AAPL",), state="rate-limited", retry_at=NOW + 1)
    age = age_of(row(), writers(limited, living), NOW, None)
    assert (age.reason, age.until) == (Reason.RATE_LIMITED, NOW + 1)


def test_a_row_whose_symbol_is_no_longer_polled_has_no_poller() -> None:
    heard = writers(heartbeat(age=2, symbols=("AAPL", "MSFT")))
    assert age_of(row(), heard, NOW, None).reason is Reason.FRESH
    heard.take(heartbeat(age=1, symbols=("MSFT",)), NOW)
    assert age_of(row(), heard, NOW, None).reason is Reason.NOT_POLLED
    heard.take(heartbeat(symbols=("AAPL",)), NOW)
    assert age_of(row(), heard, NOW, None).reason is Reason.FRESH


def test_a_row_whose_poller_stopped_in_order_is_not_polled_while_another_poller_runs() -> None:
    stopped = heartbeat(age=MINUTE, writer="a", symbols=("AAPL",), state="stopped")
    other = heartbeat(writer="b", symbols=("MSFT",))
    assert age_of(row(), writers(stopped, other), NOW, None).reason is Reason.NOT_POLLED
    gone = heartbeat(age=MINUTE, writer="b", symbols=("MSFT",))
    assert age_of(row(), writers(stopped, gone), NOW, None).reason is Reason.POLLER_STOPPED


def test_a_writer_that_names_no_symbols_covers_its_whole_source() -> None:
    killed = heartbeat(age=MINUTE, writer="a", symbols=("AAPL",))
    assert age_of(row(), writers(killed, heartbeat(writer="b")), NOW, None).reason is Reason.FRESH
    elsewhere = heartbeat(writer="b", source="exchange")
    both = writers(killed, elsewhere)
    assert age_of(row(), both, NOW, None).reason is Reason.POLLER_STOPPED


def test_a_symbol_without_a_first_answer_is_awaited() -> None:
    living = writers(heartbeat(symbols=("MSFT",)))
    assert age_of(Row("AAPL"), living, NOW, None).reason is Reason.AWAITED


def stale(*heartbeats: Heartbeat) -> list[tuple[str, tuple[str, ...]]]:
    return [(x.heartbeat.writer, tuple(symbols)) for x, symbols in writers(*heartbeats).stale(NOW)]


def test_symbols_of_a_dead_poller_are_missed_for_a_day_unless_others_poll_them() -> None:
    gone = heartbeat(age=MINUTE, writer="a", symbols=("AAPL", "MSFT"))
    living = heartbeat(writer="b", symbols=("BTC-USD", "AAPL"))
    assert stale(gone, living) == [("a", ("MSFT",))]
    assert stale(gone, living, heartbeat(writer="c", symbols=("MSFT",))) == []
    assert stale(gone, living, heartbeat(writer="c")) == []  # it may ask for any
    long_gone = heartbeat(age=1_440 * MINUTE, writer="a", symbols=("AAPL", "MSFT"))
    assert stale(long_gone, living) == []


def test_symbols_of_a_poller_stopped_in_order_are_not_missed() -> None:
    gone = heartbeat(age=2 * MINUTE, writer="a", symbols=("MSFT",))
    living = heartbeat(writer="b", symbols=("AAPL",))
    stopped = heartbeat(age=MINUTE, writer="c", symbols=("MSFT", "GC=F"), state="stopped")
    assert stale(stopped, living) == []
    assert stale(gone, stopped, living) == []
    before = heartbeat(age=3 * MINUTE, writer="c", symbols=("MSFT",), state="stopped")
    assert stale(gone, before, living) == [("a", ("MSFT",))]


def test_symbols_without_an_answer_are_stale_unless_the_source_refuses_them() -> None:
    living = heartbeat(writer="b", symbols=("AAPL",))
    away = heartbeat(writer="a", symbols=("AAPL", "MSFT"), state="unreachable")
    assert stale(away, living) == [("a", ("MSFT",))]
    refused = heartbeat(writer="a", symbols=("ADH",), state="no-prices", refused={"ADH": "none"})
    assert stale(refused, living) == []
