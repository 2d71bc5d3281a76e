"""Which files can be opened. Others are refused in words and untouched."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from ticker.errors import (
    StreamError,
    StreamMissing,
    StreamNotWritable,
    StreamUnreachable,
    StreamUnusable,
)
from ticker.records import Batch, Tick
from ticker.streams.sqlite import opening, schema
from ticker.streams.sqlite.reading import SqliteReader
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter


def log(path: Path, ticks: int = 3) -> Path:
    writer = SqliteWriter(path, "abcdefgh", Retention(), 0.1)
    writer.append(
        Batch(ticks=[Tick("A", "s", "abcdefgh", n, n, n, 1.0) for n in range(1, ticks + 1)]), 1
    )
    writer.close()
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(path: Path) -> set[type[StreamError]]:
    """Return the errors of reading and writing. Both must leave file and folder untouched."""
    before = digest(path), sorted(path.parent.iterdir())
    errors = set()
    for attempt in (
        lambda: SqliteReader(path, 0.1),
        lambda: SqliteWriter(path, "o", Retention(), 0.1),
    ):
        with pytest.raises(StreamError) as caught:
            attempt()
        errors.add(caught.type)
        assert str(path) in str(caught.value)
    assert (digest(path), sorted(path.parent.iterdir())) == before
    return errors


def test_a_new_log_is_in_wal_mode_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = log(tmp_path / "folder" / "log.sqlite")
    assert sorted(p.name for p in path.parent.iterdir()) == ["log.sqlite"]
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA application_id").fetchall() == [(schema.APPLICATION_ID,)]
        assert other.execute("PRAGMA user_version").fetchall() == [(schema.VERSION,)]
        assert other.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    other.close()


def test_a_writer_is_durable_at_every_commit(tmp_path: Path) -> None:
    connection = opening.writer(tmp_path / "log.sqlite", "o")
    assert connection.pragma("synchronous") == 2  # FULL
    assert connection.pragma("journal_mode") == "wal"
    connection.close()


def test_a_log_that_is_not_in_wal_mode_is_refused() -> None:
    in_memory = apsw.Connection(":memory:")  # always answers "memory"
    with pytest.raises(schema.NoWal, match="memory"):
        schema.use_wal(in_memory)


def test_the_origin_stays_what_it_was_made_with(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "zzzzzzzz", Retention(), 1.0)
    assert writer.origin == "abcdefgh"
    writer.close()


def test_another_programs_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE ticks(x)")
    other.close()
    assert refused(path) == {StreamUnusable}


@pytest.mark.parametrize("content", [b"", b"time,price\n1,2\n", b"\0" * 5_000])
def test_a_file_that_is_no_database_is_refused_and_untouched(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    assert refused(path) == {StreamUnusable}


def test_a_recording_without_its_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "day").write_bytes(b"PAR1" + bytes(500) + b"PAR1")
    with pytest.raises(StreamUnusable, match=r"a Parquet file\. Rename it to day\.parquet"):
        SqliteReader(tmp_path / "day", 0.1)
    (tmp_path / "day").rename(tmp_path / "day.parquet")
    with pytest.raises(StreamUnusable, match="Leave sqlite: out"):
        SqliteReader(tmp_path / "day.parquet", 0.1)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StreamUnusable):
        SqliteReader(tmp_path, 0.1)


@pytest.mark.parametrize("version", [schema.VERSION - 1, schema.VERSION + 1])
def test_a_log_of_another_version_is_refused_and_untouched(tmp_path: Path, version: int) -> None:
    path = log(tmp_path / "log.sqlite")
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {version}")
    other.close()
    assert refused(path) == {StreamUnusable}
    with pytest.raises(
        StreamUnusable, match=rf"format {version}; this ticker reads format {schema.VERSION}"
    ):
        SqliteReader(path)


def test_a_damaged_file_is_refused_and_untouched(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite", 5_000)
    content = bytearray(path.read_bytes())
    content[100 : 4096 * 4] = b"\xa5" * (4096 * 4 - 100)
    path.write_bytes(content)
    assert refused(path) == {StreamUnusable}


def test_a_lock_held_for_long_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "o", Retention(), 0.05)
    other = apsw.Connection(str(path))  # sqlite3's own library would not see locks in one process
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StreamUnreachable, match="locked"):
        writer.append(Batch(ticks=[Tick("A", "s", "abcdefgh", 4, 4, 4, 1.0)]), 1)
    other.execute("ROLLBACK")
    other.close()
    writer.append(Batch(ticks=[Tick("A", "s", "abcdefgh", 4, 4, 4, 1.0)]), 1)
    writer.close()


def test_a_full_disk_is_reported_and_the_whole_append_is_undone(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "o", Retention(), 0.05)
    connection = writer._connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    many = [Tick("A", "s", "abcdefgh", n, n, n, 1.0) for n in range(4, 9_000)]
    with pytest.raises(StreamNotWritable, match="full"):
        writer.append(Batch(ticks=many), 1)
    assert writer.last() == {("abcdefgh", "A"): 3}
    connection.pragma("max_page_count", 2**30)
    writer.append(Batch(ticks=many), 1)
    assert writer.last() == {("abcdefgh", "A"): 8_999}
    writer.close()


_LIMITED = """
import resource, sys
from pathlib import Path
from ticker.errors import StreamNotWritable
from ticker.records import Batch, Heartbeat, Tick
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter
writer = SqliteWriter(Path(sys.argv[1]), "o", Retention(), 1.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    ticks = [Tick("A", "s", "abcdefgh", n, n, n, 1.0) for n in range(4, 9_000)]
    writer.append(Batch(ticks=ticks), 1)
except StreamNotWritable as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_reported_and_the_log_stays_whole(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, path], capture_output=True, text=True, check=False
    )
    assert (str(path) in done.stdout, done.returncode) == (True, 0), done.stderr
    with SqliteReader(path) as reader:
        assert reader.state().ticks == 3


