"""Finds the stream that a name or URL means, and its settings.

One rule for the command line and for Python: `--stream WORD` and `open_stream(WORD)` accept the
same words. It opens nothing.
"""

from __future__ import annotations

import shlex
from typing import Final

import msgspec

from ticker.address import (
    RECORDING,
    Backend,
    StreamAddress,
    is_recording,
    parse_address,
    refuse_password,
)
from ticker.config.reading import Config, load
from ticker.config.streams import TopicSettings, security_with_environment
from ticker.errors import UsageError
from ticker.files import state_directory, user_path
from ticker.security import Security
from ticker.units import DAY

LOCAL_LOG = "stream.sqlite"
"""The local log's name in the state directory."""
KEEP_DEFAULT_LOG = 7 * DAY
"""How long the default local log keeps ticks (µs)."""
_TO_IMPORT: Final = (".csv", ".gz", ".zip")
"""Endings of tick files of other programs."""
_FILES: Final = (RECORDING, ".sqlite", ".sqlite3", ".db", *_TO_IMPORT)
_FOLDERS: Final = (".", "..", "~")


class StreamChoice(msgspec.Struct, frozen=True):
    """A chosen stream."""

    url: str
    named: bool
    """Whether a user named it. If not (the default log, the demo's), old ticks may be deleted."""
    demo: bool = False
    default: bool = False
    """Whether every terminal uses it if no stream is named."""
    temporary: bool = False
    """Whether it is deleted when the command ends."""
    name: str | None = None
    """Its name in the configuration."""
    security: Security | None = None
    """The security settings of its brokers, if it has any."""
    topics: TopicSettings = TopicSettings()
    """How its missing topics are created, if it is on Kafka."""

    @property
    def address(self) -> StreamAddress:
        """Return its address. Raises `UsageError` for a URL that names no stream."""
        return parse_address(self.url)

    @property
    def word(self) -> str:
        """Return its name on a command line."""
        return "demo" if self.demo else self.name or self.url

    @property
    def option(self) -> str:
        """Return the option that names it in a command, quoted: ` --stream WORD`, or nothing."""
        return "" if self.default else f" --stream {shlex.quote(self.word)}"

    @property
    def keep_for(self) -> int | None:
        """Return how long ticks are kept after appending (µs); `None`: for ever."""
        return None if self.named else KEEP_DEFAULT_LOG


def choose_stream(word: str | None = None, config: Config | None = None) -> StreamChoice:
    """Find the stream that `word` names: a URL, `demo`, or a name of the configuration.

    `None` means `TICKER_STREAM`, then the configuration's `defaults.stream`, then the local log.
    For a URL, the configuration is not read. Raises `UsageError` for a name that is not configured,
    and `ConfigError` for a wrong configuration.
    """
    if word is not None:
        return _named_or_url(word, config)
    config = config or load()
    setting = config.setting("stream")
    if setting.value is None:
        url = f"sqlite:{state_directory() / LOCAL_LOG}"
        return StreamChoice(url, named=False, default=True)
    choice = _named_or_url(setting.value, config)
    # The file is the same in every terminal; the environment may not be.
    is_in_file = setting.origin != "TICKER_STREAM"
    return msgspec.structs.replace(choice, default=True) if is_in_file else choice


def demo_stream() -> StreamChoice:
    """Return the demo's own log in the state directory."""
    return StreamChoice(f"sqlite:{state_directory() / 'demo.sqlite'}", named=False, demo=True)


def configured_stream(name: str, config: Config) -> StreamChoice:
    """Return the stream `name`, which must be in `config`. Raises `ConfigError`."""
    stream = config.streams[name]
    is_kafka = parse_address(stream.url).backend is Backend.KAFKA
    security = config.security(name) if is_kafka else None
    return StreamChoice(stream.url, named=True, name=name, security=security, topics=stream.topics)


def is_path(word: str) -> bool:
    """Tell whether `word` means a file or folder, which need not exist."""
    return "/" in word or word in _FOLDERS or word.lower().endswith(_FILES)


def refuse_other_path(word: str) -> None:
    """Raise `UsageError` if `word` is a folder, or a tick file that must be imported first."""
    path = user_path(word)
    if path.is_dir():
        raise UsageError(
            f"{word} is a folder, not a stream. Name a file in it: {path / f'FILE{RECORDING}'}"
        )
    if path.name.lower().endswith(_TO_IMPORT) and path.is_file():
        made = f"{path.name.partition('.')[0] or 'ticks'}{RECORDING}"
        raise UsageError(
            f"{word} is not a stream. Import its ticks, then name the new file instead: "
            f"ticker import {shlex.quote(word)} {shlex.quote(made)}"
        )


def _named_or_url(word: str, config: Config | None) -> StreamChoice:
    if not isinstance(word, str):
        raise UsageError(
            f"stream: expected a text such as 'demo' or 'sqlite:PATH', not {word!r:.80}"
        )
    if word == "demo":
        return demo_stream()
    if is_recording(word):
        return StreamChoice(word, named=True)
    if ":" in word:
        refuse_password(word)
        is_kafka = parse_address(word).backend is Backend.KAFKA
        security = security_with_environment({}) if is_kafka else None
        return StreamChoice(word, named=True, security=security)
    config = config or load()
    if word in config.streams:
        return configured_stream(word, config)
    refuse_password(word)
    refuse_other_path(word)
    known = ", ".join(("demo", *config.streams))
    hint = f"Did you mean sqlite:{word}?" if "." in word or "/" in word else ""
    raise UsageError(f"No stream named {word!r} (known: {known}). {hint}".rstrip())
