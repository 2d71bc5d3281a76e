"""The lines of text around the table: the title above, status and keys below.

All text is Rich `Text`, never markup, so that no name can change its style.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from ticker.dashboard.keys import Key
from ticker.dashboard.palette import Palette
from ticker.dashboard.status import Status
from ticker.escape import escape

_ACTION: Final = "action"
"""The key in a style's `meta` for the action of a click. (Textual's own links are underlined.)"""
_CUT: Final = " …"


class TextBar(Widget):
    """One or more lines of text. Markup in it is not interpreted."""

    DEFAULT_CSS = "TextBar { height: 1; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(id=id)
        self._text = Text()

    def show(self, text: Text) -> None:
        """Show `text`, and paint only if it changed.

        The screen gets a new layout only if the number of lines changed.
        """
        if text == self._text and text.spans == self._text.spans:
            return
        is_as_high = not self.styles.auto_dimensions or (
            # Before the first layout the numbers of lines are unknown.
            self._lines(text) == self._lines(self._text) > 0
        )
        self._text = text
        self.refresh(layout=not is_as_high)

    def _lines(self, text: Text) -> int:
        width = self.content_size.width
        return len(text.wrap(self.app.console, width)) if width else 0

    def render(self) -> Text:
        """Return the text."""
        return self._text

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the words under the pointer, if they have one."""
        action = event.style.meta.get(_ACTION)
        if action is not None:
            await self.run_action(f"app.{action}")


def title_words(
    palette: Palette,
    captions: Sequence[str],
    *,
    is_simulated: bool,
    is_replay: bool = False,
    width: int,
) -> Text:
    """Return the caption and the badges.

    The caption is the first of `captions` that fits. If none fits, the last one is cut. If even the
    badges do not fit, one is shown alone: SIMULATED rather than REPLAY.
    """
    text = Text(" ticker", style=f"bold {palette.accent}", no_wrap=True, overflow="ellipsis")
    badges = [(" REPLAY ", palette.accent)] if is_replay else []
    badges += [(" SIMULATED ", palette.warning)] if is_simulated else []
    size = sum(len(words) for words, _ in badges)
    if badges and width < len(text) + size + 1:
        words, ground = badges[-1]
        return Text(words.strip()[:width], style=f"bold {palette.ground} on {ground}")
    room = max(0, width - len(text) - size - (4 if badges else 3))
    known = [escape(caption) for caption in captions]
    shown = Text(next((each for each in known if cell_len(each) <= room), known[-1]))
    shown.truncate(room, overflow="ellipsis")
    text.append(f"  {shown.plain}", style=palette.text)
    if badges:
        text.append(" " * max(1, width - text.cell_len - size - 1))
    for words, ground in badges:
        text.append(words, style=f"bold {palette.ground} on {ground}")
    return text


def status_words(
    palette: Palette,
    told: Status,
    notice: str,
    filtered: str,
    *,
    is_simulated: bool,
    width: int,
    lines: int,
) -> Text:
    """Return the notice, the words about the filter, and the status; all must be escaped already.

    Beside a notice or a filter, a status without a problem is left out unless all fit one line of
    `width` cells. If a problem and a notice need more than `lines`, the end of the notice is left
    out, up to all of it.
    """
    text = Text(style=palette.text)
    if is_simulated:
        text.append("SIMULATED ", style=f"bold {palette.warning}")
    text.append("● ", style=palette.warning if told.is_trouble else palette.up)
    if told.badge:
        text.append(f"{told.badge} · ", style=f"bold {palette.accent}")
    said = " · ".join(filter(None, (notice, filtered)))
    text.append(said, style=palette.accent)
    room = width - text.cell_len - (3 if said else 0)
    words = told.fitting(room)
    if said and not told.is_trouble and cell_len(words) > room:
        return text  # a status without a problem can wait
    text.append(" · " if said else "", style=palette.accent)
    text.append(words, style=palette.warning if told.is_trouble else palette.text)
    if notice and told.is_trouble and len(wrap(text.plain, max(1, width))) > lines:
        fewer, _, _ = notice.removesuffix(_CUT).rpartition(" ")
        notice = f"{fewer}{_CUT}" if fewer else ""
        return status_words(
            palette, told, notice, filtered, is_simulated=is_simulated, width=width, lines=lines
        )
    return text


def asking_words(palette: Palette, asking: str) -> Text:
    """Return what can be typed in the input line. It is shown in place of the keys."""
    text = Text(f" {asking}   ", style=palette.dim, no_wrap=True, overflow="ellipsis")
    text.append("esc", style=f"bold {palette.text}")
    return text.append(" close")


def key_words(palette: Palette, keys: Sequence[Key]) -> Text:
    """Return the keys with a word each. A click on one does the same as the key."""
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    bold, dim = Style.parse(f"bold {palette.text}"), Style.parse(palette.dim)
    for key in keys:
        middle = len(key.keys) // 2 if key.pair else 0
        first, second = key.pair or ("", key.action)
        text.append(key.keys[:middle], style=bold + _clicked(first))
        text.append(key.keys[middle:], style=bold + _clicked(second))
        text.append(f" {key.word}", style=dim + _clicked(key.action or second))
        text.append("   ")
    return text


def _clicked(action: str) -> Style:
    """Return the style of words that run `action` when they are clicked; empty: nothing."""
    return Style.from_meta({_ACTION: action} if action else {})
