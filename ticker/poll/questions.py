"""Answers the questions of a dashboard to its poller: minute bars and searches.

Each question gets one answer. If the source fails, the answer says why. A recent answer is repeated
without asking the source again. Nothing is stored on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ticker.errors import SourceError
from ticker.records import Found, MinuteBars
from ticker.source_titles import source_title
from ticker.sources.protocol import SearchableSource
from ticker.units import MINUTE

KEPT: Final = 5 * MINUTE
"""How long an answer is repeated without asking the source again (µs)."""
_MOST: Final = 1_000
"""The most answers that are remembered."""
_LONGEST: Final = 100
"""The most characters of a search that are sent to the source."""

Question = Mapping[str, Any]
Reply = Mapping[str, Any]
_Told = MinuteBars | Sequence[Found]


class QuestionAnswerer:
    """Answers questions from `source`. `elapsed` is a clock that never goes back (µs)."""

    def __init__(self, source: SearchableSource, elapsed: Callable[[], int]) -> None:
        self._source = source
        self._elapsed = elapsed
        self._known: dict[tuple[str, str], tuple[int, _Told]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def to(self, question: Question) -> Reply:
        """Return the reply to `{"do": "bars", "symbol": …}` or `{"do": "search", "words": …}`.

        The reply has `bars` or `found`, or a `problem` that says why neither is there.
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
