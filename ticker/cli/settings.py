"""From options, environment and file to what a command works with: streams, symbols, zones."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ticker.board.order import Sort, parse_sort
from ticker.config import Config, Topics, load, state_directory
from ticker.errors import ConfigError, InvalidRecord, StreamNotWritable, UsageError
from ticker.records import check_symbol
from ticker.security import Security, refuse_password
from ticker.sources import open_source
from ticker.streams import Log, open_log, open_stream
from ticker.times import DAY, Zone, parse_duration

KEEP_DEFAULT_LOG: Final = 7 * DAY
"""How long the local log that nobody named keeps ticks (µs)."""


class StreamChoice(msgspec.Struct, frozen=True):
    """The stream that a command works on."""

    url: str
    named: bool
    """Whether a user named it; the default log and the demo's are ours to prune."""
    demo: bool = False
    default: bool = False
    """Whether it is worked on where no stream is named."""
    temporary: bool = False
    """Whether it goes with the command."""
    name: str | None = None
    """In the configuration: what knows its security too."""
    security: Security | None = None
    """How to speak with its brokers, where it has some."""
    topics: Topics = Topics()
    """How its topics are made, where it has some and they are missing."""

    @property
    def word(self) -> str:
        """What names it on a command line."""
        return "demo" if self.demo else self.name or self.url

    @property
    def option(self) -> str:
        """What a command needs to work on it, ready for a shell: ` --stream WORD`, or nothing."""
        return "" if self.default else f" --stream {shlex.quote(self.word)}"

    def log(self) -> Log:
        """What appends to it; retention only by what its table says. See `open_log`."""
        made = msgspec.structs.asdict(self.topics)
        return open_log(self.url, security=self.security, **made)

    @property
    def keep_for(self) -> int | None:
        """Retention by time of appending (µs); `None`: for ever."""
        return None if self.named else KEEP_DEFAULT_LOG


def now() -> int:
    """µs since the epoch, UTC."""
    return time.time_ns() // 1_000


def refuse_mixing(choice: StreamChoice, source: str) -> None:
    """Raise `UsageError` where the exchange's invented prices would begin the local log."""
    is_local_log = not choice.named and not choice.demo
    if is_local_log and source.partition(":")[0] == "exchange":
        raise UsageError(
            "The exchange's prices are invented, and the local log is for real ones. "
            "Use --stream demo"
        )


