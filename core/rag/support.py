"""Whether a sentence stands in the passages it cites: by words, numbers, links and negation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.rag.chunks import sentences
from core.rag.lexical import token_set, tokens
from core.rag.passages import Passage

ENOUGH = 0.55  #: share of a claim's words that must be found in what it cites

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>()\[\]\"'，。]+|\b[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|kr|co|example|ru|cn|app|dev|info|biz)\b(?:/[^\s)\]]*)?",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not|no|never|cannot|without|neither|nor|unable|impossible|isn't|aren't|don't|doesn't|"
    r"can't|won't|didn't|mustn't|shouldn't|wasn't|weren't|couldn't)\b"
    r"|않|못|없|불가|아니|아닙|금지|제외|(?:^|\s)안\s|지\s*마",
    re.IGNORECASE,
)
_LIST_NUMBER = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def support(claim: str, passages: Sequence[Passage], *, question: str = "") -> float:
    """How much of the claim the passages say, 0 to 1; 0 for a number, link or "not" of its own."""
    claim = _LIST_NUMBER.sub("", claim)
    if not passages or foreign_links(claim, passages):
        return 0.0
    texts = [_whole(passage) for passage in passages]
    said = set().union(*(token_set(text) for text in texts))
    claimed = set(tokens(claim))
    if not claimed or not _numbers(claim) <= set().union(*(_numbers(text) for text in texts)):
        return 0.0
    asked = token_set(question)
    # Words repeated from the question are no evidence, and no invention either.
    points = sum(1.0 if t in said else 0.5 if t in asked else 0.0 for t in claimed)
    if not claimed & said or _turned_round(claim, claimed, passages):
        return 0.0
    return points / len(claimed)


def foreign_links(claim: str, passages: Sequence[Passage]) -> list[str]:
    """Links and addresses in the claim that none of the passages has."""
    known = " ".join(f"{passage.text} {passage.url}" for passage in passages).lower()
    found = (match.group().rstrip(".,;:!?") for match in _LINK.finditer(claim))
    return [link for link in found if link.lower().rstrip("/") not in known]


def nearest(claim: str, passage: Passage) -> str:
    """The sentence of the passage that shares most with the claim."""
    claimed = token_set(claim)
    told = sentences(passage.text) or [passage.text]
    return max(told, key=lambda sentence: len(claimed & token_set(sentence)))


def _whole(passage: Passage) -> str:
    return f"{passage.title}\n{passage.heading}\n{passage.text}"


def _numbers(text: str) -> set[str]:
    return {match.group().replace(",", "").rstrip(".:") for match in _NUMBER.finditer(text)}


def _turned_round(claim: str, claimed: set[str], passages: Sequence[Passage]) -> bool:
    """Whether the sentence nearest to the claim says the opposite: one of them has a "not"."""
    near: list[tuple[float, bool]] = []
    for passage in passages:
        for sentence in sentences(passage.text):
            shared = len(claimed & token_set(sentence)) / len(claimed)
            if shared >= 0.5:
                near.append((shared, bool(_NOT.search(sentence))))
    if not near:
        return False
    best = max(shared for shared, _ in near)
    denied = bool(_NOT.search(claim))
    return all(negative != denied for shared, negative in near if shared >= 0.85 * best)
