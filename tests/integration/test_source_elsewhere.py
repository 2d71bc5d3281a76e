"""A server that stands in for Yahoo: it alone is asked, and for just what Yahoo would be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import curl_cffi.requests
import pytest
from aiohttp import web

from ticker.errors import SourceError
from ticker.sources.address import YahooAddress
from ticker.sources.yahoo import YahooSource

QUOTE = {"symbol": "AAPL", "regularMarketPrice": 5, "regularMarketTime": 1_739_566_800}
BODY = {"quoteResponse": {"result": [QUOTE], "error": None}}
QUOTES = "/v7/finance/quote"

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Server:
    """Answers each path by a table and remembers what it was asked."""

    routes: dict[str, Handler]
    asked: list[web.Request] = field(default_factory=list)
    address: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        handler = self.routes.get(request.path)
        return await handler(request) if handler else web.Response(status=404)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


def text(body: str, *cookies: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        response = web.Response(text=body, content_type="text/html")
        for cookie in cookies:
            response.headers.add("Set-Cookie", cookie)
        return response

    return answer


def redirect(status: int, target: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": target})

    return answer


async def quotes(_: web.Request) -> web.Response:
    return web.json_response(BODY)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def begin(**routes: Handler) -> Server:
        server = Server(
            {
                "/": text("", "A3=d; Domain=.yahoo.com; Path=/; Secure"),
                "/v1/test/getcrumb": text("cr/u mb"),
                QUOTES: quotes,
                **routes,
            }
        )
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.address = f"127.0.0.1:{runner.addresses[0][1]}"
        return server

    yield begin
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every URL that curl gets. Curl itself must not follow a redirect."""
    given: list[str] = []
    real = curl_cffi.requests.Session.request

    def spy(session: Any, method: Any, url: str, **options: Any) -> Any:
        assert options["allow_redirects"] is False
        given.append(url)
        return real(session, method, url, **options)

    monkeypatch.setattr(curl_cffi.requests.Session, "request", spy)
    return given


async def ask(server: Server, *symbols: str) -> list[float]:
    source = YahooSource(YahooAddress.at(f"yahoo+http://{server.address}"), deadline=5)
    try:
        return [quote.price for quote in (await source.quotes(symbols or ["AAPL"])).quotes]
    finally:
        await source.close()


async def test_no_other_host_is_asked(serve: Serve, urls: list[str]) -> None:
    server = await serve()
    assert await ask(server) == [5]
    assert {urlsplit(url)[:2] for url in urls} == {("http", server.address)}
    assert server.paths == ["/", "/v1/test/getcrumb", QUOTES]
    assert {request.host for request in server.asked} == {server.address}


async def test_charts_and_searches_ask_no_other_host_either(serve: Serve, urls: list[str]) -> None:
    server = await serve()
    source = YahooSource(YahooAddress.at(f"yahoo+http://{server.address}"), deadline=5)
    for asking in (source.bars("BRK-B"), source.bars("^IXIC"), source.search("gold & co")):
        with pytest.raises(SourceError):  # this server knows neither
            await asking
    await source.close()
    assert {urlsplit(url)[:2] for url in urls} == {("http", server.address)}
    asked = [request for request in server.asked if "finance" in request.path]
    # What fails, yfinance asks twice.
    assert [*dict.fromkeys(request.path for request in asked)] == [
        "/v8/finance/chart/BRK-B",
        "/v8/finance/chart/^IXIC",
        "/v1/finance/search",
    ]
    assert asked[-1].query["q"] == "gold & co"


async def test_path_query_and_browser_headers_stay_as_they_are(serve: Serve) -> None:
    server = await serve()
    await ask(server, "^IXIC", "GC=F", "EURUSD=X", "M&M.NS")
    request = server.asked[-1]
    assert request.path == QUOTES
    assert dict(request.query) == {
        "symbols": "^IXIC,GC=F,EURUSD=X,M&M.NS",
        "formatted": "false",
        "crumb": "cr/u mb",
    }
    assert "Chrome" in request.headers["User-Agent"]
    assert "gzip" in request.headers["Accept-Encoding"]
    assert "Upgrade" not in request.headers


