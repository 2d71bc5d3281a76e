"""Checks the records of a feed for alerts. Reports the alerts, and runs their commands.

A crossing is reported once, even over a restart. For this, a file keeps which records were checked
(the memory). Each stream has two: one for screens that run commands, and one for screens that do
not, so neither hides an alert from the other. At the start, the last day of the stream is checked
before anything new. A command never blocks anything, and its failure is reported. This module knows
no screen.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from ticker import wire
from ticker.board.alert_rules import Alert, Alerts, Memory, Told, parse_alert
from ticker.errors import StreamError
from ticker.feed import Feed
from ticker.files import replace_file
from ticker.processes.command import WITHIN, run_command
from ticker.records import Batch

_log: Final = logging.getLogger(__name__)
_REMEMBERED: Final = 200
"""The most reported alerts in the list."""
_AT_ONCE: Final = 4
"""The most commands that run at the same time."""
_WAITING: Final = 100
"""The most commands that run or wait."""
_LAST: Final = 1.0
"""How long the last commands may still run when alerting ends (s)."""

Command = tuple[str, ...]
"""A program and its arguments; empty: none."""


class Alerting:
    """Alerting on one feed: call `attach` with it, and `take` with each batch that it folds in.

    `wishes` are the configuration's alerts. `runs`: their commands are run. `path` is the memory
    file; `None`: nothing is saved. `keep_in` is the configuration file to which `keep` adds alerts.
    """

    def __init__(
        self,
        wishes: Sequence[tuple[Alert, Command]] = (),
        *,
        runs: bool = False,
        path: Path | None = None,
        keep_in: Path | None = None,
    ) -> None:
        self.told: deque[Told] = deque(maxlen=_REMEMBERED)
        """The alerts that were reported, oldest first."""
        self.on_told: Callable[[Told], None] = lambda _: None
        self.on_word: Callable[[str], None] = lambda _: None
        """Called with a sentence about a command that failed or was not run. Escape it."""
        self.runs = runs
        self._commands = {alert.text: run for alert, run in wishes if run}
        self._kept = {alert.text for alert, _ in wishes}
        self._path = path
        self._keep_in = keep_in
        memory = None if path is None else load_memory(path)
        self._alerts = Alerts((alert for alert, _ in wishes), memory)
        self._feed: Feed | None = None
        self._since = 0
        self._waiting: list[Batch] = []
        """Batches that came before the last day was checked."""
        self._catching_up: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Save the memory. Give the last commands a moment, then cancel them."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.wait([self._catching_up])
        self._save()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_LAST)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def attach(self, feed: Feed) -> None:
        """Begin to check `feed`. Records received before now are late."""
        self._feed = feed
        self._since = feed.wall()

    def take(self, batch: Batch) -> None:
        """Check a batch that was folded in. The first call first checks the stream's last day."""
        if self._catching_up is None:
            self._catching_up = asyncio.create_task(self._catch_up())
        if self._catching_up.done():
            self._note(self._alerts.take(batch))
        else:
            self._waiting.append(batch)

    async def _catch_up(self) -> None:
        if self._feed is not None and self._alerts.symbols:
            try:
                async with aclosing(self._feed.history(self._alerts.symbols)) as batches:
                    async for batch in batches:
                        self._note(self._alerts.take(batch, since=self._since))
            except StreamError as error:
                _log.info("the last day was not checked for alerts: %s", error)
        # The first is a snapshot, which may be old. The others are new, whatever their times say.
        for at, batch in enumerate(self._waiting):
            self._note(self._alerts.take(batch, since=0 if at else self._since))
        self._waiting.clear()

    def _note(self, found: Iterable[Told]) -> None:
        listed = list(found)
        for told in listed:
            self.tell(told)
        if listed:
            self._save()

    def tell(self, told: Told) -> None:
        """Report an alert, and run its command."""
        self.told.append(told)
        self.on_told(told)
        command = self._commands.get(told.alert.text)
        if command is None or not self.runs:
            return
        if len(self._running) >= _WAITING:
            self.on_word(
                f"{told.alert.text}: {_WAITING} commands wait already; this one is not run"
            )
            return
        task = asyncio.create_task(self._run(told, command))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, told: Told, command: Command) -> None:
        async with self._turn:
            data = wire.encode_lines([event_of(told)])
            problem = await run_command(filled(command, told), data, within=WITHIN)
        if problem is not None:
            _log.warning("%s: %s", told.alert.text, problem)
            self.on_word(f"{told.alert.text}: {problem}")

    def _save(self) -> None:
        if self._path is not None:
            save_memory(self._path, self._alerts.memory())

    # What a user sees and changes

    @property
    def alerts(self) -> Sequence[Alert]:
        """Return the active alerts."""
        return self._alerts.alerts

    def is_armed(self, alert: Alert) -> bool | None:
        """Tell whether the alert's next crossing is reported; `None` before the first value."""
        return self._alerts.is_armed(alert)

    def is_kept(self, alert: Alert) -> bool:
        """Tell whether the alert is in the configuration."""
        return alert.text in self._kept

    def command(self, alert: Alert) -> Command:
        """Return the alert's command; empty if it has none."""
        return self._commands.get(alert.text, ())

    def add(self, text: str) -> tuple[Alert, bool]:
        """Parse and add an alert. Raises `UsageError`.

        Returns it, and whether it is armed: False if its condition is met already.
        """
        alert = parse_alert(text)
        is_armed = self._add(alert)
        self._save()
        return alert, is_armed

    def follow(self, wishes: Sequence[tuple[Alert, Command]]) -> None:
        """Replace the configuration's earlier alerts by `wishes`."""
        self._commands = {alert.text: run for alert, run in wishes if run}
        before, self._kept = self._kept, {alert.text for alert, _ in wishes}
        for alert in self.alerts:
            if alert.text in before - self._kept:
                self._alerts.remove(alert)
        for alert, _ in wishes:
            self._add(alert)
        self._save()

    def _add(self, alert: Alert) -> bool:
        last = None if self._feed is None else self._feed.board.trade(alert.symbol)
        return self._alerts.add(alert, last)

    def remove(self, alert: Alert) -> None:
        """Remove the alert. If the configuration has it, reading the file again adds it."""
        self._alerts.remove(alert)
        self._save()

    def keep(self, alert: Alert) -> Path:
        """Write the alert into the configuration file unless it is there. Returns the file's path.

        Raises `ConfigError`.
        """
        assert self._keep_in is not None, "no file was given"  # noqa: S101 - a bug of ours
        if not self.is_kept(alert):
            from ticker.config.saving import change_file, with_alert

            change_file(self._keep_in, lambda text: with_alert(text, alert.text))
            self._kept.add(alert.text)
        return self._keep_in


