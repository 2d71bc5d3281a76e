from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ticker.cli.diagnostics import Harmless, SharedFile, StandardError


def record(text: str, error: bool = False) -> logging.LogRecord:
    told = sys.exc_info() if error else None
    return logging.LogRecord("ticker", logging.INFO, "", 0, "%s", (text,), told)


def test_a_line_break_from_outside_cannot_forge_a_log_line() -> None:
    formatter = Harmless("%(levelname)s %(message)s")
    assert formatter.format(record("X\nERROR forged")) == "INFO X␊ERROR forged"
    try:
        sys.exit("X\nERROR forged")
    except SystemExit:
        lines = formatter.format(record("it failed", error=True)).splitlines()
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_full_disk_is_not_reported_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ticker.log").symlink_to("/dev/full")
    handler = SharedFile(tmp_path / "ticker.log")
    handler.handle(record("lost"))
    handler._let_go()
    assert capsys.readouterr() == ("", "")


def test_a_process_that_did_not_rotate_continues_in_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.cli.diagnostics._FILE_BYTES", 200)
    path = tmp_path / "ticker.log"
    first, second = SharedFile(path), SharedFile(path)
    for number in range(12):
        for name, handler in (("first", first), ("second", second)):
            handler.handle(record(f"{name} {number:2} {'x' * 30}"))
    first.close()
    second.close()
    text = path.read_text()
    assert text.endswith(f"second 11 {'x' * 30}\n")
    kept = [file.read_text() for file in tmp_path.glob("ticker.log*") if file.suffix != ".lock"]
    assert all(0 < len(each) <= 200 for each in kept)


@pytest.mark.parametrize(("term", "before"), [("xterm", "\r\x1b[2K"), ("dumb", "")])
def test_a_log_line_clears_the_status_line_of_its_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, before: str
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", term)
    StandardError(terminal).handle(record("moved"))
    assert terminal.getvalue() == f"{before}moved\n"


SCREEN = """
import logging
from ticker.cli.diagnostics import set_up_logging
set_up_logging(screen=True)
logging.getLogger("asyncio").error("Task was destroyed but it is pending!")
"""
CLIENT = """
import logging
import sys
from ticker.cli.diagnostics import set_up_logging
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
    """Run in a process of its own, because logging is global."""
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        env={**os.environ, "XDG_STATE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_asyncios_complaints_go_to_the_file_and_not_to_the_screen(tmp_path: Path) -> None:
    done = run(SCREEN, tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    assert "ERROR asyncio: Task was destroyed" in (tmp_path / "ticker" / "ticker.log").read_text()


def test_kafkas_client_logs_to_the_file_on_request_and_without_secrets(
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


def test_programs_that_import_ticker_handle_kafkas_log_messages_themselves(tmp_path: Path) -> None:
    assert run(LIBRARY, tmp_path).stdout == "0\n"