_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from ticker.errors import StreamError
from ticker.streams.sqlite.reading import SqliteReader
from ticker.streams.sqlite.retention import Retention
from ticker.streams.sqlite.writing import SqliteWriter
path = Path(sys.argv[1])
if os.getuid() == 0:
    os.setuid(65534)
try:
    print(SqliteReader(path).state().ticks)
except StreamError as error:
    print(type(error).__name__)
try:
    SqliteWriter(path, "o", Retention(), 1.0)
    print("written")
except StreamError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "said"),
    [
        (0o777, 0o444, ["3", "StreamNotWritable"]),
        (0o555, 0o444, ["3", "StreamNotWritable"]),
        (0o555, 0o666, ["3", "StreamNotWritable"]),
        (0o777, 0o000, ["StreamUnreachable", "StreamNotWritable"]),
    ],
)
def test_a_read_only_file_is_read_and_not_written(
    folder_mode: int, file_mode: int, said: list[str]
) -> None:
    import tempfile  # not tmp_path: others may not even enter its folders

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = log(folder / "log.sqlite")
        before = digest(path)
        path.chmod(file_mode)
        folder.chmod(folder_mode)
        done = subprocess.run(
            [sys.executable, "-c", _UNPRIVILEGED, path],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        folder.chmod(0o700)
        path.chmod(0o600)
        assert (done.stdout.split(), done.stderr) == (said, "")
        assert digest(path) == before


def test_a_folder_that_cannot_be_made_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StreamNotWritable):
        SqliteWriter(tmp_path / "file" / "log.sqlite", "o", Retention(), 0.1)


def test_a_removed_file_stops_its_writer_before_anything_is_lost(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "o", Retention(), 0.1)
    path.unlink()
    with pytest.raises(StreamMissing, match="removed"):
        writer.append(Batch(ticks=[Tick("A", "s", "abcdefgh", 4, 4, 4, 1.0)]), 1)
    writer.close()


def test_leftovers_of_a_deleted_log_do_not_reach_the_new_one(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "o", Retention(), 0.1)
    writer.append(Batch(ticks=[Tick("A", "s", "abcdefgh", 4, 4, 4, 1.0)]), 1)
    path.unlink()  # but not its WAL
    fresh = SqliteWriter(path, "newlog22", Retention(), 0.1)
    assert fresh.origin == "newlog22"
    assert fresh.last() == {}
    fresh.close()
    writer.close()


def test_a_newer_version_that_is_still_in_the_wal_is_refused(tmp_path: Path) -> None:
    path = log(tmp_path / "log.sqlite")
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", schema.VERSION + 1)
    with pytest.raises(StreamUnusable, match="another version"):
        SqliteReader(path)
    with pytest.raises(StreamUnusable, match="another version"):
        opening.writer(path, "o")
    newer.close()


def test_a_log_in_the_middle_of_a_checkpoint_is_not_taken_for_damaged(tmp_path: Path) -> None:
    """A checkpoint copies the first page first, which counts pages that the file lacks yet."""
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "abcdefgh", Retention(), 0.1)
    try:
        writer._connection.wal_autocheckpoint(0)
        ticks = [Tick("A", "s", "abcdefgh", n, n, n, 1.0) for n in range(4, 5_000)]
        writer.append(Batch(ticks=ticks), 2)
        _copy_first_page(path)
        with SqliteReader(path, 0.1) as reader:
            assert reader.health().ticks == 4_999
        SqliteWriter(path, "o", Retention(), 0.1).close()
    finally:
        writer.close()


def test_another_program_that_opens_a_log_does_not_disturb_its_writer(
    tmp_path: Path,
) -> None:
    path = log(tmp_path / "log.sqlite")
    writer = SqliteWriter(path, "abcdefgh", Retention(), 0.1)
    SqliteReader(path, 0.1).close()  # as a poller does, to see who else writes
    # SQLite's own: where it believes itself alone, it removes the WAL when it closes.
    look = f"import sqlite3; c = sqlite3.connect({str(path)!r}); "
    look += "c.execute('SELECT count(*) FROM ticks').fetchall(); c.close()"
    subprocess.run([sys.executable, "-c", look], check=True)
    writer.append(Batch(ticks=[Tick("A", "s", "abcdefgh", 4, 4, 4, 1.0)]), 1)
    with SqliteReader(path, 0.1) as reader:
        assert reader.state().ticks == 4
    writer.close()


def _copy_first_page(path: Path) -> None:
    """As the checkpoint does; https://www.sqlite.org/fileformat2.html#the_write_ahead_log."""
    wal = Path(f"{path}-wal").read_bytes()
    page_size = int.from_bytes(wal[8:12])
    frames = range(32, len(wal), 24 + page_size)
    first = [at for at in frames if int.from_bytes(wal[at : at + 4]) == 1][-1]
    with path.open("r+b") as file:
        file.write(wal[first + 24 : first + 24 + page_size])
