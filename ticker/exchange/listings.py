"""What is listed at the exchange: instruments, their venues and how often they trade.

Data only. Names, venues and currencies of the catalogue are those of the real instruments. The
prices are only plausible starting points of an invented market. `RARITIES` has the other kinds of
instrument, and one symbol for each oddity in Yahoo's answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


@dataclass(frozen=True)
class InstrumentKind:
    """What instruments of one kind have in common. `quote_type` is Yahoo's word for it."""

    quote_type: str
    label: str
    """Yahoo's `typeDisp`."""
    seconds_a_year: int
    """The seconds of a year in which it trades. A year's volatility is spread over them."""
    following: float
    """The correlation of its moves with those of the whole market, 0 to 1."""
    activity: float
    """The chance that a step moves it, 0 to 1."""
    spread: int
    """Price steps from the price to bid and to ask; 0: it has neither."""
    source: str = "Free Realtime Quote"
    """Yahoo's `quoteSourceName`, if its venue does not delay it."""


_SESSION_YEAR: Final = 252 * 23_400
_ROUND_THE_CLOCK: Final = 252 * 86_400
_REAL_TIME: Final = "Nasdaq Real Time Price"

EQUITY: Final = InstrumentKind("EQUITY", "Equity", _SESSION_YEAR, 0.5, 0.85, 1, _REAL_TIME)
ETF: Final = InstrumentKind("ETF", "ETF", _SESSION_YEAR, 0.9, 0.9, 1, _REAL_TIME)
INDEX: Final = InstrumentKind("INDEX", "Index", _SESSION_YEAR, 0.9, 0.95, 0)
FUTURE: Final = InstrumentKind("FUTURE", "Futures", 252 * 82_800, 0.1, 0.85, 1)
CURRENCY: Final = InstrumentKind("CURRENCY", "Currency", _ROUND_THE_CLOCK, 0.0, 0.8, 2)
COIN: Final = InstrumentKind(
    "CRYPTOCURRENCY", "Cryptocurrency", 365 * 86_400, 0.2, 0.9, 0, "CoinMarketCap"
)
OPTION: Final = InstrumentKind("OPTION", "Option", _SESSION_YEAR, 0.3, 0.5, 5)
FUND: Final = InstrumentKind("MUTUALFUND", "Fund", _SESSION_YEAR, 0.9, 0.0, 0)
"""It has one price a day, so it never moves during a session."""


class Oddity(StrEnum):
    """An oddity in Yahoo's answer about a symbol. A reader must expect it."""

    NO_BID = "bid and ask of 0"
    CROSSED = "bid above the ask"
    SHRINKING = "volume that shrinks"
    NO_CLOSE = "previous close of 0"
    UNKNOWN_STATE = "market state unknown to all"


@dataclass(frozen=True)
class Venue:
    """Where an instrument trades: Yahoo's code, full name, market and time zone."""

    code: str
    name: str
    market: str
    zone: str = "America/New_York"
    zone_short: str = "EST"
    offset: int = -5
    """Hours east of UTC, in winter."""
    delay: int = 0
    """The delay of its prices in minutes."""
    opens: int = 9 * 60 + 30
    closes: int = 16 * 60
    """Minutes after midnight on its own clock, from Monday to Friday."""

    @property
    def has_extended_hours(self) -> bool:
        """Tell whether it trades before its opening and after its close."""
        return self.market == "us_market"


NASDAQ: Final = Venue("NMS", "NasdaqGS", "us_market")
NASDAQ_FUNDS: Final = Venue("NGM", "NasdaqGM", "us_market")
NASDAQ_INDICES: Final = Venue("NIM", "Nasdaq GIDS", "us_market")
NYSE: Final = Venue("NYQ", "NYSE", "us_market")
ARCA: Final = Venue("PCX", "NYSEArca", "us_market")
SNP: Final = Venue("SNP", "SNP", "us_market")
DOW: Final = Venue("DJI", "DJI", "us_market")
COMEX: Final = Venue("CMX", "COMEX", "us24_market", delay=10)
NYMEX: Final = Venue("NYM", "NY Mercantile", "us24_market", delay=10)
CBOT: Final = Venue("CBT", "CBOT", "us24_market", delay=10)
FOREX: Final = Venue("CCY", "CCY", "ccy_market", "Europe/London", "GMT", 0)
COINS: Final = Venue("CCC", "CCC", "ccc_market", "UTC", "UTC", 0)
LONDON: Final = Venue(
    "LSE", "LSE", "gb_market", "Europe/London", "GMT", 0, 15, opens=8 * 60, closes=16 * 60 + 30
)
XETRA: Final = Venue(
    "GER", "XETRA", "de_market", "Europe/Berlin", "CET", 1, 15, opens=9 * 60, closes=17 * 60 + 30
)
MILAN: Final = Venue(
    "MIL", "Milan", "it_market", "Europe/Rome", "CET", 1, 15, opens=9 * 60, closes=17 * 60 + 30
)
TOKYO: Final = Venue(
    "JPX", "Tokyo", "jp_market", "Asia/Tokyo", "JST", 9, 15, opens=9 * 60, closes=15 * 60 + 30
)
OPRA: Final = Venue("OPR", "OPR", "us24_market")
FUNDS: Final = Venue("NAS", "Nasdaq", "us24_market")


