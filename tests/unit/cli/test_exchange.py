from __future__ import annotations

import pytest

from ticker.cli.exchange import source_url


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8790, "exchange"),
        ("127.0.0.1", 8791, "exchange:127.0.0.1:8791"),
        ("0.0.0.0", 8790, "exchange:0.0.0.0:8790"),  # noqa: S104  (only a text here)
    ],
)
def test_the_source_to_type_is_as_short_as_finds_the_exchange(
    host: str, port: int, url: str
) -> None:
    assert source_url(host, port) == url
