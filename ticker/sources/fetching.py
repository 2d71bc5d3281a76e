"""Sends requests to Yahoo through yfinance. No other module does.

A fetch returns the body of a good answer or raises one of ticker's own errors, in bounded time.
yfinance writes nothing to the user's cache folder and nothing to the screen. Each `Fetcher` has its
own session, cookies and crumb. Importing this module imports yfinance (1.2 s), and fetching blocks,
so do both in a thread. This module does not read quotes.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import ticker.sources._cache  # noqa: F401  before yfinance

import yfinance  # isort: skip
from curl_cffi import CurlECode
from curl_cffi.requests import Response, exceptions
from yfinance.data import YfData
from yfinance.exceptions import YFRateLimitError

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.sources.http_session import TOO_MANY, BoundedSession, HostRefused
from ticker.sources.waits import RateLimitWaits, asked_wait

_log = logging.getLogger(__name__)

_QUOTES: Final = "https://query1.finance.yahoo.com/v7/finance/quote"
_CHART: Final = "https://query2.finance.yahoo.com/v8/finance/chart/"
_SEARCH: Final = "https://query2.finance.yahoo.com/v1/finance/search"
_CONSENT: Final = ("consent.yahoo.com", "guce.yahoo.com")


class Fetched(NamedTuple):
    """A good answer."""

    body: bytes
    simulated: bool
    """Whether the server says that its prices are invented."""


class Fetcher:
    """Fetches with a session, cookies and crumb of its own, in one thread.

    `name` is the source's name in errors. `server` (`HOST:PORT`) stands in for Yahoo. `deadline` is
    in seconds. `clock` returns µs since the epoch. `waits` says how long to wait after a rate
    limit. `permit` is called before each request, and raises a `SourceError` if the request must
    not be sent.
    """

    def __init__(
        self,
        name: str,
        server: str | None,
        *,
        deadline: float,
        clock: Callable[[], int],
        waits: RateLimitWaits,
        permit: Callable[[], object],
    ) -> None:
        self._name = name
        self._server = server
        self._deadline = deadline
        self._clock = clock
        self._waits = waits
        self._session = BoundedSession(server, permit=permit)
        self._yahoo = _yfinance_with(self._session)

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        """Return the answer for `symbols` (1 to 50), with one request for quotes.

        Raises `RateLimited`, `SourceUnreachable`, `SourceError`.
        """
        return self._get(_QUOTES, {"symbols": ",".join(symbols), "formatted": "false"})

    def search(self, words: str, most: int) -> Fetched:
        """Return the answer to a search for `words`, with `most` symbols at most. See `fetch`."""
        params = {"q": words, "quotesCount": str(most), "newsCount": "0", "listsCount": "0"}
        return self._get(_SEARCH, params)

    def chart(self, symbol: str) -> Fetched:
        """Return the answer with the minute bars of the last trading day. See `fetch`."""
        params = {"range": "1d", "interval": "1m", "includePrePost": "true"}
        return self._get(_CHART + quote(symbol, safe="=^"), params)

    def _get(self, url: str, params: Mapping[str, str]) -> Fetched:
        self._session.allow(self._deadline)
        try:
            response: Response = self._yahoo.get(url, params=params, timeout=self._deadline)
        except HostRefused as refusal:
            raise self._refused(refusal.status, refusal.retry_after) from None
        except YFRateLimitError:
            raise self._refused(HTTPStatus.TOO_MANY_REQUESTS, None) from None
        except SourceError:
            raise  # no request may be sent now
        except exceptions.RequestException as error:
            raise self._unreachable(error) from error
        except Exception as error:
            # yfinance's code may raise any exception on an unexpected page.
            _log.debug("yfinance failed", exc_info=True)
            raise SourceError(
                self._name, f"sent what yfinance cannot read ({type(error).__name__})"
            ) from error
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response.status_code, response.headers.get("retry-after"))
        if (urlsplit(response.url).hostname or "").endswith(_CONSENT):
            raise SourceError(self._name, "asks for consent to its cookies instead of answering")
        self._waits.answered()
        is_simulated = response.headers.get("ticker-simulated") == "1"
        return Fetched(body=response.content, simulated=is_simulated)

    def _refused(self, status: int, retry_after: str | None) -> SourceError:
        now = self._clock()
        asked = asked_wait(retry_after, now)
        if status in TOO_MANY or (status == HTTPStatus.SERVICE_UNAVAILABLE and asked):
            return RateLimited(self._name, now + self._waits.refused(asked))
        match status:
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                problem = "refuses us"
            case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                problem = "has a server error"
            case _:
                problem = "answered without quotes"
        return SourceError(self._name, f"{problem} (HTTP {status})")

    def _unreachable(self, error: exceptions.RequestException) -> SourceError:
        match error:
            case exceptions.TooManyRedirects():
                return SourceError(self._name, "redirects too often")
            case exceptions.Timeout():
                problem = f"no answer within {self._deadline:g} s"
            case exceptions.DNSError():
                problem = "host not found"
            case exceptions.SSLError():
                problem = "no secure connection"
            case exceptions.ConnectionError(code=CurlECode.COULDNT_CONNECT):
                where = f" at {self._server}" if self._server else ""
                problem = f"no connection{where}"
            case _:
                problem = "the connection broke"
        return SourceUnreachable(self._name, problem, self._server)


def _yfinance_with(session: BoundedSession) -> Any:
    """Return yfinance's client with `session`.

    yfinance keeps one instance per class for the whole process. So each session gets a class of its
    own. It then has its own cookies and crumb, and a fetch that hangs locks no other fetch.
    """

    class OwnData(YfData):  # type: ignore[misc]
        pass

    return OwnData(session=session)


class _Quieten(logging.Handler):
    """Sends yfinance's messages to our own log, at debug level and in printable ASCII."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("%s: %a", record.name, record.getMessage())


def _keep_yfinance_quiet() -> None:
    # yfinance uses Beautiful Soup (bs4) to read the pages that come instead of crumbs.
    for name in ("yfinance", "bs4"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not any(isinstance(handler, _Quieten) for handler in logger.handlers):
            logger.addHandler(_Quieten())
    warnings.filterwarnings("ignore", module=r"(yfinance|bs4)(\.|$)")
    # A folder that cannot exist: yfinance then keeps its cookies in memory. On disk, the cookie of
    # a server that stands in for Yahoo would be sent to Yahoo by the next program.
    yfinance.set_tz_cache_location(str(Path(os.devnull, "yfinance")))


_keep_yfinance_quiet()
