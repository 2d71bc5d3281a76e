from __future__ import annotations

from pathlib import Path

import pytest

from ticker.cli.exit_codes import Failed
from ticker.cli.replay import _stream_word
from ticker.cli.settings import Settings
from ticker.errors import UsageError


def test_an_unfinished_recording_is_accepted_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "kill.parquet"
    with pytest.raises(Failed, match="there is no such file"):
        _stream_word(Settings(), [str(path)], None)
    path.with_name("kill.parquet.part").touch()
    assert _stream_word(Settings(), [str(path), "AAPL"], None) == (str(path), ["AAPL"])


@pytest.mark.parametrize("word", ["day.csv", "./day", "day.sqlite", "day.zip"])
def test_a_missing_file_is_not_taken_for_a_symbol(word: str) -> None:
    with pytest.raises(Failed, match="there is no such file"):
        _stream_word(Settings(), [word], None)


def test_a_folder_or_a_tick_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "day.csv").touch()
    with pytest.raises(UsageError, match="is a folder, not a stream"):
        _stream_word(Settings(), [f"{tmp_path}/"], None)
    with pytest.raises(UsageError, match=r"ticker import .*day\.csv day\.parquet"):
        _stream_word(Settings(), [str(tmp_path / "day.csv")], None)


def test_a_folder_in_lower_case_is_refused_and_one_in_capitals_hides_no_symbol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data", "AAPL", "day.parquet"):
        (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=r"data is a folder, .* Name a file in it: data/FILE"):
        _stream_word(Settings(), ["data"], None)
    with pytest.raises(UsageError, match=r"day\.parquet is a folder"):
        _stream_word(Settings(), ["day.parquet"], None)
    assert _stream_word(Settings(), ["AAPL"], None) == (None, ["AAPL"])


def test_a_recording_named_without_its_ending_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hour.parquet").touch()
    with pytest.raises(UsageError, match=r'Did you mean "hour\.parquet"\? A symbol: HOUR'):
        _stream_word(Settings(), ["hour"], None)
