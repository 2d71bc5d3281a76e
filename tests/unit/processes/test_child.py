from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.waiting import until
from ticker.errors import Unanswered
from ticker.processes import Child, Control, Poller
from ticker.processes import poller as poller_module
from ticker.processes.child import News, environment

# A child that repeats its orders and ends with its parent; or hangs, if ordered to.
CHILD = """
import asyncio, sys, time
from ticker.processes import Control

async def main():
    over = asyncio.Event()
    def hear(order):
        match order:
            case {"do": "hang"}: time.sleep(60)
            case {"do": "die", "code": code}: __import__("os")._exit(code)
            case {"do": "complain"}: print("\\x1b[31mbroken", file=sys.stderr, flush=True)
            case _: control.say("heard", **order)
    async with Control(hear, over.set, grace=0.3) as control:
        control.say("ready", pid=__import__("os").getpid())
        await over.wait()
        control.say("bye")

asyncio.run(main())
"""
WORDS = [sys.executable, "-c", CHILD]


class Ear:
    """Collects a child's reports, and waits for a matching one."""

    def __init__(self) -> None:
        self.heard: list[News] = []
        self._more = asyncio.Event()

    def __call__(self, news: News) -> None:
        self.heard.append(news)
        self._more.set()

    async def wait_for(self, fits: Callable[[News], bool], *, times: int = 1) -> News:
        async with asyncio.timeout(20):
            while len(found := [news for news in self.heard if fits(news)]) < times:
                self._more.clear()
                await self._more.wait()
        return found[-1]


def says(what: str) -> Callable[[News], bool]:
    return lambda news: news["say"] == what


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def child(ear: Ear) -> AsyncIterator[Child]:
    child = Child(WORDS, on_news=ear)
    await child.start()
    await ear.wait_for(says("ready"))
    yield child
    await child.stop()


async def test_a_child_receives_orders_and_its_reports_arrive(child: Child, ear: Ear) -> None:
    child.send("add", symbols=["AAPL", "GC=F"])
    news = await ear.wait_for(says("heard"))
    assert (news["do"], news["symbols"]) == ("add", ["AAPL", "GC=F"])


async def test_a_child_ends_by_itself_when_its_input_does(child: Child, ear: Ear) -> None:
    assert await child.stop() == 0
    assert ear.heard[-1] == {"say": "bye"}


async def test_a_hanging_child_is_ended_within_seconds(child: Child) -> None:
    child.send("hang")
    began = time.monotonic()
    code = await child.stop(within=5.0)
    assert time.monotonic() - began < 5.0
    assert code == 0  # its own watchdog was faster than our signals


async def test_a_child_without_a_watchdog_is_killed(ear: Ear) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        'print(\'{"say":"ready"}\', flush=True); time.sleep(60)'
    )
    child = Child([sys.executable, "-c", deaf], on_news=ear)
    await child.start()
    await ear.wait_for(says("ready"))
    began = time.monotonic()
    assert await child.stop(within=1.0) == -signal.SIGKILL
    assert time.monotonic() - began < 3.0


async def test_a_childs_errors_are_stored_and_never_shown(
    child: Child, capfd: pytest.CaptureFixture[str]
) -> None:
    child.send("complain")
    await until(lambda: "broken" in child.errors)
    assert capfd.readouterr().err == ""


async def test_reports_that_are_not_json_are_skipped(ear: Ear) -> None:
    words = "print('hello');print('[1]');print('{\"say\":\"x\"}')"
    child = Child([sys.executable, "-c", words], on_news=ear)
    await child.start()
    assert await child.wait() == 0
    assert ear.heard == [{"say": "x"}]
    await child.stop()


