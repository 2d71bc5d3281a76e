"""The settings of a command (streams, symbols, zones), from options, environment and file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path

import msgspec

from ticker.address import Backend, is_recording
from ticker.board.alert_rules import Alert, parse_alert
from ticker.board.chosen_columns import check_columns, parse_column
from ticker.board.columns import Column
from ticker.board.order import Sort, parse_sort
from ticker.board.row_lists import LIST_NAMES
from ticker.cli.recording_files import mended
from ticker.config.mistakes import Mistakes
from ticker.config.reading import FROM_FILE, Config, load
from ticker.errors import ConfigError, InvalidRecord, UsageError
from ticker.records import check_symbol
from ticker.streams import (
    StreamChoice,
    choose_stream,
    configured_stream,
    is_path,
    open_stream,
    refuse_other_path,
)
from ticker.times import Zone, known_zone, parse_duration


def refuse_mixing(choice: StreamChoice, source: str) -> None:
    """Raise `UsageError` if `source` invents prices and `choice` is the local log."""
    is_local_log = not choice.named and not choice.demo
    if is_local_log and source.partition(":")[0] in ("exchange", "exchange-live"):
        raise UsageError(
            "The exchange's prices are invented, and the local log is for real ones. "
            "Use --stream demo"
        )


class Settings:
    """The configuration, overridden by a command's options."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else load()

    def zone(self, option: str | None) -> Zone:
        """Return the zone of displayed times (`None`: this machine's). Raises `UsageError`."""
        name = self.config.setting("tz", option).value
        return None if name is None else known_zone(name)

    def sort(self) -> Sort | None:
        """Return the order of the rows (`None`: the watchlist's). Raises as `theme` does."""
        word = self.config.setting("sort").value
        with self._blamed("sort"):
            return parse_sort(word) if word else None

    def alerts(self) -> list[tuple[Alert, tuple[str, ...]]]:
        """Return the alerts, each with its command (empty: none). Raises `ConfigError`."""
        alerts = []
        for place, entry in enumerate(self.config.alerts):
            with self.config.blamed("alerts", place, "when"):
                alerts.append((parse_alert(entry.when), entry.run))
        return alerts

    @property
    def currency(self) -> str:
        """Return the currency of totals."""
        return self.config.setting("currency").value or ""

    def columns(self) -> dict[str, tuple[Column, ...]]:
        """Return list → its columns; `default` is for all other lists. Raises `ConfigError`."""
        return {name: self._columns(name) for name in self.config.columns}

    def _columns(self, name: str) -> tuple[Column, ...]:
        known = ("default", *self.config.watchlists, *LIST_NAMES)
        columns = []
        with self.config.blamed("columns", name):
            if name not in known:
                listed = ", ".join(dict.fromkeys(known))
                raise UsageError(f'there is no list "{name}". There are: {listed}')
        for place, word in enumerate(self.config.columns[name]):
            with self.config.blamed("columns", name, place):
                columns.append(parse_column(word))
        with self.config.blamed("columns", name):
            check_columns(columns)
        return tuple(columns)

    def theme(self) -> str:
        """Return the theme of the dashboard.

        Raises `ConfigError` if the file names an unknown one, `UsageError` if the environment does.
        """
        from ticker.dashboard.palette import PALETTES

        name = self.config.setting("theme").value or ""
        with self._blamed("theme"):
            if name not in PALETTES:
                raise UsageError(f"{name!r} is not a theme. There are: {', '.join(PALETTES)}")
        return name

    def mistakes(self) -> list[ConfigError]:
        """Return the errors in the file's values that reading the file does not find."""
        from ticker.sources import open_source

        config = self.config
        checks: list[tuple[AbstractContextManager[None], Callable[[], object]]] = [
            (self._blamed("sort"), self.sort),
            (self._blamed("theme"), self.theme),
            (self._blamed("stream"), lambda: _check(self.stream(None))),
            (self._blamed("source"), lambda: open_source(self.source(None))),
            *(
                (config.blamed("alerts", place, "when"), partial(parse_alert, entry.when))
                for place, entry in enumerate(config.alerts)
            ),
            *(
                (config.blamed("columns", name, place), partial(parse_column, word))
                for name, words in config.columns.items()
                for place, word in enumerate(words)
            ),
            *((nullcontext(), partial(self._columns, name)) for name in config.columns),
            *(
                (config.blamed("streams", name), partial(_check_named, name, config))
                for name in config.streams
            ),
        ]
        found = Mistakes(config.text, config.path)
        for blamed, check in checks:
            with found.noting(), blamed:
                check()
        return found.in_order

    def _blamed(self, name: str, option: str | None = None) -> AbstractContextManager[None]:
        """Raise a `UsageError` as a `ConfigError` with its line, if the value is from the file."""
        is_in_file = self.config.setting(name, option).origin == FROM_FILE
        return self.config.blamed("defaults", name) if is_in_file else nullcontext()

    def stream(self, option: str | None) -> StreamChoice:
        """Return the stream and its settings: see `choose_stream`.

        If it is a recording that its recorder left unfinished, finish it first.
        """
        with self._blamed("stream", option):
            choice = choose_stream(option, self.config)
            address = choice.address
        if address.backend is Backend.MEMORY:
            raise UsageError(
                f"{choice.url} is a log inside one Python program, which no command can see. "
                "Name a file: sqlite:PATH"
            )
        if address.backend is Backend.RECORDING and address.path is not None:
            mended(address.path)
        return choice

    def source(self, option: str | None) -> str:
        """Return the source's URL."""
        return self.config.setting("source", option).value or ""

    def every(self, option: str | None) -> int | None:
        """Return the wished time between polls (µs); `None`: the source's default."""
        text = self.config.setting("every", option).value
        return None if text is None else parse_duration(text)

    def watchlists(self, words: Sequence[str] | None) -> tuple[str, ...]:
        """Return the names in `words`. A word is one name, or several with commas between."""
        known = self.config.watchlists
        names = [[word] if word in known else word.split(",") for word in words or ()]
        return tuple(dict.fromkeys(name.strip() for name in chain.from_iterable(names)))

    def symbols(
        self, words: Sequence[str] | None, watchlists: Sequence[str] | None
    ) -> tuple[str, ...]:
        """Return the symbols named, then those of the watchlists, each once.

        Raises `UsageError` for an invalid symbol, and for the path of a file.
        """
        for word in words or ():
            _refuse_file(word)
        listed = map(self.config.watchlist, self.watchlists(watchlists))
        named = parse_symbols(words or ())
        return tuple(dict.fromkeys((*named, *chain.from_iterable(listed))))


