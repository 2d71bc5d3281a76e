"""What a recorder stores of the facts that ticks do not have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from ticker.errors import StreamUnreachable, WrongPosition
from ticker.records import Batch, Quote, Tick
from ticker.relay.recording import Recording, RecordingSpan
from ticker.streams import NumberingLog, open_log, retained
from ticker.streams.protocol import Stream
from ticker.streams.recording import RecordingStream
from ticker.streams.unfinished import UnfinishedRecording

NOW = 1_795_447_805_000_000
SECOND = 1_000_000


async def append(log: NumberingLog, number: int, *, with_tick: bool = True, **facts: Any) -> None:
    """The quote after tick `number` of AAPL, with `facts`; and the tick, unless it came before."""
    at = NOW + number * SECOND
    price = 100.0 + number
    session = facts.get("session")
    tick = Tick(
        "AAPL", "test", log.origin, number, at, at, price, day_change=10.0, session=session
    )  # fmt: skip
    received = at if with_tick else at + SECOND // 2
    quote = Quote(
        "AAPL", "test", at, received, price, log.origin, number,
        day_change=10.0, name="Apple", **facts,
    )  # fmt: skip
    await log.append(Batch(ticks=[tick] if with_tick else [], quotes=[quote]))


@asynccontextmanager
async def recorder(log: Stream, path: Path, span: RecordingSpan) -> AsyncIterator[Recording]:
    """A recorder of `log` into `path`; at the end of the block the file is written."""
    with UnfinishedRecording(path) as part:
        async with open_log(part.url) as kept:
            recording = Recording(log, part, kept, span, clock=lambda: NOW)
            yield recording
        await part.finish()


def has_begun(path: Path) -> bool:
    """Return whether the recorder has stored the facts of its start."""
    return len(kept_facts(path).splitlines()) > 1


def kept_facts(path: Path) -> str:
    return path.with_name(f"{path.name}.part.facts").read_text()


async def told(path: Path) -> list[tuple[Any, ...]]:
    """Return name, session, previous close and open after each tick."""
    async with RecordingStream(path) as tape:
        position = await tape.find("start")
        found = []
        for _ in range(await tape.count(position)):
            position = await tape.step(position, 1)
            quote = (await tape.snapshot_at(position)).quotes[0]
            found.append((quote.name, quote.session, quote.previous_close, quote.open))
        return found


async def test_a_recorder_of_new_ticks_stores_the_facts_of_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1)
        read, passed = log.read, []

        def reading(*arguments: Any, **options: Any) -> Any:
            passed.append(options["last_seen"])
            return read(*arguments, **options)

        vars(log)["read"] = reading
        async with recorder(log, path, RecordingSpan(since="end")) as recording:
            running = asyncio.create_task(recording.run())
            await until(lambda: len(passed) > 0)
            await append(log, 2)
            await until(lambda: recording.progress.ticks == 1)
            recording.stop()
            await running
        assert passed[0] == {(log.origin, "AAPL"): 1}
    assert all(not known for known in passed[1:])


async def test_a_following_recorder_stores_each_change_of_a_fact(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1, session="pre", previous_close=90.0)
        async with recorder(log, path, RecordingSpan()) as recording:
            running = asyncio.create_task(recording.run())
            await until(lambda: has_begun(path))
            changes: list[tuple[int, dict[str, Any]]] = [
                (2, {"session": "pre", "previous_close": 90.0}),
                (3, {"session": "regular", "previous_close": 91.0, "open": 103.0}),
                (4, {"session": "regular", "previous_close": 91.0, "open": 103.0}),
            ]
            for number, facts in changes:
                await append(log, number, **facts)
                await until(lambda n=number: recording.progress.ticks == n - 1)  # type: ignore[misc]  # mypy cannot infer it
            recording.stop()
            await running
    assert await told(path) == [
        ("Apple", "pre", 90.0, None),
        ("Apple", "regular", 91.0, 103.0),
        ("Apple", "regular", 91.0, 103.0),
    ]


async def test_a_recording_of_the_past_takes_only_facts_that_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1, session="pre", previous_close=90.0, open=1.0)
        await append(log, 2, session="regular", previous_close=92.0, open=2.0)
        # What follows the last tick is of another day.
        await append(log, 2, with_tick=False, session="closed", previous_close=77.0, open=3.0)
        async with recorder(log, path, RecordingSpan(since="start", follow=False)) as recording:
            await recording.run()
    first, _ = await told(path)
    # The session is the tick's, the previous close its price less the change of its day.
    assert first == ("Apple", "pre", 91.0, None)


async def test_a_fact_that_comes_without_a_tick_is_not_shown_before_it_was_known(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1, previous_close=90.0)
        async with recorder(log, path, RecordingSpan()) as recording:
            running = asyncio.create_task(recording.run())
            await until(lambda: has_begun(path))
            await append(log, 2, previous_close=90.0)
            await until(lambda: recording.progress.ticks == 1)
            await append(log, 2, with_tick=False, previous_close=95.0)
            await until(lambda: '"previous_close":95.0' in kept_facts(path))
            await append(log, 3, previous_close=95.0)
            await until(lambda: recording.progress.ticks == 2)
            recording.stop()
            await running
    assert [close for _, _, close, _ in await told(path)] == [90.0, 95.0]


async def test_a_recording_of_a_recording_keeps_the_facts_of_its_beginning(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1, previous_close=90.0, open=3.0, session="pre")
        async with recorder(log, first, RecordingSpan()) as recording:
            running = asyncio.create_task(recording.run())
            await until(lambda: has_begun(first))
            for number in (2, 3):
                await append(log, number, previous_close=90.0, open=3.0, session="pre")
            await until(lambda: recording.progress.ticks == 2)
            recording.stop()
            await running
    span = RecordingSpan(since="start", follow=False)
    async with RecordingStream(first) as tape, recorder(tape, second, span) as recording:
        await recording.run()
    assert await told(second) == await told(first) == [("Apple", "pre", 90.0, 3.0)] * 2


async def test_a_recording_of_a_recording_keeps_the_place_of_each_fact(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    async with (
        retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log,
        recorder(log, first, RecordingSpan(since="start")) as recording,
    ):
        running = asyncio.create_task(recording.run())
        for number, close in enumerate((90.0, 90.0, 95.0, 95.0), 1):
            await append(log, number, previous_close=close)
            await until(lambda n=number: recording.progress.ticks == n)  # type: ignore[misc]  # mypy cannot infer it
        recording.stop()
        await running
    span = RecordingSpan(since="start", follow=False)
    async with RecordingStream(first) as tape, recorder(tape, second, span) as recording:
        await recording.run()
    closes = [close for _, _, close, _ in await told(second)]
    assert closes == [90.0, 90.0, 95.0, 95.0]
    assert await told(second) == await told(first)


async def test_a_recorder_reports_that_it_ended_before_the_end_of_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.relay.recording.WITHIN", 0.0)
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1)
        async with recorder(log, tmp_path / "a.parquet", RecordingSpan(since="start")) as recording:
            recording.stop()
            await recording.run()
            assert recording.progress.is_cut


async def test_a_replaced_log_that_is_unreachable_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker.relay.recording._LOOK_AGAIN", 0.01)
    async with retained(open_log(f"sqlite:{tmp_path / 'log.sqlite'}")) as log:
        await append(log, 1)
        find, snapshot, read = log.find, log.snapshot, log.read
        away = [StreamUnreachable(log.url, "it is away")] * 2
        replaced = [WrongPosition(log.url, "1")]

        def there(method: Callable[..., Any]) -> Callable[..., Any]:
            async def asked(*arguments: Any) -> Any:
                if not replaced and away:
                    raise away.pop()
                return await method(*arguments)

            return asked

        async def reading(*arguments: Any, **options: Any) -> AsyncIterator[Batch]:
            if replaced:
                raise replaced.pop()
            async for batch in read(*arguments, **options):
                yield batch

        vars(log).update(find=there(find), snapshot=there(snapshot), read=reading)
        async with recorder(log, tmp_path / "a.parquet", RecordingSpan()) as recording:
            running = asyncio.create_task(recording.run())
            await until(lambda: recording.progress.ticks == 1 or running.done())
            recording.stop()
            await running
    assert not away
