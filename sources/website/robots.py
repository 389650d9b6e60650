"""Reads robots.txt (RFC 9309): which pages we may ask for, how fast, and where sitemaps are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from protego import Protego

from core.sdk.source import SourceUnavailable
from sources.website.addresses import Site
from sources.website.fetching import Fetcher, PageFailed

LARGEST = 512_000  #: bytes; the rest does not count, says the standard
SLOWEST = 30.0  #: seconds between two requests that we grant a site
_AGENT = re.compile(r"user[-\s]{0,9}agent(?:\s{0,9}:|\s)(.*)", re.IGNORECASE)


class Robots:
    """The rules for us."""

    def __init__(self, rules: Protego, *, name: str) -> None:
        self._rules = rules
        self._name = name

    @classmethod
    async def of(cls, site: Site, fetcher: Fetcher, *, name: str) -> Robots:
        """The site's own; everything is allowed where it has none.

        Raises SourceUnavailable where it cannot be told: then nothing is allowed, says the
        standard.
        """
        address = f"{site.scheme}://{site.host}/robots.txt"
        try:
            answer = await fetcher.get(address, largest=50_000_000)
        except PageFailed as error:
            raise SourceUnavailable(f"{address} {error}.") from error
        if answer.status >= 500:
            raise SourceUnavailable(f"{address} answers {answer.status}.")
        found = answer.content[:LARGEST] if answer.status == 200 else b""
        return cls(rules_for(found.decode("utf-8", "replace"), name=name), name=name)

    def allows(self, address: str) -> bool:
        """Whether we may ask for this page."""
        return bool(self._rules.can_fetch(address, self._name))

    @property
    def pause(self) -> float:
        """Seconds that it wants between two requests."""
        return min(self._rules.crawl_delay(self._name) or 0.0, SLOWEST)

    @property
    def sitemaps(self) -> Sequence[str]:
        """Where its sitemaps are."""
        return list(self._rules.sitemaps)


def rules_for(text: str, *, name: str) -> Protego:
    """The rules of a robots.txt for a crawler of this name, and for all of them.

    Each rule is kept for each name of its group: fifteen thousand of both would fill the memory.
    So all names that do not mean us become one.
    """
    lines = []
    for line in text.splitlines():
        # As the parser sees it: without what is behind a comment's sign.
        told = _AGENT.fullmatch(line.partition("#")[0].strip())
        bare = told[1].strip().lower().replace("*", "") if told else ""
        means_us = name.lower().startswith(bare)
        lines.append(line if means_us else "User-agent: -")
    return Protego.parse("\n".join(lines))
