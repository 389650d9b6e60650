"""Classes of wordings that change a sentence's meaning, in English and Korean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from config.languages import every, patterns
from core.text.folding import compatible
from core.text.linear_regex import LinearRegex

CLAIMS = patterns("claims")

_SPACES = re.compile(r"\s+")
_CLAUSE = re.compile(
    r"[;:.!?。！？\n]\s|(?<!\d),|,(?!\d)|[，、()\[\]—–]"
    rf"|\s(?:{'|'.join(every('claims', 'clauses', 'words'))})\s|"
    + "|".join(every("claims", "clauses", "ends"))
)
_LEET = str.maketrans("01345@$", "oieasas")
_LEETISH = re.compile(r"(?<=[a-z])[01345@$]++(?=[a-z])")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*]){3,}[^\W\d_](?![^\W_])")
_GAPS = re.compile(r"[ .\-_*]+")


class WordingClasses:
    """Finds the classes of wordings in a text, all in one pass."""

    def __init__(self, *tables: Mapping[str, Sequence[str]]) -> None:
        pairs = [
            (name, p) for table in tables for name, patterns in table.items() for p in patterns
        ]
        self._names = [name for name, _ in pairs]
        self.pattern = LinearRegex(*(pattern for _, pattern in pairs))

    def of(self, text: str) -> frozenset[str]:
        """The names of the classes; the text comes from `plain_wording`."""
        return frozenset(self._names[number] for number in self.pattern.which(text))


@lru_cache(maxsize=8192)
def plain_wording(text: str) -> str:
    """The text as the patterns want it: in lower case, without accents, with single spaces."""
    text = compatible(text)
    if not text.isascii():
        text = "".join(map(_without_accent, text))
    return _SPACES.sub(" ", text.replace("’", "'").lower()).strip()


def spellings(text: str) -> Iterator[str]:
    """The plain wording, and what it becomes where letters are written as signs or one by one."""
    plain = plain_wording(text)
    yield plain
    if _LEETISH.search(plain):
        yield _LEETISH.sub(lambda m: m.group().translate(_LEET), plain)
    if _SPACED.search(plain):
        yield _SPACED.sub(lambda m: _GAPS.sub("", m.group()), plain)


def clauses(text: str) -> list[str]:
    """The clauses of a plain wording: what stands between commas, "but" and the like."""
    return [clause for part in _CLAUSE.split(text) if part and (clause := part.strip(" .!?"))]


def _without_accent(char: str) -> str:
    latin = "\u00c0" <= char <= "\u024f" or "\u1e00" <= char <= "\u1eff"
    return unicodedata.normalize("NFKD", char)[0] if latin else char
