from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from ticker.cli.diagnostics import Harmless, SharedFile


def record(text: str, error: bool = False) -> logging.LogRecord:
    told = sys.exc_info() if error else None
    return logging.LogRecord("ticker", logging.INFO, "", 0, "%s", (text,), told)


def test_a_line_end_from_outside_forges_no_line() -> None:
    formatter = Harmless("%(levelname)s %(message)s")
    assert formatter.format(record("X\nERROR forged")) == "INFO X␊ERROR forged"
    try:
        sys.exit("X\nERROR forged")
    except SystemExit:
        lines = formatter.format(record("it failed", error=True)).splitlines()
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_full_disk_is_no_news_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ticker.log").symlink_to("/dev/full")
    handler = SharedFile(tmp_path / "ticker.log")
    handler.handle(record("lost"))
    handler._let_go()
    assert capsys.readouterr() == ("", "")


def test_who_did_not_rotate_goes_on_in_the_new_file(
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
