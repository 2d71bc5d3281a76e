"""The command palette: Textual's own, with only our commands, each with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from rich.text import Text
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from ticker.dashboard.keys import Key
from ticker.dashboard.palette import PALETTES, Palette

Command = tuple[str, str, str]
"""Its key (may be empty), what it does, and the app's action."""

CSS: Final = """
CommandPalette { background: $background 60%; }
CommandPalette > Vertical { margin-top: 1; width: 74; max-width: 100%; background: $panel; }
CommandPalette #--input { border: none; height: 1; }
CommandPalette SearchIcon { display: none; }
CommandPalette CommandInput { border: none; height: 1; padding: 0 2; }
CommandPalette CommandList { border: none; max-height: 80vh; background: $panel; }
CommandPalette CommandList > .option-list--option { padding: 0 2; text-style: none; }
"""

_FIRST: Final = 100
"""Added to the score of a command that begins with the typed text; other scores are lower."""


def commands(keys: Iterable[Key]) -> list[Command]:
    """Return the commands: the actions of `keys`, and the themes."""
    by_key = [(key.keys, key.does or key.word, key.action) for key in keys if key.action]
    themes = [("", f"theme: {name}", f"theme('{name}')") for name in PALETTES]
    return by_key + themes


def open_palette(there: Sequence[Command], palette: Palette) -> CommandPalette:
    """Return the screen for choosing one of the commands `there`."""

    class Ours(Provider):
        """These commands."""

        async def discover(self) -> Hits:
            """Yield all commands."""
            for command in there:
                yield DiscoveryHit(_line(command, palette), self._doing(command), command[1])

        async def search(self, query: str) -> Hits:
            """Yield the commands that match `query`."""
            matcher = self.matcher(query)
            for command in there:
                score = matcher.match(f"{command[1]} {command[0]}")
                if score > 0:
                    is_begun = command[1].casefold().startswith(query.casefold())
                    line, do = _line(command, palette), self._doing(command)
                    yield Hit(score + _FIRST * is_begun, line, do, command[1])

        def _doing(self, command: Command) -> Callable[[], object]:
            return partial(self.app.run_action, f"app.{command[2]}")

    return CommandPalette(providers=[Ours], placeholder="a command, or some of its letters")


def _line(command: Command, palette: Palette) -> Text:
    key, does, _ = command
    return Text.assemble((f"{key:<10}", f"bold {palette.accent}"), (does, palette.text))
