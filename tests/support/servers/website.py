"""A website on a local port, with every fault that real ones have."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from types import TracebackType

from aiohttp import web

EPOCH = 1_700_000_000  #: when the site's pages were first written
BIG = 10_000_000  #: bytes of the page that is larger than a page may be


@dataclass(kw_only=True)
class SitePage:
    """A page; whatever differs from an ordinary one is said."""

    title: str
    text: str
    path: str
    version: int = 0  #: grows with each change; dates go with it
    links: tuple[str, ...] = ()
    canonical: str = ""
    encoding: str = "utf-8"
    says_encoding: bool = True  #: in the header
    robots: str = ""
    raw: bytes | None = None
    media_type: str = "text/html"
    listed: bool = True  #: in the sitemap

    def body(self) -> bytes:
        """What is sent."""
        if self.raw is not None:
            return self.raw
        canonical = f'<link rel="canonical" href="{self.canonical}">' if self.canonical else ""
        robots = f'<meta name="robots" content="{self.robots}">' if self.robots else ""
        links = "".join(f'<li><a href="{link}">{link}</a></li>' for link in self.links)
        return (
            f"<!doctype html><html><head><title>{self.title}</title>{canonical}{robots}</head>"
            f"<body><main><h1>{self.title}</h1><p>{self.text}</p></main>"
            f"<nav><ul>{links}</ul></nav></body></html>"
        ).encode(self.encoding)


@dataclass(kw_only=True)
class FaultySite:
    """The site: pages by path, and what is wrong with it. An asynchronous context."""

    pages: dict[str, SitePage] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)  #: answered first, one by one
    always: dict[str, int] = field(default_factory=dict)  #: answered whatever is there
    robots: str = "User-agent: *\nDisallow: /private/\nSitemap: {root}/sitemap.xml\n"
    robots_status: int = 200
    sitemap: str = "index"  #: index, plain, none, broken, empty, text
    lastmod: bool = False
    conditional: bool = True  #: pages have an ETag and know it again
    slow: dict[str, float] = field(default_factory=dict)  #: seconds before an answer
    retry_after: str = "0"
    down: bool = False
    host: str = "127.0.0.1"
    root: str = ""
    asked: Counter[str] = field(default_factory=Counter)  #: requests by path
    agents: set[str] = field(default_factory=set)

    async def __aenter__(self) -> FaultySite:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.root = f"http://{self.host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    def add(self, path: str, title: str, text: str, **more: object) -> SitePage:
        """Put a page there."""
        page = SitePage(path=path, title=title, text=text)
        for name, value in more.items():
            setattr(page, name, value)
        self.pages[path] = page
        return page

    def change(self, path: str, text: str) -> None:
        """Have a page say something else from now on."""
        self.pages[path].text = text
        self.pages[path].version += 1

    @property
    def fetched(self) -> int:
        """Requests for pages: neither for robots.txt nor for sitemaps."""
        return sum(n for path, n in self.asked.items() if path in self.pages)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        self.asked[path] += 1
        self.agents.add(request.headers.get("User-Agent", ""))
        if self.down:
            return web.Response(status=503, headers={"Retry-After": self.retry_after})
        if self.statuses.get(path):
            status = self.statuses[path].pop(0)
            return web.Response(status=status, headers={"Retry-After": self.retry_after})
        if path in self.always:
            return web.Response(status=self.always[path])
        if path == "/robots.txt":
            return web.Response(status=self.robots_status, text=self.robots.format(root=self.root))
        if path.startswith("/sitemap"):
            return self._sitemap(path)
        if path in self.redirects:
            target = self.redirects[path].format(root=self.root)
            return web.Response(status=301, headers={"Location": target})
        if path in self.slow:
            await asyncio.sleep(self.slow[path])
        page = self.pages.get(path)
        if page is None:
            return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")
        return self._page(request, page)

    def _page(self, request: web.Request, page: SitePage) -> web.Response:
        body = page.body()
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        headers = {"Last-Modified": formatdate(EPOCH + page.version * 60, usegmt=True)}
        if self.conditional:
            headers["ETag"] = etag
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers=headers)
        said = f"; charset={page.encoding}" if page.says_encoding else ""
        headers["Content-Type"] = f"{page.media_type}{said}"
        return web.Response(body=body, headers=headers)

    def _sitemap(self, path: str) -> web.Response:
        if self.sitemap == "none":
            return web.Response(status=404)
        if self.sitemap == "text":
            listed = "\n".join(self.root + p.path for p in self.pages.values() if p.listed)
            return web.Response(text=listed)
        if path == "/sitemap.xml" and self.sitemap == "index":
            parts = "".join(
                f"<sitemap><loc>{self.root}/sitemap-{part}.xml.gz</loc></sitemap>"
                for part in (0, 1)
            )
            return _xml(f"<sitemapindex {_NAMESPACE}>{parts}</sitemapindex>")
        pages = [p for p in self.pages.values() if p.listed] if self.sitemap != "empty" else []
        paths = [p.path for p in pages] + [p for p in self.redirects if self.sitemap != "empty"]
        if self.sitemap == "index":
            half = int(path.removeprefix("/sitemap-")[0])
            paths = paths[half::2]
        text = f"<urlset {_NAMESPACE}>" + "".join(self._entry(p) for p in paths) + "</urlset>"
        if self.sitemap == "broken":
            text = text[: len(text) // 2]
        if self.sitemap == "index":
            return web.Response(body=gzip.compress(text.encode()), content_type="application/gzip")
        return _xml(text)

    def _entry(self, path: str) -> str:
        page = self.pages.get(path)
        said = ""
        if self.lastmod and page is not None:
            said = f"<lastmod>2023-11-{14 + page.version:02}T00:00:00Z</lastmod>"
        address = f"{self.root}{path}".replace("&", "&amp;")
        return f"<url><loc>{address}</loc>{said}</url>"


_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="application/xml")


def a_site(pages: int = 12) -> FaultySite:
    """A site of so many ordinary pages, each saying something of its own."""
    site = FaultySite()
    for number in range(pages):
        links = tuple(f"/p/{n}" for n in range(pages) if n // 10 == number) if number else ("/p/1",)
        site.add(
            f"/p/{number}",
            f"Room {number}",
            f"The room {number} is opened with code {1000 + number}, on every day of the year.",
            links=links,
        )
    site.add("/", "Acme", "Welcome to Acme, which rents rooms.", links=tuple(site.pages))
    return site
