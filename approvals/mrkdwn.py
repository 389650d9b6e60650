"""Slack's notation for what people type, as people read it and as our Markdown; pure."""

from __future__ import annotations

import re
from collections.abc import Callable

_MARK = re.compile(r"<([^<>]*)>")
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


def readable(text: str) -> str:
    """As people read it: no notation, addresses written out."""
    return _unescaped(_MARK.sub(lambda match: _read(match.group(1), _written_out), text))


def from_mrkdwn(text: str) -> str:
    """As our Markdown: bold, italics, strokes and links mean the same on every channel."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        found = match.group()
        as_code = found.startswith("`")
        kept.append(readable(found) if as_code else _unescaped(_read(found[1:-1], _linked)))
        return f"\x01{len(kept) - 1}\x02"

    shown = _KEPT.sub(keep, text.translate(_CONTROL))
    for pattern, sign in _STYLES:
        shown = pattern.sub(f"{sign}\\1{sign}", shown)
    shown = _unescaped(shown.replace("\x00", "**"))
    return _PLACE.sub(lambda match: kept[int(match.group(1))], shown)


def _read(inner: str, link: Callable[[str, str], str]) -> str:
    inner, _, label = inner.partition("|")
    if inner.startswith("!"):
        return label or f"@{inner[1:].partition('^')[0]}"
    if inner.startswith(("@", "#")):
        return f"{inner[0]}{label}" if label else inner
    return link(inner.removeprefix("mailto:").removeprefix("tel:"), label)


def _written_out(address: str, label: str) -> str:
    return f"{label} ({address})" if label and label != address else address


def _linked(address: str, label: str) -> str:
    if not label or label == address or not address.startswith(("http://", "https://")):
        return _written_out(address, label)
    return f"[{label.translate(_BRACKETS)}]({address.replace('(', '%28').replace(')', '%29')})"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