@pytest.mark.parametrize(
    "cookie",
    [
        "A3=d; Domain=.yahoo.com; Path=/; Secure; HttpOnly; SameSite=None",
        "A3=d; Domain=yahoo.com; Max-Age=31557600; Path=/",
        "A3=d; Path=/; Secure",
        "A3=d",
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_cookies_for_yahoos_domain_are_sent_to_the_server_that_set_them(
    serve: Serve, cookie: str, host: str
) -> None:
    server = await serve(**{"/": text("", cookie, "B=; ; =;", "=x; Domain")})
    server.address = server.address.replace("127.0.0.1", host)
    await ask(server)
    assert server.asked[-1].cookies.get("A3") == "d"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_followed_on_the_same_server(
    serve: Serve, urls: list[str], status: int
) -> None:
    other = await serve()
    server = await serve(
        **{
            QUOTES: redirect(status, f"http://{other.address}/elsewhere?x=1"),
            "/elsewhere": redirect(status, "https://query2.finance.yahoo.com/there"),
            "/there": redirect(status, "relative"),
            "/relative": quotes,
        }
    )
    assert await ask(server) == [5]
    assert server.paths[2:] == [QUOTES, "/elsewhere", "/there", "/relative"]
    assert [dict(request.query) for request in server.asked[3:]] == [{"x": "1"}, {}, {}]
    assert other.asked == []
    assert all(urlsplit(url).netloc == server.address for url in urls)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "//[", "http://"])
async def test_a_redirect_to_nonsense_is_an_error(
    serve: Serve, urls: list[str], target: str
) -> None:
    server = await serve(**{QUOTES: redirect(302, target)})
    with pytest.raises(SourceError):
        await ask(server)
    assert {urlsplit(url)[:2] for url in urls} == {("http", server.address)}


async def test_a_redirect_loop_ends(serve: Serve) -> None:
    server = await serve(**{QUOTES: redirect(302, QUOTES)})
    with pytest.raises(SourceError, match="redirects too often"):
        await ask(server)
    assert len(server.asked) < 20


async def test_the_consent_page_is_answered_on_the_same_server(
    serve: Serve, urls: list[str]
) -> None:
    form = (
        '<form method="post" action="/v2/agree"><input name="csrfToken" value="t">'
        '<input name="agree" type="checkbox" value="yes"></form>'
    )
    agreed: list[dict[str, Any]] = []

    async def agree(request: web.Request) -> web.Response:
        agreed.append({**await request.post()})
        return web.Response(
            status=302, headers={"Location": f"https://query1.finance.yahoo.com{QUOTES}?back=1"}
        )

    async def consent_first(request: web.Request) -> web.Response:
        if "back" in request.query:
            return await quotes(request)
        return await redirect(302, "https://consent.yahoo.com/v2/form?id=1")(request)

    server = await serve(
        **{
            QUOTES: consent_first,
            "/v2/form": text(form),
            "/v2/agree": agree,
        }
    )
    assert await ask(server) == [5]
    assert agreed == [{"csrfToken": "t", "agree": "yes"}]
    assert all(urlsplit(url).netloc == server.address for url in urls)


async def test_a_consent_page_without_a_form_is_reported(serve: Serve) -> None:
    server = await serve(
        **{
            QUOTES: redirect(302, "https://consent.yahoo.com/v2/form"),
            "/v2/form": text("Before you continue"),
        }
    )
    with pytest.raises(SourceError, match="consent"):
        await ask(server)


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY", "all_proxy", "https_proxy"])
async def test_proxies_from_the_environment_get_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    server, proxy = await serve(), await serve()
    monkeypatch.setenv(variable, f"http://{proxy.address}")
    assert await ask(server) == [5]
    assert proxy.asked == []


async def test_a_proxy_in_yfinances_settings_gets_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yfinance

    server, proxy = await serve(), await serve()
    monkeypatch.setattr(yfinance.config.network, "proxy", f"http://{proxy.address}")
    assert await ask(server) == [5]
    assert proxy.asked == []
