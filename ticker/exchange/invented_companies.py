"""Invented companies, for a market larger than the catalogue: the same companies each time.

Pure. A name joins a word of `_FIRST` and a word of `_SECOND`. The symbol joins their beginnings, so
no two are the same. Prices are distributed as at a real exchange: most are tens of dollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from ticker.exchange.listings import CATALOGUE, EQUITY, NASDAQ, NYSE, RARITIES, Listing

# In `_FIRST` the first three letters of each word are unique, in `_SECOND` the first two. The two
# lengths have no common factor, so stepping through both at once yields each pair once.
_FIRST: Final = (
    "Alder", "Amber", "Anchor", "Apex", "Arbor", "Arctic", "Ashford", "Aspen", "Aurora", "Badger",
    "Basalt", "Beacon", "Birch", "Bluestone", "Bramble", "Bridgewell", "Calder", "Canyon", "Cedar",
    "Chalk", "Cinder", "Clover", "Cobalt", "Copper", "Coral", "Crescent", "Dapple", "Delmont",
    "Drift", "Dunmore", "Eastlake", "Elmwood", "Ember", "Everly", "Falcon", "Fern", "Fjord",
    "Flint", "Foxglove", "Garnet", "Glacier", "Granite", "Halcyon", "Harbor", "Hazel", "Heron",
    "Hollow", "Indigo", "Ironbark", "Jasper", "Juniper", "Kestrel", "Lantern", "Larch", "Linden",
    "Lumen", "Maple", "Meadow", "Mesa", "Mistral", "Moss", "Nimbus", "Northgate", "Oakley",
    "Obsidian", "Orchard", "Osprey", "Pebble", "Pinecrest", "Prairie", "Quarry", "Raven",
    "Redwood", "Ridge", "Rowan", "Saffron", "Sequoia", "Sierra", "Summit", "Tamarack", "Thistle",
    "Umber", "Willow",
)  # fmt: skip
_SECOND: Final = (
    "Aerospace", "Air", "Analytics", "Apparel", "Beverages", "Biotech", "Brands", "Capital",
    "Chemicals", "Communications", "Dairy", "Devices", "Digital", "Drilling", "Education",
    "Electric", "Energy", "Equipment", "Farms", "Fibers", "Foods", "Freight", "Games", "Glass",
    "Gold", "Grid", "Health", "Hotels", "Hydro", "Imaging", "Industries", "Jewelry", "Kitchens",
    "Labs", "Leasing", "Logistics", "Machines", "Media", "Mining", "Motors", "Networks",
    "Nutrition", "Oil", "Optics", "Packaging", "Petroleum", "Pharma", "Power", "Rail", "Robotics",
    "Semiconductors", "Shipping", "Software", "Steel", "Systems", "Telecom", "Tools", "Travel",
    "Uranium", "Water", "Wireless",
)  # fmt: skip
MOST: Final = len(_FIRST) * len(_SECOND)
"""The number of different companies."""


def companies(count: int) -> Sequence[Listing]:
    """Return the first `count` invented companies; beyond `MOST` they repeat."""
    return tuple(_company(number) for number in range(count))


def listings(count: int | None = None) -> Sequence[Listing]:
    """Return `count` instruments: those of the catalogue first, then invented companies.

    `None`: the catalogue and the rarities.
    """
    if count is None:
        return (*CATALOGUE, *RARITIES)
    return (*CATALOGUE, *companies(max(0, count - len(CATALOGUE))))[:count]


def _company(number: int) -> Listing:
    first, second = _FIRST[number % len(_FIRST)], _SECOND[number % len(_SECOND)]
    symbol = f"{first[:3]}{second[:2]}".upper()
    chance = Random(symbol)  # noqa: S311 - a company must be the same each time, not secret
    shares = 100_000 * round(chance.lognormvariate(7.5, 1.0))
    return Listing(
        symbol,
        f"{first} {second}, Inc.",
        EQUITY,
        NASDAQ if chance.random() < 0.6 else NYSE,  # noqa: PLR2004 - about as in New York
        "USD",
        round(min(max(chance.lognormvariate(3.9, 0.9), 3.0), 1_500.0), 2),
        round(chance.uniform(0.2, 0.65), 2),
        volume=1_000 * max(10, round(shares * chance.uniform(2e-6, 12e-6))),
        shares=shares,
    )
