"""Files that are no recordings, or broken ones, given to each command that reads a stream."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import ticker as package
from ticker.errors import StreamUnusable
from ticker.records import Tick
from ticker.streams.recording import Recorder

from .conftest import Program

NOW = 1_795_447_805_000_000
BAD = {
    "empty": "is an empty file, not a recording. Use another copy of it",
    "text": "is not a recording: it is not a Parquet file",
    "foreign": "not a recording of ticker. If it holds ticks, import them: ticker import FILE OUT",
    "truncated": "is cut off: its end is missing. Use another copy of it",
    "corrupt": "is damaged",
    "footer": "is damaged: DuckDB cannot read it",
    "newer": "was written by another version of ticker (recording 2, this one reads 1). Record",
}
COMMANDS = (
    ("tail", "--no-follow"),
    ("watch", "--once"),
    ("status",),
    ("record", "out.parquet", "--no-follow"),
)


def make(path: Path, name: str) -> None:
    """The bad file of that name at `path`."""
    with Recorder(path) as recorder:
        recorder.add(
            [Tick("A", "test", "o", n, NOW + n, NOW + n, n % 7 + 0.5) for n in range(1, 2000)]
        )
        recorder.finish()
    data = path.read_bytes()
    match name:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("time,price\n1,2\n")
        case "foreign":
            duckdb.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "corrupt":
            path.write_bytes(data[:100] + b"\xff" * 500 + data[600:])
        case "footer":
            path.write_bytes(data[:-200] + b"\x0f" * 192 + data[-8:])
        case "newer":
            path.write_bytes(data.replace(b'{"version":1,', b'{"version":2,'))


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_recording_is_refused_in_one_sentence(ticker: Program, name: str) -> None:
    make(ticker.folder / "a.parquet", name)
    for words in COMMANDS if name == "truncated" else COMMANDS[:1]:
        done = ticker(*words, "--stream", "a.parquet")
        assert done.returncode == 6, (words, done.stderr)
        told = done.stdout if words == ("status",) else done.stderr
        assert BAD[name] in told, (words, told)
        assert "Traceback" not in done.stderr
    with pytest.raises(StreamUnusable, match=r"a\.parquet"):
        package.frames.read(str(ticker.folder / "a.parquet"))
    assert not (ticker.folder / "out.parquet").exists()


def test_a_recording_without_ticks_is_reported_and_gives_an_empty_frame(ticker: Program) -> None:
    with Recorder(ticker.folder / "a.parquet") as recorder:
        recorder.finish()
    for words in COMMANDS:
        done = ticker(*words, "--stream", "a.parquet")
        assert done.returncode == 4, (words, done.stderr)
        told = done.stdout if words == ("status",) else done.stderr
        assert "ticker poll" not in told, (words, told)
    assert "This recording holds no tick." in ticker("tail", "--stream", "a.parquet").stderr
    assert len(package.frames.read(str(ticker.folder / "a.parquet"))) == 0
    assert not (ticker.folder / "out.parquet").exists()


def test_a_missing_recording_is_reported(ticker: Program) -> None:
    for words in COMMANDS:
        done = ticker(*words, "--stream", "a.parquet")
        assert done.returncode in {4, 6}, (words, done.stderr)
        assert "there is no such file" in done.stdout + done.stderr, (words, done.stderr)
        assert "holds no tick" not in done.stderr
