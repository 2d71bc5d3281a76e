"""`docker compose up` without containers: the services of compose.yaml as processes.

Each service has the command, the environment, the health check and the place in the order that the
file gives it. Replaced is what a container would bring, and nothing else: addresses (see
`compose_file.Network`), volumes (a folder each), Kafka's image (the same release's jars, set up
from the environment by the image's own class, and its scripts by the classes that they run), our
image (this checkout; ENV as the Dockerfile has it).

`python -m tests.compose_up compose …` stands in for `docker compose …` where there is no container
engine: `up` until Ctrl-C, `exec kafka SCRIPT …`. `… fetch` gets what both need from outside.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.compose_file import Network, load, seconds
from tests.kafka_broker import LOG4J_YAML, jars
from ticker.processes.child import command, environment

PATIENCE: Final = 90.0
"""How long a service may take to become healthy (s)."""
IMAGE_BIN: Final = "/opt/kafka/bin"
SCRIPTS: Final = {  # what Kafka's bin/NAME hands to bin/kafka-run-class.sh
    "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}


def write_scripts(folder: Path) -> Path:
    """Kafka's scripts of `SCRIPTS`, by the jars; the folder in which they lie."""
    folder.mkdir(parents=True, exist_ok=True)
    logging = folder / "tools-log4j2.yaml"
    logging.write_text(
        LOG4J_YAML.replace("name: console", "name: console\n      target: SYSTEM_ERR")
    )
    path = f"{jars('kafka-tools', 'tools')}/*:{jars()}/*"  # logging in YAML is in the broker's
    for name, main_class in SCRIPTS.items():
        script = folder / name
        options = f"-Xmx512M -Dlog4j2.configurationFile={logging}"
        script.write_text(f'#!/bin/sh\nexec java {options} -cp {path!r} {main_class} "$@"\n')
        script.chmod(0o755)
    return folder