@pytest.mark.parametrize("hang", [False, True])
async def test_no_child_outlives_a_parent_that_was_killed(hang: bool) -> None:
    parent = f"""
import asyncio, sys
from ticker.errors import Unanswered
from ticker.processes import Child
async def main():
    child = Child({WORDS!r}, on_news=lambda news: print(news["pid"], flush=True))
    await child.start()
    if {hang}:
        child.send("hang")
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    pid = int(await asyncio.wait_for(process.stdout.readline(), 30))
    process.kill()
    await process.wait()
    await until(lambda: is_gone(pid))


async def test_ctrl_c_for_the_parent_does_not_reach_the_child(child: Child) -> None:
    assert child.pid is not None
    assert os.getpgid(child.pid) != os.getpgid(0)


async def test_a_dead_poller_is_restarted_with_its_symbols(ear: Ear) -> None:
    words: list[str] = []
    poller = Poller(WORDS, on_news=ear, on_word=words.append, first_wait=0.01)
    await poller.start()
    await ear.wait_for(says("ready"))
    poller.add(["A", "B"])
    poller.remove(["A"])
    await ear.wait_for(says("heard"), times=2)
    assert poller.pid is not None
    os.kill(poller.pid, signal.SIGKILL)
    await ear.wait_for(says("ready"), times=2)
    await ear.wait_for(says("heard"), times=4)
    again = [(news["do"], news["symbols"]) for news in ear.heard if news["say"] == "heard"][2:]
    assert again == [("add", ["B"]), ("remove", ["A"])]
    assert words[0].startswith("The poller died (killed by signal 9). Starting it again in 0.0")
    assert words[1] == "The poller was started again"
    assert await poller.stop() == 0


async def test_a_restart_that_fails_is_reported_and_tried_again(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    poller = Poller(WORDS, on_news=ear, on_word=words.append, first_wait=0.01)
    await poller.start()
    await ear.wait_for(says("ready"))
    start, errors = Child.start, [OSError(12, "Cannot allocate memory")]

    async def fail_once(child: Child) -> None:
        if errors:
            raise errors.pop()
        await start(child)

    monkeypatch.setattr(Child, "start", fail_once)
    assert poller.pid is not None
    os.kill(poller.pid, signal.SIGKILL)
    await ear.wait_for(says("ready"), times=2)
    await until(lambda: words[-1] == "The poller was started again")
    assert words[1].startswith("The poller does not start (Cannot allocate memory). Starting it")
    assert await poller.stop() == 0


async def test_a_question_ends_with_an_answer_or_with_the_child(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(WORDS, on_news=ear, first_wait=60.0)
    await poller.start()
    await ear.wait_for(says("ready"))
    first, second = await asyncio.gather(poller.ask("x", word="a"), poller.ask("y", word="b"))
    assert (first["word"], second["word"]) == ("a", "b")
    with monkeypatch.context() as impatient:
        impatient.setattr(poller_module, "ANSWER_WITHIN", 0)
        with pytest.raises(Unanswered, match="did not answer within 0 s"):
            await poller.ask("x")
    with pytest.raises(Unanswered, match="The poller has ended"):
        await poller.ask("die", code=1)
    await until(lambda: poller.pid is None)
    with pytest.raises(Unanswered, match="The poller has ended"):  # it waits to start again
        await poller.ask("x")
    await poller.stop()
    assert [news["say"] for news in ear.heard] == ["ready"]


async def test_a_poller_that_cannot_work_is_given_up_and_reported(ear: Ear) -> None:
    words: list[str] = []
    poller = Poller(WORDS, on_news=ear, on_word=words.append, first_wait=0.01)
    await poller.start()
    await ear.wait_for(says("ready"))
    poller.send("die", code=7)
    assert await poller.ended() == 7
    assert words == ["The poller ended: exit code 7"]
    await poller.stop()


async def test_stopping_a_poller_while_it_waits_to_start_again_leaves_nothing(ear: Ear) -> None:
    words: list[str] = []
    poller = Poller(WORDS, on_news=ear, on_word=words.append, first_wait=60.0)
    await poller.start()
    await ear.wait_for(says("ready"))
    poller.send("die", code=1)
    await until(lambda: words)
    await poller.stop()
    assert len([news for news in ear.heard if news["say"] == "ready"]) == 1


class Pipes:
    """A child's two pipes, in this process."""

    def __init__(self) -> None:
        self.orders, self.parent = os.pipe()
        self.reader, self.news = os.pipe()

    def close(self) -> None:
        for end in (self.orders, self.parent, self.reader, self.news):
            with suppress(OSError):
                os.close(end)


async def test_a_parent_that_stopped_reading_never_blocks_its_child() -> None:
    pipes = Pipes()
    control = Control(lambda _: None, lambda: None, orders=pipes.orders, news=pipes.news)
    async with control:
        for number in range(20_000):
            control.say("status", number=number, padding="x" * 100)
    os.close(pipes.parent)
    pipes.close()


async def test_orders_that_are_not_json_are_skipped_and_the_end_is_reported_once() -> None:
    pipes = Pipes()
    heard: list[Any] = []
    left: list[int] = []
    over = asyncio.Event()
    async with Control(
        heard.append, over.set, grace=0.0, orders=pipes.orders, news=pipes.news, leave=left.append
    ):
        os.write(pipes.parent, b'nonsense\n[1]\n{"do":"add","symbols":["A"]}\n{"do":"rem')
        os.close(pipes.parent)
        await asyncio.wait_for(over.wait(), 30)
        await until(lambda: left)
    assert heard == [{"do": "add", "symbols": ["A"]}]
    assert left == [0]
    pipes.close()


def test_importing_the_loops_loads_no_heavy_library() -> None:
    words = (
        "import sys, ticker.poll, ticker.processes;"
        "print({'yfinance','pandas','textual','apsw','aiohttp'} & {*sys.modules})"
    )
    shown = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True, env=environment()
    )
    assert shown.stdout == "set()\n"
