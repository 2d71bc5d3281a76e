"""The exchange: the offline NASDAQ and Yahoo.

For tests, `ticker.exchange` is also a function, `ticker.exchange.offline.exchange`:

    with ticker.exchange(seed=7, faults=["429:0.1"]) as yahoo:
        yahoo.set("AAPL", price=250)
        yf.Ticker("AAPL").fast_info.last_price  # 250
"""

import sys

from ticker.exchange.answers import SavedAnswers
from ticker.exchange.faults import Fault, Faults
from ticker.exchange.invented_companies import companies, listings
from ticker.exchange.listings import Listing
from ticker.exchange.market import Market
from ticker.exchange.offline import CallableModule, OfflineYahoo
from ticker.exchange.server import Counters, Exchange
from ticker.exchange.sessions import SessionWish

__all__ = [
    "Counters",
    "Exchange",
    "Fault",
    "Faults",
    "Listing",
    "Market",
    "OfflineYahoo",
    "SavedAnswers",
    "SessionWish",
    "companies",
    "listings",
]

# Once this module is loaded, `ticker.exchange` is the module. So the module must be callable.
sys.modules[__name__].__class__ = CallableModule
