"""One request to Yahoo for many symbols, through yfinance: the only door to it.

Promises that a fetch gives either the body of a good answer or an error of ticker's own tree, in
bounded time; that yfinance writes nothing to the user's cache folder and nothing to the screen; and
that each `Fetcher` has a session, cookies and crumb of its own. Importing this module imports
yfinance (1.2 s) and fetching blocks, so both belong into a thread. It does not read quotes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import yfinance
from curl_cffi.requests import Response
from curl_cffi.requests.exceptions import (
    ConnectionError as CurlConnectionError,
)
from curl_cffi.requests.exceptions import (
    DNSError,
    RequestException,
    SSLError,
    Timeout,
    TooManyRedirects,
)
from yfinance.data import YfData
from yfinance.exceptions import YFRateLimitError

from ticker.errors import RateLimited, SourceError, SourceUnreachable
from ticker.sources.session import LeashedSession

_log = logging.getLogger(__name__)

_QUOTES: Final = "https://query1.finance.yahoo.com/v7/finance/quote"
_TOO_MANY: Final = frozenset({429, 999})
_SECOND: Final = 1_000_000
_MAX_RETRY: Final = 24 * 3600 * _SECOND


class Fetched(NamedTuple):
    """A good answer."""

    body: bytes
    simulated: bool
    """Whether the server says that its prices are invented."""
    requests: int
    """Requests for quotes that it took, yfinance's own second try included."""


class Fetcher:
    """Fetches with a session, cookies and crumb of its own; for one thread.

    `name` is the source's, for errors; `server` (`HOST:PORT`) stands in for Yahoo; `deadline` is in
    seconds; `clock` gives µs since the epoch.
    """

    def __init__(
        self, name: str, server: str | None, *, deadline: float, clock: Callable[[], int]
    ) -> None:
        self._name = name
        self._server = server
        self._deadline = deadline
        self._clock = clock
        self._session = LeashedSession(server)
        self._yahoo = _yfinance_with(self._session)

    def fetch(self, symbols: Sequence[str], *, patience: int) -> Fetched:
        """The answer for `symbols` (1 to 50), in one request for quotes.

        `patience` (µs) is how long to leave a source alone that asks us to slow down and does not
        say for how long. Raises `RateLimited`, `SourceUnreachable`, `SourceError`.
        """
        self._session.allow(self._deadline)
        try:
            response: Response = self._yahoo.get(
                _QUOTES,
                params={"symbols": ",".join(symbols), "formatted": "false"},
                timeout=self._deadline,
            )
        except YFRateLimitError:
            raise self._rate_limited(patience) from None
        except RequestException as error:
            raise self._unreachable(error) from error
        except Exception as error:
            # yfinance meets an unforeseen page with whatever its line of code raises then.
            _log.debug("yfinance failed", exc_info=True)
            raise SourceError(
                self._name, f"sent what yfinance cannot read ({type(error).__name__})"
            ) from error
        self._check(response, patience)
        path = urlsplit(_QUOTES).path
        return Fetched(
            body=response.content,
            simulated=response.headers.get("ticker-simulated") == "1",
            requests=sum(seen.path == path for seen in self._session.seen),
        )

    def close(self) -> None:
        """Close the connections; not while a fetch is under way."""
        self._session.close()

    def _check(self, response: Response, patience: int) -> None:
        status = response.status_code
        host = urlsplit(response.url).hostname or ""
        if status != HTTPStatus.OK and any(seen.status in _TOO_MANY for seen in self._session.seen):
            raise self._rate_limited(patience)
        if status == HTTPStatus.SERVICE_UNAVAILABLE and response.headers.get("retry-after"):
            raise self._rate_limited(patience)
        if host.endswith(("consent.yahoo.com", "guce.yahoo.com")):
            raise SourceError(self._name, "asks for consent to its cookies instead of answering")
        match status:
            case HTTPStatus.OK:
                return
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                raise SourceError(self._name, f"refuses us (HTTP {status})")
            case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise SourceError(self._name, f"is in trouble (HTTP {status})")
            case _:
                raise SourceError(self._name, f"answered without quotes (HTTP {status})")

    def _rate_limited(self, patience: int) -> RateLimited:
        now = self._clock()
        for seen in reversed(self._session.seen):
            if (wait := _retry_after(seen.retry_after, now)) is not None:
                return RateLimited(self._name, now + min(wait, _MAX_RETRY))
        return RateLimited(self._name, now + patience)

    def _unreachable(self, error: RequestException) -> SourceError:
        match error:
            case TooManyRedirects():
                return SourceError(self._name, "sends us in circles (too many redirects)")
            case Timeout():
                problem = f"no answer within {self._deadline:g} s"
            case DNSError():
                problem = "its address cannot be found (no network?)"
            case SSLError():
                problem = "no secure connection"
            case CurlConnectionError():
                where = f" at {self._server}" if self._server else ""
                problem = f"no connection{where}"
            case _:
                problem = "the connection broke"
        return SourceUnreachable(self._name, problem)


def _retry_after(header: str | None, now: int) -> int | None:
    """µs from `now` that a `Retry-After` header asks for: seconds or a date; `None`: nothing."""
    if not header:
        return None
    try:
        if header.strip().isdecimal():
            return int(header[:12]) * _SECOND
        return max(0, round(parsedate_to_datetime(header).timestamp() * _SECOND) - now)
    except (ValueError, OverflowError):
        return None


def _yfinance_with(session: LeashedSession) -> Any:
    """The data door of yfinance with `session` in it.

    yfinance keeps one instance a class for the whole process. A class for each session keeps the
    cookies and crumbs of Yahoo and of a server that stands in for it apart, and the locks of a
    fetch that hangs away from the next one.
    """

    class OwnData(YfData):  # type: ignore[misc]
        pass

    return OwnData(session=session)


class _Quieten(logging.Handler):
    """What yfinance says goes to our own log, at debug level and in visible ASCII."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("yfinance: %a", record.getMessage())


def _keep_yfinance_quiet() -> None:
    logger = logging.getLogger("yfinance")
    logger.propagate = False
    if not any(isinstance(handler, _Quieten) for handler in logger.handlers):
        logger.addHandler(_Quieten())
    # A folder that cannot exist: yfinance then keeps its cookies in memory. On disk, the cookie of
    # a server that stands in for Yahoo would be sent to Yahoo by the next program.
    yfinance.set_tz_cache_location(str(Path(os.devnull, "yfinance")))


_keep_yfinance_quiet()
