"""`docker compose up` without containers: the services of compose.yaml as processes.

Each service has its command, health check and order from the file, and Kafka its environment too.
What containers provide is replaced:
- Addresses: see `compose_file.Network`.
- Volumes: folders.
- Kafka's image: the jars of the same release, which the image's own class configures. Its scripts
  become short ones that run the same classes.
- Our image: this checkout, with ENV from the Dockerfile.

`python -m tests.compose_up compose …` replaces `docker compose …` if there is no container engine.
It knows `up` (until Ctrl-C) and `exec kafka SCRIPT …`. `python -m tests.compose_up fetch` downloads
what both need.
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
"""The time limit for a service to become healthy (s)."""
IMAGE_BIN: Final = "/opt/kafka/bin"
SCRIPTS: Final = {  # the class that Kafka's bin/NAME passes to bin/kafka-run-class.sh
    "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}


def write_scripts(folder: Path) -> Path:
    """Write Kafka's scripts of `SCRIPTS` for the jars, and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    logging = folder / "tools-log4j2.yaml"
    logging.write_text(
        LOG4J_YAML.replace("name: console", "name: console\n      target: SYSTEM_ERR")
    )
    path = (
        f"{jars('kafka-tools', 'tools')}/*:{jars()}/*"  # the broker's jars have logging with YAML
    )
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
        """Return its output, over all its starts."""
        return (self.folder / "said").read_text(errors="replace")

    def here(self, text: str) -> str:
        """Return a text of the file with this machine's addresses."""
        return self._network.here(self.name, text).replace(IMAGE_BIN, str(self.folder / "bin"))

    def prepare(self) -> list[str]:
        """Prepare the start, and return the command."""
        return command(*map(self.here, self.model["command"]))

    def environment(self) -> dict[str, str]:
        """Return this process's variables except TICKER…, and the Dockerfile's with paths here."""
        ours = {name: value for name, value in environment().items() if "TICKER" not in name}
        inline = self.model["build"]["dockerfile_inline"]
        image = dict(
            pair.split("=", 1) for pair in re.findall(r"^ENV (\S+=\S+)$", inline, re.MULTILINE)
        )
        places = {name: f"{self.folder}{value}" for name, value in image.items()}
        return {**ours, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), **places}

    def start(self) -> None:
        """Start it, without waiting."""
        words = self.prepare()
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                words,
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the process that replaces Compose
            )

    def healthy(self) -> bool:
        """Run the file's health check once. Without one, return whether the process runs."""
        assert self.process is not None
        check = self.model.get("healthcheck")
        if self.process.poll() is not None or check is None:
            return self.process.poll() is None
        return self.check() == 0

    def check(self) -> int:
        """Return the exit code of the health check; 1 after its timeout, as in Compose."""
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
        """Wait until it is healthy. Raises `RuntimeError` if it ends or takes too long."""
        assert self.process is not None
        until = time.monotonic() + within
        while not self.healthy():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.name} is not healthy:\n{self.said[-4000:]}")
            time.sleep(0.2)  # between two checks

    def stop(self) -> int:
        """Send SIGTERM, then SIGKILL after the file's grace period. Returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(seconds(self.model.get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Kafka(Service):
    """The broker, configured and started as in its image."""

    def prepare(self) -> list[str]:
        """Write properties from the environment and format the log, as the image does."""
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
        # If a container starts again, its volume is formatted already, and the image continues.
        if done.returncode and "already formatted" not in done.stdout + done.stderr:
            raise RuntimeError(done.stdout + done.stderr)
        return [*java, "kafka.Kafka", str(final / "server.properties")]

    def environment(self) -> dict[str, str]:
        """Return only PATH and the file's environment: other variables must not help the broker."""
        (volume,) = self.model["volumes"]
        given = {
            name: self.here(str(value)).replace(volume["target"], str(self.folder / "data"))
            for name, value in self.model["environment"].items()
        }
        return {"PATH": os.environ["PATH"], **given}


class Composed:
    """The services of the file; `folder` has their files. `up` starts those without a profile."""

    def __init__(self, folder: Path, published: Mapping[int, int] | None = None) -> None:
        self.model = load()
        self.network = Network(self.model["services"], published)
        self._folder = folder
        self.services: dict[str, Service] = {}

    def service(self, name: str) -> Service:
        """Return a service. Does not start it."""
        if name not in self.services:
            model = self.model["services"][name]
            kind = Kafka if model.get("image", "").startswith("apache/kafka:") else Service
            self.services[name] = kind(name, model, self._folder / name, self.network)
        return self.services[name]

    def up(self) -> None:
        """Start each service after those that it depends on are healthy. Wait until all are."""
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
        """Stop all that run, dependent services first."""
        for service in reversed(self.services.values()):
            if service.process is not None and service.process.poll() is None:
                service.stop()

    def _needs(self, name: str) -> Mapping[str, Any]:
        needs: Mapping[str, Any] = self.model["services"][name].get("depends_on", {})
        assert all(need["condition"] == "service_healthy" for need in needs.values())
        return needs


def main() -> None:
    """Replace `docker compose up` and `docker compose exec kafka …`."""
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
