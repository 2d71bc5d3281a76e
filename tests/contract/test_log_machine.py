"""A log after any calls in any order, compared with the simplest model: a list of ticks.

Each symbol's ticks are compared in their order; on Kafka these symbols lie in three partitions.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.examples import examples
from ticker.errors import SequenceConflict
from ticker.records import Batch, Position, Quote, Tick

NOW = 1_795_447_805_000_000
KEEP_FOR = 60_000_000
SYMBOLS = st.sampled_from(["AAPL", "CL=F", "^GSPC"])


def by_symbol(ticks: Iterable[Tick]) -> dict[str, list[Tick]]:
    found: dict[str, list[Tick]] = {}
    for tick in ticks:
        found.setdefault(tick.symbol, []).append(tick)
    return found


class LogMachine(RuleBasedStateMachine):
    """`model` lists every acknowledged tick, in order, with the time of its append."""

    backend: Any
    numbers = False
    retained = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="log-machine-"))
        self.runner = asyncio.Runner()
        self.clock = NOW
        self.model: list[tuple[Tick, int]] = []
        self.heads: dict[str, int] = {}
        self.appended = 0  # when the log was last appended to
        self.pruned = 0  # of the model, from its start
        self.held: int | None = None  # index in the model; no reader needs the ticks before it
        self.killed: list[Any] = []
        self.log = self.open()
        self.position: Position = self.run(self.log.find("start"))
        self.read_to = 0

    def open(self) -> Any:
        retention = {"keep_for": KEEP_FOR, "clock": lambda: self.clock} if self.retained else {}
        log = self.backend.writer(self.folder, **retention)
        self.run(log.__aenter__())
        return log

    def run(self, work: Any) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(20):
                return await work

        return self.runner.run(bounded())

    def teardown(self) -> None:
        for log in (self.log, *self.killed):
            self.run(log.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    @property
    def origin(self) -> str:
        return self.log.origin if self.numbers else "program"

    def made(self, symbol: str, count: int, *, skip: int = 0, price: float = 1.0) -> list[Tick]:
        first = self.heads.get(symbol, 0) + 1 + skip
        return [
            Tick(symbol, "test", self.origin, n, self.clock, self.clock, price + n)
            for n in range(first, first + count)
        ]

    @initialize(symbol=SYMBOLS)
    def begin(self, symbol: str) -> None:
        self.append(symbol, 2, 0)

    @rule(symbol=SYMBOLS, count=st.integers(1, 6), later=st.sampled_from([0, 1, 30_000_000]))
    def append(self, symbol: str, count: int, later: int) -> None:
        self.clock += later
        ticks = self.made(symbol, count)
        last = ticks[-1]
        quote = Quote(
            symbol, "test", last.time, last.received, last.price, last.origin, last.sequence
        )
        self.run(self.log.append(Batch(ticks=ticks, quotes=[quote])))
        self.acknowledged(ticks)

    def acknowledged(self, ticks: list[Tick]) -> None:
        self.model += [(tick, self.clock) for tick in ticks]
        for tick in ticks:
            self.heads[tick.symbol] = tick.sequence
        self.prune_with_an_append()

    def prune_with_an_append(self) -> None:
        """The first append after a leap of the clock deletes nothing."""
        leapt = self.clock - self.appended > KEEP_FOR
        self.appended = self.clock
        if not leapt:
            self.prune_model()

    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(0, len(self.model)))
        last = data.draw(st.integers(first, len(self.model)))
        self.run(self.log.append(Batch(ticks=[tick for tick, _ in self.model[first:last]])))
        self.prune_with_an_append()

    @rule(symbol=SYMBOLS, other=SYMBOLS, skip=st.integers(1, 3))
    def append_with_a_hole(self, symbol: str, other: str, skip: int) -> None:
        if not self.numbers and symbol not in self.heads:
            return  # there is nothing that the first tick would have to continue
        call = [*self.made(symbol, 1, skip=skip)]
        if other != symbol:
            call = [*self.made(other, 1), *call]
        with pytest.raises(SequenceConflict) as caught:
            self.run(self.log.append(Batch(ticks=call)))
        assert caught.value.expected == {(self.origin, symbol): self.heads.get(symbol, 0) + 1}

    @rule()
    def kill_and_reopen(self) -> None:
        self.killed.append(self.log)  # never closed before the new one is open
        self.log = self.open()

    def prune_model(self) -> None:
        """Check that old appends are deleted, except those that are held."""
        if not self.retained:
            return
        upto = sum(1 for _, at in self.model if at <= self.clock - KEEP_FOR)
        if self.held is not None:
            upto = min(upto, self.held)
        self.pruned = max(self.pruned, upto)

    @rule()
    def read_on(self) -> None:
        self.check_read(follow=False)

    @rule()
    def follow_on(self) -> None:
        if self.read_to < len(self.model) and self.pruned < len(self.model):
            self.check_read(follow=True)

    def check_read(self, *, follow: bool) -> None:
        expected = [tick for tick, _ in self.model[max(self.read_to, self.pruned) :]]

        async def read() -> tuple[list[Tick], bool]:
            seen: list[Tick] = []
            told = False
            reading = self.log.read(self.position, follow=follow, limit=4)
            async with contextlib.aclosing(reading):
                async for batch in reading:
                    seen += batch.ticks
                    told = told or bool(batch.gaps)
                    self.position = batch.position
                    if follow and len(seen) >= len(expected):
                        break
            return seen, told

        seen, told = self.run(read())
        assert by_symbol(seen) == by_symbol(expected)
        assert told == (self.pruned > self.read_to)
        self.read_to = len(self.model)

    @rule(symbol=SYMBOLS, rounds=st.integers(1, 4))
    def snapshot_then_follow_under_a_writer(self, symbol: str, rounds: int) -> None:
        goal = self.heads.get(symbol, 0) + rounds

        async def write() -> None:
            for _ in range(rounds):
                (tick,) = self.made(symbol, 1)
                quote = Quote(
                    symbol, "test", tick.time, tick.received, tick.price, tick.origin, tick.sequence
                )
                await self.log.append(Batch(ticks=[tick], quotes=[quote]))
                self.acknowledged([tick])

        async def look() -> None:
            snapshot = await self.log.snapshot()
            known = {q.symbol: q.sequence or 0 for q in snapshot.quotes}
            if known.get(symbol, 0) == goal:
                return
            reading = self.log.read(snapshot.position, last_seen=snapshot.last_seen)
            async with contextlib.aclosing(reading):
                async for batch in reading:
                    for tick in batch.ticks:
                        assert tick.sequence == known.get(tick.symbol, 0) + 1
                        known[tick.symbol] = tick.sequence
                    if known.get(symbol) == goal:
                        return

        async def both() -> None:
            await asyncio.gather(write(), look())

        self.run(both())

    @invariant()
    def the_log_is_the_model(self) -> None:
        if not hasattr(self, "log"):
            return

        async def read() -> list[Tick]:
            begin = await self.log.find("start")
            batches = [batch async for batch in self.log.read(begin, follow=False)]
            assert all(not batch.gaps for batch in batches)
            return [tick for batch in batches for tick in batch.ticks]

        kept = [tick for tick, _ in self.model[self.pruned :]]
        assert by_symbol(self.run(read())) == by_symbol(kept)
        assert self.run(self.log.last()) == {
            (self.origin, symbol): last for symbol, last in self.heads.items()
        }
        assert self.run(self.log.health()).ticks == len(self.model) - self.pruned


class NumberingMachine(LogMachine):
    """The same under the log's own origin."""

    numbers = True

    @rule()
    def append_another_tick_under_the_last_number(self) -> None:
        if len(self.model) == self.pruned:
            return  # its number can no longer be compared
        tick, _ = self.model[-1]
        with pytest.raises(SequenceConflict):
            self.run(
                self.log.append(Batch(ticks=[*self.made(tick.symbol, 1, skip=-1, price=77.0)]))
            )


