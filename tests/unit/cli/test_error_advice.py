from __future__ import annotations

import pytest

from ticker.cli.error_advice import explain
from ticker.cli.exit_codes import NOT_REACHABLE
from ticker.errors import SourceUnreachable, StreamSilent


@pytest.mark.parametrize(
    ("stream", "is_composed"),
    [
        ("kafka://localhost:9092/demo", True),
        ("kafka://127.0.0.1:9092/ticks", True),
        ("kafka://localhost:9093/demo", False),
        ("kafka://localhost.example.org:9092/demo", False),
        ("kafka://localhost:9092,broker:9092/demo", False),
        ("kafka://broker:9092/demo", False),
    ],
)
def test_docker_compose_is_advised_only_for_its_own_kafka(stream: str, is_composed: bool) -> None:
    error = StreamSilent(stream, "connection refused")
    words, code = explain(error, zone=None, now=0)
    assert words.startswith(f"{stream}: does not answer: connection refused. Is it up")
    assert ("docker compose" in words, code) == (is_composed, NOT_REACHABLE)


@pytest.mark.parametrize(
    ("source", "problem", "address", "words"),
    [
        (
            "yahoo",
            "host not found",
            None,
            "Cannot reach Yahoo (host not found). "
            "Check your connection, or try `ticker demo`, which works offline.",
        ),
        (
            "exchange",
            "no connection at 127.0.0.1:8790",
            "127.0.0.1:8790",
            "Cannot reach the exchange (no connection at 127.0.0.1:8790). "
            "Not running? Start it: ticker exchange",
        ),
        (
            "exchange-live",
            "no connection at 127.0.0.1:8870",
            "127.0.0.1:8870",
            "Cannot reach the exchange (no connection at 127.0.0.1:8870). "
            "Not running? Start it: ticker exchange --listen 127.0.0.1:8870",
        ),
    ],
)
def test_an_unreachable_source_is_named_with_problem_and_next_step(
    source: str, problem: str, address: str | None, words: str
) -> None:
    told = explain(SourceUnreachable(source, problem, address), zone=None, now=0)
    assert told == (words, NOT_REACHABLE)
