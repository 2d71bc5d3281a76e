"""The status line of a poller whose ticks are sent to another stream."""

from __future__ import annotations

import sys
from datetime import UTC

import pytest

from ticker.cli import status_line as lines
from ticker.cli.poll_line import PollLine
from ticker.health import WriterState
from ticker.poll import PollStatus
from ticker.relay import RelayStatus
from ticker.system_clock import now
from ticker.times import clock
from ticker.units import SECOND

AWAY = WriterState.STREAM_UNREACHABLE
URL = "kafka://my-cluster-kafka-bootstrap.kafka.svc.cluster.local:9092/ticks"


class Shown:
    """The newest line on a terminal of 140 columns, or of others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.text = ""
        self._patch = monkeypatch
        self.resize(140)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setattr(lines.Newest, "put", lambda _, text: self._put(text))
        self.line = PollLine(UTC, quiet=False)
        self.line.show(
            PollStatus(
                WriterState.OK, source="exchange", symbols=3, answered=3, ticks=475, interval=SECOND
            )
        )

    def resize(self, columns: int) -> None:
        self._patch.setenv("COLUMNS", f"{columns}")

    def _put(self, text: str) -> None:
        self.text = text.removeprefix("\r\x1b[2K")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(monkeypatch)


def test_an_unreachable_destination_and_its_backlog_come_first(shown: Shown) -> None:
    short = "kafka://h:1/p"
    away = RelayStatus(AWAY, short, 463, problem="does not answer", waiting=1)
    shown.line.show_relay(away)
    assert shown.text.startswith(
        f"away, 1 waits for {short} (does not answer) · 463 ticks sent · ex"
    )


def test_on_a_narrow_line_the_url_is_dropped_first(
    shown: Shown,
) -> None:
    problem = "does not answer: connection refused"
    shown.line.show_relay(RelayStatus(AWAY, URL, 463, problem=problem, waiting=12))
    assert shown.text == (
        "away, 12 wait (does not answer: connection refused) · 463 ticks sent · "
        "exchange: ok · 3 of 3 symbols · 475 ticks kept · every 1s"
    )
    shown.line.show_relay(RelayStatus(WriterState.FOLLOWING, URL, 463))
    assert shown.text == (
        "exchange: ok · 3 of 3 symbols · 475 ticks kept · every 1s · following · 463 ticks sent"
    )


def test_a_narrow_terminal_shows_the_reason_the_next_try_and_the_source(shown: Shown) -> None:
    shown.resize(64)
    problem, reason = "does not answer: connection refused", "connection refused"
    next_try = now() + 60 * SECOND
    away = RelayStatus(AWAY, URL, 0, problem=problem, reason=reason, waiting=4, next_try=next_try)
    shown.line.show_relay(away)
    when = clock(next_try, UTC, now=now())
    assert shown.text.startswith(f"away, 4 wait (connection refused) · next try {when} · ok")
    shown.line.show_relay(RelayStatus(WriterState.FOLLOWING, URL, 463))
    assert shown.text == "ok · 3 of 3 · 475 kept · following · 463 ticks sent"
    shown.resize(40)
    shown.line.show_relay(RelayStatus(WriterState.FOLLOWING, URL, 465))
    assert shown.text == "ok · 3 of 3 · 475 kept · 465 sent"


def test_the_backlog_of_another_relay_comes_first_and_fits_narrow_terminals(shown: Shown) -> None:
    short = "kafka://h:1/p"
    problem = f"another relay (process 10229) sends this on to {short} already"
    stuck = RelayStatus(WriterState.ELSEWHERE, short, problem=problem, waiting=1_234, process=10229)
    for columns, words in (
        (
            140,
            f"1,234 wait, another relay (process 10229) sends them to {short} · "
            "exchange: ok · 3 of 3 symbols · 475 ticks kept · every 1s",
        ),
        (80, "1,234 wait, another relay (process 10229) sends them · ok · 3 of 3 · 475 kept"),
        (60, "1,234 wait for another relay · ok · 3 of 3 · 475 kept"),
    ):
        shown.resize(columns)
        shown.line.show_relay(stuck)
        assert shown.text == words
    shown.resize(140)
    shown.line.show_relay(RelayStatus(WriterState.ELSEWHERE, short, waiting=1))
    assert shown.text.startswith(f"1 waits, another relay sends it to {short} · exchange: ok")


def test_another_working_relay_comes_last_and_fits_narrow_terminals(shown: Shown) -> None:
    problem = f"another relay (process 10229) sends this on to {URL} already"
    well = RelayStatus(WriterState.ELSEWHERE, URL, problem=problem, process=10229)
    for columns, words in (
        (200, f"exchange: ok · 3 of 3 symbols · 475 ticks kept · every 1s · {problem}"),
        (80, "ok · 3 of 3 · 475 kept · another relay (process 10229) sends this on"),
        (60, "ok · 3 of 3 · 475 kept · another relay sends this on"),
    ):
        shown.resize(columns)
        shown.line.show_relay(well)
        assert shown.text == words


def test_a_healthy_destination_comes_last(shown: Shown) -> None:
    shown.line.show_relay(RelayStatus(WriterState.FOLLOWING, "kafka://h:1/p", 1))
    assert shown.text.startswith(
        "exchange: ok · 3 of 3 symbols · 475 ticks kept · every 1s · kafka:"
    )


def test_an_unreachable_source_is_named_instead_of_the_destination(shown: Shown) -> None:
    away = RelayStatus(
        AWAY,
        "sqlite:a",
        3,
        problem="refused",
        away="kafka://h:1/p",
        waiting=2,
    )
    shown.line.show_relay(away)
    assert shown.text.startswith("away: kafka://h:1/p (refused) · 3 ticks sent · exchange: ok")


def test_a_next_try_in_the_past_is_not_shown(shown: Shown) -> None:
    for pause, is_told in ((60, True), (-1, False)):
        away = RelayStatus(AWAY, "kafka://h:1/p", next_try=now() + pause * SECOND)
        shown.line.show_relay(away)
        assert ("next try" in shown.text) is is_told
