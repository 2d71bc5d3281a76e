"""Saves the memory of alerts, and loads it.

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
from ticker.files import replace_file

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
