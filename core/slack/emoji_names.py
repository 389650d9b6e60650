"""Turns Slack's names for emoji (":wave:") into the signs that people read elsewhere; pure."""

from __future__ import annotations

import functools
import re

_NAME = re.compile(r"(?<![\w:]):([a-z0-9_+'-]{1,64}):(?::skin-tone-([2-6]):)?(?!\w)")
_SKIN = 0x1F3F9  #: and the number in "skin-tone-2" gives the lightest one
_FLAG = re.compile(r"flag-([a-z]{2})")
_REGION = 0x1F1E6  #: the sign for the letter A in a flag
_OWN = {"simple_smile": "🙂", "squirrel": "🐿️", "slightly_smiling": "🙂"}  #: Slack's own names


def with_emoji(text: str) -> str:
    """The text with each known name as its emoji; a workspace's own names stay as they are."""
    return _NAME.sub(_shown, text) if ":" in text else text


def emoji_of(name: str) -> str:
    """The emoji a reaction is called by; its name between colons where it is nobody else's."""
    base, _, tone = name.partition("::skin-tone-")
    return with_emoji(f":{base}:" + (f":skin-tone-{tone}:" if tone else ""))


def _shown(match: re.Match[str]) -> str:
    found = _emoji(match[1])
    if not found:
        return match[0]
    return found + (chr(_SKIN + int(match[2])) if match[2] else "")


@functools.lru_cache(maxsize=4096)
def _emoji(name: str) -> str:
    if name in _OWN:
        return _OWN[name]
    if flag := _FLAG.fullmatch(name):
        return "".join(chr(_REGION + ord(letter) - ord("a")) for letter in flag[1])
    # Its table of names takes a while to load, and most messages name none.
    import emoji

    for spelled in (name, name.replace("-", "_")):
        shown = emoji.emojize(f":{spelled}:", language="alias")
        if not shown.startswith(":"):
            return shown
    return ""
