"""The time keys of a replay: they move its tape.

A short notice says what a key did, unless the player bar shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from ticker.errors import UsageError
from ticker.times import Zone, clock, parse_duration, parse_when
from ticker.units import SECOND

if TYPE_CHECKING:
    from ticker.play import Player

_NORMAL: Final = 1.0
_TENTHS: Final = 10


@dataclass(frozen=True, slots=True)
class TimeKeys:
    """The time keys of `player`. Times are read and shown in `zone`."""

    player: Player
    zone: Zone
    on_screen: Callable[[], Sequence[str]]
    """Returns the symbols whose ticks change the screen."""
    tell: Callable[[str], None]
    """Writes to the status line."""

    def press(self, what: str, number: int = 0) -> None:
        """Run the key `what`.

        `number` is a count of seconds or tenths, or a direction: 1 forward, -1 back.
        """
        player = self.player
        self.tell("")  # the notice of an earlier key does not belong to this one
        match what:
            case "move":
                player.seek(player.time + number * SECOND)
            case "tenth":
                player.seek(player.start + (player.end - player.start) * number // _TENTHS)
            case "step":
                which = "a later" if number > 0 else "an earlier"
                none = partial(self.tell, f"No row of this screen has {which} tick")
                player.step(self.on_screen(), forward=number > 0, on_none=none)
            case "slower":
                player.slower()
            case "faster":
                player.faster()
            case "normal":
                player.set_speed(_NORMAL)
            case "mark":
                self._go_to_mark(forward=number > 0)
            case "own":
                mark = player.mark()
                is_set = mark in player.marks
                self.tell(f"Mark at {clock(mark.time, self.zone)}{'' if is_set else ' removed'}")
            case "undo":
                player.undo()
            case "loop":
                player.cycle_loop()
            case "live":
                self.tell(player.hand_over() or "Live again")

    def go_to(self, words: str) -> None:
        """Go to a typed time: `09:30`, ISO 8601, `-10m`, `+10m`, `start`, `end`.

        A time without a date is on the tape's day. `-10m` and `+10m` count from the tape's time.
        """
        word, player = words.strip(), self.player
        if not word:
            return
        try:
            if word.startswith("+"):
                self.seek(player.time + parse_duration(word[1:]))
                return
            when = parse_when("now" if word == "end" else word, now=player.time, zone=self.zone)
        except UsageError:
            forms = "09:30, -10m, +10m, 2026-11-23T09:30, start or end"
            self.tell(f"{word!r} is not a time: write {forms}")
            return
        self.seek(
            player.start if when == "start" else player.end if isinstance(when, str) else when
        )

    def seek(self, time: int) -> None:
        """Go to `time`. If it is outside the tape, say where the tape begins or ends."""
        player = self.player
        self.tell("")
        if time < player.start:
            self.tell(f"The recording begins at {clock(player.start, self.zone, now=time)}")
        elif time > player.end:
            self.tell(f"The recording ends at {clock(player.end, self.zone, now=time)}")
        player.seek(time)

    def _go_to_mark(self, *, forward: bool) -> None:
        before = self.player.time
        mark = self.player.next_mark() if forward else self.player.previous_mark()
        if mark is None:
            self.tell(f"There is no {'later' if forward else 'earlier'} mark")
            return
        at = clock(mark.time, self.zone, now=before)
        self.tell(f"{mark.kind} at {at}" + (f": {mark.text}" if mark.text else ""))
