"""The configuration of a dashboard. Reads a changed file again. Saves watchlists and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from ticker.board import Sort
from ticker.board.chosen_columns import spell_columns
from ticker.board.columns import Column
from ticker.cli.holdings_and_alerts import lists_of
from ticker.cli.settings import Settings
from ticker.config.reading import DEFAULT_WATCHLIST, load
from ticker.errors import ConfigError, UsageError
from ticker.figures import count_text
from ticker.health.sentences import sentence

_Stamp = tuple[int, int, int] | None


class FilePreferences:
    """The preferences of a dashboard that shows the watchlists `shown` (or none).

    If the changed file has a mistake, `reload` reports it, and the earlier values stay.
    """

    def __init__(self, settings: Settings, shown: Sequence[str] = ()) -> None:
        self._shown = shown
        self.on_read: Callable[[Settings], None] = lambda _: None
        """Called with the new configuration after the file changed."""
        self._path = settings.config.path
        self._stamp = _stamp(self._path)
        self._take(settings)

    def _take(self, settings: Settings) -> None:
        sort, columns = settings.sort(), settings.columns()
        settings.alerts()  # a mistake here must keep the earlier values
        self._owned = settings.config.holdings.symbols
        self.watchlists: Mapping[str, Sequence[str]] = lists_of(settings)
        self.columns: Mapping[str, Sequence[Column]] = columns
        self.sort: Sort | None = sort

    @property
    def shown(self) -> str:
        """Return the watchlist that is shown; empty if there is none, or more than one."""
        return self._shown[0] if len(self._shown) == 1 else ""

    @property
    def symbols(self) -> Sequence[str]:
        """Return the symbols of the watchlists shown, and of `default` also the symbols owned."""
        usual = {"default": DEFAULT_WATCHLIST}
        lists = [self.watchlists.get(name, usual.get(name, ())) for name in self._shown]
        owned = self._owned if "default" in self._shown else ()
        return tuple(dict.fromkeys((*chain.from_iterable(lists), *owned)))

    def reload(self) -> str | None:
        """Read the file again if it changed. Returns a notice, or `None` if it did not change."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            settings = Settings(load())
            self._take(settings)
        except (ConfigError, UsageError) as error:
            return f"{sentence(str(error))} The earlier values stay in force"
        self.on_read(settings)
        return f"{self._path.name} was read again"

    def save_watchlist(self, name: str, symbols: Sequence[str]) -> str:
        """Write the watchlist `name`. Returns a notice. Raises `ConfigError`."""
        self._write("watchlists", name, symbols)
        return f"{count_text(len(symbols), 'symbol')} saved as watchlist {name} in {self._path}"

    def save_columns(self, name: str, columns: Sequence[Column]) -> str:
        """Write the columns of the list `name`. Returns a notice. Raises `ConfigError`."""
        self._write("columns", name, spell_columns(columns))
        return f"Columns of {name} saved in {self._path}"

    def _write(self, section: str, name: str, words: Sequence[str]) -> None:
        from ticker.config.saving import change_file, with_list

        change_file(self._path, lambda text: with_list(text, section, name, words))
        self._stamp = _stamp(self._path)
        self._take(Settings(load()))


def _stamp(path: Path) -> _Stamp:
    """Return a value that changes when the file is written; `None` if there is no file."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino
