"""Asks a site for its pages, one at a time and as politely as it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType

import aiohttp

from core.clock import Clock
from core.sdk.source import SourceUnavailable
from sources.website.addresses import BadAddress, normal

MOST_REDIRECTS = 8
MOST_TRIES = 4  #: for one page that says "later"
LONGEST_WAIT = 120.0  #: seconds that a site may ask us to wait for one page
MOST_IN_A_ROW = 10  #: pages that fail one after the other before the site counts as down
CHUNK = 65_536
_LATER = frozenset({429, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})


class PageFailed(Exception):
    """This page could not be read; `str` says why.

    `of_the_site` where another page most likely fails as well: it does not answer, or says "later".
    """

    def __init__(self, why: str, *, of_the_site: bool = False) -> None:
        super().__init__(why)
        self.of_the_site = of_the_site


class LeadsElsewhere(PageFailed):
    """This page redirects to another site, which was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of a site after all redirects."""

    address: str  #: after all redirects, in its normal spelling
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  #: names in lower case
    content: bytes = b""

    @property
    def media_type(self) -> str:
        """The type alone, "text/html"; "" where it says none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The encoding that the header names, "" for none."""
        _, found, rest = self.headers.get("content-type", "").lower().partition("charset=")
        return rest.partition(";")[0].strip(" \"'") if found else ""


class Fetcher:
    """One connection to a site; an asynchronous context.

    `pause` seconds lie between two requests. Raises SourceUnavailable from any request once
    `MOST_IN_A_ROW` pages have failed: then it is the site that fails.
    """

    def __init__(self, *, user_agent: str, pause: float, largest: int, clock: Clock) -> None:
        self.pause = pause
        self._largest = largest
        self._clock = clock
        self._next = 0.0
        self._failed = 0
        self.requests = 0
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": user_agent, "Accept": "text/html,*/*;q=0.5"},
            timeout=aiohttp.ClientTimeout(total=60, sock_connect=15, sock_read=30),
            connector=aiohttp.TCPConnector(limit=1, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def get(
        self,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        largest: int = 0,
        within: Callable[[str], bool] | None = None,
    ) -> Answer:
        """The answer after redirects, none of which leads out of `within`.

        Raises PageFailed for none, or one that is too large; LeadsElsewhere.
        """
        seen = {address}
        asked = address
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._patiently(asked, headers or {}, largest or self._largest)
            if answer.status not in _MOVED:
                return answer
            try:
                asked = normal(answer.headers.get("location", ""), asked)
            except BadAddress as error:
                raise PageFailed(f"redirects to what is no page: {error}") from error
            if asked in seen:
                raise PageFailed("redirects in a circle")
            if within is not None and not within(asked):
                raise LeadsElsewhere(f"leads to {asked}")
            seen.add(asked)
            headers = None  # what we know is of the address we came from
        raise PageFailed(f"redirects more than {MOST_REDIRECTS} times")

    def well(self) -> None:
        """A page came as it should: the site works."""
        self._failed = 0

    def failed(self, why: str) -> None:
        """A page failed. Raises SourceUnavailable once too many have, one after the other."""
        self._failed += 1
        if self._failed >= MOST_IN_A_ROW:
            raise SourceUnavailable(f"{self._failed} pages failed one after the other: {why}")

    async def _patiently(self, address: str, headers: Mapping[str, str], largest: int) -> Answer:
        waited = 0.0
        for tried in range(1, MOST_TRIES + 1):
            try:
                answer = await self._once(address, headers, largest)
            except PageFailed:
                raise
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                if tried == MOST_TRIES - 1 or _is_forbidden(error):
                    raise PageFailed(_said(error), of_the_site=True) from error
                wait = float(2**tried) / 2
            else:
                if answer.status not in _LATER:
                    return answer
                wait = self._asked_to_wait(answer, tried)
                if tried == MOST_TRIES or waited + wait > LONGEST_WAIT:
                    raise PageFailed(f"answers {answer.status}", of_the_site=True)
            waited += wait
            await self._clock.sleep(wait)
        raise PageFailed("does not answer")

    async def _once(self, address: str, headers: Mapping[str, str], largest: int) -> Answer:
        wait = self._next - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        try:
            self.requests += 1
            async with self._session.get(
                address, headers=headers, allow_redirects=False
            ) as response:
                content = b""
                if response.status == 200:
                    content = await _bounded(response, largest)
                return Answer(
                    address=address,
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    content=content,
                )
        finally:
            self._next = self._clock.monotonic() + self.pause

    def _asked_to_wait(self, answer: Answer, tried: int) -> float:
        """Seconds, as Retry-After says: a number, or a date."""
        said = answer.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return max(float(said[:9]), self.pause)
        try:
            at = parsedate_to_datetime(said)
        except (ValueError, OverflowError):
            return max(float(2**tried), self.pause)
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        now: datetime = self._clock.now()
        return max((at - now).total_seconds(), self.pause)


async def _bounded(response: aiohttp.ClientResponse, largest: int) -> bytes:
    told = response.content_length
    if told is not None and told > largest:
        raise PageFailed(_too_large(largest))
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(CHUNK):
        size += len(part)
        if size > largest:
            # A page without an end is not read to its end.
            response.close()
            raise PageFailed(_too_large(largest))
        parts.append(part)
    return b"".join(parts)


def _too_large(largest: int) -> str:
    return f"is larger than {largest / 1_000_000:g} MB"


def _is_forbidden(error: BaseException) -> bool:
    """Whether it was the host that did not let us connect there."""
    return isinstance(error, PermissionError) or isinstance(
        getattr(error, "os_error", None), PermissionError
    )


def _said(error: BaseException) -> str:
    if _is_forbidden(error):
        return "lies in a private network, which the operator has not allowed"
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    return f"cannot be reached ({type(error).__name__})"
