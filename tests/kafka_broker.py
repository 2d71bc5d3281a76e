"""A real Apache Kafka for tests: KRaft nodes, from jars of Maven Central, cached in `.cache/kafka`.

`python tests/kafka_broker.py` runs one in the foreground.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from fcntl import LOCK_EX, flock
from pathlib import Path

KAFKA = "4.3.1"
LOG4J = "2.25.4"
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "kafka" / KAFKA
CLUSTER = "AAAAAAAAQACAAAAAAAAAAA"
NEEDS_JAVA = "needs Java and Maven: apt-get install default-jdk-headless maven"

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>ARTIFACT</artifactId>
      <version>KAFKA</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>LOG4J</version>
    </dependency>
  </dependencies>
</project>
"""

LOG4J_YAML = """Configuration:
  Appenders:
    Console:
      name: console
      PatternLayout: {pattern: "%d %p %c %m%n"}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: console}}
"""


def available() -> bool:
    """Return whether a broker can be started here."""
    return all(shutil.which(program) for program in ("java", "mvn"))


def jars(artifact: str = "kafka_2.13", folder: str = "libs") -> Path:
    """Return the folder of the broker's jars, or another artifact's. Downloads them once (8 s)."""
    libs = CACHE / folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        flock(lock, LOCK_EX)  # two workers must not download the same
        if not libs.is_dir():
            _fetch(artifact, libs)
    return libs


def _fetch(artifact: str, libs: Path) -> None:
    # Downloaded to another folder first, so that an interrupted run leaves no incomplete folder.
    with tempfile.TemporaryDirectory(dir=CACHE) as beside:
        pom = _POM.replace("ARTIFACT", artifact)
        pom = pom.replace("KAFKA", KAFKA).replace("LOG4J", LOG4J)
        Path(beside, "pom.xml").write_text(pom)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies"]
        options = [f"-DoutputDirectory={beside}/libs", "-DincludeScope=runtime"]
        subprocess.run([*command, *options], cwd=beside, check=True, timeout=300)
        Path(beside, "libs").rename(libs)


def free_port() -> int:
    """Return an unused port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_only_once(folder: Path) -> None:
    """Raise `RuntimeError` at the second call for `folder`, which all workers of a run share."""
    try:
        (folder / "shared-kafka").touch(exist_ok=False)
    except FileExistsError:
        message = "a second worker starts a shared Kafka: put all its tests in one xdist_group"
        raise RuntimeError(message) from None


class Broker:
    """One node in `folder`. The test starts, kills, freezes and restarts it."""

    def __init__(
        self,
        folder: Path,
        properties: str = "",
        *,
        listeners: Mapping[str, int] | None = None,
        scram: Sequence[str] = (),
        controllers: Sequence[int] = (),
        node: int = 1,
    ) -> None:
        """`listeners`: further ones, Kafka's protocol → port; `scram`: values for `--add-scram`.

        `controllers`: the controllers' ports in a cluster; this is number `node`, counted from 1.
        """
        self.folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._ports = [self.port, *(listeners or {}).values()]
        self.process: subprocess.Popen[bytes] | None = None
        controllers = controllers or [free_port()]
        voters = ",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers, 1))
        controller = controllers[node - 1]
        log4j = folder / "log4j2.yaml"
        log4j.write_text(LOG4J_YAML)
        self._java = ["java", "-Xms256m", "-Xmx512m", "-cp", f"{jars()}/*"]
        self._java += [f"-Dlog4j2.configurationFile={log4j}"]
        more = "".join(f",{name}://127.0.0.1:{port}" for name, port in (listeners or {}).items())
        same = "".join(f",{name}:{name}" for name in listeners or {})
        self._properties = folder / "server.properties"
        self._properties.write_text(
            f"""process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}{more}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{same}
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=100
log.initial.task.delay.ms=500
{properties}"""
        )
        users = [word for user in scram for word in ("--add-scram", user)]
        self._run(
            "kafka.tools.StorageTool", "format", "-t", CLUSTER, *users, "-c", str(self._properties)
        )

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it. A node of a cluster accepts connections once most of the others run too."""
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, within: float = 60.0) -> None:
        """Wait until all its ports accept connections. It opens them one after another."""
        assert self.process is not None
        until = time.monotonic() + within
        while True:
            try:
                for port in self._ports:
                    socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    log_text = (self.folder / "broker.log").read_text()
                    raise RuntimeError(f"Kafka did not start:\n{log_text[-4000:]}") from None
                time.sleep(0.05)
            else:
                return

    def freeze(self) -> None:
        """Send SIGSTOP, and wait until all its threads have stopped."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.process.pid}/task")
        while tasks.is_dir() and any(
            stat.read_text().rpartition(")")[2].split()[0] != "T" for stat in tasks.glob("*/stat")
        ):
            time.sleep(0.01)

    def thaw(self) -> None:
        """Send SIGCONT."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def set_password(self, user: str, password: str, mechanism: str = "SCRAM-SHA-256") -> None:
        """Create `user`, or change the password. Existing connections stay open."""
        words = ["--entity-type", "users", "--entity-name", user]
        words += ["--alter", "--add-config", f"{mechanism}=[password={password}]"]
        self._run("kafka.admin.ConfigCommand", "--bootstrap-server", self.address, *words)

    def _run(self, program: str, *words: str) -> None:
        command = [*self._java, program, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def main() -> None:
    """Run one until Ctrl-C or SIGTERM, and print its address. Leaves no process behind."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        broker = Broker(Path(folder))
        try:
            broker.start()
            sys.stdout.write(f"{broker.address}\n")
            sys.stdout.flush()
            signal.pause()
        except KeyboardInterrupt:
            pass
        finally:
            broker.kill()


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    main()