class Settings:
    """The configuration with a command's options laid over it."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else load()

    def zone(self, option: str | None) -> Zone:
        """The zone of the times shown. Raises `UsageError` for one that is not known."""
        name = self.config.setting("tz", option, default=None).value
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(f"{name!r} is no time zone, like Europe/Berlin") from None

    def sort(self) -> Sort | None:
        """The order of the rows; `None`: that of the watchlist."""
        word = self.config.setting("sort", default=None).value
        with self._blamed("sort"):
            return parse_sort(word) if word else None

    def check(self) -> None:
        """Raise what using the values of the file would raise."""
        self.sort()
        with self._blamed("stream"):
            _check(self.stream(None))
        with self._blamed("source"):
            open_source(self.source(None))
        for name in self.config.streams:
            try:
                _check(self.named(name))
            except UsageError as error:
                raise self.config.mistake(str(error), "streams", name) from None

    @contextmanager
    def _blamed(self, name: str) -> Iterator[None]:
        """A value of the file that cannot be used is a mistake of the file, with its line."""
        try:
            yield
        except UsageError as error:
            setting = self.config.setting(name, default=None)
            path, _, line = setting.origin.rpartition(":")
            if path != str(self.config.path):
                raise
            raise ConfigError(
                str(error), path=path, line=int(line), key=f"defaults.{name}"
            ) from None

    def stream(self, option: str | None) -> StreamChoice:
        """The stream, and how to speak with it.

        Raises `UsageError` for a name that is not configured, and `ConfigError`.
        """
        setting = self.config.setting("stream", option, default=None)
        if setting.value is None:
            url = f"sqlite:{state_directory() / 'stream.sqlite'}"
            return StreamChoice(url, named=False, default=True)
        choice = self._named_or_url(setting.value)
        # What the file says holds in every terminal; what the environment says, in some.
        said_here = setting.origin in ("--stream", "TICKER_STREAM")
        return choice if said_here else msgspec.structs.replace(choice, default=True)

    def _named_or_url(self, word: str) -> StreamChoice:
        if word == "demo":
            return demo_stream()
        if word in self.config.streams:
            return self.named(word)
        refuse_password(word)
        if ":" not in word:
            known = ", ".join(("demo", *self.config.streams))
            hint = f"Did you mean sqlite:{word}?" if "." in word or "/" in word else ""
            raise UsageError(f"No stream named {word!r} (known: {known}). {hint}".rstrip())
        security = self.config.security() if word.startswith("kafka:") else None
        return StreamChoice(word, named=True, security=security)

    def named(self, name: str) -> StreamChoice:
        """The stream of that name in the file. Raises `ConfigError`."""
        url, topics = self.config.streams[name].url, self.config.streams[name].topics
        security = self.config.security(name) if url.startswith("kafka:") else None
        return StreamChoice(url, named=True, name=name, security=security, topics=topics)

    def source(self, option: str | None) -> str:
        """The source's URL."""
        return self.config.setting("source", option, default="yahoo").value or "yahoo"

    def every(self, option: str | None) -> int | None:
        """The wished time between polls (µs); `None`: what the source likes."""
        text = self.config.setting("every", option, default=None).value
        return None if text is None else parse_duration(text)

    def symbols(self, words: Sequence[str] | None, watchlist: str | None) -> tuple[str, ...]:
        """The symbols named and those of the watchlist, in order; empty if neither is given."""
        listed = self.config.watchlist(watchlist) if watchlist is not None else ()
        return tuple(dict.fromkeys((*parse_symbols(words or ()), *listed)))

    def symbols_or_default(
        self, words: Sequence[str] | None, watchlist: str | None
    ) -> tuple[str, ...]:
        """The same; the watchlist `default` where neither is given."""
        return self.symbols(words, watchlist) or self.config.watchlist("default")


def _check(choice: StreamChoice) -> None:
    """Raise what opening it would raise, but for a password that only its user's shell knows."""
    security = choice.security
    if security is not None and security.password is None and security.password_file is None:
        security = msgspec.structs.replace(security, password="-")  # noqa: S106  (stands in for it)
    open_stream(choice.url, security=security)


def parse_symbols(words: Iterable[str]) -> tuple[str, ...]:
    """`["aapl,msft", "GC=F"]` → `("AAPL", "MSFT", "GC=F")`. Raises `UsageError`."""
    words = list(words)
    symbols = [part.strip().upper() for word in words for part in word.split(",") if part.strip()]
    for symbol in symbols:
        try:
            check_symbol(symbol)
        except InvalidRecord as error:
            raise UsageError(f"That is no symbol: {error.problem}") from None
    if words and not symbols:
        raise UsageError("An empty word is no symbol. Leave it out for the watchlist")
    return tuple(dict.fromkeys(symbols))


def demo_stream() -> StreamChoice:
    """The demo's own log in the state directory."""
    return StreamChoice(f"sqlite:{state_directory() / 'demo.sqlite'}", named=False, demo=True)


def stream_path(choice: StreamChoice) -> Path | None:
    """The file of a SQLite stream; `None` for another kind."""
    scheme, _, rest = choice.url.partition(":")
    return Path(rest).expanduser() if scheme == "sqlite" else None


def make_state_directory() -> Path:
    """The state directory, made if missing. Raises `StreamNotWritable` where it cannot be."""
    directory = state_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreamNotWritable(str(directory), f"cannot be made: {error.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StreamNotWritable(str(directory), "cannot be written")
    return directory
