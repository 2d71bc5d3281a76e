"""Makes the exchange's answers, from a market or from saved answers of Yahoo. Knows no HTTP.

An entry holds the fields of `v7/finance/quote` about one symbol. Times are µs since the epoch, UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from ticker.errors import UsageError
from ticker.exchange.charts import chart
from ticker.exchange.fields import fields
from ticker.exchange.instrument import MarketState
from ticker.exchange.market import Market
from ticker.exchange.pricing import number
from ticker.units import SECOND

_EMPTY: Final = b'{"quoteResponse":{"result":[%s],"error":null}}'
_TIMES: Final = ("regularMarketTime", "preMarketTime", "postMarketTime")


class MarketAnswers:
    """A market that answers as Yahoo does."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._changed: dict[str, Mapping[str, Any]] = {}

    @property
    def every(self) -> int:
        """Return the time between two moves (µs)."""
        return self._market.every

    def look(self, symbols: Iterable[str], now: int) -> list[dict[str, Any]]:
        """Move the market to `now`. Return the entries of `symbols`, none for unlisted ones."""
        return [self._entry(state) for state in self._market.look(symbols, now)]

    def find(self, words: str, most: int, now: int) -> list[dict[str, Any]]:
        """Return at most `most` entries that have all of `words` in their symbol or name."""
        names = {each.symbol: each.name for each in self._market.listings}
        found = self._market.look(_matching(words, names, most), now, counted=False)
        return [self._entry(state) for state in found]

    def chart(self, symbol: str, query: Mapping[str, str], now: int) -> dict[str, Any] | None:
        """Return the body of Yahoo's chart answer; `None` if `symbol` is not listed.

        Raises `ChartRefused`.
        """
        for state in self._market.look([symbol], now, counted=False):
            market = self._market
            return chart(state, query, now, market.seed, is_always_open=market.is_always_open)
        return None

    def answer(self, symbols: Iterable[str], now: int) -> bytes:
        """Return the body of Yahoo's answer at `now`, without unlisted symbols."""
        result = self.look(symbols, now)
        return msgspec.json.encode({"quoteResponse": {"result": result, "error": None}})

    def change(self, symbol: str, told: Mapping[str, Any] | None) -> None:
        """Set fields in the entries of `symbol`, by Yahoo's names. `None` removes a field.

        `told=None`: the entries show the market again.
        """
        if told is None:
            self._changed.pop(symbol, None)
        else:
            self._changed[symbol] = {**self._changed.get(symbol, {}), **told}

    def _entry(self, state: MarketState) -> dict[str, Any]:
        entry = fields(state)
        if (changed := self._changed.get(state.listing.symbol)) is None:
            return entry
        return {name: each for name, each in {**entry, **changed}.items() if each is not None}


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

    It reads all that the Yahoo source can read: a broken field or entry does not affect others. If
    several answers hold a symbol, the one with the newest trade is served. If trades are equally
    new, an answer about this symbol alone comes first, then the first file by name.
    """

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

    def look(self, symbols: Iterable[str], now: int) -> list[dict[str, Any]]:  # noqa: ARG002 - as below
        """Return the entries of `symbols`. Unknown symbols are left out."""
        return [json.loads(self._saved[s].entry) for s in symbols if s in self._saved]

    def find(self, words: str, most: int, now: int) -> list[dict[str, Any]]:
        """Return at most `most` entries that have all of `words` in their symbol."""
        return self.look(_matching(words, dict.fromkeys(self._saved, ""), most), now)

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


Answers = MarketAnswers | SavedAnswers


def _newest(entry: dict[str, Any]) -> float:
    """Return the time of the newest trade in `entry` (seconds since the epoch); 0 if none."""
    return max(number(entry.get(name)) for name in _TIMES)


def _matching(words: str, names: Mapping[str, str], most: int) -> list[str]:
    """Return at most `most` symbols of `names` (symbol → name) that match all of `words`.

    The exact symbol comes first, then symbols that begin with the first word.
    """
    wished = words.upper().split()
    told = {symbol: f"{symbol} {name}".upper() for symbol, name in names.items()}
    found = [s for s, text in told.items() if wished and all(word in text for word in wished)]
    found.sort(key=lambda symbol: (symbol != words.upper(), not symbol.startswith(wished[0])))
    return found[:most]
