from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ticker.errors import SourceUnreachable
from ticker.poll.questions import KEPT, QuestionAnswerer
from ticker.records import Found, MinuteBars
from ticker.sources.protocol import SearchableSource


class Source:
    name = "yahoo"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_away = False

    async def bars(self, symbol: str) -> MinuteBars:
        self.asked.append(symbol)
        if self.is_away:
            raise SourceUnreachable("yahoo", "host not found")
        return MinuteBars(symbol, (1,), (2.0,), 3)

    async def search(self, words: str, most: int = 10) -> Sequence[Found]:
        self.asked.append(words)
        return [Found("AAPL")][:most]


class Scene:
    def __init__(self) -> None:
        self.source = Source()
        self.elapsed = 0
        self.answers = QuestionAnswerer(cast("SearchableSource", self.source), lambda: self.elapsed)

    async def ask(self, **question: Any) -> Any:
        return await self.answers.to(question)


async def test_minute_bars_and_searches_are_answered_and_cached_for_a_while() -> None:
    scene = Scene()
    bars = MinuteBars("AAPL", (1,), (2.0,), 3)
    for _ in range(3):
        assert await scene.ask(do="bars", symbol="AAPL") == {"bars": bars}
        assert await scene.ask(do="search", words=" apple ") == {"found": [Found("AAPL")]}
    assert scene.source.asked == ["AAPL", "apple"]
    scene.elapsed += KEPT
    await scene.ask(do="bars", symbol="AAPL")
    assert scene.source.asked == ["AAPL", "apple", "AAPL"]


async def test_a_failure_is_reported_in_words_and_asked_again() -> None:
    scene = Scene()
    scene.source.is_away = True
    assert await scene.ask(do="bars", symbol="AAPL") == {"problem": "Yahoo: host not found"}
    scene.source.is_away = False
    assert "bars" in await scene.ask(do="bars", symbol="AAPL")


async def test_a_senseless_question_is_answered_too() -> None:
    scene = Scene()
    for question in ({"do": "dance"}, {"do": "bars", "symbol": 7}, {"do": "search"}):
        assert "problem" in await scene.ask(**question)
    assert scene.source.asked == []
