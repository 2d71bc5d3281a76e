"""Converts a symbol's state to the fields of Yahoo's `v7/finance/quote`.

Pure. Names and types are those of real answers. As in these, the set of fields depends on the kind
of instrument. It knows no HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ticker.exchange.instrument import MarketState
from ticker.exchange.listings import COIN, CURRENCY, EQUITY, ETF, FUND, FUTURE, Listing, Oddity
from ticker.units import SECOND

_MONTHS: Final = "FGHJKMNQUVXZ"
"""The letters of the months in a future's name."""


def summary(entry: Mapping[str, Any], modules: str = "") -> dict[str, Any]:
    """Return what `v10/finance/quoteSummary` has about the symbol of `entry`.

    `modules` names the parts to return, separated by commas; empty: all parts. Unknown parts are
    left out.
    """
    names = {name: entry[name] for name in _NAMES if name in entry}
    details = {name: entry[field] for name, field in _DETAILS.items() if field in entry}
    result = {"quoteType": {**names, "maxAge": 1}, "summaryDetail": {**details, "maxAge": 1}}
    asked = modules.split(",") if modules else [*result]
    return {name: part for name, part in result.items() if name in asked}


_NAMES: Final = ("symbol", "quoteType", "exchange", "shortName", "longName")
_DETAILS: Final = {
    "currency": "currency",
    "previousClose": "regularMarketPreviousClose",
    "open": "regularMarketOpen",
    "dayLow": "regularMarketDayLow",
    "dayHigh": "regularMarketDayHigh",
    "volume": "regularMarketVolume",
    "bid": "bid",
    "ask": "ask",
    "marketCap": "marketCap",
    "fiftyTwoWeekLow": "fiftyTwoWeekLow",
    "fiftyTwoWeekHigh": "fiftyTwoWeekHigh",
    "averageVolume": "averageDailyVolume3Month",
}


def fields(state: MarketState) -> dict[str, Any]:
    """Return one entry of `quoteResponse.result`. Times are seconds since the epoch (UTC).

    They are whole, as Yahoo's always are, unless a move was not at a whole second.
    """
    entry = _description(state) | _regular_market(state) | _of_its_kind(state)
    if (trade := state.extended) is not None:
        name = f"{trade.session.lower()}Market"
        entry[f"{name}Price"] = trade.price
        entry[f"{name}Time"] = _seconds(trade.time)
        entry |= _changes(name, trade.price, state.price)
    if state.listing.oddity is not None:
        entry |= _odd(state.listing, entry)
    return entry | {"symbol": state.listing.symbol}


def _description(state: MarketState) -> dict[str, Any]:
    """Return what the instrument is, and where it trades."""
    listing = state.listing
    kind, venue = listing.kind, listing.venue
    told_by = "Delayed Quote" if venue.delay else kind.source
    return {
        "language": "en-US",
        "region": "US",
        "quoteType": kind.quote_type,
        "typeDisp": kind.label,
        "quoteSourceName": told_by,
        "triggerable": True,
        "customPriceAlertConfidence": "HIGH",
        "currency": listing.currency,
        "shortName": listing.name,
        "marketState": str(state.session),
        "exchange": venue.code,
        "fullExchangeName": venue.name,
        "exchangeTimezoneName": venue.zone,
        "exchangeTimezoneShortName": venue.zone_short,
        "gmtOffSetMilliseconds": venue.offset * 3_600_000,
        "market": venue.market,
        "esgPopulated": False,
        "corporateActions": [],
        "hasPrePostMarketData": listing.trades_extended,
        "priceHint": listing.price_hint,
        "sourceInterval": 15,
        "exchangeDataDelayedBy": venue.delay,
        "tradeable": False,
        "cryptoTradeable": kind is COIN,
    }


