"""The command palette: Textual's own, with only our commands, each with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from rich.text import Text
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from ticker.dashboard.keys import Key
from ticker.dashboard.palette import PALETTES, Palette

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


def commands(keys: Iterable[Key]) -> list[Key]:
    """Return the commands: those of `keys` that have an action, and the themes."""
    themes = (Key("", "", f"theme: {name}", action=f"theme('{name}')") for name in PALETTES)
    return [key for key in (*keys, *themes) if key.action]


def open_palette(there: Sequence[Key], palette: Palette) -> CommandPalette:
    """Return the screen for choosing one of the commands `there`."""

    class Ours(Provider):
        """These commands."""

        async def discover(self) -> Hits:
            """Yield all commands."""
            for key in there:
                yield DiscoveryHit(_line(key, palette), self._doing(key), key.does)

        async def search(self, query: str) -> Hits:
            """Yield the commands that match `query`."""
            matcher = self.matcher(query)
            for key in there:
                score = matcher.match(f"{key.does} {key.keys}")
                if score > 0:
                    is_begun = key.does.casefold().startswith(query.casefold())
                    line, do = _line(key, palette), self._doing(key)
                    yield Hit(score + _FIRST * is_begun, line, do, key.does)

        def _doing(self, key: Key) -> Callable[[], object]:
            return partial(self.app.run_action, f"app.{key.action}")

    return CommandPalette(providers=[Ours], placeholder="a command, or some of its letters")


def _line(key: Key, palette: Palette) -> Text:
    return Text.assemble((f"{key.keys:<10}", f"bold {palette.accent}"), (key.does, palette.text))
