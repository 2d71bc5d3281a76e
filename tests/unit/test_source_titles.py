from __future__ import annotations

import pytest

from ticker.source_titles import to_reach


@pytest.mark.parametrize(
    ("name", "address", "option"),
    [
        ("exchange", None, ""),
        ("exchange", "exchange:8870", " --listen 127.0.0.1:8870"),
        ("exchange", "exchange:127.0.0.1:8870", " --listen 127.0.0.1:8870"),
        ("exchange-live", "exchange-live:8870", " --listen 127.0.0.1:8870"),
        ("exchange", "127.0.0.1:8790", ""),
        ("exchange", "exchange:another-host:8870", ""),
        ("exchange", "exchange:another-host", ""),
    ],
)
def test_the_advice_starts_an_exchange_at_the_port_that_was_asked(
    name: str, address: str | None, option: str
) -> None:
    advice = f"Not running? Start it: ticker exchange{option}"
    assert to_reach(name, address) == advice
