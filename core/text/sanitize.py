"""Removes invisible, bidi-override and control characters from a text.

They hide words from people or reorder what people read, so nothing that a customer, an agent, a
source or a model writes keeps them. What a script needs stays: joiners of emoji and of Arabic and
Indic letters, variation selectors behind what has variants, marks of direction beside
right-to-left letters, fillers inside old Hangul.
"""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # Surrogates and noncharacters are no text at all.
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
)
_SUSPECT = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_BREAKS = "\x0b\x0c\x85\u2028\u2029"  #: old ways to end a line, kept as one
_SPLIT_EMOJI = "\ufe0e\ufe0f"
_JOINERS = "\u200c\u200d"
_MARKS_OF_DIRECTION = "\u200e\u200f\u061c"

_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf"
    "\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_KEYCAP = "0123456789#*"
_IDEOGRAPH = re.compile(
    "[\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: scripts whose letters change their shape at a joiner: Arabic to Mongolian, and Tibetan
_JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1700-\u18af\u1a20-\u1aaf\u1b00-\u1b7f"
    "\ua840-\ua87f\ua8e0-\ua8ff\ua980-\ua9df\uaa60-\uaa7f\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\U00011000-\U00011fff]"
)
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_REACH = 6  #: characters around a mark of direction in which it needs a right-to-left letter
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_KHMER = re.compile("[\u1780-\u17d3]")
_FLAG = "\U0001f3f4"
_TAG_END = "\U000e007f"
_TAG = re.compile("[\U000e0020-\U000e007e]")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")
#: for `str.strip`: what Python takes for space, and the Braille cell without a dot
_BLANK = "".join(filter(str.isspace, map(chr, range(0x3100)))) + "\u2800"
_FORGIVEN = frozenset("\u00ad\ufeff\u200b" + _JOINERS + _BREAKS + _SPLIT_EMOJI)


def sanitize(text: str) -> str:
    """The text as its reader sees it; equal to the text where nothing hides in it."""
    return text if _SUSPECT.search(text) is None else _swept(text)[0]


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in it, however many characters it has."""
    return not sanitize(text).strip(_BLANK)


def conceals(text: str) -> bool:
    """Whether characters hide in this text that nobody sets by accident.

    A soft hyphen, a byte order mark or a space of no width at the edge of a word comes with
    copied text; the same inside a word, and any other, is put there.
    """
    return _SUSPECT.search(text) is not None and _swept(text)[1]


def _swept(text: str) -> tuple[str, bool]:
    kept: list[str] = []
    hid = False
    tags = _flag_tags(text)
    for at, char in enumerate(text):
        if _SUSPECT.match(char) is None:
            kept.append(char)
            continue
        before = kept[-1] if kept else ""
        if char in _BREAKS:
            kept.append("\n")
        elif at in tags or _belongs(char, before, text, at):
            kept.append(char)
        else:
            inside = bool(before) and before.isalnum() and text[at + 1 : at + 2].isalnum()
            hid = hid or char not in _FORGIVEN or (inside and char != "\u00ad")
    return "".join(kept), hid


def _flag_tags(text: str) -> frozenset[int]:
    """Where tags spell the name of a flag: a black flag, up to six letters, the closing tag."""
    found: set[int] = set()
    start = text.find(_FLAG)
    while start >= 0:
        end = start + 1
        while end - start <= 7 and _TAG.match(text[end : end + 1]):
            end += 1
        if text[end : end + 1] == _TAG_END and end - start > 3:
            found.update(range(start + 1, end + 1))
        start = text.find(_FLAG, start + 1)
    return frozenset(found)


def _belongs(char: str, before: str, text: str, at: int) -> bool:
    """Whether the script or the emoji around this character needs it."""
    after = text[at + 1 : at + 2]
    if not before and char not in _MARKS_OF_DIRECTION and char != "\u115f":
        return False
    if char in _JOINERS:
        shaped = _JOINING.match(before) is not None
        if char == "\u200d":
            # One joiner between two pictures, whatever selector or skin the first one wears.
            worn = before in _SPLIT_EMOJI or _SKIN.match(before) is not None
            drawn = _PICTURE.match(before) is not None or worn
            return (drawn and _PICTURE.match(after) is not None) or shaped
        return shaped and _JOINING.match(after) is not None
    if char in _SPLIT_EMOJI:
        keycap = before in _KEYCAP and after == "\u20e3"
        return keycap or _PICTURE.match(before) is not None or _IDEOGRAPH.match(before) is not None
    if "\ufe00" <= char <= "\ufe0d" or "\U000e0100" <= char <= "\U000e01ef":
        return _IDEOGRAPH.match(before) is not None
    if char in _MARKS_OF_DIRECTION:
        around = (text[max(0, at - _REACH) : at][::-1], text[at + 1 : at + 1 + _REACH])
        return any(_RIGHT_TO_LEFT.match(_first_letter(side)) for side in around)
    if "\u180b" <= char <= "\u180f":
        return _MONGOLIAN.match(before) is not None
    if char in "\u17b4\u17b5":
        return _KHMER.match(before) is not None
    if char == "\u115f":  # stands for a missing leading consonant
        consonant = text[at + 2 : at + 3]
        return "\u1161" <= after <= "\u11a7" or (after == "\u1160" and _is_final(consonant))
    if char == "\u1160":  # stands for a missing vowel
        return "\u1100" <= before <= "\u115f" and _is_final(after)
    return False


def _first_letter(text: str) -> str:
    return next((char for char in text if char.isalpha()), "")


def _is_final(char: str) -> bool:
    return "\u11a8" <= char <= "\u11ff"
