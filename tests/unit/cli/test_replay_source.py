"""The progress line while a stream is read before its replay."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ticker.cli import replay_source as tapes
from ticker.cli import status_line as lines
from ticker.cli.exit_codes import Failed
from ticker.cli.replay_source import ReplayOptions, open_reel
from ticker.cli.status_line import StatusLine
from ticker.records import Batch, Tick
from ticker.streams import choose_stream, open_log

NOW = 1_795_447_805_000_000


@pytest.mark.parametrize("since", [None, NOW + 1])
async def test_the_progress_line_is_cleared_before_a_screen_or_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: int | None
) -> None:
    written: list[str] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(lines, "_write", written.append)
    monkeypatch.setattr(tapes, "_SOON", -1)
    choice = choose_stream(f"sqlite:{tmp_path}/log.sqlite")
    async with open_log(choice) as log, AsyncExitStack() as stack:
        await log.append(Batch(ticks=[Tick("A", "test", "o", 1, NOW, NOW, 1.0)]))
        wish = ReplayOptions(choice, None, since, None, last_session=False, speed=1.0, zone=None)
        try:
            await open_reel(stack, log, wish, StatusLine(quiet=False))
        except Failed:
            assert since is not None
    assert written[-1] == "\r\x1b[2K"
