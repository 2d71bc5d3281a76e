"""`quote`: prints current prices once, and stores nothing."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from ticker.board.holdings import Portfolio
from ticker.cli import options
from ticker.cli.diagnostics import set_up_logging
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, NO_DATA, Failed
from ticker.cli.holdings_and_alerts import portfolio_of
from ticker.cli.printing import format_or_default, quotes_text
from ticker.cli.quote_columns import Owned, are_owned, parse_columns, printed
from ticker.cli.settings import Settings
from ticker.cli.signals import run
from ticker.cli.standard_streams import Output, tell
from ticker.config.reading import DEFAULT_WATCHLIST
from ticker.errors import UsageError
from ticker.sources import Answer, open_source
from ticker.system_clock import now
from ticker.times import Zone, clock

_LIKELY: Final = {
    r"[A-Z]{6}": "{}=X",
    r"BTC|ETH|SOL|XRP|DOGE": "{}-USD",
    r"GSPC|IXIC|DJI|FTSE|GDAXI|N225|VIX": "^{}",
    r"GC|SI|CL|NG|HG|ES|NQ": "{}=F",
}
"""An incomplete symbol (a pattern) → the likely symbol."""


def quote(
    symbols: options.Symbols = None,
    watchlists: options.Watchlists = None,
    source: options.SourceUrl = None,
    form: options.TableFormat = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Print only these, such as symbol,value,gain. quantity, cost, value, day_gain, "
            "gain, gain_percent and weight are about your holdings. With one of these and no "
            "symbols, all holdings are printed.",
        ),
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option(
            "--raw", metavar="DIR", help="Save Yahoo's answer as it came, for exchange --answers."
        ),
    ] = None,
    tz: options.TimeZone = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Print current prices once. Nothing is stored."""
    set_up_logging(quiet=quiet, verbose=verbose)
    settings = Settings()
    chosen = () if columns is None else parse_columns(columns)
    named = settings.symbols(symbols, watchlists)
    portfolio = _portfolio(settings) if are_owned(chosen) else None
    usual = settings.config.watchlist("default") if portfolio is None else [*portfolio.symbols]
    owned = Owned(portfolio)
    zone = settings.zone(tz)
    answer = _answer(settings.source(source), named or usual, raw, owned)
    how = format_or_default(form)
    if not chosen:
        Output().write(quotes_text(answer.quotes, how, zone, now()))
    else:
        Output().write(printed(answer.quotes, chosen, owned, how, with_total=not named))
        is_data = how in (options.Format.csv, options.Format.json)
        if is_data and any(quote.simulated for quote in answer.quotes):
            tell("SIMULATED: these prices are invented")
    for words in _refusals(answer, zone):
        tell(words)
    is_short = bool(answer.refused)
    if "weight" in chosen and owned.total is not None:
        is_short = is_short or owned.total.value is None
        for problem in owned.total.problems:
            tell(f"No weight: {problem}")
    raise typer.Exit(NO_DATA if is_short else DONE)


def _portfolio(settings: Settings) -> Portfolio:
    portfolio = portfolio_of(settings)
    if portfolio is None or not portfolio.symbols:
        path = settings.config.path
        raise UsageError(f"There are no holdings in {path}. An example: ticker config --init")
    return portfolio


def _answer(url: str, symbols: Sequence[str], raw: Path | None, owned: Owned) -> Answer:
    answers: list[Answer] = []

    async def ask() -> int:
        async with open_source(url, on_answer=None if raw is None else _keeping(raw)) as source:
            answers.append(answer := await source.quotes(symbols))
            await owned.ask(source, answer)
        return DONE

    code = run(ask())
    if not answers:
        raise typer.Exit(code)
    return answers[0]


def _refusals(answer: Answer, zone: Zone) -> Iterator[str]:
    """Yield a line for each refused symbol, and one for all symbols with the same failure."""
    failed: dict[str, list[str]] = {}
    for symbol, reason in answer.refused.items():
        if symbol in answer.failures:
            failed.setdefault(reason, []).append(symbol)
        else:
            yield f"{symbol}: {reason}.{_suggestion(symbol)}"
    limited = answer.rate_limited
    retry = "" if limited is None else f" Next try {clock(limited.retry_at, zone, now=now())}."
    for reason, symbols in failed.items():
        yield f"{' '.join(symbols)}: {reason}.{retry}"


def _suggestion(symbol: str) -> str:
    """Return a suggestion, such as `EURUSD=X` for `EURUSD`; empty if there is none."""
    import difflib

    near = difflib.get_close_matches(symbol, DEFAULT_WATCHLIST, n=1, cutoff=0.7)
    likely = next((full for word, full in _LIKELY.items() if re.fullmatch(word, symbol)), None)
    if likely is not None:
        near = [likely.format(symbol)]
    return f" Did you mean {near[0]}?" if near and near[0] != symbol else ""


def _keeping(folder: Path) -> Callable[[Sequence[str], bytes], None]:
    """Return a function that writes each answer of a source into a file of its own in `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"{folder}: cannot be made: {error.strerror}", CANNOT_WRITE) from None

    def keep(symbols: Sequence[str], body: bytes) -> None:
        words = "-".join(symbols[:3]) + (f"-and-{len(symbols) - 3}" if len(symbols) > 3 else "")  # noqa: PLR2004
        name = re.sub(r"[^A-Za-z0-9.^=_-]", "_", words).lstrip(".")
        if name != words:  # different symbols may give the same file name
            name += f"-{zlib.crc32(words.encode()):08x}"
        path = folder / f"{name}.json"
        try:
            path.write_bytes(body)
        except OSError as error:
            raise Failed(f"{path}: cannot be written: {error.strerror}", CANNOT_WRITE) from None

    return keep
