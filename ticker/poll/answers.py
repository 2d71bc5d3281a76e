"""What a dashboard asks its poller beside prices: minute bars and searches.

It promises one answer for each question, with the reason in words where there is nothing to tell;
and that what was told lately is not asked for again. It stores nothing, and knows no channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ticker.errors import SourceError
from ticker.records import Found, MinuteBars
from ticker.sources.protocol import SearchableSource
from ticker.titles import source_title
from ticker.units import MINUTE

KEPT: Final = 5 * MINUTE
"""Minute bars and searches are told again, without asking, for so long (µs)."""
_MOST: Final = 1_000
"""Answers that are remembered at most."""
_LONGEST: Final = 100
"""Characters of a search that are sent."""

Question = Mapping[str, Any]
Reply = Mapping[str, Any]
_Told = MinuteBars | Sequence[Found]


class Answers:
    """Answers for `source`; `elapsed` is a clock that never goes back (µs)."""

    def __init__(self, source: SearchableSource, elapsed: Callable[[], int]) -> None:
        self._source = source
        self._elapsed = elapsed
        self._known: dict[tuple[str, str], tuple[int, _Told]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def to(self, question: Question) -> Reply:
        """The reply to `{"do": "bars", "symbol": …}` or `{"do": "search", "words": …}`.

        It has `bars` or `found`, or `problem`: why there is nothing.
        """
        match question:
            case {"do": "bars", "symbol": str(symbol)}:
                return await self._reply("bars", symbol, self._source.bars)
            case {"do": "search", "words": str(words)}:
                return await self._reply("found", words[:_LONGEST].strip(), self._source.search)
        return {"problem": "a question that this poller does not know"}

    async def _reply(self, kind: str, words: str, ask: Callable[[str], Any]) -> Reply:
        key = kind, words
        async with self._one_at_a_time:
            told = self._known.get(key)
            if told is None or self._elapsed() - told[0] >= KEPT:
                try:
                    told = self._elapsed(), await ask(words)
                except SourceError as error:
                    title = source_title(self._source.name, first=True)
                    return {"problem": f"{title}: {error.problem}"}
                self._known.pop(key, None)
                self._known[key] = told
                while len(self._known) > _MOST:
                    del self._known[next(iter(self._known))]
            return {kind: told[1]}
