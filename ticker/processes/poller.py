"""Keeps a poller process alive: starts it, sends it orders, restarts it when it dies, ends it.

A dead poller is restarted with back-off, and gets the last symbols again. A poller that cannot
work (wrong usage or configuration, a stream that cannot be written or would mix prices) is not
restarted; its error is reported. A question is an order with an `id`, and its answer has the same
`id`. This module knows the poller's orders and news, not its work.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ticker.back_off import BackOff
from ticker.errors import Unanswered
from ticker.processes.child import Child, News

FINAL: Final = frozenset({0, 2, 3, 7})
"""Exit codes after which a restart is useless: done, usage, configuration, not writable."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""The longest wait for a restart (s); the first is `FIRST_WAIT`. Jitter changes both."""
STEADY: Final = 60.0
"""If a poller ran for longer than this (s), back-off begins again."""
ANSWER_WITHIN: Final = 30.0
"""How long an answer may take (s)."""


class Poller:
    """Runs a poller's command until stopped.

    `words` start it (with `--control`). `on_news` is called with its news (`status`, `ready`,
    `error`, …), and `on_word` with a sentence when it dies, is started again or is given up. Both
    are called in the event loop. `inherits` is as in `Child`.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        on_news: Callable[[News], None],
        on_word: Callable[[str], None] = lambda _: None,
        first_wait: float = FIRST_WAIT,
        name: str = "poller",
        inherits: Sequence[int] = (),
    ) -> None:
        self._words = words
        self._on_news = on_news
        self._on_word = on_word
        self._back_off = BackOff(random.random)
        self._first_wait = first_wait
        self._name = name
        self._inherits = inherits
        self._changes: dict[str, bool] = {}
        self._questions: dict[int, asyncio.Future[News]] = {}
        self._last_question = 0
        self._child: Child | None = None
        self._task: asyncio.Task[int] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id of the poller; `None` while it is dead."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the poller and keep it alive. Raises `OSError` if no process can be started."""
        await self._start()
        self._task = asyncio.create_task(self._keep_alive())

    def add(self, symbols: Iterable[str]) -> None:
        """Add `symbols` to those that it polls. They stay added after a restart."""
        self._change(symbols, wanted=True)

    def remove(self, symbols: Iterable[str]) -> None:
        """Let it stop polling `symbols`. They stay removed after a restart."""
        self._change(symbols, wanted=False)

    def send(self, do: str, **facts: Any) -> None:
        """Send any other order. The order is lost if the poller is dead at the moment."""
        if self._child is not None:
            self._child.send(do, **facts)

    async def ask(self, do: str, **facts: Any) -> News:
        """Send an order and return its answer.

        Raises `Unanswered` if none comes in time, and at once if the poller is dead or dies.
        """
        if self._child is None:
            raise Unanswered("The poller has ended")
        self._last_question = number = self._last_question + 1
        answer: asyncio.Future[News] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        self.send(do, id=number, **facts)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            raise Unanswered(f"The poller did not answer within {ANSWER_WITHIN:g} s") from None
        finally:
            del self._questions[number]

    async def ended(self) -> int:
        """Wait until it has ended and is not started again. Returns its exit code."""
        assert self._task is not None, "start it first"  # noqa: S101  (a mistake of ours)
        return await asyncio.shield(self._task)

    async def stop(self, within: float = 5.0) -> int | None:
        """End it in `within` + 0.5 seconds at most. Returns what `Child.stop` returns."""
        self._stopping = True
        code = None if self._child is None else await self._child.stop(within)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        return code

    def _change(self, symbols: Iterable[str], *, wanted: bool) -> None:
        listed = list(symbols)
        for symbol in listed:
            self._changes.pop(symbol, None)  # the last order for a symbol counts
            self._changes[symbol] = wanted
        self.send("add" if wanted else "remove", symbols=listed)

    async def _start(self) -> None:
        child = Child(self._words, on_news=self._hear, inherits=self._inherits)
        await child.start()
        self._child = child
        for symbol, wanted in self._changes.items():
            child.send("add" if wanted else "remove", symbols=[symbol])

    def _hear(self, news: News) -> None:
        if (number := news.get("id")) is None:
            self._on_news(news)
        elif (answer := self._questions.get(number)) is not None and not answer.done():
            answer.set_result(news)

    async def _keep_alive(self) -> int:
        while True:
            assert self._child is not None  # noqa: S101  (set by start)
            born = time.monotonic()
            code = await self._child.wait()
            for answer in self._questions.values():
                if not answer.done():
                    answer.set_exception(Unanswered("The poller has ended"))
            if self._stopping:
                return code
            why = self._child.why or _how(code)
            if code in FINAL:
                self._on_word(f"The {self._name} ended: {why}")
                return code
            if time.monotonic() - born > STEADY:
                self._back_off.reset()
            self._child = None
            await self._start_again(f"died ({why})")
            self._on_word(f"The {self._name} was started again")

    async def _start_again(self, problem: str) -> None:
        """Start it after a wait, and again while it cannot be started."""
        while True:
            wait = self._back_off.wait(self._first_wait, LONGEST_WAIT)
            self._on_word(f"The {self._name} {problem}. Starting it again in {wait:.1f} s")
            await asyncio.sleep(wait)
            try:
                return await self._start()
            except OSError as error:  # no memory, too many processes or open files
                problem = f"does not start ({error.strerror or error})"


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
