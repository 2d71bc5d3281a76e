"""Serves saved answers of Yahoo.

It reads all that the Yahoo source can read: a broken field or entry does not affect others. If a
file holds one symbol only, the answer for this symbol is the file, byte for byte. A folder that
cannot be served is refused at the start, with the file's name and the problem. It knows no HTTP.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ticker.errors import UsageError
from ticker.exchange.fields import matching
from ticker.units import SECOND

_EMPTY: Final = b'{"quoteResponse":{"result":[%s],"error":null}}'
_TIMES: Final = ("regularMarketTime", "preMarketTime", "postMarketTime")


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

    If several answers hold a symbol, the one with the newest trade is served. If trades are equally
    new, an answer about this symbol alone comes first, then the first file by name.
    """

    events = watched = 0
    """Always 0: saved answers do not change."""
    every = SECOND

    def __init__(self, folder: Path) -> None:
        """Read all answers in `folder`. Raises `UsageError` with the name of an invalid file."""
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
        """Return the symbols with an answer, sorted."""
        return sorted(self._saved)

    def advance(self, now: int) -> None:
        """Do nothing: saved answers do not move."""

    def look(self, symbols: Iterable[str], now: int) -> list[dict[str, Any]]:  # noqa: ARG002 - as below
        """Return the entries of `symbols`. Unknown symbols are left out."""
        return [json.loads(self._saved[s].entry) for s in symbols if s in self._saved]

    def find(self, words: str, most: int, now: int) -> list[dict[str, Any]]:
        """Return at most `most` entries that have all of `words` in their symbol."""
        return self.look(matching(words, dict.fromkeys(self._saved, ""), most), now)

    def chart(self, symbol: str, query: Mapping[str, str], now: int) -> None:
        """Return `None`: there are no charts."""

    def answer(self, symbols: Iterable[str], now: int) -> bytes:  # noqa: ARG002 - a market needs it
        """Return the body that Yahoo would send: known entries, in the order of `symbols`.

        If only one symbol is known, and its file holds no other, the body is the file itself.
        """
        found = [saved for symbol in symbols if (saved := self._saved.get(symbol))]
        match found:
            case [_Saved(alone=True, file=file)]:
                return file
            case _:
                return _EMPTY % b",".join(saved.entry for saved in found)

    def _read(self, path: Path) -> None:
        try:
            content = path.read_bytes()
            # Not msgspec: it refuses a file for one NaN. The Yahoo source reads the rest of it.
            document = json.loads(content)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: not Yahoo's answer: {error}") from error
        match document:
            case {"quoteResponse": {"result": [*results]}}:
                pass
            case _:
                raise UsageError(f"{path}: not Yahoo's answer: quoteResponse.result is not a list")
        entries: dict[str, dict[str, Any]] = {}
        for entry in results:
            if isinstance(entry, dict) and isinstance(symbol := entry.get("symbol"), str):
                entries.setdefault(symbol, entry)  # the Yahoo source reads the first of several
        for symbol, entry in entries.items():
            saved = _Saved(_newest(entry), len(results) == 1, json.dumps(entry).encode(), content)
            known = self._saved.get(symbol)
            if known is None or (saved.newest, saved.alone) > (known.newest, known.alone):
                self._saved[symbol] = saved


def _newest(entry: dict[str, Any]) -> float:
    """Return the time of the newest trade in `entry` (seconds since the epoch); 0 if none."""
    return max(_number(entry.get(name)) for name in _TIMES)


def _number(value: Any) -> float:
    """Return `value`, or 0 if it is not a finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) < math.inf else 0
