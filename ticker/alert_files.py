"""Saves the memory of alerts, and writes new alerts into the configuration.

The memory says which records were checked. Each stream has two memory files: one for screens that
run commands, and one for screens that do not. So neither hides an alert from the other. An
unreadable file counts as missing: alerts then begin with the next price.
"""

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import Final

import msgspec

from ticker.board.alert_rules import Memory
from ticker.errors import ConfigError
from ticker.files import decode_text, real_path, replace_file

_log: Final = logging.getLogger(__name__)


def memory_path(folder: Path, stream: str, *, runs: bool) -> Path:
    """Return the memory file for `stream` (its URL) in `folder`.

    `runs`: the screen runs commands.
    """
    kind = "commands" if runs else "screens"
    return folder / f"alerts-{kind}-{zlib.crc32(stream.encode()):08x}.json"


def load_memory(path: Path) -> Memory | None:
    """Load the memory; `None` if nothing is saved, or if it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read, so alerts begin now: %s", path, error)
        return None


def save_memory(path: Path, memory: Memory) -> None:
    """Save the memory. A failure is only logged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, msgspec.json.encode(memory))
    except OSError as error:
        _log.warning("%s cannot be written: %s", path, error)


def keep_alert(path: Path, when: str) -> None:
    """Append the alert with the text `when` to the configuration file at `path`.

    A missing file is created. Raises `ConfigError` if that fails; the file is then unchanged.
    """
    import tomllib

    # A JSON string of visible characters is a TOML string too.
    line = f"when = {msgspec.json.encode(when).decode()}"
    advice = f"write it yourself: {line}"
    path = real_path(path)
    try:
        text = decode_text(path.read_bytes())
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error}); {advice}", path=str(path)) from None
    separator = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    text += f"{separator}[[alerts]]\n{line}\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # the file has `alerts = [ … ]`
        raise ConfigError(f"has no place for it at its end; {advice}", path=str(path)) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise ConfigError(
            f"cannot be written ({error.strerror}); {advice}", path=str(path)
        ) from None