def _regular_market(state: MarketState) -> dict[str, Any]:
    """Return the day's prices and volume, and the year's range."""
    listing = state.listing
    return {
        "regularMarketPrice": state.price,
        "regularMarketTime": _seconds(state.time),
        **_changes("regularMarket", state.price, state.previous_close),
        "regularMarketPreviousClose": state.previous_close,
        "regularMarketOpen": state.open,
        "regularMarketDayHigh": state.day_high,
        "regularMarketDayLow": state.day_low,
        "regularMarketDayRange": f"{state.day_low} - {state.day_high}",
        "regularMarketVolume": state.volume,
        "averageDailyVolume3Month": listing.volume,
        "averageDailyVolume10Day": listing.volume,
        "fiftyTwoWeekLow": state.year_low,
        "fiftyTwoWeekHigh": state.year_high,
        "fiftyTwoWeekRange": f"{state.year_low} - {state.year_high}",
        "fiftyTwoWeekLowChange": _single(state.price - state.year_low),
        "fiftyTwoWeekHighChange": _single(state.price - state.year_high),
    }


def _of_its_kind(state: MarketState) -> dict[str, Any]:
    """Return the fields that depend on the kind of instrument."""
    listing = state.listing
    kind = listing.kind
    entry: dict[str, Any] = {} if kind is FUTURE else {"longName": listing.name}
    if kind not in (COIN, FUND):
        has_sizes = state.bid and kind is not CURRENCY
        entry |= {
            "bid": state.bid or 0,
            "ask": state.ask or 0,
            "bidSize": 1 if has_sizes else 0,
            "askSize": 1 if has_sizes else 0,
        }
    if kind is COIN:
        entry |= {
            "volume24Hr": state.volume,
            "volumeAllCurrencies": state.volume,
            "circulatingSupply": listing.shares,
            "fromCurrency": listing.symbol.partition("-")[0],
            "toCurrency": f"{listing.currency}=X",
            "lastMarket": "CoinMarketCap",
        }
    if kind in (EQUITY, ETF):
        entry["sharesOutstanding"] = listing.shares
        entry["financialCurrency"] = listing.currency.upper()
    if listing.shares:
        entry["marketCap"] = _market_cap(state)
    return entry | _contract(listing)


def _contract(listing: Listing) -> dict[str, Any]:
    """Return the terms of a future or an option."""
    if not listing.expires:
        return {}
    day = datetime.fromisoformat(f"{listing.expires}T00:00:00Z")
    terms: dict[str, Any] = {
        "expireDate": int(day.timestamp()),
        "expireIsoDate": f"{listing.expires}T00:00:00Z",
    }
    if listing.kind is FUTURE:
        root = listing.symbol.removesuffix("=F")
        contract = f"{root}{_MONTHS[day.month - 1]}{day:%y}.{listing.venue.code}"
        return terms | {
            "headSymbolAsString": listing.symbol,
            "contractSymbol": False,
            "underlyingSymbol": contract,
            "underlyingExchangeSymbol": contract,
            "openInterest": 2 * listing.volume,
        }
    underlying = re.match("[A-Z]+", listing.symbol)
    return terms | {
        "underlyingSymbol": underlying[0] if underlying else listing.symbol,
        "strike": int(listing.symbol[-8:]) / 1_000,
        "openInterest": 2 * listing.volume,
    }


def _odd(listing: Listing, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that show the oddity of `listing`."""
    match listing.oddity:
        case Oddity.NO_BID:
            return {"bid": 0, "ask": 0, "bidSize": 0, "askSize": 0}
        case Oddity.CROSSED:
            return {"bid": entry["ask"], "ask": entry["bid"]}
        case Oddity.SHRINKING:
            left = 3 * listing.volume - entry["regularMarketVolume"]
            return {"regularMarketVolume": max(0, left)}
        case Oddity.NO_CLOSE:
            return {"regularMarketPreviousClose": 0} | _changes("regularMarket", 0, 0)
        case _:
            return {"marketState": "AUCTION"}


def _changes(name: str, price: float, close: float) -> dict[str, float]:
    change = price - close
    percent = 100 * change / abs(close) if close else 0
    return {f"{name}Change": _single(change), f"{name}ChangePercent": _single(percent)}


def _market_cap(state: MarketState) -> int:
    # In whole units, even if the price is in hundredths (pence, cents), as at Yahoo.
    unit = 100 if state.listing.currency in ("GBp", "USX") else 1
    return round(state.price * state.listing.shares / unit)


def _single(number: float) -> float:
    """Round to 8 digits, about the single precision that Yahoo uses."""
    return float(f"{number:.8g}")


def _seconds(time: int) -> int | float:
    return time // SECOND if time % SECOND == 0 else time / SECOND
