"""Answers without a model: the best sentences of the best passage, quoted, with their source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from core.drafts import Draft, Question, Reason
from core.messages import Citation
from core.rag.chunks import sentences
from core.rag.lexical import token_set
from core.rag.passages import Found, Hit, Passage
from core.rag.tempering import Scorer

NAME = "extractive"
LIMIT = 600  #: characters; only a single longer sentence may exceed it
LEAD = 0.5  #: what being the first sentence counts, in rare shared words
_ITEM = re.compile(r"^(?:[-*+]|\d+[.)])\s")


class ExtractiveAnswerer:
    """Quotes; what it says stands in its source word for word."""

    def __init__(self, confidence: Scorer) -> None:
        self._confidence = confidence

    def answer(self, question: Question, found: Found) -> Draft:
        """The draft that quotes the best passage; an empty one when nothing was found."""
        quotable = [hit for hit in found.hits if hit.passage.text.strip()]
        # The confidence speaks of the first hit; another one would be a different answer.
        if not quotable or quotable[0] is not found.hits[0]:
            return Draft(
                text="",
                signals=found.signals,
                reasons=(Reason.NOTHING_FOUND,),
                locale=question.locale,
                answerer=NAME,
                sendable=False,
            )
        best = quotable[0]
        text = quote(question.text, best)
        return Draft(
            text=text,
            citations=(citation(best.passage, quote=text),),
            confidence=self._confidence.score(found.signals),
            signals=found.signals,
            topic=best.passage.topic,
            locale=question.locale,
            answerer=NAME,
        )


def citation(passage: Passage, *, quote: str = "") -> Citation:
    """A passage as a source to show."""
    title = f"{passage.title} › {passage.heading}" if passage.heading else passage.title
    return Citation(id=passage.id, title=title, url=passage.url, quote=quote)


def quote(question: str, hit: Hit, *, limit: int = LIMIT) -> str:
    """The neighbouring sentences that share most with the question, at most `limit` long."""
    text = hit.passage.text.strip()
    if len(text) <= limit:
        return text
    parts = sentences(text)
    start, end = _window(token_set(question) | token_set(hit.known_question), parts, limit)
    return _joined(parts[start:end])


def _window(asked: frozenset[str], parts: Sequence[str], limit: int) -> tuple[int, int]:
    """Where the best run of whole sentences starts and ends."""
    common = Counter(token for part in parts for token in token_set(part))
    worth = [
        sum(1.0 / common[token] for token in asked & token_set(part)) + (LEAD if i == 0 else 0.0)
        for i, part in enumerate(parts)
    ]
    best, chosen = -1.0, (0, 1)
    for start in range(len(parts)):
        length, value = 0, 0.0
        for end in range(start, len(parts)):
            length += len(parts[end]) + 1
            if length > limit and end > start:
                break
            value += worth[end]
            # Of equal runs the one that begins with what was asked reads best.
            score = value + 0.01 * worth[start]
            if score > best:
                best, chosen = score, (start, end + 1)
    return chosen


def _joined(parts: Sequence[str]) -> str:
    text = ""
    for part in parts:
        if not text:
            text = part
        else:
            text += ("\n" if _ITEM.match(part) else " ") + part
    return text
