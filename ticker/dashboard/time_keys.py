"""The time keys of a replay: they move its tape.

This module knows the player by its protocol. A short notice says what a key did, unless the player
bar shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ticker.errors import UsageError
from ticker.times import Zone, clock, parse_duration, parse_when
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.play import Player

_NORMAL: Final = 1.0
_TENTHS: Final = 10


class TimeKeys:
    """The time keys of `player`.

    `on_screen` returns the symbols whose ticks change the screen, `tell` writes to the status line.
    Times are read and shown in `zone`.
    """

    def __init__(
        self,
        player: Player,
        zone: Zone,
        *,
        on_screen: Callable[[], Sequence[str]],
        tell: Callable[[str], None],
    ) -> None:
        self._player = player
        self._zone = zone
        self._on_screen = on_screen
        self._tell = tell

    def press(self, what: str, number: int = 0) -> None:
        """Run the key `what`.

        `number` is a count of seconds or tenths, or a direction: 1 forward or up, -1 back or down
        (`speed` 0: normal).
        """
        player = self._player
        self._tell("")  # the notice of an earlier key does not belong to this one
        match what:
            case "move":
                player.seek(player.time + number * SECOND)
            case "tenth":
                player.seek(player.start + (player.end - player.start) * number // _TENTHS)
            case "step":
                self._step(forward=number > 0)
            case "speed":
                self._change_speed(number)
            case "mark":
                self._go_to_mark(forward=number > 0)
            case "own":
                self._mark()
            case "undo":
                player.undo()
            case "loop":
                player.cycle_loop()
            case "live":
                self._tell(player.hand_over() or "Live again")

    def go_to(self, words: str) -> None:
        """Go to a typed time: `09:30`, ISO 8601, `-10m`, `+10m`, `start`, `end`.

        A time without a date is on the tape's day. `-10m` and `+10m` count from the tape's time.
        """
        word, player = words.strip(), self._player
        if not word:
            return
        self._tell("")
        try:
            if word.startswith("+"):
                self._seek(player.time + parse_duration(word[1:]))
                return
            when = parse_when("now" if word == "end" else word, now=player.time, zone=self._zone)
        except UsageError:
            forms = "09:30, -10m, +10m, 2026-11-23T09:30, start or end"
            self._tell(f"{word!r} is not a time: write {forms}")
            return
        self._seek(
            player.start if when == "start" else player.end if isinstance(when, str) else when
        )

    def _seek(self, time: int) -> None:
        """Go to `time`. If it is outside the tape, say where the tape begins or ends."""
        player = self._player
        if time < player.start:
            self._tell(f"The recording begins at {clock(player.start, self._zone, now=time)}")
        elif time > player.end:
            self._tell(f"The recording ends at {clock(player.end, self._zone, now=time)}")
        player.seek(time)

    def _change_speed(self, number: int) -> None:
        match number:
            case 0:
                self._player.set_speed(_NORMAL)
            case 1:
                self._player.faster()
            case _:
                self._player.slower()

    def _go_to_mark(self, *, forward: bool) -> None:
        before = self._player.time
        mark = self._player.next_mark() if forward else self._player.previous_mark()
        if mark is None:
            self._tell(f"There is no {'later' if forward else 'earlier'} mark")
            return
        at = clock(mark.time, self._zone, now=before)
        self._tell(f"{mark.kind} at {at}" + (f": {mark.text}" if mark.text else ""))

    def _step(self, *, forward: bool) -> None:
        which = "a later" if forward else "an earlier"
        words = f"No row of this screen has {which} tick"
        self._player.step(self._on_screen(), forward=forward, on_none=lambda: self._tell(words))

    def _mark(self) -> None:
        mark = self._player.mark()
        at = clock(mark.time, self._zone)
        self._tell(f"Mark at {at}" if mark in self._player.marks else f"Mark at {at} removed")
