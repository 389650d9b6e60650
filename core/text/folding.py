"""One form for signs that mean the same, in a length that stays near the text's own."""

from __future__ import annotations

import unicodedata

#: What NFKC makes 18 and 8 letters of. A message of the longest length would become eighteen
#: times as long, and whatever reads it as much slower; as words of a question they are one sign.
_LIGATURES = {0xFDFA: " ", 0xFDFB: " "}


def compatible(text: str) -> str:
    """The text in NFKC, at most six times as long: two ligatures of whole sentences are blanks.

    Addresses are not folded by this but by NFKC itself: a browser spells the ligatures out.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(_LIGATURES))
