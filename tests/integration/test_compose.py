"""compose.yaml, as far as it can be tried without a container engine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from tests.compose_file import NEEDS_GO, ROOT, has_go, load
from tests.compose_up import Composed
from tests.kafka_broker import free_port
from ticker.processes.child import command, environment

PATIENCE: Final = 60.0

pytestmark = [
    pytest.mark.usefixtures("make_broker"),  # needs Java, as a Kafka of its own is started
    pytest.mark.xdist_group(
        "compose"
    ),  # mostly waits, so it may run at the same time as the other tests with Kafka
]


@pytest.fixture(scope="module")
def model() -> Any:
    """Return the file as the reference loader reads it. A refusal fails the tests."""
    if not has_go() and not os.environ.get("CI"):
        pytest.skip(NEEDS_GO)
    return load()["services"]


@pytest.fixture(scope="module")
def composed(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The file's services, up; 9092 may be taken, so Kafka is published elsewhere."""
    del model  # skips where there is no loader
    composed = Composed(tmp_path_factory.mktemp("compose"), {9092: free_port()})
    try:
        composed.up()
        yield composed
    finally:
        composed.down()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(KafkaException):  # a topic that is being made has no leader yet
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)  # between two looks


def test_compose_yaml_is_valid_and_a_plain_up_needs_no_network(model: Any) -> None:
    by_profile = {name: service.get("profiles", []) for name, service in model.items()}
    assert by_profile == {
        "kafka": [],
        "exchange": [],
        "poller": [],
        "poller-yahoo": ["yahoo"],
        "ui": ["ui"],
    }


def test_foreign_images_are_pinned_and_ours_is_built_from_the_checkout(model: Any) -> None:
    for name, service in model.items():
        if "build" in service:
            assert service["build"]["context"] == str(ROOT)
            inline = service["build"]["dockerfile_inline"]
            assert re.match(r"FROM python:\d+\.\d+\.\d+-slim-\w+\n", inline), name
        else:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name


def test_ports_are_open_on_this_machine_only(model: Any) -> None:
    ports = [port for service in model.values() for port in service.get("ports", [])]
    assert {port["published"] for port in ports} == {"9092", "8080"}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_kafka_gives_containers_and_the_host_each_the_right_address(model: Any) -> None:
    kafka = model["kafka"]["environment"]
    advertised = dict(
        listener.split("://") for listener in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert advertised == {"CONTAINERS": "kafka:19092", "HOST": "localhost:9092"}
    listening = {listener.split("://")[0] for listener in kafka["KAFKA_LISTENERS"].split(",")}
    protocols = dict(
        pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert set(protocols) == listening == {*advertised, "CONTROLLER"}
    (volume,) = model["kafka"]["volumes"]
    assert volume["target"] == kafka["KAFKA_LOG_DIRS"]
    for name in ("poller", "poller-yahoo"):
        words = model[name]["command"]
        url = words[words.index("--stream") + 1]
        assert url.startswith(f"kafka://{advertised['CONTAINERS']}/")


def sources(model: Any) -> list[tuple[str, str]]:
    """Return what the image copies: (path in the checkout, folder in the image)."""
    inline = model["poller"]["build"]["dockerfile_inline"]
    lines = [line.split() for line in re.findall(r"^COPY (.*)", inline, re.MULTILINE)]
    return [(word, line[-1]) for line in lines for word in line[:-1]]


def test_the_image_copies_existing_files_and_the_build_context_holds_nothing_else(
    model: Any,
) -> None:
    copied = [source for source, _ in sources(model)]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied)


@pytest.fixture
def image(model: Any, tmp_path: Path) -> Path:
    """The work folder of our image, as the Dockerfile's COPY fills it."""
    for source, target in sources(model):
        place = tmp_path / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place)
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)
    return tmp_path


def test_the_files_in_the_image_are_enough_to_build_the_package(image: Path) -> None:
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheels", "."]
    subprocess.run(words, cwd=image, check=True, timeout=300)
    (wheel,) = (image / "wheels").glob("*.whl")
    words = [sys.executable, "-m", "zipfile", "-l", str(wheel)]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "ticker/events.schema.json" in listed


@pytest.mark.slow
def test_the_image_installs_a_ticker_that_starts(model: Any, image: Path) -> None:
    inline = model["poller"]["build"]["dockerfile_inline"]
    (install,) = re.findall(r"^RUN (pip install .*)", inline, re.MULTILINE)
    (entry,) = re.findall(r"^ENTRYPOINT (.*)", inline, re.MULTILINE)
    venv.create(image / "venv", with_pip=True)
    path = {**os.environ, "PATH": f"{image}/venv/bin:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", install], cwd=image, env=path, check=True, timeout=300)
    words = [str(image / "venv/bin" / json.loads(entry)[0]), "--version"]
    subprocess.run(words, env=path, check=True, timeout=300)


