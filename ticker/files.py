"""Finds files: their default places, and the paths that users write.

Text is decoded as editors write it, on Windows too.

`real_path` follows links. So a side file lies beside the file itself, not beside a link to it, and
writing a file never replaces a link.
"""

from __future__ import annotations

import codecs
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from ticker.errors import ConfigError, StreamNotWritable, UsageError

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def config_path() -> Path:
    """Return the configuration's path: `TICKER_CONFIG`, or `config.toml` in the default folder.

    Raises `ConfigError` if no home directory is known and nothing names another place.
    """
    advice = "Set TICKER_CONFIG to the path of a file"
    if named := os.environ.get("TICKER_CONFIG"):
        return _in_a_home(lambda: str(Path(named).expanduser()), advice)
    return _in_a_home(lambda: platformdirs.user_config_dir("ticker"), advice) / "config.toml"


def state_directory() -> Path:
    """Return the default folder for logs of ticks and of diagnostics.

    Raises `ConfigError` if no home directory is known and `XDG_STATE_HOME` is not set.
    """
    advice = "Set XDG_STATE_HOME, or name the stream: --stream sqlite:PATH"
    return _in_a_home(lambda: platformdirs.user_state_dir("ticker"), advice)


def make_state_directory() -> Path:
    """Return the state directory. Make it if it is missing.

    Raises `StreamNotWritable` if that fails, or if the directory cannot be written.
    """
    directory = state_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = dead_link(directory) or f"cannot be made: {error.strerror}"
        raise StreamNotWritable(str(directory), problem) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StreamNotWritable(str(directory), "cannot be written")
    return directory


def _in_a_home(place: Callable[[], str], advice: str) -> Path:
    # A container may run with a user id that has no HOME and no entry in /etc/passwd.
    try:
        found = place()
    except (RuntimeError, KeyError):
        found = "~"
    if found.startswith("~"):
        raise ConfigError(f"no home directory is known for user {os.getuid()}. {advice}")
    return Path(found)


def user_path(word: str) -> Path:
    """Expand `~/x` to a full path. Raises `UsageError` if that home is not known."""
    try:
        return Path(word).expanduser()
    except RuntimeError:
        home = word.partition("/")[0]
        raise UsageError(f"{word}: there is no home directory for {home}. Write the path") from None


def real_path(path: Path) -> Path:
    """Return the file itself if links lead to it, otherwise `path` as it was written."""
    real = path.resolve()
    return path if real == path.absolute() else real


def dead_link(path: Path) -> str | None:
    """Return `PATH is a link to TARGET, which is not there`; `None` if no link is dead.

    PATH is `path` or one of the folders above it.
    """
    for each in (path, *path.parents):
        if each.is_symlink() and not each.exists():
            return f"{each} is a link to {each.readlink()}, which is not there"
    return None


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step: a reader sees the old content or the new.

    The permissions of the old file are kept. Raises `OSError`; the old file is then as it was.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        with suppress(FileNotFoundError):
            shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def decode_text(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises `UnicodeDecodeError`.
    """
    if data.startswith(_UTF_16):
        return data.decode("utf-16")
    return data.removeprefix(codecs.BOM_UTF8).decode()
