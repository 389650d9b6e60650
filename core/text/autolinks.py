"""Finds everything in a text that any client would make a link of.

Markdown, Slack, Telegram, mail programs, browsers and phones each make links of other things, by
rules that change. So this finds more than any of them does: bare hosts of any ending, mail
addresses, telephone numbers, names after "@", hosts written with other dots or with "dot".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote

from core.text.links import (
    DOTS,
    LONGEST,
    REST,
    STOP,
    Link,
    bare,
    named,
    page,
    target,
    telephone,
    trimmed,
)

MOST = 100  #: addresses of one text; nobody writes more of them to a customer
MOST_LABELS = 12  #: a host whose end is not found behind so many is taken whole

_SLASHES = str.maketrans({"⁄": "/", "∕": "/", "⧸": "/", "╱": "/", "／": "/", "∶": ":", "꞉": ":"})
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.\-])([A-Za-z][A-Za-z0-9+.\-]{0,30}):[/\\]{2}")
_WITHOUT_SLASHES = re.compile(
    r"(?<![A-Za-z0-9+.\-])(https?|mailto|tel|sms|smsto|mms|callto|facetime|whatsapp|skype|tg|line|"
    r"kakaotalk|kakaolink|geo|magnet|intent|data|javascript|vbscript|file|bitcoin|ethereum|xmpp|"
    r"sips?|market|itms-apps|ftp):(?=[^\s/\\])",
    re.IGNORECASE,
)
_TAIL = re.compile(rf"(?::\d{{1,5}})?(?:[/?#\\][^{STOP}]{{0,{LONGEST}}})?")
#: a part of a host's name in any script: everything but dots, marks, signs and spaces
_PART = r"[^\x00-,./:-@\[-^`{-\xbf\s、，！？：；（）「」『』《》〈〉“”‘’…–—·‧•]++"
_RUN = re.compile(rf"{_PART}(?:\.{_PART})*+")
_LOCAL = re.compile(r"[^\s<>()\[\],;:\"@]{1,64}\Z")
_AT_NAME = re.compile(r"(?<![\w@/.+\-])@([A-Za-z_]\w{2,31})(?![\w@]|\.\w)")
_PHONE = re.compile(
    r"(?<![\w.,])\+?\(?\d{1,5}(?:(?:\)[ ]?|[ .\-\u2010-\u2013])\(?\d{1,5}){1,5}(?!\w)"
)
_LONG_NUMBER = re.compile(r"(?<![\w.,])\+?\d{7,15}(?!\w)")
_PAGE = re.compile(rf"https?://[^{STOP}]+", re.IGNORECASE)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
#: an address that no host's name ends: nobody's client makes a link of it, and people copy it
_ODD_MAIL = re.compile(
    r"(?<![\w.+-])([\w.+-]{1,64})@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5})", re.ASCII
)
_DATE = re.compile(r"(?:19|20)\d\d[-. ]{1,2}\d{1,2}(?:[-. ]{1,2}\d{1,2})?")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_SPELLED_DOT = re.compile(
    r"(?<=\w)(?:\s?[\[({]\s?(?:\.|dot|점|닷)\s?[\])}]\s?|\s(?:dot|닷)\s|\s\.\s?(?=[A-Za-z]{2}))(?=\w)"
    r"|(?<=[A-Za-z0-9])\s?(?:점|쩜|도트)\s?(?=[A-Za-z]{2})",
    re.IGNORECASE,
)
_SPELLED_AT = re.compile(
    r"(?<=\w)(?:\s?[\[({]\s?(?:@|at|골뱅이)\s?[\])}]\s?|\s골뱅이\s)(?=\w)", re.IGNORECASE
)
_HANGUL = re.compile(r"[가-힣ㄱ-ㆎ]")
_LATIN = re.compile(r"[A-Za-z]{2,63}(?=[^\x00-\x7f])")
#: endings of hosts in scripts that write sentences without a space behind the full stop
_EAST_ASIAN_ENDINGS = tuple(
    """
    한국 닷컴 닷넷 삼성 公司 网络 網絡 网站 网址 网店 中国 中國 中信 中文网 在线 商城 商店 商标 集团
    我爱你 政务 政府 公益 游戏 购物 餐厅 香港 台湾 台灣 新加坡 世界 健康 娱乐 手机 手表 信息 企业
    八卦 慈善 时尚 广东 佛山 机构 招聘 移动 联通 食品 大拿 嘉里 珠宝 点看 書籍 书籍 微博 谷歌
    淡马锡 亚马逊 家電 通販 通贩 组织机构 澳門 澳门 みんな グーグル コム セール ストア ファッション
    クラウド ポイント アマゾン
    """.split()  # noqa: SIM905 - a list of words reads best as words
)


@lru_cache(maxsize=4096)
def links_in(text: str) -> frozenset[Link]:
    """All addresses in a text, however they are written; every one of them may become a link."""
    found: set[Link] = set()
    for form in _forms(text):
        found.update(islice(_every(form), MOST + 1))
        if len(found) > MOST:
            return frozenset({*found, Link(scheme="too many")})
    return frozenset(found)


def without_addresses(text: str) -> str:
    """The text without its web and mail addresses and telephone numbers, which are no amounts."""
    for pattern in (_PAGE, _MAIL, _PHONE, _LONG_NUMBER):
        text = pattern.sub(_blank, text)
    return text


def _blank(match: re.Match[str]) -> str:
    digits = sum(map(str.isdigit, match.group()))
    number = match.re in (_PHONE, _LONG_NUMBER)
    kept = number and (digits < 7 or _DATE.fullmatch(match.group()))
    return match.group() if kept else " "


def _forms(text: str) -> Iterator[str]:
    """The text as it stands, and as those read it who decode it or fill in what it spells."""
    text = _folded(text).translate(_SLASHES)
    yield text
    if "%" in text and (decoded := _folded(unquote(text))) != text:
        yield decoded
    spelled = _SPELLED_AT.sub("@", _SPELLED_DOT.sub(".", text))
    if spelled != text:
        yield spelled


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(DOTS)).translate(DOTS)


def _every(text: str) -> Iterator[Link]:
    for match in _SCHEME.finditer(text):
        rest = REST.match(text, match.end())
        if rest is not None and (written := trimmed(rest.group())):
            yield from page(match[1].lower(), written)
    for match in _WITHOUT_SLASHES.finditer(text):
        rest = REST.match(text, match.end())
        if rest is not None and (written := trimmed(rest.group())):
            yield from target(match[1].lower(), written)
    for match in _RUN.finditer(text):
        if "." in match.group():
            yield from _bare(text, match)
    for match in _ODD_MAIL.finditer(text):
        if not _host_in(match[2])[0]:
            yield Link(scheme="mailto", host=f"{match[1]}@{match[2]}".lower())
    for match in _AT_NAME.finditer(text):
        yield Link(scheme="@", host=match[1].lower())
    for pattern in (_PHONE, _LONG_NUMBER):
        for match in pattern.finditer(text):
            digits = sum(map(str.isdigit, match.group()))
            if 7 <= digits <= 20 and not _DATE.fullmatch(match.group()):
                yield telephone(match.group())


def _bare(text: str, match: re.Match[str]) -> Iterator[Link]:
    """A host without a scheme, or the mail address that it is the end of."""
    start, end = match.span()
    run = match.group().lstrip("_-")
    start += len(match.group()) - len(run)
    host, whole = _host_in(run.rstrip("_-"))
    if not host:
        return
    before = text[max(0, start - 65) : start]
    if before.endswith("@") and (local := _LOCAL.search(before[:-1])):
        yield Link(scheme="mailto", host=f"{local.group().lower()}@{named(host)}")
        return
    if text[end : end + 1] == "@":
        return  # what stands before "@" belongs to the address that follows
    tail = _TAIL.match(text, start + len(host)) if whole else None
    yield bare(named(host), trimmed(tail.group()) if tail else "")


def _host_in(run: str) -> tuple[str, bool]:
    """The host that this run of letters is or begins with, and whether it goes on to its end."""
    if _IP.fullmatch(run):
        return run, True
    whole = True
    # "evil.xyz.다음" ends a sentence without a space: what cannot end a host is left off.
    for _ in range(MOST_LABELS):
        start, dot, last = run.rpartition(".")
        if not dot:
            return "", False
        if ending := _ending(last, before=start):
            return f"{start}.{ending}", whole and ending == last
        run, whole = start, False
    return run, False


def _ending(last: str, *, before: str) -> str:
    """What of a run's last label may end a host's name; "" for nothing."""
    if last.isascii():
        good = (last.isalpha() and len(last) >= 2) or last.lower().startswith("xn--")
        return last if good else ""
    if cut := _LATIN.match(last):
        return cut.group()
    if known := next((e for e in _EAST_ASIAN_ENDINGS if last.startswith(e)), ""):
        return known
    east_asian = "\u3040" <= last[0] <= "\u30ff" or "\u3400" <= last[0] <= "\u9fff"
    if _HANGUL.match(last) or (east_asian and not before[-1].isascii()):
        return ""
    return last
