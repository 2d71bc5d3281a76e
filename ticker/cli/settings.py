"""The settings of a command (streams, symbols, zones), from options, environment and file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
from ticker.config.reading import Config, load
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
        name = self.config.setting("tz", option, default=None).value
        return None if name is None else known_zone(name)

    def sort(self) -> Sort | None:
        """Return the order of the rows (`None`: the watchlist's). Raises as `theme` does."""
        word = self.config.setting("sort", default=None).value
        with self._blamed("sort"):
            return parse_sort(word) if word else None

    def alerts(self) -> list[tuple[Alert, tuple[str, ...]]]:
        """Return the alerts, each with its command (empty: none). Raises `ConfigError`."""
        return [self._alert(place) for place in range(len(self.config.alerts))]

    def _alert(self, place: int) -> tuple[Alert, tuple[str, ...]]:
        entry = self.config.alerts[place]
        try:
            return parse_alert(entry.when), entry.run
        except UsageError as error:
            raise self.config.mistake(str(error), "alerts", place, "when") from None

    @property
    def currency(self) -> str:
        """Return the currency of totals."""
        return self.config.setting("currency", default="USD").value or "USD"

    def columns(self) -> dict[str, tuple[Column, ...]]:
        """Return list → its columns; `default` is for all other lists. Raises `ConfigError`."""
        found = self._column_mistakes()
        if found:
            raise found[0]
        said = self.config.columns
        return {name: tuple(map(parse_column, words)) for name, words in said.items()}

    def _column_mistakes(self) -> list[ConfigError]:
        found: list[ConfigError] = []
        known = ("default", *self.config.watchlists, *LIST_NAMES)
        for name, words in self.config.columns.items():
            if name not in known:
                problem = f'there is no list "{name}". There are: {", ".join(dict.fromkeys(known))}'
                found.append(self.config.mistake(problem, "columns", name))
            columns: list[Column] = []
            for place, word in enumerate(words):
                try:
                    columns.append(parse_column(word))
                except UsageError as error:
                    found.append(self.config.mistake(str(error), "columns", name, place))
            if len(columns) == len(words):
                try:
                    check_columns(columns)
                except UsageError as error:
                    found.append(self.config.mistake(str(error), "columns", name))
        return found

    def theme(self) -> str:
        """Return the theme of the dashboard.

        Raises `ConfigError` if the file names an unknown one, `UsageError` if the environment does.
        """
        from ticker.dashboard.palette import PALETTES

        name = self.config.setting("theme", default="dark").value or "dark"
        with self._blamed("theme"):
            if name not in PALETTES:
                raise UsageError(f"{name!r} is not a theme. There are: {', '.join(PALETTES)}")
        return name

    def mistakes(self) -> list[ConfigError]:
        """Return the errors in the file's values that reading the file does not find."""
        from ticker.sources import open_source

        found: list[ConfigError] = []
        for name, use in (
            ("sort", self.sort),
            ("theme", self.theme),
            ("stream", lambda: _check(self.stream(None))),
            ("source", lambda: open_source(self.source(None))),
        ):
            try:
                with self._blamed(name):
                    use()
            except ConfigError as error:
                found.append(error)
        for place in range(len(self.config.alerts)):
            try:
                self._alert(place)
            except ConfigError as error:
                found.append(error)
        found += self._column_mistakes()
        for name in self.config.streams:
            try:
                _check(configured_stream(name, self.config))
            except UsageError as error:
                found.append(self.config.mistake(str(error), "streams", name))
            except ConfigError as error:
                found.append(error)
        return found

    @contextmanager
    def _blamed(self, name: str) -> Iterator[None]:
        """Raise a `UsageError` as a `ConfigError` with its line, if the value is from the file."""
        try:
            yield
        except UsageError as error:
            setting = self.config.setting(name, default=None)
            path, _, line = setting.origin.rpartition(":")
            if path != str(self.config.path):
                raise
            raise ConfigError(
                str(error), path=path, line=int(line), key=f"defaults.{name}"
            ) from None

    def stream(self, option: str | None) -> StreamChoice:
        """Return the stream and its settings: see `choose_stream`.

        If it is a recording that its recorder left unfinished, finish it first.
        """
        choice = choose_stream(option, self.config)
        address = choice.address
        if not address.backend.is_shared:
            raise UsageError(
                f"{choice.url} is a log inside one Python program, which no command can see. "
                "Name a file: sqlite:PATH"
            )
        if address.backend is Backend.RECORDING and address.path is not None:
            mended(address.path)
        return choice

    def source(self, option: str | None) -> str:
        """Return the source's URL."""
        return self.config.setting("source", option, default="yahoo").value or "yahoo"

    def every(self, option: str | None) -> int | None:
        """Return the wished time between polls (µs); `None`: the source's default."""
        text = self.config.setting("every", option, default=None).value
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
