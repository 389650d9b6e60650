"""A text made to ask of something else by one change: a number, a day, with for without, …"""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path

LISTS = Path(__file__).with_name("contrasts.toml")
_RAW = tomllib.loads(LISTS.read_text(encoding="utf-8"))
_NUMBER = re.compile(r"\d{1,5}")


def turned(text: str, rng: random.Random) -> str | None:
    """Another question in nearly the same words; None where nothing can be changed."""
    lang = "ko" if re.search("[가-힣]", text) else "en"
    found: list[str] = []
    for match in _NUMBER.finditer(text):
        other = int(match.group()) + rng.choice((1, 2, 5, 10))
        found.append(text[: match.start()] + str(other) + text[match.end() :])
    for members in _RAW[lang]["sets"]:
        for word in members:
            found += _swapped(text, word, rng.choice([m for m in members if m != word]), lang)
    for one, other in _RAW[lang]["opposites"]:
        found += _swapped(text, one, other, lang) + _swapped(text, other, one, lang)
    return rng.choice(found) if found else None


def _swapped(text: str, word: str, other: str, lang: str) -> list[str]:
    # Korean words carry particles, English ones end.
    pattern = rf"\b{re.escape(word)}(?=s?\b)" if lang == "en" else re.escape(word)
    match = re.search(pattern, text, re.IGNORECASE)
    return [text[: match.start()] + other + text[match.end() :]] if match else []
