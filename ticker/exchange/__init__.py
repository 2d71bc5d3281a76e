"""The exchange: the offline NASDAQ and Yahoo."""

from ticker.exchange.answers import SavedAnswers
from ticker.exchange.faults import Fault, Faults
from ticker.exchange.invented import companies, listings
from ticker.exchange.listings import Listing, catalogue
from ticker.exchange.market import Market
from ticker.exchange.server import PORT, Counters, Exchange

__all__ = [
    "PORT",
    "Counters",
    "Exchange",
    "Fault",
    "Faults",
    "Listing",
    "Market",
    "SavedAnswers",
    "catalogue",
    "companies",
    "listings",
]
