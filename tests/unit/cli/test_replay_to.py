"""What `replay --to` says at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticker.cli.exit_codes import NO_DATA, Failed
from ticker.cli.replay_source import ReplayOptions
from ticker.cli.replay_to import ReplayTo
from ticker.cli.status_line import StatusLine
from ticker.play import LogPlayer
from ticker.records import Batch, Tick
from ticker.streams import choose_stream, open_log

NOW = 1_795_447_805_000_000


async def test_a_copy_that_lacks_a_tick_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = choose_stream(f"sqlite:{tmp_path}/source.sqlite")
    copy = choose_stream(f"sqlite:{tmp_path}/copy.sqlite")
    async with open_log(source) as log:
        await log.append(
            Batch(ticks=[Tick("A", "test", "o", n, NOW, NOW, 1.0 + n) for n in (1, 2, 3)])
        )

    async def play_two(self: LogPlayer) -> bool:
        await self._log.append(
            Batch(ticks=[Tick("A", "test", "o", n, NOW, NOW, 1.0 + n) for n in (1, 2)])
        )
        return True

    monkeypatch.setattr(LogPlayer, "run", play_two)
    wish = ReplayOptions(source, None, None, None, last_session=False, speed=0, zone=None)
    with pytest.raises(Failed, match=r"is not complete: A \(o\): 2 of 3 ticks are there") as failed:
        await ReplayTo(wish, copy, StatusLine(quiet=True)).main()
    assert failed.value.code == NO_DATA
