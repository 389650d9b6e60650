"""The source `website`: the pages of a site, by its sitemap or along its links."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.sdk.source import (
    LONGEST_ADDRESS,
    Document,
    Item,
    Known,
    SourceContext,
    SourceIncomplete,
    SourcePlugin,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from sources.website import page, sitemaps
from sources.website.addresses import (
    BadAddress,
    Site,
    is_other_file,
    leads_into_itself,
    normal,
    without_query,
)
from sources.website.fetching import Answer, Fetcher, LeadsElsewhere, PageFailed
from sources.website.robots import Robots

AGENT = "ContactCenterOS"  #: as robots.txt names us
MOST_SITEMAPS = 500
MOST_QUEUED = 200_000  #: addresses that are remembered; sitemaps may name them without end
MOST_VARIANTS = 50  #: of one page by its query: a calendar has no last month
MOST_LINKS_KEPT = 500  #: of one page, to follow them when it has not changed
ASKED_AGAIN = timedelta(days=7)  #: a page whose lastmod stays is asked for anyway
_HTML = frozenset({"", "text/html", "application/xhtml+xml"})
_SITEMAP_BYTES = 60_000_000


class WebsiteSettings(BaseModel):
    """The address of a site, and the manner of walking through it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    url: str = Field(
        title="Address",
        description="This address and the pages below it are read.",
        max_length=1000,
    )
    follow: Literal["auto", "sitemap", "links"] = Field(
        "auto", title="How pages are found", description="auto: by the sitemap, else by links."
    )
    leave_out: str = Field(
        "", title="Paths to leave out", description="With commas: /blog/, /shop/cart",
        max_length=2000,
    )  # fmt: skip
    pause: float = Field(
        0.5, ge=0, le=60, title="Pause between two requests (seconds)",
        description="Longer where robots.txt asks for it.",
    )  # fmt: skip
    most_pages: int = Field(
        2000, ge=1, le=50_000, title="Pages at most", description="With more it stops and says so."
    )
    largest_page_mb: float = Field(
        5.0, gt=0, le=50, title="Largest page (MB)", description="Larger ones are named, not read."
    )
    trust_lastmod: bool = Field(
        default=True, title="Believe the sitemap's dates",
        description="A page whose lastmod stays is asked for once a week only.",
    )  # fmt: skip

    @field_validator("url")
    @classmethod
    def _is_page(cls, value: str) -> str:
        try:
            return normal(value if "://" in value else f"https://{value}")
        except BadAddress as error:
            raise ValueError("this is no address of a page (https://…)") from error


class Website:
    """One walk through a site."""

    def __init__(self, settings: WebsiteSettings, context: SourceContext) -> None:
        self._settings = settings
        self._context = context
        self._left_out = [p.strip() for p in settings.leave_out.split(",") if p.strip()]

    def documents(self, known: Mapping[str, Known]) -> AsyncIterator[Item]:
        """See `core.sdk.source.Source.documents`."""
        return _Walk(self, known).items()

    async def check(self) -> str:
        """See `core.sdk.source.ChecksSource.check`."""
        async with self.fetcher() as fetcher:
            site, answer = await self.home(fetcher)
            robots = await Robots.of(site, fetcher, name=AGENT)
            if not robots.allows(answer.address):
                raise SourceUnavailable(f"robots.txt of {site.host} does not let us read it.")
            return f"{answer.address} answers, {len(answer.content):,} characters."

    def fetcher(self) -> Fetcher:
        """A connection by these settings."""
        return Fetcher(
            user_agent=self._context.user_agent,
            pause=self._settings.pause,
            largest=int(self._settings.largest_page_mb * 1_000_000),
            clock=self._context.clock,
        )

    async def home(self, fetcher: Fetcher) -> tuple[Site, Answer]:
        """The site, and the page that it begins with. Raises SourceUnavailable."""
        url = self._settings.url
        try:
            answer = await fetcher.get(url)
        except PageFailed as error:
            raise SourceUnavailable(f"{url} {error}.") from error
        if answer.status >= 400:
            raise SourceUnavailable(f"{url} answers {answer.status}.")
        site = Site.of(url)
        if not site.has_host_of(answer.address):
            raise SourceUnavailable(f"{url} leads to {answer.address}; give that address.")
        parts = urlsplit(answer.address)
        return Site(scheme=parts.scheme, host=parts.netloc, folder=site.folder), answer

    def wants(self, address: str) -> bool:
        """Whether this page of the site is to be read."""
        path = urlsplit(address).path
        return not (
            is_other_file(address)
            or leads_into_itself(address)
            or any(path.startswith(prefix) for prefix in self._left_out)
        )


