"""What an app on a terminal needs, independent of what it shows.

It never prints a traceback: `show` raises the error. It uses the colours and characters that the
terminal has, and can save its screen as a picture.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter
from textual.worker import WorkerFailed

from ticker.dashboard.commands import CSS as PALETTE_CSS
from ticker.dashboard.control import Exit
from ticker.dashboard.filters import Ascii, NoColours, is_ascii
from ticker.dashboard.layout import CSS, HEIGHTS, WIDTHS
from ticker.dashboard.palette import Palette, palette_of
from ticker.dashboard.terminal import HungUp


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

    def use_palette(self, name: str) -> None:
        """Change the colours."""
        self.palette = palette_of(name, self._colours)
        self._set_filters()
        self.theme = self._registered_theme()

    def save_picture(self) -> str:
        """Save the screen as a new SVG file. Returns a notice."""
        data, stem = self.export_screenshot(), f"ticker-{datetime.now():%Y%m%d-%H%M%S}"  # noqa: DTZ005  the user's own time
        for number in count(1):
            path = (self._folder / f"{stem}{f'-{number}' if number > 1 else ''}.svg").absolute()
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(data)
            except FileExistsError:
                continue
            except OSError as error:
                why = error.strerror or "unknown reason"
                return f"Cannot write {path}: {why}. Start ticker in another folder"
            break
        return f"Saved {path}"

    # The end

    async def show(self) -> Exit:
        """Run in this event loop until the user leaves. Raises the error that ended it, if any."""
        result = await self.run_async()
        if self.failure is not None:
            raise self.failure
        return result or Exit()

    def action_leave(self) -> None:
        """Quit."""
        self.exit(Exit())

    def action_interrupt(self) -> None:
        """Quit after Ctrl-C or Ctrl-Q."""
        self.exit(Exit(interrupted=True))

    def on_hung_up(self, _: HungUp) -> None:
        """End, because the terminal was closed."""
        self.exit(Exit(hung_up=True))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print its own traceback over the terminal. Instead, `show()` raises the
        # error, and the caller words it like any other failure.
        if self.failure is None:
            inner = error.error if isinstance(error, WorkerFailed) else None
            self.failure = inner if isinstance(inner, Exception) else error
        self._return_code = 1
        self._close_messages_no_wait()
