"""Parses a link's target as a browser does, for exact comparison."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, unquote

LONGEST = 2000  #: characters of an address that are compared
DOTS = str.maketrans({"。": ".", "｡": ".", "．": ".", "﹒": ".", "․": "."})
"""What the name system takes for a full stop."""

STOP = r"\s<>\"'`“”‘’«»「」『』《》〈〉"
"""Characters, inside brackets, at which an address in a text ends."""

REST = re.compile(rf"[^{STOP}]{{1,{LONGEST}}}")
_OPEN, _CLOSE = "([{<«“‘「『", ")]}>»”’」』"
_BRACKET = re.compile(f"[{re.escape(_OPEN + _CLOSE)}]")
_END_MARKS = ".,;:!?…。、·*_~|^"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30}):")
_PORT = re.compile(r":(\d{1,5})")
_AUTHORITY = re.compile(r"[^/\\?#]*")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_HANGUL = re.compile(r"[가-힣ㄱ-ㆎ]")
_AROUND = "".join(map(chr, range(33)))
#: Korean words that follow an address without a space and are no part of it
_PARTICLE = re.compile(
    r"(?:에서(?:는|도|만)?|에(?:는|도|만|게)?|으?로(?:는|도|만)?|을|를|은|는|이|가|와|과|의|도|만|"
    r"나|이나|까지|부터|처럼|입니다|이며|이고|라는|이라는|이에요|예요)[.,!?…)\]]*\Z"
)
_COUNTS_VISITORS = ("utm_", "gclid=", "fbclid=", "msclkid=")
_PHONES = ("tel", "sms", "smsto", "callto", "facetime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link's target in one spelling; equal ones lead to the same place.

    `scheme` is "" for a bare host, which some clients open by http and some by https; "mailto",
    "tel"; "@" for a name in a messenger; "relative" for a path; else as written.
    """

    scheme: str = ""
    user: str = ""  #: what stands before "@" in a page's address; nobody honest writes it
    host: str = ""  #: in lower case, "xn--" names in their letters; the whole of a mail address
    port: str = ""
    rest: str = ""  #: path, query and fragment; a telephone number's digits

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        slashes = "//" if self.scheme in ("http", "https") else ""
        scheme = f"{self.scheme}:{slashes}" if self.scheme not in ("", "@", "relative") else ""
        return f"{scheme}{user}{'@' if self.scheme == '@' else ''}{self.host}{port}{self.rest}"


def links_of(href: str) -> frozenset[Link]:
    """A link's target as a browser reads it, and for a page the bare host too; none for none."""
    href = re.sub(r"[\t\r\n]", "", href).strip(_AROUND)
    if not href:
        return frozenset()
    scheme = _SCHEME.match(href)
    if scheme is None:
        if href.replace("\\", "/").startswith("//"):
            return frozenset(page("http", href))
        return frozenset([Link(scheme="relative", rest=href)])
    return frozenset(target(scheme[1].lower(), href[scheme.end() :]))


def foreign(links: Collection[Link], known: Collection[Link]) -> list[Link]:
    """Those that lead where none of the known ones does, exactly compared, in a fixed order.

    A host without a scheme is known by whatever scheme it has; https where http is known is no
    other place, http where https is known could be read and changed on its way.
    """
    return sorted((link for link in links if not _is_known(link, known)), key=str)


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where a text has web addresses with their scheme: start and end of each.

    What ends a sentence, closes a bracket that was open before, or is a Korean particle behind a
    Latin address is no part of it.
    """
    end = 0
    for match in _ADDRESS.finditer(text):
        if match.start() < end:
            continue
        rest = REST.match(text, match.end())
        if rest is not None and (written := trimmed(rest.group())):
            end = match.end() + len(written)
            yield match.start(), end


def target(scheme: str, written: str) -> Iterator[Link]:
    """What an address with this scheme, and this behind the colon, leads to."""
    if scheme in ("http", "https"):
        yield from page(scheme, written)
    elif scheme == "mailto":
        address, _, query = unquote(written).partition("?")
        local, at, host = address.strip().lower().rpartition("@")
        yield Link(scheme="mailto", host=f"{local}{at}{named(host)}", rest=query)
    elif scheme in _PHONES:
        yield replace(telephone(unquote(written)), user="" if scheme == "tel" else scheme)
    else:
        yield Link(scheme=scheme, rest=written)


def page(scheme: str, written: str) -> Iterator[Link]:
    """A page by what stands behind the colon; also as a bare host, which many would read."""
    written = written.lstrip("/\\")
    authority = _AUTHORITY.match(written)
    assert authority is not None
    user, _, place = authority.group().rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or place.endswith("]"):
        host, port = place, ""
    port = "" if (scheme, port) in (("http", "80"), ("https", "443")) else port
    link = replace(bare(named(host), written[authority.end() :]), port=port, scheme=scheme)
    yield replace(link, user=user)
    if not user:
        yield replace(link, scheme="")


def bare(host: str, tail: str) -> Link:
    """A host without a scheme, with the port, path and query that follow it."""
    port = ""
    if with_port := _PORT.match(tail):
        port, tail = with_port[1], tail[with_port.end() :]
        port = "" if port in ("80", "443") else port
    path, _, fragment = tail[:LONGEST].partition("#")
    path, _, query = path.partition("?")
    query = "&".join(
        part for part in query.split("&") if part and not part.startswith(_COUNTS_VISITORS)
    )
    rest = _path(path) + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    return Link(host=host, port=port, rest=_NOT_ASCII.sub(lambda m: quote(m.group()), rest))


def telephone(written: str) -> Link:
    """A telephone number by its digits."""
    digits = re.sub(r"\D", "", written.partition(";")[0])
    return Link(scheme="tel", rest=("+" if written.strip().startswith("+") else "") + digits)


@lru_cache(maxsize=4096)
def named(host: str) -> str:
    """A host's name in its letters: what the name system takes for the same is the same."""
    host = unicodedata.normalize("NFKC", unquote(host).translate(DOTS)).translate(DOTS)
    return ".".join(_label(label) for label in host.strip().rstrip(".").lower().split("."))


def trimmed(written: str) -> str:
    """An address without what only follows it: marks, brackets it did not open, a particle."""
    depth = 0
    for bracket in _BRACKET.finditer(written):
        depth += 1 if bracket.group() in _OPEN else -1
        if depth < 0:
            written = written[: bracket.start()]
            break
    written = written.rstrip(_END_MARKS + _OPEN)
    last = next((at for at in range(len(written), 0, -1) if written[at - 1].isascii()), 0)
    after = 0 < last < len(written) and _HANGUL.match(written[last]) is not None
    if after and written[:last].isascii() and _PARTICLE.match(written, last):
        written = written[:last].rstrip(_END_MARKS)
    return written


def _is_known(link: Link, known: Collection[Link]) -> bool:
    if link in known:
        return True
    if link.scheme not in ("http", "https") or replace(link, scheme="") not in known:
        return False
    return link.scheme == "https" or replace(link, scheme="https") not in known


def _path(path: str) -> str:
    """A path as a browser sends it: dots resolved, escapes of plain letters read."""
    path = _ESCAPE.sub(_unescaped, path.replace("\\", "/"))
    if "/." in path:
        path = posixpath.normpath(path).replace("//", "/")
    return path.removesuffix("/")


def _unescaped(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    plain = char.isascii() and (char.isalnum() or char in "-._~")
    return char if plain else match.group().upper()


def _label(label: str) -> str:
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").lower()
    except UnicodeError:
        return label
