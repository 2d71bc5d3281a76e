"""Saved answers of Yahoo, served again as they are.

Promises that what Yahoo sent for a symbol goes out byte for byte, and that a folder which cannot be
served is refused with the file's name and what is wrong with it, before anything is served.
It knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ticker.errors import UsageError
from ticker.files import decode_text

_EMPTY: Final = b'{"quoteResponse":{"result":[%s],"error":null}}'


class _Entry(msgspec.Struct):
    """What is needed to choose between two answers about one symbol."""

    symbol: str
    regular: float | None = msgspec.field(name="regularMarketTime", default=None)
    pre: float | None = msgspec.field(name="preMarketTime", default=None)
    post: float | None = msgspec.field(name="postMarketTime", default=None)

    @property
    def newest(self) -> float:
        return max(self.regular or 0, self.pre or 0, self.post or 0)


class _Response(msgspec.Struct):
    result: list[msgspec.Raw]


class _File(msgspec.Struct):
    response: _Response = msgspec.field(name="quoteResponse")


@dataclass(frozen=True)
class _Saved:
    newest: float
    """The time of the newest trade (seconds since the epoch)."""
    alone: bool
    """Whether the answer was about this symbol only."""
    entry: bytes
    file: bytes


class SavedAnswers:
    """The answers in a folder's `*.json` files, each one whole answer of `v7/finance/quote`.

    Of several answers about one symbol the one with the newest trade is served; of equally new ones
    the one about this symbol alone, then the first by file name.
    """

    events = 0
    """Nothing happens in saved answers."""

    def __init__(self, folder: Path) -> None:
        """Read all of `folder`; raises `UsageError` naming the file that is no such answer."""
        self._saved: dict[str, _Saved] = {}
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".json")
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror or error}") from error
        if not files:
            raise UsageError(f"{folder}: holds no answers (*.json)")
        for path in files:
            self._read(path)

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols of which there is an answer, sorted."""
        return sorted(self._saved)

    def advance(self, now: int) -> None:
        """Nothing moves."""

    def answer(self, symbols: Iterable[str], now: int) -> bytes:  # noqa: ARG002 - a market needs it
        """The body that Yahoo would send: entries in the order of `symbols`, unknown ones left out.

        For one symbol whose answer was about it alone, it is the very file.
        """
        found = [saved for symbol in symbols if (saved := self._saved.get(symbol))]
        match found:
            case [_Saved(alone=True, file=file)]:
                return file
            case _:
                return _EMPTY % b",".join(saved.entry for saved in found)

    def _read(self, path: Path) -> None:
        try:
            content = decode_text(path.read_bytes()).encode()
            raw = msgspec.json.decode(content, type=_File).response.result
            entries = [msgspec.json.decode(entry, type=_Entry) for entry in raw]
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: no answer of Yahoo: {error}") from error
        for entry, told in zip(raw, entries, strict=True):
            saved = _Saved(told.newest, len(raw) == 1, bytes(entry), content)
            known = self._saved.get(told.symbol)
            if known is None or (saved.newest, saved.alone) > (known.newest, known.alone):
                self._saved[told.symbol] = saved
