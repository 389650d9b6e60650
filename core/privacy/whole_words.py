"""Finds any of many texts in a line, whole words only, in one pass over the line.

A person may have written a hundred thousand lines, and a log has as many: looking for each in each
would keep an erasure busy for hours, and whoever writes many short lines would see to that.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection

_TOKEN = re.compile(r"\w+")


class WholeWords:
    """Texts that are looked for; each is found only where no letter or digit goes on beside it."""

    def __init__(self, texts: Collection[str]) -> None:
        """Empty ones are found nowhere."""
        # A text that begins at the edge of a word has its first word whole in the line. By that
        # word; then by how far in the text it stands and how long the text is.
        self._by_word: dict[str, dict[tuple[int, int], set[str]]] = defaultdict(dict)
        self._signs: dict[str, dict[int, set[str]]] = defaultdict(dict)  #: by their first sign
        for text in filter(None, texts):
            word = _TOKEN.search(text)
            if word is None:
                self._signs[text[0]].setdefault(len(text), set()).add(text)
            else:
                place = (word.start(), len(text))
                self._by_word[word.group()].setdefault(place, set()).add(text)

    def stand_in(self, line: str) -> bool:
        """Whether one of them does."""
        for word in _TOKEN.finditer(line):
            for (offset, length), texts in self._by_word.get(word.group(), {}).items():
                if _is_whole(line, word.start() - offset, length, texts):
                    return True
        if self._signs:
            for place, sign in enumerate(line):
                for length, texts in self._signs.get(sign, {}).items():
                    if _is_whole(line, place, length, texts):
                        return True
        return False


def _is_whole(line: str, start: int, length: int, texts: Collection[str]) -> bool:
    end = start + length
    if start < 0 or end > len(line) or line[start:end] not in texts:
        return False
    around = line[start - 1 : start] + line[end : end + 1]
    return not any(c.isalnum() or c == "_" for c in around)
