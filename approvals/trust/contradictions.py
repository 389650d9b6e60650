"""Whether two answers to one question seem to say different things: numbers, no against yes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.rag.lexical import token_set
from core.rag.passages import Found, Hit

ALIKE = 0.93  #: cosine from which on two questions ask the same
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NO = re.compile(
    r"\b(?:no|not|never|cannot|can't|don't|doesn't|isn't|won't|without)\b|없|않|불가|못\s|안\s",
    re.IGNORECASE,
)


def contradictions(text: str, found: Found, *, but: Sequence[str] = ()) -> tuple[str, ...]:
    """Titles of articles that answer the same question and seem to say something else.

    `but` are articles that the person has just corrected. A guess for a supervisor's eye, not a
    proof: other numbers, or a no where there was none.
    """
    suspects = [
        hit
        for hit in found.hits
        if hit.known >= ALIKE and hit.passage.article_id not in but and _differ(text, hit)
    ]
    return tuple(dict.fromkeys(hit.passage.title for hit in suspects))


def _differ(text: str, hit: Hit) -> bool:
    other = hit.passage.text
    if not other.strip():
        return False
    numbers, others = set(_NUMBER.findall(text)), set(_NUMBER.findall(other))
    if numbers and others and not numbers & others:
        return True
    shared = len(token_set(text) & token_set(other))
    about_the_same = shared >= 0.3 * min(len(token_set(text)), len(token_set(other)))
    return about_the_same and bool(_NO.search(text)) != bool(_NO.search(other))
