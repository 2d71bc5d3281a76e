"""The layouts of tick files. No other module knows anything about a single layout.

An entry says how its files are recognised, what their columns mean, in which format and zone their
times are, and what to tell the user. Sources: the publishers' own documentation. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

UTC: Final = "UTC"
FIELDS: Final = ("time", "received", "symbol", "price", "bid", "ask", "size", "volume", "currency")
"""Our names for columns."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How the files of one publisher are read.

    `columns` maps our names to the file's, where these differ. Two columns for a time are written
    `date+clock`.
    """

    name: str
    """The word for `--layout`, and the `source` of the ticks."""
    title: str
    """Shown to the user when the layout is used."""
    columns: Mapping[str, str] = {}
    header: str | None = None
    """The file's first line, or its beginning; `None`: the file has no header."""
    names: tuple[str, ...] = ()
    """The columns of a file without a header."""
    pattern: str | None = None
    """A regular expression for the first line of a file without a header."""
    file: str | None = None
    """A regular expression for the file's name without endings, with a group `symbol`."""
    delimiter: str = ","
    time: str | None = None
    """The format of times (for `strptime`); `None`: ISO 8601 or a number."""
    zone: str | None = UTC
    """The zone of times without one; `None`: the user must give it."""
    scaled: bool = False
    """A price without a decimal point is in units of 1e-9."""
    by_name: bool = False
    """Other files look the same: `file` must match too, unless the user names the layout."""
    unless: str | None = None
    """With `by_name`: a file's name proves nothing if its symbol fully matches this expression."""
    carried: bool = False
    """An empty bid or ask repeats the last one that was given."""


_CURRENCY: Final = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|ZAR|MXN|BRL|CNY|CNH|HKD|SGD|"
    "THB|INR|KRW|ILS|RUB|XAU|XAG|XPT|XPD"
)
"""Currencies and metals that are traded in pairs."""
_BINANCE: Final = r"\d+,[0-9.]+,[0-9.]+,"