class _Walk:
    """What is known on the way."""

    def __init__(self, website: Website, known: Mapping[str, Known]) -> None:
        self._website = website
        self._settings = website._settings  # noqa: SLF001 - two halves of one thing
        self._context = website._context  # noqa: SLF001
        self._known = known
        self._queue: deque[str] = deque()
        self._queued: set[str] = set()
        self._variants: Counter[str] = Counter()
        self._given: set[str] = set()  # documents
        self._aliases: dict[str, str] = {}  # pages that call another one their own
        self._lastmod: dict[str, str] = {}
        self._unread = 0
        self._incomplete = ""
        self._by_links = False

    async def items(self) -> AsyncIterator[Item]:
        """See `core.sdk.source.Source.documents`."""
        async with self._website.fetcher() as fetcher:
            self._fetcher = fetcher
            self._site, home = await self._website.home(fetcher)
            self._robots = await Robots.of(self._site, fetcher, name=AGENT)
            fetcher.pause = max(fetcher.pause, self._robots.pause)
            await self._begin(home)
            async for item in self._pages():
                yield item
            if self._by_links and self._unread:
                # What is linked from a page that failed is not seen; it is not gone for that.
                for address in self._known:
                    self._want(address)
                async for item in self._pages():
                    yield item
        if self._queue:
            self._incomplete = f"stopped at {self._settings.most_pages} pages"
        if self._incomplete:
            raise SourceIncomplete(self._incomplete)

    async def _begin(self, home: Answer) -> None:
        if self._settings.follow != "links" and await self._from_sitemaps():
            return
        if self._settings.follow == "sitemap":
            raise SourceUnavailable(f"{self._site.host} has no sitemap.")
        self._by_links = True
        self._want(home.address)

    async def _from_sitemaps(self) -> bool:
        """Want what the sitemaps list; whether there was one."""
        told = list(self._robots.sitemaps)
        waiting = deque(told or [f"{self._site.scheme}://{self._site.host}/sitemap.xml"])
        seen: set[str] = set()
        found = False
        while waiting:
            try:
                address = normal(waiting.popleft(), self._site.scheme + "://" + self._site.host)
            except BadAddress:
                continue
            if address in seen or not self._site.has_host_of(address):
                continue
            seen.add(address)
            if len(seen) > MOST_SITEMAPS:
                self._incomplete = f"there are more than {MOST_SITEMAPS} sitemaps"
                break
            try:
                answer = await self._fetcher.get(
                    address, largest=_SITEMAP_BYTES, within=self._site.has_host_of
                )
                if answer.status in (404, 410):
                    continue
                if answer.status != 200:
                    raise PageFailed(f"answers {answer.status}")
                one = sitemaps.read(answer.content)
            except (PageFailed, sitemaps.BadSitemap) as error:
                if not found and not told and not isinstance(error, PageFailed):
                    return False  # a page that says "not found" and 200
                self._incomplete = f"the sitemap {address}: {error}"
                continue
            found = True
            waiting.extend(one.sitemaps)
            if one.broken:
                self._incomplete = f"the sitemap {address} ends in the middle"
            for page_address, lastmod in one.pages:
                if wanted := self._want(page_address, base=address):
                    self._lastmod[wanted] = lastmod
        if not found and self._incomplete:
            raise SourceUnavailable(self._incomplete)
        return found

    def _want(self, address: str, *, base: str = "") -> str:
        """Have this page read, if it is one of ours; its address as we spell it, else ""."""
        try:
            own = self._site.own(normal(address, base))
        except BadAddress:
            return ""
        if not own or own in self._queued or not self._website.wants(own):
            return own if own in self._queued else ""
        if "?" in own:
            plain = without_query(own)
            self._variants[plain] += 1
            if self._variants[plain] > MOST_VARIANTS:
                self._incomplete = f"{plain} has more than {MOST_VARIANTS} variants"
                return ""
        if len(self._queued) >= MOST_QUEUED:
            self._incomplete = f"there are more than {MOST_QUEUED:,} addresses"
            return ""
        self._queued.add(own)
        self._queue.append(own)
        return own

    async def _pages(self) -> AsyncIterator[Item]:
        while self._queue and len(self._given) < self._settings.most_pages:
            address = self._queue.popleft()
            if not self._robots.allows(address):
                continue
            known = self._known.get(address)
            if known is not None and self._is_as_before(address, known):
                self._given.add(address)
                yield Unchanged(address=address)
                continue
            try:
                item = await self._page(address, known)
            except PageFailed as error:
                self._unread += 1
                yield Unread(address=address, why=str(error))
                if error.of_the_site:
                    self._fetcher.failed(f"{address} {error}")
                continue
            self._fetcher.well()
            if item is not None:
                self._given.add(item.address)
                yield item

    def _is_as_before(self, address: str, known: Known) -> bool:
        """Whether the sitemap says that nothing has changed since we read it."""
        lastmod = self._lastmod.get(address, "")
        if not self._settings.trust_lastmod or not lastmod or known.read_at is None:
            return False
        if _memo(known).get("lastmod") != lastmod:
            return False
        if self._context.clock.now() - known.read_at > ASKED_AGAIN:
            return False
        return is_before(lastmod, known.read_at)

    async def _page(self, address: str, known: Known | None) -> Item | None:
        """The page, or None where it is gone, or another one. Raises PageFailed."""
        memo = _memo(known) if known is not None else {}
        links = memo.get("links")
        headers: dict[str, str] = {}
        # Whose links are not known has to be read again to follow them.
        if known is not None and (links is not None or not self._by_links):
            if known.etag:
                headers["If-None-Match"] = known.etag
            if known.modified:
                headers["If-Modified-Since"] = known.modified
        try:
            answer = await self._fetcher.get(
                address, headers=headers, within=self._site.has_host_of
            )
        except LeadsElsewhere:
            return None
        if answer.status == 304:
            if self._by_links:
                for link in links or ():
                    self._want(link)
            memo["lastmod"] = self._lastmod.get(address, "")
            return Unchanged(address=address, memo=json.dumps(memo))
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise PageFailed(f"answers {answer.status}", of_the_site=True)
        if answer.address != address:
            # It is read under the address that it leads to, once.
            landed = self._site.own(answer.address)
            if not landed or landed in self._queued or not self._robots.allows(landed):
                return None
            self._queued.add(landed)
            if not self._website.wants(landed):
                return None
            address = landed
        return self._read(address, answer)

    def _read(self, address: str, answer: Answer) -> Item | None:
        if "noindex" in answer.headers.get("x-robots-tag", "").lower():
            return None
        memo: dict[str, Any] = {"lastmod": self._lastmod.get(address, "")}
        if answer.media_type in _HTML:
            head = page.read(answer.content, address, charset=answer.charset)
            if self._by_links:
                for link in head.links:
                    self._want(link)
                if len(head.links) <= MOST_LINKS_KEPT:
                    memo["links"] = list(head.links)
            if self._is_alias(address, head.canonical):
                return None
        if len(address) > LONGEST_ADDRESS:
            return None
        return Document(
            address=address,
            content=answer.content,
            media_type=answer.headers.get("content-type", ""),
            name=urlsplit(address).path.rsplit("/", 1)[-1],
            url=address,
            language=answer.headers.get("content-language", "").partition(",")[0].strip(),
            etag=answer.headers.get("etag", ""),
            modified=answer.headers.get("last-modified", ""),
            memo=json.dumps(memo),
        )

    def _is_alias(self, address: str, canonical: str) -> bool:
        """Whether the page says that it is another one of this site, which is read then."""
        own = self._site.own(canonical) if canonical else ""
        if not own or own == address or not self._website.wants(own):
            return False
        if self._aliases.get(own) == address or not self._robots.allows(own):
            return False  # each calls the other its own: then one of them is
        self._aliases[address] = own
        self._want(own)
        return True


def is_before(lastmod: str, read_at: datetime) -> bool:
    """Whether a page of this lastmod cannot have changed since it was read.

    A day alone says nothing of that day's hours, nor of the zone it is meant in.
    """
    try:
        at = datetime.fromisoformat(lastmod)
    except ValueError:
        return False
    if at.tzinfo is None:
        return at + timedelta(days=2) < read_at.replace(tzinfo=None)
    return at < read_at


def _memo(known: Known) -> dict[str, Any]:
    try:
        found = json.loads(known.memo or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


plugin = SourcePlugin(settings=WebsiteSettings, create=Website)