def filled(command: Command, told: Told) -> list[str]:
    """Return the words of `command` with the event's symbol and price filled in."""
    price = f"{Decimal(str(told.record.price)):f}"
    return [
        word.replace("{symbol}", told.record.symbol).replace("{price}", price) for word in command
    ]


def event_of(told: Told) -> Mapping[str, Any]:
    """Return the input of a command: the alert, its value, and the tick or quote that met it."""
    facts = {
        "gap": told.gap,
        "late": told.is_late or None,
        "simulated": told.record.simulated or None,
    }
    return {
        "type": "alert",
        "alert": told.alert.text,
        "symbol": told.record.symbol,
        "price": told.record.price,
        "value": told.value,
        "time": told.record.time,
        "event": told.record,
        **{name: value for name, value in facts.items() if value is not None},
    }


def memory_path(folder: Path, stream: str, *, runs: bool) -> Path:
    """Return the memory file for `stream` (its URL) in `folder`.

    `runs`: the screen runs commands.
    """
    kind = "commands" if runs else "screens"
    return folder / f"alerts-{kind}-{zlib.crc32(stream.encode()):08x}.json"


def load_memory(path: Path) -> Memory | None:
    """Load the memory; `None` if nothing is saved, or if it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read, so alerts begin now: %s", path, error)
        return None


def save_memory(path: Path, memory: Memory) -> None:
    """Save the memory. A failure is only logged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, msgspec.json.encode(memory))
    except OSError as error:
        _log.warning("%s cannot be written: %s", path, error)