def test_the_poller_can_write_its_volume(model: Any) -> None:
    service = model["poller"]
    inline = service["build"]["dockerfile_inline"]
    # A new volume takes over what the image has at its place: the owner too.
    (state,) = re.findall(r"^ENV XDG_STATE_HOME=(\S+)", inline, re.MULTILINE)
    (user,) = re.findall(r"^USER (\S+)", inline, re.MULTILINE)
    assert f"useradd --uid 1000 --create-home {user}" in inline
    assert f"install -d -o {user} -g {user} {state}/ticker" in inline
    for name in ("poller", "poller-yahoo"):
        assert [volume["target"] for volume in model[name]["volumes"]] == [state]
    assert len({model[name]["volumes"][0]["source"] for name in ("poller", "poller-yahoo")}) == 2


def test_only_the_yahoo_poller_keeps_to_yahoos_budget(model: Any) -> None:
    words = model["poller-yahoo"]["command"]
    assert words[words.index("--source") + 1] == "yahoo"
    assert "--every" not in words


def ticks(composed: Composed, topic: str = "demo") -> dict[tuple[str, str], list[int]]:
    """(origin, symbol) → sequences on `topic`, to its present end, as another client sees them."""
    server = f"localhost:{composed.network.port('kafka', 9092)}"
    consumer = Consumer({"bootstrap.servers": server, "group.id": "none"})
    found = defaultdict(list)
    try:
        known = consumer.list_topics(timeout=10).topics
        for number in known[topic].partitions if topic in known else ():
            end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
            offset = 0
            while offset < end:
                message = consumer.poll(10)
                assert message is not None
                assert message.error() is None
                offset = (message.offset() or 0) + 1
                tick = json.loads(message.value() or b"")
                found[tick["origin"], tick["symbol"]].append(tick["sequence"])
    finally:
        consumer.close()
    return found


def assert_whole(found: dict[tuple[str, str], list[int]]) -> None:
    for key, sequences in found.items():
        assert sequences == list(range(1, len(sequences) + 1)), key


def count(composed: Composed, topic: str = "demo") -> int:
    return sum(map(len, ticks(composed, topic).values()))


def test_prices_of_the_exchange_come_through_kafka_to_the_host(
    composed: Composed, tmp_path: Path
) -> None:
    url = f"kafka://localhost:{composed.network.port('kafka', 9092)}/demo"
    done = subprocess.run(
        command("watch", "--once", "--stream", url),
        env={**environment(), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    quotes = json.loads(done.stdout)
    assert {quote["symbol"] for quote in quotes} >= {"AAPL", "GC=F", "BTC-USD"}
    assert all(quote["price"] > 0 and quote["simulated"] for quote in quotes)


def test_a_broker_that_comes_back_has_lost_nothing(
    composed: Composed,
) -> None:
    kafka = composed.service("kafka")
    before = count(composed)
    assert kafka.stop() == 143  # of SIGTERM, well within its grace
    assert kafka.check() != 0
    kafka.start()
    kafka.wait()
    until(lambda: count(composed) > before)
    assert_whole(ticks(composed))


def test_an_exchange_that_is_gone_is_not_healthy(composed: Composed) -> None:
    exchange = composed.service("exchange")
    assert exchange.stop() == 143
    assert exchange.check() != 0
    exchange.start()
    exchange.wait()


def test_a_poller_stopped_within_its_grace_delivers_everything_and_later_continues(
    composed: Composed,
) -> None:
    poller = composed.service("poller")
    assert poller.stop() == 143
    assert poller.said.rstrip().endswith("undelivered: 0")
    before = ticks(composed)
    poller.start()
    poller.wait()
    until(lambda: count(composed) > sum(map(len, before.values())))
    after = ticks(composed)
    assert after.keys() == before.keys()  # its volume keeps the origin
    assert_whole(after)


def test_the_poller_of_real_prices_writes_its_own_topics(composed: Composed) -> None:
    poller = composed.service("poller-yahoo")
    # Another server with Yahoo's interfaces stands in for Yahoo; all else is as printed.
    server = "yahoo+http://exchange:8790"
    words = [server if word == "yahoo" else word for word in poller.model["command"]]
    poller.model = {**poller.model, "command": words}
    poller.start()
    until(lambda: count(composed, "ticks"))
    assert_whole(ticks(composed, "ticks"))
    assert not ticks(composed, "ticks").keys() & ticks(composed).keys()
    assert poller.stop() == 143
