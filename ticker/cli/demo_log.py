"""The log of a demo: where it is, and a lock while a process writes to it."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from ticker.cli.settings import stream_path
from ticker.errors import ConfigError, StreamNotWritable
from ticker.files import make_state_directory, state_directory
from ticker.streams import StreamChoice, demo_stream


@contextmanager
def demo_log(*, keep: bool) -> Iterator[tuple[StreamChoice, list[str]]]:
    """Yield the log that a demo writes, and notices for the screen. Without `keep` it is new.

    The log is in the state directory. If that cannot be written, or another process writes to the
    log, a new log is in a temporary folder that is deleted after the demo.
    """
    with ExitStack() as stack:
        try:
            choice = demo_stream()
            lock = stack.enter_context(_open_lock())
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ConfigError:
            why = "No home directory is known"
        except (StreamNotWritable, PermissionError):
            why = f"{state_directory()} cannot be written"
        except BlockingIOError:
            why = "Another demo, or a poller, writes there"
        except OSError as error:
            why = f"{state_directory()} cannot be written: {error.strerror}"
        else:
            if not keep:
                _remove(choice)
            fcntl.flock(lock, fcntl.LOCK_SH)  # our own poller will write there
            yield choice, []
            return
        folder = Path(tempfile.mkdtemp(prefix="ticker-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        own = StreamChoice(f"sqlite:{folder / 'demo.sqlite'}", named=True, temporary=True)
        yield own, [f"{why}: this demo's log is {own.url}"]


@contextmanager
def writing(choice: StreamChoice) -> Iterator[None]:
    """Mark the demo's log as in use, so that no demo deletes it."""
    if not choice.demo:
        yield
        return
    with _open_lock() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _open_lock() -> IO[str]:
    return (make_state_directory() / "demo.lock").open("a")


def _remove(choice: StreamChoice) -> None:
    path = stream_path(choice)
    assert path is not None  # noqa: S101  (the demo's log is a SQLite file)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
