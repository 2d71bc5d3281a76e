"""A dashboard's controller for tests: it notes requests, and gives prepared answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticker.errors import Unanswered
from ticker.records import Found, MinuteBars


class Controlled:
    """`minutes` is symbol → bars, `finds` is words → results of a search."""

    def __init__(
        self,
        minutes: Mapping[str, MinuteBars] | None = None,
        finds: Mapping[str, Sequence[Found]] | None = None,
    ) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.minutes = minutes or {}
        self.finds = finds or {}
        self.questions: list[tuple[str, str]] = []

    def add(self, symbols: Sequence[str]) -> None:
        self.asked.append(("add", list(symbols)))

    def remove(self, symbols: Sequence[str]) -> None:
        self.asked.append(("remove", list(symbols)))

    async def bars(self, symbol: str) -> MinuteBars:
        self.questions.append(("bars", symbol))
        if symbol not in self.minutes:
            raise Unanswered("Yahoo: no answer")
        return self.minutes[symbol]

    async def search(self, words: str) -> Sequence[Found]:
        self.questions.append(("search", words))
        if words not in self.finds:
            raise Unanswered("Yahoo: no answer")
        return self.finds[words]
