"""Addresses of a site's pages: one spelling for each, and which belong to the site."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

LONGEST = 1000  #: characters
MOST_REPEATS = 3  #: of one part of a path: a relative link that leads ever deeper into itself
_PORTS = {"http": 80, "https": 443}
#: Parts of a query that say who came from where, and nothing of the page.
_TRACKING = re.compile(r"(?:utm_.*|[gf]clid|msclkid|mc_[ce]id|_ga|ref|referrer)", re.IGNORECASE)
_KEPT = "%!$&'()*+,;=:@/-._~"
_SESSION = re.compile(r"(?:php|j|asp)?sess(?:ion)?_?id|sid", re.IGNORECASE)
_OTHER_FILES = re.compile(
    r"\.(?:png|jpe?g|gif|webp|avif|svg|ico|bmp|css|js|mjs|map|woff2?|ttf|otf|eot|mp[34]|m4[av]|mov|"
    r"wav|avi|webm|ogg|zip|gz|tgz|rar|7z|exe|dmg|apk|iso|rss|atom)\Z",
    re.IGNORECASE,
)


class BadAddress(ValueError):
    """This is no address of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The extent of a site: a host, with or without "www.", below one folder."""

    scheme: str
    host: str  #: with its port, where that is not the usual one
    folder: str  #: "/help/"; "/" for all of it

    @classmethod
    def of(cls, address: str) -> Site:
        """The site that begins at this page: what is below it; beside it, where it is a file."""
        parts = urlsplit(address)
        before, _, name = parts.path.rpartition("/")
        folder = f"{before}/" if not name or "." in name else f"{parts.path}/"
        return cls(scheme=parts.scheme, host=parts.netloc, folder=folder)

    def own(self, address: str) -> str:
        """The address as this site spells it; "" for one of another site or another folder."""
        parts = urlsplit(address)
        inside = parts.path.startswith(self.folder) or parts.path == self.folder.rstrip("/")
        if not inside or not self.has_host_of(address):
            return ""
        # Whoever writes http:// for a site of https:// would be sent on at each request.
        return urlunsplit((self.scheme, self.host, parts.path, parts.query, ""))

    def has_host_of(self, address: str) -> bool:
        """Whether this address is one of the site's host, below whatever folder."""
        return _bare(urlsplit(address).netloc) == _bare(self.host)


def normal(address: str, base: str = "") -> str:
    """The one spelling of an address. Raises BadAddress for what is no page's.

    Without fragment, usual port and marks of who came from where; the rest of the query stays in
    its order, for some sites mean it.
    """
    try:
        parts = urlsplit(urljoin(base, address.strip()))
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise BadAddress(str(error)) from error
    if scheme not in _PORTS or not host or parts.username is not None:
        raise BadAddress(address[:100])
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    netloc = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    path = _path(parts.path)
    query = "&".join(part for part in parts.query.split("&") if part and not _is_idle(part))
    found = urlunsplit((scheme, netloc, path, quote(query, safe=_KEPT + "?"), ""))
    if len(found) > LONGEST:
        raise BadAddress("longer than an address may be")
    return found


def leads_into_itself(address: str) -> bool:
    """Whether the path repeats a part as broken relative links do: /a/b/a/b/a/b/a/b."""
    parts = [part for part in urlsplit(address).path.split("/") if part]
    return max(Counter(parts).values(), default=0) > MOST_REPEATS


def is_other_file(address: str) -> bool:
    """Whether the name says that this is a picture, a style sheet, an archive."""
    return _OTHER_FILES.search(urlsplit(address).path) is not None


def without_query(address: str) -> str:
    """The address without its query: the page of which a calendar makes thousands."""
    return address.partition("?")[0]


def _path(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if len(kept) > 1:
                kept.pop()
        elif part != ".":
            # Left as it is written: not every site writes UTF-8 there.
            kept.append(quote(part, safe=_KEPT))
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept) or "/"


def _is_idle(part: str) -> bool:
    name = part.partition("=")[0]
    return bool(_TRACKING.fullmatch(name) or _SESSION.fullmatch(name))


def _bare(netloc: str) -> str:
    return netloc.lower().removeprefix("www.")