class RetainedMachine(NumberingMachine):
    """The same with a retention that is ours, which deletes at each append."""

    retained = True

    @rule(later=st.sampled_from([0, 30_000_000, KEEP_FOR, 90_000_000]))
    def prune(self, later: int) -> None:
        self.clock += later
        before = self.pruned
        deleted = self.run(self.log.prune())
        self.prune_model()
        assert deleted == self.pruned - before

    @rule()
    def hold_the_end(self) -> None:
        self.run(self.log.hold("relay", self.run(self.log.find("end"))))
        self.held = len(self.model)

    @rule(symbol=SYMBOLS)
    def hold_what_comes(self, symbol: str) -> None:
        self.hold_the_end()
        self.append(symbol, 2, 0)

    @rule()
    def let_go(self) -> None:
        self.run(self.log.hold("relay", None))
        self.held = None


def _run(backend: Any, histories: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    kinds = {"Retained": RetainedMachine, "NumberingLog": NumberingMachine, "Log": LogMachine}
    kind = next(kind for protocol, kind in kinds.items() if protocol in backend.protocols)
    machine = type("Machine", (kind,), {"backend": backend})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_log_behaves_like_a_list_of_ticks(log_backend: Any) -> None:
    _run(log_backend, examples(25) if log_backend.server is None else 4)


@pytest.mark.slow
def test_a_log_behaves_like_a_list_of_ticks_in_many_more_histories(log_backend: Any) -> None:
    _run(log_backend, 200 if log_backend.server is None else 40)
