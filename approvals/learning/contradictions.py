"""Recognises that two answers to one question contradict each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from config.languages import every
from core.rag.domain.model import Found, Hit
from core.rag.vectors.lexical import token_set

ALIKE = 0.93  #: cosine from which on two questions ask the same
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NO = re.compile("|".join(every("learning", "denies")), re.IGNORECASE)


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
