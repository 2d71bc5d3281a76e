from __future__ import annotations

import re

from ticker.relay.route import local_log_name, route_digest


def test_a_destination_has_one_file_that_people_recognise() -> None:
    name = local_log_name("kafka://broker:9092/ticks")
    assert re.fullmatch(r"to-kafka-broker-9092-ticks-[0-9a-f]{8}\.sqlite", name)
    assert name == local_log_name("kafka://broker:9092/ticks")
    assert name != local_log_name("kafka://broker:9092/tick-s")
    assert local_log_name("kafka://a.b:1/x") != local_log_name("kafka://a-b:1/x")


def test_no_file_name_contains_a_secret_or_depends_on_it() -> None:
    url = "kafka://ann:hunter2@broker:9092/ticks"
    assert "hunter2" not in local_log_name(url)
    assert "ann" not in local_log_name(url)
    other = url.replace("hunter2", "hunter3")
    assert local_log_name(url) == local_log_name(other)
    assert route_digest("sqlite:a", url) == route_digest("sqlite:a", other)


def test_a_long_destination_still_gives_a_valid_file_name() -> None:
    brokers = ",".join(f"broker-{n}.example.org:9092" for n in range(50))
    assert len(local_log_name(f"kafka://{brokers}/ticks")) < 100


def test_no_two_routes_share_a_lock() -> None:
    assert route_digest("a", "b") != route_digest("b", "a")
    assert route_digest("ab", "c") != route_digest("a", "bc")
