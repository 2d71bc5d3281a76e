"""Why a tail is quiet."""

from __future__ import annotations

from datetime import UTC

from ticker.cli.options import Format
from ticker.cli.tailing import Quietness, Wish
from ticker.records import Health, Heartbeat

NOW = 1_795_447_805_000_000
SECOND = 1_000_000

WISH = Wish(
    symbols=None,
    form=Format.text,
    since=None,
    until=None,
    last=10,
    follow=True,
    everything=False,
    iso_times=False,
    zone=UTC,
    count=None,
    visible=True,
    option="",
)


def health(state: str, heard: int) -> Health:
    beat = Heartbeat("one", "w", "yahoo", heard, heard, SECOND, "ok", 1, 1)
    return Health("s", state, problem="does not answer", heartbeats=(beat,))


def test_a_stream_that_is_back_is_not_said_to_have_lost_its_poller() -> None:
    quietness = Quietness(WISH)
    _, words = quietness.why(health("unreachable", NOW), NOW + 6 * SECOND, NOW)
    assert words == "does not answer"
    _, words = quietness.why(health("ok", NOW), NOW + 30 * SECOND, NOW)
    assert words.startswith("The stream was away; the poller has not been heard since")
    _, words = quietness.why(health("ok", NOW), NOW + 39 * SECOND, NOW)
    assert "No sign" not in words
    _, words = quietness.why(health("ok", NOW), NOW + 41 * SECOND, NOW)
    assert words.startswith("No sign of the poller")


def test_a_poller_that_was_gone_before_is_gone() -> None:
    quietness = Quietness(WISH)
    quietness.why(health("unreachable", NOW), NOW + 60 * SECOND, NOW + 50 * SECOND)
    _, words = quietness.why(health("ok", NOW), NOW + 70 * SECOND, NOW + 50 * SECOND)
    assert words.startswith("No sign of the poller")
