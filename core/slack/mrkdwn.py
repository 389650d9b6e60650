"""Converts our texts into Slack's mrkdwn, and mrkdwn into readable text and Markdown; pure.

What comes from outside is written by `escaped` and nothing else: it cuts first and escapes then,
so that no text ends in half an entity. What is written already is only ever cut between lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from core.rendering.slack import escape
from core.rendering.tree import utf16_length
from core.slack.emoji_names import with_emoji

URL = 1500  #: characters of an address that is shown as a link, escaped
LABEL = 300
_WRITTEN = {"&": 5, "<": 4, ">": 4}  #: characters of what these become

_MARK = re.compile(r"<([^<>]*)>")
_UNNAMED = re.compile(r"<(?:[@#]|!subteam\^)([A-Z0-9]{2,32})\|?>")
NOBODY: Mapping[str, str] = {}  #: no names
_KEPT = re.compile(r"```.*?```|`[^`\n]+`|<[^<>]*>", re.DOTALL)
_PLACE = re.compile("\x01(\\d+)\x02")
_CONTROL = str.maketrans("", "", "\x00\x01\x02")
_BRACKETS = str.maketrans("[]", "()")


def _style(sign: str) -> re.Pattern[str]:
    # Slack styles whole words only: before a mark and after it stands no letter. Korean particles
    # follow directly.
    s = re.escape(sign)
    return re.compile(rf"(?<![\w{s}]){s}(?=[^\s{s}])([^{s}\n]+?)(?<=\S){s}(?![\w{s}])", re.ASCII)


#: In this order: our italics are Slack's bold, so bold becomes \x00 until they are done.
_STYLES = ((_style("*"), "\x00"), (_style("_"), "*"), (_style("~"), "~~"))


def escaped(text: str, limit: int) -> str:
    """Text that Slack takes for text: no mention, no link; "" for nothing but blanks.

    At most `limit` characters as Slack counts them once they are escaped, an ellipsis where the
    text was longer.
    """
    if _fitting(text, limit, _WRITTEN) < len(text):
        text = text[: _fitting(text, limit - 1, _WRITTEN)].rstrip() + "…"
    return escape(text) if text.strip() else ""


def clip(text: str, limit: int) -> str:
    """Plain text of at most so many characters, an ellipsis where it was longer."""
    if utf16_length(text) <= limit:
        return text
    return beginning(text, limit - 1).rstrip() + "…"


def beginning(text: str, limit: int) -> str:
    """As much of a plain text as Slack counts so many characters; none is halved."""
    return text[: _fitting(text, limit, {})]


def whole_lines(mrkdwn: str, limit: int) -> str:
    """The lines that fit, with an ellipsis for those that do not; no line is cut."""
    if utf16_length(mrkdwn) <= limit:
        return mrkdwn
    shown, room = [], limit - 1
    for line in mrkdwn.split("\n"):
        length = utf16_length(line) + 1
        if length <= room:
            shown.append(line)
            room -= length
    return "\n".join([*shown, "…"])


def link(url: str, label: str) -> str:
    """A link where the address can be one, else its label."""
    address = escape(url)
    good = url.startswith(("https://", "http://")) and len(address) <= URL
    if not good or any(c in url for c in "<>| \n"):
        return escaped(label, LABEL)
    return f"<{address}|{escaped(' '.join(label.split()), LABEL) or 'link'}>"


def when(at: datetime, form: str = "{time}") -> str:
    """A moment in each reader's own time zone; `form` is Slack's notation."""
    fallback = f"{at:%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{form}|{fallback}>"


def named_in(text: str) -> Sequence[str]:
    """The ids of members, channels and groups that a text mentions without saying their names."""
    return tuple(dict.fromkeys(match[1] for match in _UNNAMED.finditer(text)))


def readable(text: str, *, leave_out: str = "", names: Mapping[str, str] = NOBODY) -> str:
    """As people read it: no notation, addresses written out; mentions of one member left out.

    `names` are those of ids that Slack mentions bare.
    """

    def read(match: re.Match[str]) -> str:
        inner = match.group(1)
        ours = bool(leave_out) and inner.partition("|")[0] == f"@{leave_out}"
        return "" if ours else _read(inner, _written_out, names)

    return _unescaped(_MARK.sub(read, with_emoji(text)))


def from_mrkdwn(text: str, *, names: Mapping[str, str] = NOBODY) -> str:
    """As our Markdown: bold, italics, strokes and links mean the same on every channel."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        found = match.group()
        if found.startswith("`"):
            kept.append(_unescaped(_MARK.sub(lambda m: _read(m[1], _written_out, names), found)))
        else:
            kept.append(_unescaped(_read(found[1:-1], _linked, names)))
        return f"\x01{len(kept) - 1}\x02"

    shown = with_emoji(_KEPT.sub(keep, text.translate(_CONTROL)))
    for pattern, sign in _STYLES:
        shown = pattern.sub(f"{sign}\\1{sign}", shown)
    shown = _unescaped(shown.replace("\x00", "**"))
    return _PLACE.sub(lambda match: kept[int(match.group(1))], shown)


def _fitting(text: str, limit: int, written: Mapping[str, int]) -> int:
    """How many characters of it Slack counts as at most `limit`, some `written` as several."""
    for at, sign in enumerate(text):
        limit -= written.get(sign, 2 if ord(sign) > 0xFFFF else 1)
        if limit < 0:
            return at
    return len(text)


def _read(inner: str, link: Callable[[str, str], str], names: Mapping[str, str]) -> str:
    inner, _, label = inner.partition("|")
    if inner.startswith("!"):
        word, _, named = inner[1:].partition("^")
        if word == "subteam":
            return _at("@", label or names.get(named, ""), "group")
        if word == "date" and not label:
            return named.partition("^")[0]
        return label or f"@{word}"
    if inner.startswith("@"):
        return _at("@", label or names.get(inner[1:], ""), inner[1:])
    if inner.startswith("#"):
        return _at("#", label or names.get(inner[1:], ""), inner[1:])
    return link(inner.removeprefix("mailto:").removeprefix("tel:"), label)


def _at(sign: str, name: str, otherwise: str) -> str:
    return f"{sign}{(name or otherwise).removeprefix(sign)}"


def _written_out(address: str, label: str) -> str:
    return f"{label} ({address})" if label and label != address else address


def _linked(address: str, label: str) -> str:
    if not label or label == address or not address.startswith(("http://", "https://")):
        return _written_out(address, label)
    return f"[{label.translate(_BRACKETS)}]({address.replace('(', '%28').replace(')', '%29')})"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
