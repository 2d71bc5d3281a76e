"""The HTTP session that yfinance is given.

No request lasts beyond the deadline of its whole fetch. If an answer asks us to slow down, or has a
server error, the session raises `HostRefused`, and yfinance sends no further request. If another
server stands in for Yahoo, it gets every request, with path, query and headers unchanged: no
redirect or proxy leads elsewhere. This module does not know what is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from curl_cffi import CurlECode, CurlOpt
from curl_cffi.const import CurlHttpVersion
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import Timeout, TooManyRedirects

_COOKIE_PAGE: Final = "https://fc.yahoo.com"
_FINANCE: Final = ".finance.yahoo.com"
TOO_MANY: Final = frozenset({429, 999})
"""HTTP statuses with which Yahoo asks us to slow down."""
_TROUBLE: Final = 500
_SHORTEST: Final = 0.001
"""The shortest timeout (s). curl counts in milliseconds, and for curl 0 means no limit."""
_BROWSER: Final = "chrome"
_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_REDIRECTS: Final = 10
_BECOME_GET: Final = frozenset({301, 302, 303})
_REDIRECTS: Final = _BECOME_GET | {307, 308}
_BODY: Final = ("data", "json", "content", "files", "multipart")


class HostRefused(Exception):
    """A finance server refused with `status`: do not ask it again at once.

    `retry_after` is the unchanged header. Without this error, yfinance would believe that the crumb
    has expired, and would send four more requests.
    """

    def __init__(self, status: int, retry_after: str | None) -> None:
        super().__init__(status, retry_after)
        self.status = status
        self.retry_after = retry_after


class BoundedSession(Session[Response]):
    """A session for yfinance in one thread.

    `server` is `HOST:PORT` of the server that stands in for Yahoo over plain HTTP; `None` is Yahoo.
    `permit` is called before each request, also for cookie and crumb. It may raise.
    """

    def __init__(
        self, server: str | None = None, *, permit: Callable[[], object] = lambda: None
    ) -> None:
        options: dict[Any, Any] = {CurlOpt.MAXFILESIZE_LARGE: _MAX_BYTES}
        if server is not None:
            # This overrides the proxies of the environment and of yfinance's settings.
            options[CurlOpt.NOPROXY] = "*"
        super().__init__(
            impersonate=_BROWSER,
            curl_options=options,
            max_redirects=_MAX_REDIRECTS,
            # Over plain HTTP the browser's HTTP/2 would ask for an upgrade that no server grants.
            http_version=None if server is None else CurlHttpVersion.V1_1,
        )
        self._server = server
        self._permit = permit
        self._host = urlsplit(f"//{server}").hostname or ""
        self._deadline = time.monotonic()
        self._cookie_page: Response | None = None

    def allow(self, seconds: float) -> None:
        """Allow requests until `seconds` from now."""
        self._deadline = time.monotonic() + seconds

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Response:
        """Send a request within the deadline. Raises `HostRefused`, and curl_cffi's own errors."""
        if url == _COOKIE_PAGE and self._cookie_page is not None and self.cookies:
            # Without its cache on disk, yfinance fetches its cookie again before every request.
            return self._cookie_page
        self._permit()
        if self._server is None:
            response = super().request(method, url, *args, **self._in_time(options))
        else:
            response = self._elsewhere(self._server, method, url, options)
        if url == _COOKIE_PAGE:
            self._cookie_page = response
        status = response.status_code
        is_finance = (urlsplit(url).hostname or "").endswith(_FINANCE)
        if is_finance and (status in TOO_MANY or status >= _TROUBLE):
            raise HostRefused(status, response.headers.get("retry-after"))
        return response

    def _in_time(self, options: dict[str, Any]) -> dict[str, Any]:
        left = self._deadline - time.monotonic()
        if left < _SHORTEST:
            raise Timeout("the deadline is over", CurlECode.OPERATION_TIMEDOUT)
        return {**options, "timeout": left}

    def _elsewhere(self, server: str, method: Any, url: str, options: dict[str, Any]) -> Response:
        follow = options.pop("allow_redirects", True)
        for _ in range(_MAX_REDIRECTS + 1):
            response = super().request(
                method, _moved(url, "http", server), allow_redirects=False, **self._in_time(options)
            )
            self._keep_cookies(response)
            # yfinance recognizes Yahoo's consent page by its address.
            asked = urlsplit(url)
            response.url = _moved(response.url, asked.scheme, asked.netloc)
            target = response.headers.get("location")
            if not follow or not target or response.status_code not in _REDIRECTS:
                return response
            url = urljoin(url, target)
            options.pop("params", None)
            if response.status_code in _BECOME_GET and method != "HEAD":
                method = "GET"
                options = {key: value for key, value in options.items() if key not in _BODY}
        raise TooManyRedirects("too many redirects", CurlECode.TOO_MANY_REDIRECTS)

    def _keep_cookies(self, response: Response) -> None:
        """Store cookies of Yahoo's domains, and secure ones, for the server that stands in.

        curl refuses them: another host sent them, and over plain HTTP.
        """
        for header in response.headers.get_list("set-cookie"):
            try:
                cookies = SimpleCookie(header)
            except CookieError:
                continue
            for name, morsel in cookies.items():
                if morsel["domain"] or morsel["secure"]:
                    path = morsel["path"] or "/"
                    self.cookies.set(name, morsel.value, domain=self._host, path=path)


def _moved(url: str, scheme: str, netloc: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((scheme, netloc, parts.path, parts.query, parts.fragment))
