"""`config`: shows the file's path, each value in force and where it comes from."""

from __future__ import annotations

import os
import shlex
from typing import Annotated, Final

import typer

from ticker import files
from ticker.address import without_password
from ticker.cli.exit_codes import CANNOT_WRITE, DONE, WRONG_CONFIG, Failed
from ticker.cli.printing import facts_text
from ticker.cli.settings import Settings
from ticker.cli.standard_streams import Output
from ticker.config import reading as configuration
from ticker.config.streams import KAFKA_VARIABLES
from ticker.errors import ConfigError
from ticker.streams import configured_stream
from ticker.streams.stream_choice import LOCAL_LOG

TEMPLATE: Final = """\
# ticker's configuration. An option beats the environment, which beats this file.
[defaults]
# source = "yahoo"            # or "exchange", "yahoo+http://HOST:PORT"
# stream = "sqlite:~/stream.sqlite"   # or a name from [streams]
# every  = "15s"              # between polls; default: 15s for Yahoo, 1s otherwise
# tz     = "Europe/Berlin"    # of the times on screens; default: this machine's
# sort   = "-day_change_percent"
# currency = "EUR"            # of totals; default: USD
# theme  = "dark"             # or "light", "blue-orange"

[watchlists]
default     = ["AAPL", "MSFT", "NVDA", "AMZN", "^IXIC", "GC=F", "CL=F", "EURUSD=X", "BTC-USD"]
commodities = ["GC=F", "SI=F", "CL=F", "NG=F"]

[holdings]
# cash = { EUR = 4250, USD = 300 }
# lots = [
#   { symbol = "AAPL", quantity = 10, price = 182.50, fees = 4.95, date = 2024-03-01 },
#   { symbol = "ENI.MI", quantity = 200 },    # cost unknown: value only
#   { symbol = "VOD.L", quantity = 500, price = 0.71, currency = "GBP" },    # not in pence
# ]

# [[alerts]]
# when = "AAPL > 250"         # SYMBOL [FIELD] > N, SYMBOL [FIELD] < N, SYMBOL moves P% in D
# [[alerts]]
# when = "BTC-USD moves 1% in 5m"
# run  = ["notify-send", "{symbol} {price}"]    # no shell; the event as JSON on standard input

[columns]
# default = ["symbol", "name:20", "price", "day_change_percent", "sparkline", "age"]   # name:WIDTH

[streams]
# work = "sqlite:/srv/ticks/work.sqlite"      # --stream work
# mine = { url = "kafka://broker:9092/mine", partitions = 6, keep_for = "30d" }
# safe = { url = "kafka://broker:9093/ticks", security = "SSL", ca = "~/broker-ca.pem" }
"""
"""What `--init` writes."""


def config(
    init: Annotated[bool, typer.Option("--init", help="Write a first configuration file.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False,
) -> None:
    """Show the configuration: the file's path, each value in force and where it comes from."""
    out = Output()
    if init:
        out.write(f"{_write_template()}\n")
        raise typer.Exit(DONE)
    loaded, mistakes = configuration.check()
    if check:
        if found := [*mistakes, *Settings(loaded).mistakes()]:
            found.sort(key=lambda mistake: mistake.line or 0)
            raise Failed("\n".join(map(str, found)), WRONG_CONFIG)
        words = "good" if loaded.found else "not there; the defaults are in force"
        out.write(f"{loaded.path}: {words}\n")
        raise typer.Exit(DONE)
    if mistakes:
        raise mistakes[0]
    settings = Settings(loaded)
    out.write(facts_text(_facts(settings)))
    raise typer.Exit(DONE)


def _facts(settings: Settings) -> list[tuple[str, str]]:
    loaded = settings.config
    try:
        log, local = (str(files.state_directory() / each) for each in ("ticker.log", LOCAL_LOG))
    except ConfigError as error:
        log = local = str(error)
    else:
        local = f"sqlite:{local}"
    facts = [
        ("file", f"{loaded.path}" + ("" if loaded.found else "  (not there; write it: --init)")),
        ("diagnostics", log),
    ]
    unset = {
        "stream": local,
        "every": "15 s for Yahoo, 1 s otherwise",
        "tz": "this machine's",
        "sort": "the watchlist's order",
    }
    for name in configuration.DEFAULTS:
        setting = loaded.setting(name)
        is_in_file = setting.origin == configuration.FROM_FILE
        origin = loaded.place("defaults", name) if is_in_file else setting.origin
        facts.append((name, f"{without_password(setting.value or unset[name])}  ({origin})"))
    lists = {"default": configuration.DEFAULT_WATCHLIST, **loaded.watchlists}
    for name, symbols in lists.items():
        origin = loaded.place("watchlists", name) if name in loaded.watchlists else "default"
        facts.append((f"watchlist {name}", f"{' '.join(symbols)}  ({origin})"))
    facts += _owned(settings)
    settings.columns()  # raises a mistake in them
    for name, words in loaded.columns.items():
        facts.append((f"columns {name}", f"{' '.join(words)}  ({loaded.place('columns', name)})"))
    for name in loaded.streams:
        choice = configured_stream(name, settings.config)
        security = f", {choice.security.words}" if choice.security is not None else ""
        place = loaded.place("streams", name)
        facts.append((f"stream {name}", f"{choice.url}{security}  ({place})"))
    for name, variable in KAFKA_VARIABLES.items():
        if said := os.environ.get(variable):
            facts.append((variable, "set, and not shown" if name == "password" else said))
    return facts


def _owned(settings: Settings) -> list[tuple[str, str]]:
    """Return the rows for holdings and alerts, with their places in the file."""
    loaded = settings.config
    facts = []
    if loaded.holdings.cash:
        words = " · ".join(f"{amount:,f} {code}" for code, amount in loaded.holdings.cash.items())
        facts.append(("cash", f"{words}  ({loaded.place('holdings', 'cash')})"))
    if loaded.holdings.lots:
        place = loaded.place("holdings", "lots")
        facts.append(("lots", f"{len(loaded.holdings.lots):,}  ({place})"))
    for lot in loaded.holdings.lots:
        words = f"{lot.quantity:,f}"
        if lot.price is not None:
            words += f" at {lot.price:,f} {lot.currency or ''}".rstrip()
            words += f" and {lot.fees:,f} in fees" if lot.fees else ""
        else:
            words += ", cost not known"
        words += f", {lot.date}" if lot.date is not None else ""
        facts.append((f"lot {lot.symbol}", words))
    if alerts := settings.alerts():
        facts.append(("alerts", f"{len(alerts):,}  ({loaded.place('alerts')})"))
    for alert, run in alerts:
        facts.append(("alert", f"{alert.text} → {shlex.join(run)}" if run else alert.text))
    return facts


def _write_template() -> str:
    path = files.config_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        if (problem := files.dead_link(path)) is not None:
            raise Failed(f"{problem}. Make that file, or remove the link", WRONG_CONFIG) from None
        raise Failed(f"{path} is there already. Look at it: ticker config", WRONG_CONFIG) from None
    except OSError as error:
        raise Failed(f"{path}: cannot be written: {error.strerror}", CANNOT_WRITE) from None
    return f"{path}: written"
