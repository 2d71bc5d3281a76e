"""A pytest plugin: the fixture `yahoo`, an offline Yahoo for code that asks the real one.

    def test_history(yahoo):
        assert not yf.Ticker("AAPL").history().empty

    @pytest.mark.yahoo(seed=3, faults=["429:0.5"])
    def test_patience(yahoo): ...

Every run of pytest loads this module if ticker is installed. So the rest is loaded only when a test
uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ticker.exchange import OfflineYahoo


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "yahoo(seed, faults, symbols, every, session): the settings of the fixture `yahoo`",
    )


@pytest.fixture
def yahoo(request: pytest.FixtureRequest) -> Iterator[OfflineYahoo]:
    """Serve a Yahoo with invented prices during the test; see `ticker.exchange`."""
    from ticker.exchange.offline import exchange

    marker = request.node.get_closest_marker("yahoo")
    with exchange(*marker.args, **marker.kwargs) if marker else exchange() as serving:
        yield serving
