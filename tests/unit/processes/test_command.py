from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from time import monotonic

import pytest

from ticker.processes.command import run_command


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_a_program_gets_its_data_and_its_arguments_without_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + sys.argv[2])"
    assert await run_command([*python(code), str(out), "$HOME; ls"], b'{"a":1}\n') is None
    assert out.read_text() == '{"a":1}\n$HOME; ls'


async def test_a_failed_program_reports_why_in_one_line() -> None:
    words = python("import sys; sys.exit('no bus\\nat all')")
    assert await run_command(words, b"{}") == "python failed with exit code 1: no bus".replace(
        "python", Path(sys.executable).name
    )


async def test_a_missing_program_is_reported() -> None:
    assert await run_command(["/no/such-program"], b"") == (
        "such-program: there is no such program"
    )
    assert (await run_command(["/"], b"") or "").startswith(" cannot be started")


async def test_a_hanging_program_is_ended_with_its_children() -> None:
    began = monotonic()
    told = await run_command(["sh", "-c", "sleep 60 & sleep 60"], b"x" * 1_000_000, within=0.2)
    assert told == "sh was ended: it took more than 0.2 s"
    assert monotonic() - began < 5


async def test_a_program_is_ended_when_its_caller_is_cancelled(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    words = ["sh", "-c", f"echo $$ > {pipe}; exec sleep 60"]
    running = asyncio.create_task(run_command(words, b""))
    process = int(await asyncio.to_thread(pipe.read_text))
    running.cancel()
    await asyncio.wait([running])
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
