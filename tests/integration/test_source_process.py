"""The Yahoo source in its own process writes nothing to the disk and the screen."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ticker.exchange import Exchange, Market

pytestmark = pytest.mark.processes

ASK = """
import asyncio, sys
from ticker.sources import open_source

async def main():
    source = open_source(sys.argv[1])
    answer = await source.quotes(["AAPL", "NOPE"])
    print([quote.symbol for quote in answer.quotes], dict(answer.refused))
    await source.close()

asyncio.run(main())
"""
FAIL = """
import asyncio, sys
from ticker.errors import SourceError
from ticker.sources import open_source

async def main():
    source = open_source(sys.argv[1])
    await source.prepare()
    try:
        async with asyncio.timeout(0.3):
            await source.quotes(["AAPL"])
    except (TimeoutError, SourceError) as error:
        print(type(error).__name__)
    await source.close()

asyncio.run(main())
"""


def run(code: str, url: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, url],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


async def in_thread(
    code: str, url: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run, code, url, environment)


def files_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


@pytest.mark.parametrize("home", ["/nonexistent", "/proc/nowhere", None])
async def test_the_source_works_without_a_home_and_prints_nothing(home: str | None) -> None:
    environment = {"PATH": os.environ["PATH"]} | ({"HOME": home} if home else {})
    async with Exchange(Market(1), port=0) as exchange:
        host, port = exchange.address
        done = await in_thread(ASK, f"exchange:{host}:{port}", environment)
    assert done.stderr == ""
    assert done.stdout == "['AAPL'] {'NOPE': 'the exchange knows no such symbol'}\n"
    assert done.returncode == 0


async def test_the_source_writes_nothing_into_the_home(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with Exchange(Market(1), port=0) as exchange:
        host, port = exchange.address
        done = await in_thread(ASK, f"exchange:{host}:{port}", environment)
    assert done.returncode == 0
    assert files_in(tmp_path) == []


def test_warnings_of_yfinance_never_reach_the_screen() -> None:
    # The port is closed: yfinance warns that it could not fetch the cookie.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"yahoo+http://127.0.0.1:{taken.getsockname()[1]}"
        done = run(FAIL, url, {"PATH": os.environ["PATH"]})
    assert (done.stdout, done.stderr, done.returncode) == ("SourceUnreachable\n", "", 0)


def test_a_hanging_request_keeps_no_process_alive() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"yahoo+http://127.0.0.1:{silent.getsockname()[1]}"
        done = run(FAIL, url, {"PATH": os.environ["PATH"]})
    assert (done.stdout, done.stderr, done.returncode) == ("TimeoutError\n", "", 0)
