from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCREEN = """
import logging
from ticker.cli.running import set_up_logging
set_up_logging(screen=True)
logging.getLogger("asyncio").error("Task was destroyed but it is pending!")
"""
CLIENT = """
import logging
import sys
from ticker.cli.running import set_up_logging
set_up_logging(verbose="-v" in sys.argv, plain="plain" in sys.argv)
logging.getLogger("aiokafka").error("Unable connect")
logging.getLogger("aiokafka.conn").info("Authenticated as ann")
logging.getLogger("aiokafka.conn").debug("Request: hunter2")
"""
LIBRARY = """
import logging
import ticker.streams.kafka
print(logging.getLogger("aiokafka").level)
"""


def run(script: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process whose logging is nobody else's."""
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        env={**os.environ, "XDG_STATE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_what_asyncio_finds_goes_to_the_file_and_never_across_a_screen(tmp_path: Path) -> None:
    done = run(SCREEN, tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    assert "ERROR asyncio: Task was destroyed" in (tmp_path / "ticker" / "ticker.log").read_text()


def test_kafkas_client_is_heard_in_the_file_where_it_is_wished_and_says_no_secret(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ticker" / "ticker.log"
    done = run(CLIENT, tmp_path, "plain")
    assert (done.stderr, file.exists() and file.read_text()) == ("", False)
    done = run(CLIENT, tmp_path, "-v")
    assert done.stderr == ""
    told = file.read_text()
    assert "ERROR aiokafka: Unable connect" in told
    assert "INFO aiokafka.conn: Authenticated as ann" in told
    assert "hunter2" not in told


def test_what_kafkas_client_says_is_left_to_programs_that_import_us(tmp_path: Path) -> None:
    assert run(LIBRARY, tmp_path).stdout == "0\n"
