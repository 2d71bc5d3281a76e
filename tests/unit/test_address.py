from __future__ import annotations

from pathlib import Path

import pytest

from ticker.address import Backend, backend_of, parse_address
from ticker.errors import UsageError


def test_a_file_has_a_path_and_no_servers(tmp_path: Path) -> None:
    address = parse_address(f"sqlite:{tmp_path}/log.sqlite")
    assert (address.backend, address.path) == (Backend.SQLITE, tmp_path / "log.sqlite")
    assert (address.servers, address.prefix) == ((), "")


def test_a_stream_on_kafka_has_servers_and_a_prefix_and_no_path() -> None:
    address = parse_address("kafka://A,b:9093/mine")
    assert (address.servers, address.prefix) == (("a:9092", "b:9093"), "mine")
    assert (address.backend, address.path) == (Backend.KAFKA, None)


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("sqlite:", Backend.SQLITE),
        ("kafka:", Backend.KAFKA),
        ("sqlite:a.parquet", Backend.SQLITE),
        ("a/b.PARQUET", Backend.RECORDING),
        ("memory:x", Backend.MEMORY),
        ("carrier-pigeon://coop", None),
        ("kafka", None),
    ],
)
def test_the_beginning_or_the_ending_of_a_url_names_its_backend(
    url: str, backend: Backend | None
) -> None:
    assert backend_of(url) is backend


@pytest.mark.parametrize(
    "url", ["sqlite:", "memory:", "kafka:", "kafka:host", "carrier-pigeon://coop", ""]
)
def test_a_text_that_names_no_stream_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not a stream"):
        parse_address(url)
