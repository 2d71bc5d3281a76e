"""compose.yaml, as far as it can be tried without a container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from ticker.processes.child import environment

ROOT: Final = Path(__file__).parents[2]
LOADER: Final = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
"""Compose's own reference loader."""


@pytest.fixture(scope="module")
def model() -> Any:
    """What the reference loader makes of the file; its refusal fails the tests."""
    go = shutil.which("go")
    if go is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have go: it builds Compose's reference loader")
        pytest.skip("needs go, which builds Compose's reference loader: apt install golang")
    folder = ROOT / ".cache" / "compose-go" / LOADER.rpartition("@")[2]
    loader = folder / "cmd"
    if not loader.exists():
        words = [go, "install", LOADER]
        subprocess.run(words, env={**os.environ, "GOBIN": str(folder)}, check=True, timeout=300)
    words = [str(loader), "--format", "json", str(ROOT / "compose.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_passes_the_reference_loader_and_up_alone_needs_no_network(model: Any) -> None:
    by_profile = {name: service.get("profiles", []) for name, service in model["services"].items()}
    assert by_profile == {
        "kafka": [],
        "exchange": [],
        "poller": [],
        "poller-yahoo": ["yahoo"],
        "ui": ["ui"],
    }


def test_every_image_of_others_is_pinned_and_ours_is_built_from_the_checkout(model: Any) -> None:
    for name, service in model["services"].items():
        if "build" in service:
            assert service["build"]["context"] == str(ROOT)
            inline = service["build"]["dockerfile_inline"]
            assert re.match(r"FROM python:\d+\.\d+\.\d+-slim-\w+\n", inline), name
        else:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name


def test_what_our_image_copies_is_there(model: Any) -> None:
    inline = model["services"]["poller"]["build"]["dockerfile_inline"]
    copied = [
        word
        for line in re.findall(r"^COPY (.*)", inline, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    assert copied
    assert [word for word in copied if not (ROOT / word).exists()] == []


def test_ports_are_open_on_this_machine_alone(model: Any) -> None:
    ports = [port for service in model["services"].values() for port in service.get("ports", [])]
    assert {port["published"] for port in ports} == {"9092", "8080"}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_kafka_tells_containers_and_the_host_each_where_it_is(model: Any) -> None:
    kafka = model["services"]["kafka"]["environment"]
    advertised = dict(
        listener.split("://") for listener in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert advertised == {"CONTAINERS": "kafka:19092", "HOST": "localhost:9092"}
    listening = {listener.split("://")[0] for listener in kafka["KAFKA_LISTENERS"].split(",")}
    protocols = dict(
        pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert set(protocols) == listening == {*advertised, "CONTROLLER"}
    (volume,) = model["services"]["kafka"]["volumes"]
    assert volume["target"] == kafka["KAFKA_LOG_DIRS"]
    for name in ("poller", "poller-yahoo"):
        words = model["services"][name]["command"]
        url = words[words.index("--stream") + 1]
        assert url.startswith(f"kafka://{advertised['CONTAINERS']}/")


@pytest.mark.parametrize("name", ["exchange", "poller", "poller-yahoo"])
def test_the_commands_of_our_services_are_known(model: Any, name: str) -> None:
    service = model["services"][name]
    commands = [service["command"]]
    if (check := service.get("healthcheck")) is not None:
        kind, program, *words = check["test"]
        assert (kind, program) == ("CMD", "ticker")
        commands.append(words)
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ticker", *words, "--help"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
