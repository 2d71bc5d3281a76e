from __future__ import annotations

import msgspec

from ticker.compare.brief import Brief, Polled, Way, sentences

BRIEF = Brief(
    events=1_000,
    payload=300,
    request=Way("request", 1_000, 1_000, 600_000, 2.0),
    open=Way("WebSocket", 1, 1, 305_000, 0.05),
    polled=Polled(5.0, 98, 5, 5, 93, 480.4, 98, 1.26),
)


def test_the_sentences_report_the_counts() -> None:
    assert sentences(BRIEF) == [
        "One request for each event: 1,000 events, 1,000 connections, 600,000 bytes, 2.00 s.",
        "One open connection: 1,000 events, 1 connection, 305,000 bytes, 0.0500 s.",
        (
            "An event has 300 bytes. A request and its answer add 300 bytes to each event, the "
            "open connection adds 5."
        ),
        (
            "So 1,000 requests took 1,000 times the connections, 2.0 times the bytes and 40 times "
            "the time."
        ),
        (
            "A poll each second asked 5 times, the last time after the last event. 98 events "
            "happened in 5 s: it saw 5 and missed 93."
        ),
        (
            "The open connection saw 98 of them, each 1.3 ms after it happened (median). What the "
            "poll saw was 480 ms old when it asked (median), and its age grew until the next poll."
        ),
    ]


def test_a_poll_without_events_has_no_age() -> None:
    polled = msgspec.structs.replace(BRIEF.polled, saw=0, missed=98, age=None)
    lines = sentences(msgspec.structs.replace(BRIEF, polled=polled))
    assert lines[-1].endswith("it saw 0 and missed 98.")
