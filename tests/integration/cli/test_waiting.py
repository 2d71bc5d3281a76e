"""What `status` and `poll` say of ticks that wait for an unreachable Kafka."""

from __future__ import annotations

import json
import socket

from .conftest import Program, until, until_said


def test_every_local_log_with_undelivered_ticks_is_listed_for_all_destinations(
    ticker: Program, exchange: str
) -> None:
    words = ("poll", "AAPL", "--source", exchange, "--count", "1", "--stream")
    with socket.socket() as one, socket.socket() as two:
        for nobody in (one, two):
            nobody.bind(("127.0.0.1", 0))
        here, there = (f"kafka://127.0.0.1:{each.getsockname()[1]}/ticks" for each in (one, two))
        assert "here for" not in ticker(*words, here).stderr
        told = ticker(*words, there).stderr
        assert f"1 tick waits here for {here}, and no relay sends it." in told
        assert f"ticker status --stream {there}" in told
        for stream in ((), ("--stream", there), ("--stream", here)):
            found = json.loads(ticker("status", *stream).stdout)
            assert {each["destination"] for each in found["waiting"]} == {here, there}
        shown = ticker("status", "--stream", there, "--format", "table").stdout
        assert f"{here} (or its new address)" in " ".join(shown.split())


def test_the_advised_command_sends_the_backlog(ticker: Program, exchange: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"kafka://127.0.0.1:{nobody.getsockname()[1]}/ticks"
        ticker("poll", "AAPL", "--source", exchange, "--count", "1", "--stream", url)
        told = ticker("status", "--stream", url, "--format", "table").stdout
        assert f"ticker poll --source {exchange} --stream {url}, or ticker forward " in told


def test_a_relay_is_shown_as_trying_while_its_stream_is_away(
    ticker: Program, exchange: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"kafka://127.0.0.1:{nobody.getsockname()[1]}/ticks"
        until_said(ticker.start("poll", "AAPL", "--source", exchange, "--stream", url), "refused")

        def told(stream: str) -> str:
            return ticker("status", "--stream", stream, "--format", "table").stdout

        until(lambda: "A relay is trying to send them" in told(url))  # once there is a tick
        log = json.loads(ticker("status", "--stream", url).stdout)["waiting"][0]["log"]
        assert "A relay is sending them" in told(log)  # the destination is not asked then