@dataclass(frozen=True)
class Listing:
    """One instrument. Prices are in `currency`."""

    symbol: str
    name: str
    kind: InstrumentKind
    venue: Venue
    currency: str
    price: float
    """The market's approximate starting price."""
    volatility: float
    """Volatility per year, as a fraction."""
    decimals: int = 2
    """Decimals of its prices. The price step is `tick` units of the last decimal."""
    tick: int = 1
    price_hint: int = 2
    volume: int = 0
    """Units traded on a usual day."""
    shares: int = 0
    """Units outstanding, for the market value."""
    expires: str = ""
    """The day on which the contract ends (ISO), for futures and options."""
    below: float = 0.0
    """This is subtracted from the prices that the market makes, so they may be negative."""
    oddity: Oddity | None = None

    @property
    def trades_extended(self) -> bool:
        """Tell whether it trades before the opening and after the close: some stocks and ETFs."""
        return self.kind in (EQUITY, ETF) and self.venue.has_extended_hours


def _stock(  # noqa: PLR0917 - a table's columns
    symbol: str,
    name: str,
    price: float,
    volatility: float,
    volume: int,
    shares: int,
    venue: Venue = NASDAQ,
    currency: str = "USD",
) -> Listing:
    return Listing(
        symbol, name, EQUITY, venue, currency, price, volatility, volume=volume, shares=shares
    )


_M: Final = 1_000_000

