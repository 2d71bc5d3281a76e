from __future__ import annotations

from pathlib import Path

import pytest

from ticker.cli.failing import Failed
from ticker.cli.replay import _stream_word
from ticker.cli.settings import Settings


def test_a_recording_that_was_left_unfinished_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "kill.parquet"
    with pytest.raises(Failed, match="there is no such file"):
        _stream_word(Settings(), [str(path)], None)
    path.with_name("kill.parquet.part").touch()
    assert _stream_word(Settings(), [str(path), "AAPL"], None) == (str(path), ["AAPL"])
