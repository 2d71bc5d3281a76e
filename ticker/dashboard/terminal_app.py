"""The features of every app on a terminal, independent of what it shows.

An app ends with a sentence, never with a traceback. It changes colours, copies, takes pictures, and
lists its commands in a palette. It uses the colours and characters that the terminal has.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter
from textual.widget import Widget
from textual.worker import WorkerFailed

from ticker.dashboard.commands import CSS as PALETTE_CSS
from ticker.dashboard.commands import Command, open_palette
from ticker.dashboard.control import Exit
from ticker.dashboard.filters import Ascii, NoColours, is_ascii
from ticker.dashboard.layout import CSS, HEIGHTS, WIDTHS, paint_all
from ticker.dashboard.palette import PALETTES, Palette, palette_of
from ticker.dashboard.terminal import HungUp

_MOST_PICTURES: Final = 1_000
"""Pictures of the same second get numbers below this one."""


class Dressed(Protocol):
    """A part of the screen that draws in the colours of a palette."""

    palette: Palette


class TerminalApp(App[Exit]):
    """An app that ends with an `Exit`. `show` raises the error that ended it.

    `theme` is a name in `PALETTES`. `environ` describes the terminal. `folder` gets the pictures.
    Without a `driver`, as in tests, the terminal is assumed to have all colours.
    """

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    CSS = CSS + PALETTE_CSS
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self,
        theme: str,
        driver: type[Driver] | None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(driver_class=driver)
        self.failure: Exception | None = None
        self._colours = None if driver is None else self.console.color_system
        self.palette: Palette = palette_of(theme, self._colours)
        self._folder = folder or Path()
        if environ is None:
            environ = {} if driver is None else os.environ
        self._is_ascii = is_ascii(environ)
        self.no_color = bool(environ.get("NO_COLOR"))
        self._painting: Sequence[LineFilter] | None = None
        self._set_filters()
        # Set before Textual reads its CSS: to read it again for another theme takes 80 ms.
        self.set_reactive(App.theme, self._registered_theme())
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_class(self.palette.is_dark, "-dark-mode", update=False)
        self.set_class(not self.palette.is_dark, "-light-mode", update=False)

    # What subclasses provide

    def leaving(self, *, interrupted: bool = False, hung_up: bool = False) -> Exit:
        """Return the result for the caller."""
        raise NotImplementedError

    def tell(self, words: str) -> None:
        """Show a notice for a while."""
        raise NotImplementedError

    def commands(self) -> Sequence[Command]:
        """Return the commands of the palette."""
        raise NotImplementedError

    def dressed(self) -> tuple[Collection[Widget], Collection[Dressed]]:
        """Return the bars, and the parts that draw in the colours of the palette."""
        raise NotImplementedError

    def copied(self) -> tuple[str, str] | None:
        """Return the name and the text of what can be copied now; `None` if nothing can."""
        raise NotImplementedError

    # The colours

    def _set_filters(self) -> None:
        own = [NoColours(self.palette)] if self.no_color else []
        self._painting = [*own, *([Ascii()] if self._is_ascii else [])]

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters of painted lines.

        Textual's own filter turns named colours into RGB. Here all colours are RGB already.
        """
        return self._painting or ()

    def _registered_theme(self) -> str:
        """Register the palette as a theme of Textual, and return its name."""
        name = f"ticker-{id(self.palette)}"
        self.register_theme(self.palette.theme(name))
        return name

    def dress(self) -> None:
        """Give all parts the colours of the palette."""
        self.theme = self._registered_theme()
        self.screen.styles.background = self.palette.ground
        bars, parts = self.dressed()
        for bar in bars:
            bar.styles.background = self.palette.raised
        for part in parts:
            part.palette = self.palette

    def action_theme(self, name: str) -> None:
        """Change the colours."""
        if name in PALETTES:
            self.palette = palette_of(name, self._colours)
            self._set_filters()
            self.dress()
            self.repaint()
            self.tell(f'theme {name}; to keep it: theme = "{name}" under [defaults]')

    def repaint(self) -> None:
        """Paint everything again, in new colours or after another program used the terminal."""
        paint_all(self.screen)

    # The palette, copies and pictures

    def action_commands(self) -> None:
        """Open the palette of commands."""
        if len(self.screen_stack) == 1:
            self.push_screen(open_palette(self.commands(), self.palette))

    def action_copy(self) -> None:
        """Copy the chosen item as JSON, through the terminal (OSC 52)."""
        copied = self.copied()
        if copied is None:
            self.tell("There is nothing to copy: choose a row with a price")
            return
        name, text = copied
        self.copy_to_clipboard(text)
        self.tell(f"{name} copied as JSON, if this terminal lets programs copy (OSC 52)")

    def action_picture(self) -> None:
        """Save the screen as a new SVG file."""
        data, stem = self.export_screenshot(), f"ticker-{datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005  the user's own time
        for number in range(1, _MOST_PICTURES):
            path = self._folder / f"{stem}{f'-{number}' if number > 1 else ''}.svg"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(data)
            except FileExistsError:
                continue
            except OSError as error:
                why = error.strerror or "unknown reason"
                self.tell(f"Cannot write {path.absolute()}: {why}. Start ticker in another folder")
            else:
                self.tell(f"Saved {path.absolute()}")
            return

    # The end

    async def show(self) -> Exit:
        """Run in this event loop until the user leaves. Raises the error that ended it, if any."""
        result = await self.run_async()
        if self.failure is not None:
            raise self.failure
        return result or self.leaving()

    def action_leave(self) -> None:
        """Quit."""
        self.exit(self.leaving())

    def action_interrupt(self) -> None:
        """Quit after Ctrl-C or Ctrl-Q."""
        self.exit(self.leaving(interrupted=True))

    def on_hung_up(self, _: HungUp) -> None:
        """End, because the terminal was closed."""
        self.exit(self.leaving(hung_up=True))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print its own traceback over the terminal. Instead, `show()` raises the
        # error, and the caller words it like any other failure.
        if self.failure is None:
            inner = error.error if isinstance(error, WorkerFailed) else None
            self.failure = inner if isinstance(inner, Exception) else error
        self._return_code = 1
        self._close_messages_no_wait()
