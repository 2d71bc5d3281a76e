"""The player bar: market time, speed, and the line of the tape with its marks. A click seeks.

It shows the state of the player, and paints only if that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual import events
from textual.widget import Widget

from ticker.dashboard.palette import Palette
from ticker.feed import Mark, MarkKind
from ticker.figures import speed_text
from ticker.times import Zone, clock, span_text, to_datetime

if TYPE_CHECKING:
    from ticker.play import Player

_OFTEN: Final = 0.1
"""The time between two checks of the player (s)."""
_MARGIN: Final = 1
_DUE: Final = 0.95
"""A player keeps up if it reaches this share of its speed."""
_GLYPHS: Final = {
    MarkKind.OWN: "◆",
    MarkKind.ALERT: "!",
    MarkKind.GAP: "×",
    MarkKind.SESSION: "│",
    MarkKind.MOVE: "▲",
}
"""The first kind here wins if marks share a cell. In ASCII, too, each looks different."""
_HERE, _PLAYED, _AHEAD, _FROM, _TO = "█", "━", "─", "[", "]"


class PlayerBar(Widget):
    """The bar of `player`; hidden while there is nothing to play. `seek` gets clicked moments."""

    DEFAULT_CSS = """
    PlayerBar { height: 2; display: none; }
    PlayerBar.-there { display: block; }
    """

    def __init__(
        self,
        player: Player,
        palette: Palette,
        zone: Zone,
        *,
        is_replay: Callable[[], bool],
        seek: Callable[[int], None],
    ) -> None:
        super().__init__(id="player")
        self._is_replay = is_replay
        self._seek = seek
        self._player = player
        self.palette = palette
        self._zone = zone
        self._shown: object = None

    def on_mount(self) -> None:
        """Start to check the player."""
        self.set_interval(_OFTEN, self.look)

    def look(self) -> None:
        """Paint again if the player's state changed."""
        player = self._player
        is_there = self._is_replay() and player.end > 0
        self.set_class(is_there, "-there")
        if not is_there:
            return
        shown = (
            player_words(player, self._zone, self._line_width),
            line_cell(player.time, player.start, player.end, self._line_width),
            (player.start, player.end, len(player.marks), player.loop_from, player.loop_to),
        )
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    @property
    def _line_width(self) -> int:
        return max(0, self.size.width - 2 * _MARGIN)

    def render(self) -> Text:
        """Return the words and the line; only the line on a low terminal."""
        palette, player = self.palette, self._player
        text = Text(no_wrap=True, end="")
        if self.size.height > 1:
            words = player_words(player, self._zone, self._line_width)
            head, dot, tail = words.partition(" · ")
            text.append(f" {head}", style=f"bold {palette.accent}")
            text.append(f"{dot}{tail}\n", style=palette.text)
        text.append(" ")
        here = line_cell(player.time, player.start, player.end, self._line_width)
        for at, cell in enumerate(tape_line(player, self._line_width)):
            text.append(cell, style=self._style(cell, is_played=at <= here))
        return text

    def _style(self, cell: str, *, is_played: bool) -> str:
        palette = self.palette
        match cell:
            case "×" | "!":
                return f"bold {palette.warning}"
            case "━" | "─":
                return palette.accent if is_played else palette.dim
            case _:
                return f"bold {palette.text}"

    def on_click(self, event: events.Click) -> None:
        """Seek to the moment under the pointer, or to the mark that is shown there."""
        if event.y != self.size.height - 1:
            return
        player, width = self._player, self._line_width
        cell = min(max(0, event.x - _MARGIN), width - 1)
        marks = [
            mark
            for mark in player.marks
            if line_cell(mark.time, player.start, player.end, width) == cell
        ]
        shown = list(_by_weight(marks))[-1:]
        time = cell_time(cell, player.start, player.end, width)
        self._seek(shown[0].time if shown else time)


def player_words(player: Player, zone: Zone, width: int) -> str:
    """Return market time, speed, state and loop, in as many words as fit `width` cells."""
    moment = to_datetime(player.time, zone)
    time, zone_name = moment.strftime("%H:%M:%S"), moment.strftime("%Z")
    day = moment.strftime("%a %Y-%m-%d ")
    speed, state, loop = _speed_words(player), _state_words(player), _loop_words(player, zone)
    # From the most words to the fewest: the least important are left out first.
    for parts in (
        (f"{day}{time} {zone_name}", speed, state, loop),
        (f"{day}{time}", speed, state, loop),
        (time, speed, state, loop),
        (time, speed, state, "loop" if loop else ""),
        (time, speed, state),
        (time, speed_text(player.speed), state),
        (time, state),
    ):
        words = " · ".join(part for part in parts if part)
        if len(words) <= width:
            return words
    return time[: max(0, width)]


def _speed_words(player: Player) -> str:
    """Return the speed, and the speed that is reached if that is lower."""
    asked, reached = speed_text(player.speed), player.reached
    if reached is None or player.is_paused or player.has_ended:
        return asked
    if player.speed and reached >= player.speed * _DUE:
        return asked
    measured = f"×{reached:,.0f}" if reached >= 10 else f"×{reached:.1f}"  # noqa: PLR2004
    return f"{asked} (reached {measured})"


def _state_words(player: Player) -> str:
    if player.has_ended:
        return "ended"
    return "paused" if player.is_paused else "playing"


def _loop_words(player: Player, zone: Zone) -> str:
    if player.loop_from is None:
        return ""
    if player.loop_to is None:
        return f"loop from {clock(player.loop_from, zone, now=player.time)}"
    return f"loop {span_text(player.loop_from, player.loop_to, zone, now=player.time)}"


def line_cell(time: int, start: int, end: int, width: int) -> int:
    """Return the cell of `time` on a line of `width` cells from `start` to `end` (µs)."""
    if end <= start or width <= 1:
        return 0
    return min(max(0, (time - start) * (width - 1) // (end - start)), width - 1)


def cell_time(cell: int, start: int, end: int, width: int) -> int:
    """Return the first moment (µs) of a cell; for the last cell, the end."""
    if width <= 1:
        return start
    return start + -(-(end - start) * cell // (width - 1))


def tape_line(player: Player, width: int) -> str:
    """Return the line of the tape: the played part, the marks, the loop, and the current place."""
    if width <= 0:
        return ""
    start, end = player.start, player.end
    here = line_cell(player.time, start, end, width)
    cells = [_PLAYED if at < here else _AHEAD for at in range(width)]
    for mark in _by_weight(player.marks):
        cells[line_cell(mark.time, start, end, width)] = _GLYPHS[mark.kind]
    for time, glyph in ((player.loop_from, _FROM), (player.loop_to, _TO)):
        if time is not None:
            cells[line_cell(time, start, end, width)] = glyph
    cells[here] = _HERE
    return "".join(cells)


def _by_weight(marks: Sequence[Mark]) -> Iterable[Mark]:
    """Return the marks with the most important last, so that they are drawn over the others."""
    weights = {kind: weight for weight, kind in enumerate(_GLYPHS)}
    return sorted(marks, key=lambda mark: -weights[mark.kind])
