"""The outcome of reading a file: its articles, what was left out, what a person should know.

Nothing is dropped in silence: what a person would have seen and no article says is counted by its
reason, and what is wrong is named with its row.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.rag.domain.model import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something about a file that a person should know."""

    what: str
    row: int = 0  #: the line, row, page or slide, from 1; 0 for the file as a whole

    def __str__(self) -> str:
        return f"{self.row}: {self.what}" if self.row else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file as it was read. Characters are counted without white space."""

    articles: Sequence[Article] = ()
    characters: int = 0  #: that a person sees in it, and those that are hidden from people
    dropped: Mapping[str, int] = field(default_factory=dict)  #: characters by why they are not kept
    warnings: Sequence[Warned] = ()

    @property
    def kept(self) -> int:
        """The characters that stand in the articles."""
        return self.characters - sum(self.dropped.values())


def count(text: str) -> int:
    """The characters of a text without its white space."""
    return sum(map(len, text.split()))


def article_id(name: str, key: str) -> str:
    """A readable id that stays the same for the same key."""
    slug = re.sub(r"[^\w가-힣]+", "-", name).strip("-").lower()[:40] or "article"
    return f"{slug}-{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"