def _check(choice: StreamChoice) -> None:
    """Raise what opening `choice` would raise, except that a missing password is accepted."""
    security = choice.security
    if security is not None and security.password is None and security.password_file is None:
        security = msgspec.structs.replace(security, password="-")  # noqa: S106  (a placeholder)
    open_stream(choice, security=security)


def _check_named(name: str, config: Config) -> None:
    _check(configured_stream(name, config))


def parse_symbols(words: Iterable[str]) -> tuple[str, ...]:
    """Read `["aapl,msft", "GC=F"]` as `("AAPL", "MSFT", "GC=F")`. Raises `UsageError`."""
    words = list(words)
    symbols = [part.strip().upper() for word in words for part in word.split(",") if part.strip()]
    for symbol in symbols:
        try:
            check_symbol(symbol)
        except InvalidRecord as error:
            raise UsageError(f"Not a symbol: {error.problem}") from None
    if words and not symbols:
        raise UsageError("The symbol is empty. Name one, or leave it out")
    return tuple(dict.fromkeys(symbols))


def _refuse_file(word: str) -> None:
    """Raise `UsageError` if `word` is the path of a file or folder."""
    if not is_path(word):
        return
    refuse_other_path(word)
    if Path(word).expanduser().is_file():
        url = shlex.quote(word if is_recording(word) else f"sqlite:{word}")
        raise UsageError(
            f"{word} is a file, not a symbol. To read it: --stream {url}. "
            f"To play it: ticker replay {url}"
        )


def stream_path(choice: StreamChoice) -> Path | None:
    """Return the file of a SQLite stream; `None` for another kind."""
    address = choice.address
    return address.path if address.backend is Backend.SQLITE else None
