"""What `demo` and `run` need beside the screen: the demo's log, a free port, child processes."""

from __future__ import annotations

import asyncio
import fcntl
import shlex
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from ticker.cli.settings import Settings, stream_path
from ticker.errors import ConfigError, StreamError, StreamNotWritable
from ticker.figures import count_text
from ticker.files import make_state_directory, state_directory
from ticker.health.sentences import why_none
from ticker.health.states import WriterState
from ticker.processes import Poller
from ticker.processes.child import News, command
from ticker.streams import StreamChoice, demo_stream, open_stream
from ticker.system_clock import now
from ticker.times import to_datetime
from ticker.units import MINUTE

_COUNTING: Final = 2.0
"""The time limit of the search for the first kept tick, for the last message (s)."""


@contextmanager
def demo_log(*, keep: bool) -> Iterator[tuple[StreamChoice, list[str]]]:
    """Yield the log that a demo writes, new unless `keep`, and notices for the screen.

    It is in the state directory. If that cannot be written, or another process writes to the log,
    it is in a temporary folder that is deleted after the demo.
    """
    with ExitStack() as stack:
        try:
            choice = demo_stream()
            lock = stack.enter_context(_open_lock())
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ConfigError as error:
            why = str(error).partition(".")[0].capitalize()
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


def reserved(wished: int) -> socket.socket:
    """Return a socket that listens at port `wished`, or at a free port if that one is in use.

    A child gets the open socket. If it got only the number, another demo could take the port first.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", wished))
        listening.listen()
    except OSError:
        listening.close()
        return socket.create_server(("127.0.0.1", 0))
    return listening


class Kept:
    """The reports of the children: ticks kept over all runs of the poller, and the last error."""

    def __init__(self) -> None:
        self.error = ""
        self.undelivered = ""
        """A poller's message about ticks that it could not send before its end."""
        self.moved: int | None = None
        """How often the market of a demo's exchange moved."""
        self._state = self._source = self._problem = ""
        self._before = self._gone_before = 0
        self._now = self._gone_now = 0

    @property
    def ticks(self) -> int:
        """Ticks that the poller kept since the start."""
        return self._before + self._now

    @property
    def gone(self) -> int:
        """How many of them were in log files that were removed since."""
        return self._gone_before + self._gone_now

    @property
    def why_none(self) -> str:
        """Why no tick was kept, in a few words; empty if that is no problem."""
        if not self._state:
            return "the poller had not started yet"
        return why_none(self._state, self._source, self._problem)

    def take(self, news: News) -> None:
        """Take in one report of a child."""
        match news.get("say"):
            case "status":
                ticks = int(news.get("ticks", 0))
                if ticks < self._now:  # a new process counts from 0
                    self._before += self._now
                    self._gone_before += self._gone_now
                self._now, self._gone_now = ticks, int(news.get("gone", 0))
                if news.get("state") != WriterState.STOPPED:
                    self._state = str(news.get("state", ""))
                    self._source = str(news.get("source", ""))
                    self._problem = str(news.get("problem") or "")
            case "market":
                self.moved = int(news.get("moved", 0))
            case "undelivered":
                self.undelivered = str(news.get("text", ""))
            case "error":
                self.error = str(news.get("text", ""))


def kept_words(
    ticks: int, gone: int, url: str = "", *, why_none: str = "", temporary: bool = False
) -> str:
    """Return how many ticks a poller kept in `url`, and how many were lost with removed log files.

    `why_none` is added if there are none. A `temporary` log is deleted, so it kept nothing.
    """
    if temporary:
        return f"{count_text(ticks, 'tick')} seen, none kept: this demo's log was temporary"
    words = f"{count_text(ticks, 'tick')} kept"
    if url:
        words += f" in {url}"
    if ticks == 0 and why_none:
        words += f": {why_none}"
    if gone == 0:
        return words
    share = "" if gone == ticks else f"{gone:,} of them "
    return f"{words}, {share}in a file that was removed"


async def way_back(choice: StreamChoice, began: int, at: int | None = None) -> str:
    """Return the command that replays the ticks kept in `choice` since `began`, for a last line.

    Empty if the log is deleted. The time is a full minute if no older tick was kept since then,
    otherwise it has seconds. It has a date unless `began` is on the day of `at` (µs, UTC; `None`:
    now).
    """
    if choice.temporary:
        return ""
    zone = Settings().zone(None)  # the day on which the command is read
    moment = to_datetime(began, zone)
    by_minute = await _is_first(choice, began - began % MINUTE, began)
    time = moment.strftime("%H:%M" if by_minute else "%H:%M:%S")
    if moment.date() != to_datetime(now() if at is None else at, zone).date():
        time = f"{moment.date().isoformat()}T{time}"
    named = "" if choice.default else f" {shlex.quote(choice.word)}"
    return f" · ticker replay{named} --since {time}"


async def _is_first(choice: StreamChoice, minute: int, began: int) -> bool:
    """Tell whether nothing was kept from `minute` until `began`; False if the search takes long."""
    if stream_path(choice) is None:
        return False
    with suppress(StreamError, TimeoutError):
        async with asyncio.timeout(_COUNTING), open_stream(choice) as stream:
            counts = [await stream.count(await stream.find(time)) for time in (minute, began)]
            return counts[0] == counts[1]
    return False


def keep_alive(
    words: Sequence[str],
    *,
    on_news: Callable[[News], None],
    on_word: Callable[[str], None],
    inherits: Sequence[int] = (),
) -> Poller:
    """Return a child process of this command line, which is restarted when it dies.

    It `inherits` these descriptors.
    """
    name = "poller" if words[0] == "poll" else words[0]
    return Poller(
        command(*words, "--control"), on_news=on_news, on_word=on_word, name=name, inherits=inherits
    )