CATALOGUE: Final[Sequence[Listing]] = (
    _stock("AAPL", "Apple Inc.", 271.4, 0.28, 46 * _M, 14_840 * _M),
    _stock("MSFT", "Microsoft Corporation", 508.3, 0.24, 22 * _M, 7_433 * _M),
    _stock("NVDA", "NVIDIA Corporation", 186.7, 0.42, 190 * _M, 24_300 * _M),
    _stock("AMZN", "Amazon.com, Inc.", 229.1, 0.32, 41 * _M, 10_690 * _M),
    _stock("GOOG", "Alphabet Inc.", 284.6, 0.3, 24 * _M, 12_100 * _M),
    _stock("META", "Meta Platforms, Inc.", 628.9, 0.34, 14 * _M, 2_520 * _M),
    _stock("TSLA", "Tesla, Inc.", 412.2, 0.58, 88 * _M, 3_325 * _M),
    _stock("NFLX", "Netflix, Inc.", 112.5, 0.36, 38 * _M, 4_240 * _M),
    _stock("AMD", "Advanced Micro Devices, Inc.", 236.8, 0.5, 54 * _M, 1_628 * _M),
    _stock("INTC", "Intel Corporation", 36.4, 0.5, 92 * _M, 4_770 * _M),
    _stock("JPM", "JPMorgan Chase & Co.", 309.7, 0.24, 9 * _M, 2_720 * _M, NYSE),
    _stock("KO", "The Coca-Cola Company", 71.6, 0.15, 16 * _M, 4_302 * _M, NYSE),
    _stock("XOM", "Exxon Mobil Corporation", 117.3, 0.24, 15 * _M, 4_260 * _M, NYSE),
    _stock("BABA", "Alibaba Group Holding Limited", 158.2, 0.45, 14 * _M, 2_385 * _M, NYSE),
    _stock("OCDO.L", "Ocado Group plc", 308.8, 0.5, 2 * _M, 823 * _M, LONDON, "GBp"),
    _stock("VOD.L", "Vodafone Group Public Limited Company", 91.4, 0.25, 45 * _M, 23_800 * _M,
           LONDON, "GBp"),
    _stock("SAP.DE", "SAP SE", 213.6, 0.25, 2 * _M, 1_166 * _M, XETRA, "EUR"),
    _stock("ENI.MI", "Eni S.p.A.", 16.1, 0.22, 9 * _M, 2_980 * _M, MILAN, "EUR"),
    Listing("7203.T", "Toyota Motor Corporation", EQUITY, TOKYO, "JPY", 3_125, 0.26,
            decimals=0, volume=21 * _M, shares=13_030 * _M),
    Listing("SPY", "SPDR S&P 500 ETF Trust", ETF, ARCA, "USD", 671.9, 0.16, volume=72 * _M,
            shares=1_030 * _M),
    Listing("QQQ", "Invesco QQQ Trust", ETF, NASDAQ_FUNDS, "USD", 608.4, 0.2, volume=53 * _M,
            shares=660 * _M),
    Listing("GLD", "SPDR Gold Shares", ETF, ARCA, "USD", 376.5, 0.16, volume=11 * _M,
            shares=375 * _M),
    Listing("^IXIC", "NASDAQ Composite", INDEX, NASDAQ_INDICES, "USD", 22_870.4, 0.2,
            volume=7_800 * _M),
    Listing("^GSPC", "S&P 500", INDEX, SNP, "USD", 6_734.1, 0.16, volume=5_100 * _M),
    Listing("^DJI", "Dow Jones Industrial Average", INDEX, DOW, "USD", 47_147.5, 0.15,
            volume=520 * _M),
    Listing("GC=F", "Gold Dec 26", FUTURE, COMEX, "USD", 4_101.3, 0.17, decimals=1,
            volume=190_000, expires="2026-12-29"),
    Listing("SI=F", "Silver Mar 27", FUTURE, COMEX, "USD", 50.685, 0.33, decimals=3, tick=5,
            price_hint=3, volume=78_000, expires="2027-03-29"),
    Listing("HG=F", "Copper Mar 27", FUTURE, COMEX, "USD", 5.0615, 0.24, decimals=4, tick=5,
            price_hint=4, volume=46_000, expires="2027-03-29"),
    Listing("CL=F", "Crude Oil Jan 27", FUTURE, NYMEX, "USD", 59.84, 0.36, volume=280_000,
            expires="2026-12-21"),
    Listing("NG=F", "Natural Gas Jan 27", FUTURE, NYMEX, "USD", 4.367, 0.6, decimals=3,
            price_hint=3, volume=160_000, expires="2026-12-29"),
    Listing("ZW=F", "Chicago SRW Wheat Futures, Mar-27", FUTURE, CBOT, "USX", 538.25, 0.28,
            tick=25, volume=62_000, expires="2027-03-12"),
    Listing("EURUSD=X", "EUR/USD", CURRENCY, FOREX, "USD", 1.15872, 0.075, decimals=5,
            price_hint=4),
    Listing("GBPUSD=X", "GBP/USD", CURRENCY, FOREX, "USD", 1.31468, 0.08, decimals=5,
            price_hint=4),
    Listing("USDJPY=X", "USD/JPY", CURRENCY, FOREX, "JPY", 154.531, 0.095, decimals=3,
            price_hint=3),
    Listing("BTC-USD", "Bitcoin USD", COIN, COINS, "USD", 95_412.6, 0.5,
            volume=68_000 * _M, shares=19_950_000),
    Listing("ETH-USD", "Ethereum USD", COIN, COINS, "USD", 3_187.4, 0.65,
            volume=31_000 * _M, shares=120_700_000),
    Listing("DOGE-USD", "Dogecoin USD", COIN, COINS, "USD", 0.16214, 0.9, decimals=6,
            price_hint=6, volume=1_900 * _M, shares=151_900 * _M),
)  # fmt: skip
"""The usual instruments: the default watchlist and related ones."""


def _odd(symbol: str, oddity: Oddity) -> Listing:
    name = f"Odd on purpose: {oddity}"
    return Listing(
        symbol, name, EQUITY, NYSE, "USD", 50.0, 0.3, volume=5 * _M, shares=100 * _M, oddity=oddity
    )


RARITIES: Final[Sequence[Listing]] = (
    Listing("VFIAX", "Vanguard 500 Index Fund Admiral Shares", FUND, FUNDS, "USD", 621.35, 0.16),
    Listing("AAPL270115C00270000", "AAPL Jan 2027 270.000 call", OPTION, OPRA, "USD", 14.6, 2.5,
            tick=5, volume=9_000, expires="2027-01-15"),
    Listing("NEGATIVE=F", "Odd on purpose: prices below 0", FUTURE, NYMEX, "USD", -37.63, 0.36,
            volume=9_000, expires="2027-04-20", below=100.0),
    _odd("NOBID", Oddity.NO_BID),
    _odd("CROSSED", Oddity.CROSSED),
    _odd("SHRINKING", Oddity.SHRINKING),
    _odd("NOCLOSE", Oddity.NO_CLOSE),
    _odd("STATELESS", Oddity.UNKNOWN_STATE),
)  # fmt: skip
"""Other kinds of instrument and oddities. `invented.listings()` adds them to the catalogue."""


def unknown(symbol: str, price: float) -> Listing:
    """Make a listing of `symbol` for which only the price is known."""
    decimals = max(2, len(repr(float(price)).partition(".")[2]))
    return Listing(symbol, symbol, EQUITY, NASDAQ, "USD", abs(price), 0.3, min(decimals, 8))