LAYOUTS: Final = (
    Layout(
        name="binance",
        title="Binance aggregated trades",
        names=("id", "price", "size", "first", "last", "time", "maker", "best"),
        pattern=_BINANCE + r"\d+,\d+,\d{13,16},(True|False|true|false),(True|False|true|false)",
        file=r"(?P<symbol>[A-Z0-9]+)-aggTrades-\d{4}-\d{2}(-\d{2})?",
    ),
    Layout(
        name="binance",
        title="Binance trades",
        names=("id", "price", "size", "quote_quantity", "time", "maker", "best"),
        pattern=_BINANCE + r"[0-9.]+,\d{13,16},(True|False|true|false),(True|False|true|false)",
        file=r"(?P<symbol>[A-Z0-9]+)-trades-\d{4}-\d{2}(-\d{2})?",
    ),
    Layout(
        name="histdata",
        title="HistData ASCII ticks: EST without DST",
        names=("time", "bid", "ask", "nothing"),
        pattern=r"\d{8} \d{9},[0-9.]+,[0-9.]+,\d+",
        file=r"DAT_ASCII_(?P<symbol>[A-Z0-9]+)_T_\d{4,6}",
        time="%Y%m%d %H%M%S%g",
        zone="Etc/GMT+5",  # UTC-5 all year: POSIX reverses the sign
    ),
    Layout(
        name="dukascopy",
        title="Dukascopy ticks: ask before bid, day first, UTC",
        header="Gmt time,Ask,Bid,AskVolume,BidVolume",
        columns={"time": "Gmt time"},
        file=r"(?P<symbol>[A-Z]{6})_Ticks.*",
        time="%d.%m.%Y %H:%M:%S.%g",
    ),
    Layout(
        name="dukascopy",
        title="Dukascopy ticks: ask before bid, day first, local times with their offset",
        header="Local time,Ask,Bid,AskVolume,BidVolume",
        columns={"time": "Local time"},
        file=r"(?P<symbol>[A-Z]{6})_Ticks.*",
        time="%d.%m.%Y %H:%M:%S.%g GMT%z",
    ),
    Layout(
        name="truefx",
        title="TrueFX quotes: UTC",
        names=("symbol", "time", "bid", "ask"),
        pattern=r"[A-Z]{3}/[A-Z]{3},\d{8} \d{2}:\d{2}:\d{2}\.\d{3},[0-9.]+,[0-9.]+",
        time="%Y%m%d %H:%M:%S.%g",
    ),
    Layout(
        name="databento",
        title="Databento trades: prices in units of 1e-9 where they have no decimal point",
        header="ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size",
        columns={"time": "ts_event", "received": "ts_recv"},
        scaled=True,
    ),
    Layout(
        name="kraken",
        title="Kraken trades: UTC",
        names=("time", "price", "size"),
        pattern=r"\d{10}(\.\d+)?,[0-9.]+,[0-9.]+",
        file=r"(?P<symbol>[A-Z0-9]{2,}(USD[TC]?|EUR|GBP|CAD|AUD|JPY|CHF|XBT|ETH|DAI))",
        by_name=True,
        unless=rf"({_CURRENCY}){{2}}",  # with two currencies, the file may hold quotes
    ),
    Layout(
        name="tardis",
        title="Tardis trades: local_timestamp is when they were received",
        header="exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
        columns={"time": "timestamp", "received": "local_timestamp", "size": "amount"},
    ),
    Layout(
        name="tardis",
        title="Tardis quotes: ask before bid, local_timestamp is when they were received",
        header="exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        columns={
            "time": "timestamp",
            "received": "local_timestamp",
            "bid": "bid_price",
            "ask": "ask_price",
        },
    ),
    Layout(
        name="bybit",
        title="Bybit trades: times in fractional seconds",
        header="timestamp,symbol,side,size,price,tickDirection,trdMatchID",
        columns={"time": "timestamp"},
    ),
    Layout(
        name="metatrader5",
        title="MetaTrader 5 ticks: times in the broker's zone",
        header="<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>",
        columns={"time": "<DATE>+<TIME>", "bid": "<BID>", "ask": "<ASK>"},
        file=r"(?P<symbol>[A-Za-z0-9.#]+?)_\d{12}_\d{12}",
        delimiter="\t",
        time="%Y.%m.%d %H:%M:%S.%g",
        zone=None,
        carried=True,
    ),
    Layout(
        name="massive",
        title="Massive (Polygon) trades: the time is sip_timestamp",
        header="ticker,conditions,correction,exchange,id,participant_timestamp,price",
        columns={"time": "sip_timestamp", "symbol": "ticker"},
    ),
    Layout(
        name="binance-futures",
        title="Binance futures, aggregated trades",
        header="agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time",
        columns={"time": "transact_time", "size": "quantity"},
        file=r"(?P<symbol>[A-Z0-9_]+)-aggTrades-\d{4}-\d{2}(-\d{2})?",
    ),
    Layout(
        name="binance-futures",
        title="Binance futures, aggregated trades",
        names=("id", "price", "size", "first", "last", "time", "maker"),
        pattern=_BINANCE + r"\d+,\d+,\d{13,16},(True|False|true|false)",
        file=r"(?P<symbol>[A-Z0-9_]+)-aggTrades-\d{4}-\d{2}(-\d{2})?",
    ),
    Layout(
        name="dukascopy-node",
        title="dukascopy-node ticks: ask before bid, UTC",
        header="timestamp,askPrice,bidPrice",
        columns={"time": "timestamp", "bid": "bidPrice", "ask": "askPrice"},
        file=r"(?P<symbol>[a-z0-9]+)-tick-.*",
    ),
)
"""In the order in which they are tried."""

PLAIN: Final = Layout(
    name="plain",
    title="plain columns",
    zone=None,
)
"""Our own layout."""

NAMES: Final = tuple(dict.fromkeys((PLAIN.name, *(layout.name for layout in LAYOUTS))))

_BARS: Final = re.compile(r"\bopen\b.*\bhigh\b.*\blow\b.*\bclose\b", re.IGNORECASE)


def recognise(first_line: str, wanted: str | None = None) -> Layout | None:
    """Return the layout of a file with this first line; `None` if no layout fits.

    If `wanted` is a name, only the layouts of that name are tried.
    """
    entries = [layout for layout in LAYOUTS if wanted in (None, layout.name)]
    line = first_line.strip()
    for layout in entries:
        if layout.header is not None:
            if line.lower().startswith(layout.header.lower()):
                return layout
        elif layout.pattern is not None and re.fullmatch(layout.pattern, line):
            return layout
    return None


def is_bars(first_line: str) -> bool:
    """Tell whether a header names open, high, low and close."""
    return (
        _BARS.search(first_line.replace("<", " ").replace(">", " ").replace("_", " ")) is not None
    )


def is_told_by_name(layout: Layout, file_name: str) -> bool:
    """Tell whether the file's name proves that its layout is `layout`."""
    symbol = symbol_in_name(layout, file_name)
    return symbol is not None and not (layout.unless and re.fullmatch(layout.unless, symbol))


def symbol_in_name(layout: Layout, file_name: str) -> str | None:
    """Return the symbol in the file's name, in capitals; `None` if there is none."""
    if layout.file is None:
        return None
    stem = re.sub(r"(\.(csv|txt|zip|gz|parquet))+$", "", file_name, flags=re.IGNORECASE)
    found = re.fullmatch(layout.file, stem)
    return found["symbol"].upper() if found else None