class Service:
    """One service of the file; `folder` is its file system."""

    def __init__(self, name: str, model: Mapping[str, Any], folder: Path, network: Network) -> None:
        self.name = name
        self.model = model
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self._network = network
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def said(self) -> str:
        """What it wrote, over all its starts."""
        return (self.folder / "said").read_text(errors="replace")

    def here(self, text: str) -> str:
        """A text of the file as it is on this machine."""
        return self._network.here(self.name, text).replace(IMAGE_BIN, str(self.folder / "bin"))

    def prepare(self) -> list[str]:
        """What comes before the start; the words that start it."""
        return command(*map(self.here, self.model["command"]))

    def environment(self) -> dict[str, str]:
        """The Dockerfile's and the file's, and what an interpreter here needs."""
        ours = {name: value for name, value in environment().items() if "TICKER" not in name}
        inline = self.model["build"]["dockerfile_inline"]
        image = dict(
            pair.split("=", 1) for pair in re.findall(r"^ENV (\S+=\S+)$", inline, re.MULTILINE)
        )
        places = {name: f"{self.folder}{value}" for name, value in image.items()}
        return {**ours, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), **places}

    def start(self) -> None:
        """Begin, without waiting."""
        words = self.prepare()
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                words,
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for who stands in for Compose
            )

    def healthy(self) -> bool:
        """Ask once, as the file's health check does; without one, whether it runs."""
        assert self.process is not None
        check = self.model.get("healthcheck")
        if self.process.poll() is not None or check is None:
            return self.process.poll() is None
        return self.check() == 0

    def check(self) -> int:
        """The exit code of the health check; 1 if it took too long, as Compose counts it."""
        check = self.model["healthcheck"]
        kind, *words = map(self.here, check["test"])
        assert kind == "CMD", "a shell is not wanted"
        words = command(*words[1:]) if words[0] == "ticker" else words
        try:
            return subprocess.run(
                words,
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds(check["timeout"]),
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return 1

    def wait(self, within: float = PATIENCE) -> None:
        """Until it is healthy; raises `RuntimeError` if it ends or takes too long."""
        assert self.process is not None
        until = time.monotonic() + within
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.name} is not healthy:\n{self.said[-4000:]}")
            time.sleep(0.2)  # between two checks

    def stop(self) -> int:
        """SIGTERM, and SIGKILL after the grace that the file gives; the exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(seconds(self.model.get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Kafka(Service):
    """The broker, set up and started as its image does."""

    def prepare(self) -> list[str]:
        """Properties from the environment and a formatted log: what the image's launcher does."""
        write_scripts(self.folder / "bin")
        final = self.folder / "final"
        for part in ("default", "mounted", "final"):
            (self.folder / part).mkdir(exist_ok=True)
        for part in ("default", "final"):
            (self.folder / part / "server.properties").write_text("")
            for name in ("log4j2.yaml", "tools-log4j2.yaml"):
                (self.folder / part / name).write_text(LOG4J_YAML)
        java = ["java", "-Xms256m", "-Xmx512m", "-cp", f"{jars()}/*"]
        java += [f"-Dlog4j2.configurationFile={final}/log4j2.yaml"]
        setup = [
            "kafka.docker.KafkaDockerWrapper",
            "setup",
            "-D",
            "default",
            "-M",
            "mounted",
            "-F",
            "final",
        ]
        done = subprocess.run(
            [*java, *setup],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        # A container that starts again finds its volume formatted, and its image goes on.
        if done.returncode and "already formatted" not in done.stdout + done.stderr:
            raise RuntimeError(done.stdout + done.stderr)
        return [*java, "kafka.Kafka", str(final / "server.properties")]

    def environment(self) -> dict[str, str]:
        """The file's alone: what is set here must not help it."""
        (volume,) = self.model["volumes"]
        given = {
            name: self.here(str(value)).replace(volume["target"], str(self.folder / "data"))
            for name, value in self.model["environment"].items()
        }
        return {"PATH": os.environ["PATH"], **given}


class Composed:
    """The services of the file that need no profile, below `folder`; others by `service`."""

    def __init__(self, folder: Path, published: Mapping[int, int] | None = None) -> None:
        self.model = load()
        self.network = Network(self.model["services"], published)
        self._folder = folder
        self.services: dict[str, Service] = {}

    def service(self, name: str) -> Service:
        """A service, not yet started when first asked for."""
        if name not in self.services:
            model = self.model["services"][name]
            kind = Kafka if model.get("image", "").startswith("apache/kafka:") else Service
            self.services[name] = kind(name, model, self._folder / name, self.network)
        return self.services[name]

    def up(self) -> None:
        """Start each once those that it depends on are healthy; wait until all are."""
        waiting = [
            name for name, model in self.model["services"].items() if "profiles" not in model
        ]
        while waiting:
            ready = [n for n in waiting if not {*waiting} & {*self._needs(n)}]
            for name in ready:
                self.service(name).start()
            for name in ready:
                self.service(name).wait()
                waiting.remove(name)
                sys.stdout.write(f"{name} healthy\n")
                sys.stdout.flush()

    def down(self) -> None:
        """Stop all that run, those that depend on others first."""
        for service in reversed(self.services.values()):
            if service.process is not None and service.process.poll() is None:
                service.stop()

    def _needs(self, name: str) -> Mapping[str, Any]:
        needs: Mapping[str, Any] = self.model["services"][name].get("depends_on", {})
        assert all(need["condition"] == "service_healthy" for need in needs.values())
        return needs


def main() -> None:
    """Stand in for `docker compose up` and `docker compose exec kafka …`."""
    match sys.argv[1:]:
        case ["fetch"]:
            load()
            jars()
            jars("kafka-tools", "tools")
        case ["compose", "up"]:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
            with tempfile.TemporaryDirectory(prefix="compose-") as folder:
                composed = Composed(Path(folder))
                try:
                    composed.up()
                    signal.pause()
                except KeyboardInterrupt:
                    composed.down()
                    raise SystemExit(130) from None
                finally:
                    composed.down()
        case ["compose", "exec", "kafka", script, *words] if script.startswith(IMAGE_BIN):
            with tempfile.TemporaryDirectory(prefix="compose-") as folder:
                path = write_scripts(Path(folder)) / Path(script).name
                raise SystemExit(subprocess.run([path, *words], check=False).returncode)
        case other:
            raise SystemExit(f"no stand-in for: docker {shlex.join(other)}")


if __name__ == "__main__":
    main()
