from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from textual.command import CommandList, CommandPalette

from ticker.dashboard import Dashboard
from ticker.dashboard.commands import commands
from ticker.dashboard.filters import Ascii, is_ascii
from ticker.dashboard.keys import KEYS, keys_for
from ticker.dashboard.palette import PALETTES, Palette, palette_of
from ticker.follow import Follow
from ticker.records import Batch, Position, Quote, Tick

NOW = 1_795_447_805_000_000


@pytest.fixture
def board(stream_in_memory: Callable[..., Any], tmp_path: Path) -> Callable[..., Dashboard]:
    def make(environ: dict[str, str] | None = None, theme: str = "dark") -> Dashboard:
        quote = Quote("AAPL", "yahoo", NOW, NOW, 5.0, origin="one", sequence=9, name="Apple Inc.",
                      previous_close=4.5, day_high=6.0)  # fmt: skip
        stream = stream_in_memory(Batch(Position("1"), quotes=[quote]))
        tick = Tick("AAPL", "yahoo", "one", 10, NOW, NOW, 5.5, previous_price=5.0)
        stream.put(Batch(Position("2"), ticks=[tick]))
        feed = Follow(stream, ["AAPL"], clock=lambda: NOW, elapsed=lambda: NOW)
        return Dashboard(feed, look=theme, environ=environ or {}, folder=tmp_path)

    return make


def words(app: Dashboard) -> str:
    return app._words.status.render().plain


async def test_y_copies_the_rows_newest_record_as_json(
    board: Callable[..., Dashboard],
) -> None:
    app = board()
    async with app.run_test() as pilot:
        while app.feed.board.row("AAPL").price != 5.5:
            await pilot.pause(0.01)
        await pilot.press("y")
        await pilot.pause()
        copied = json.loads(app.clipboard)
        assert (copied["symbol"], copied["price"], copied["day_high"]) == ("AAPL", 5.5, 6.0)
        assert "AAPL copied" in words(app)


async def test_p_saves_a_picture_under_a_new_name_and_shows_it(
    board: Callable[..., Dashboard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = board()
    async with app.run_test(size=(200, 20)) as pilot:
        await pilot.press("p", "p", "p")
        await pilot.pause()
        files = [tmp_path / name for name in os.listdir(tmp_path)]  # noqa: PTH208  not async
        assert len(files) == 3
        assert all(file.read_text().startswith("<svg") for file in files)
        assert ".svg" in words(app)
        monkeypatch.setattr(app, "_folder", tmp_path / "gone")
        await pilot.press("p")
        await pilot.pause()
        assert "Cannot write" in words(app)
        assert "No such file" in words(app)


async def test_the_palette_offers_commands_with_their_keys_and_runs_one(
    board: Callable[..., Dashboard],
) -> None:
    app = board()
    async with app.run_test() as pilot:
        await pilot.press("colon", *"blue")
        while not (listed := app.screen.query(CommandList)) or not listed.first().option_count:
            await pilot.pause(0.01)
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("enter")
        while app.palette is not PALETTES["blue-orange"]:
            await pilot.pause(0.01)
        await pilot.pause()
        assert not isinstance(app.screen, CommandPalette)
        assert app._table.palette is app._detail.palette is app.palette
        assert 'theme = "blue-orange"' in words(app)
        offered = [key.action for key in commands(keys_for(app._words.there))]
        assert len(offered) == len(set(offered))
        assert {"copy", "picture", "open('health')", "theme('light')"} <= set(offered)


async def test_each_key_has_an_action(board: Callable[..., Dashboard]) -> None:
    app = board()
    for key in KEYS:
        name = key.action.partition("(")[0]
        assert not name or hasattr(app, f"action_{name}"), key


async def test_with_no_color_there_are_no_colours_and_the_cursor_is_reversed(
    board: Callable[..., Dashboard],
) -> None:
    app = board({"NO_COLOR": "1"})
    async with app.run_test() as pilot:
        await pilot.pause()
        styles = {
            segment.style
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
        }
        assert not any(
            color is not None and not color.is_default
            for style in styles
            for color in (style.color, style.bgcolor)
        )
        assert any(style.reverse for style in styles)


async def test_an_ascii_locale_gets_only_ascii(board: Callable[..., Dashboard]) -> None:
    app = board({"LANG": "C"})
    async with app.run_test() as pilot:
        await pilot.press("enter", "v")
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in strips} == {80}
        assert all(segment.text.isascii() for strip in strips for segment in strip)


@pytest.mark.parametrize(("environ", "ascii_only"), [
    ({}, False),
    ({"LANG": "C"}, True),
    ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
    ({"LANG": "C", "LC_ALL": "de_DE.UTF-8", "LC_CTYPE": "C.UTF-8"}, False),
    ({"LANG": "C", "LC_ALL": "C", "LC_CTYPE": "C.UTF-8"}, True),
    ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, True),
    ({"LANG": "C.UTF-8"}, False),
    ({"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, True),
])  # fmt: skip
def test_only_an_explicit_locale_is_ascii(environ: dict[str, str], *, ascii_only: bool) -> None:
    assert is_ascii(environ) is ascii_only


def test_ascii_replacements_keep_their_width() -> None:
    told = [Segment("▲ 1.5 ⣀⠉█▀▄│╵╷╌◀ 任天堂 é…")]
    written = Ascii().apply(told, None)  # type: ignore[arg-type]
    assert written[0].text.isascii()
    assert written[0].cell_length == told[0].cell_length


def luminance(color: str) -> float:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", PALETTES)
def test_text_has_enough_contrast(theme: str) -> None:
    palette = PALETTES[theme]
    inks = (palette.text, palette.dim, palette.accent, palette.up, palette.down, palette.warning)
    for ink in inks:
        assert contrast(ink, palette.ground) >= 4.5, ink
    assert contrast(palette.up, palette.up_ground) >= 4.5
    assert contrast(palette.down, palette.down_ground) >= 4.5


@pytest.mark.parametrize("theme", PALETTES)
def test_the_ground_of_a_told_alert_is_neither_that_of_a_fall_nor_that_of_the_cursor(
    theme: str,
) -> None:
    palette = PALETTES[theme]
    for ink in (palette.text, palette.dim, palette.up, palette.down, palette.warning):
        assert contrast(ink, palette.told) >= 4.5, ink
    red, green, blue = (int(palette.told[at : at + 2], 16) for at in (1, 3, 5))
    assert red <= max(green, blue) + 5
    assert palette.told not in (palette.chosen, palette.ground)


@pytest.mark.parametrize("theme", PALETTES)
def test_sixteen_colours_distinguish_all_states(theme: str) -> None:
    palette = palette_of(theme, "standard")

    def number(color: str) -> int | None:
        return Color.parse(color).downgrade(ColorSystem.STANDARD).number

    assert len({number(c) for c in _inks(palette)}) == len(_inks(palette))
    assert number(palette.chosen) not in {number(c) for c in _inks(palette)}


def _inks(palette: Palette) -> tuple[str, ...]:
    return (palette.ground, palette.text, palette.dim, palette.up, palette.down, palette.warning)
