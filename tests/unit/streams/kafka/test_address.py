import pytest

from ticker.address import parse_address
from ticker.errors import UsageError
from ticker.streams import open_log, open_stream
from ticker.streams.kafka import KafkaAddress, secured


@pytest.mark.parametrize(
    ("url", "servers", "prefix"),
    [
        ("kafka://localhost", ("localhost:9092",), "ticks"),
        ("kafka://localhost:9093/", ("localhost:9093",), "ticks"),
        ("kafka://a:1,b.example:2/my.own_ticks-2", ("a:1", "b.example:2"), "my.own_ticks-2"),
        ("kafka://[::1]:9092/t", ("[::1]:9092",), "t"),
        ("kafka://Broker.Example:09092/T", ("broker.example:9092",), "T"),
    ],
)
def test_a_kafka_url_names_brokers_and_a_prefix(
    url: str, servers: tuple[str, ...], prefix: str
) -> None:
    assert secured(parse_address(url)) == KafkaAddress(servers, prefix)
    assert open_stream(url).url == open_log(url).url == f"kafka://{','.join(servers)}/{prefix}"


def test_the_same_servers_give_the_same_url_in_any_spelling() -> None:
    urls = {
        secured(parse_address(url)).url
        for url in ("kafka://b:1,a/t", "kafka://a:9092,B:1/t", "kafka://A,b:01,a:9092/t")
    }
    assert urls == {"kafka://a:9092,b:1/t"}


@pytest.mark.parametrize(
    "url",
    [
        "kafka:",
        "kafka://",
        "kafka:///ticks",
        "kafka://host:0",
        "kafka://host:99999",
        "kafka://a,,b",
        "kafka://host:port",
        "kafka://host/a/b",
        "kafka://host/..",
        "kafka://host/" + "x" * 239,
        "kafka://host/demo.gaps",
        "kafka://host/.quotes",
    ],
)
def test_a_url_without_topics_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError):
        open_stream(url)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("x" * 300, "A prefix of 300 letters is too long: .* leave room for 238"),
        ("demo.gaps", "the topic of the gaps of demo, .* Leave .gaps out"),
        ("demo.quotes", "the quotes of demo"),
        ("demo.heartbeats", "the heartbeats of demo"),
        ("dé", "use letters, digits"),
        ("é" * 300, "use letters, digits"),
    ],
)
def test_an_invalid_prefix_is_refused_with_the_reason(prefix: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_stream(f"kafka://host/{prefix}")


def test_unusual_but_valid_prefixes_are_accepted() -> None:
    for prefix in ("x" * 238, "mygaps", "demo.gaps.mine"):
        assert secured(parse_address(f"kafka://host/{prefix}")).prefix == prefix


def test_a_password_typed_into_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        open_stream("kafka://ann:hunter2@host:9092/ticks")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)
