"""Checks that the sources shown to a model are about the thing asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.drafts import Finding, Question
from core.rag.answering.compound_questions import things_asked
from core.rag.confidence.recalibration import Scorer
from core.rag.domain.model import Hit
from core.rag.reranking.question_matcher import Matcher
from core.rag.reranking.subject import finding, nearest
from core.rag.retrieval.conversational import search_text


class SubjectCheck:
    """`SourceCheck` by the question matcher: a source must fit one part of the question."""

    def __init__(self, matcher: Matcher, confidence: Scorer) -> None:
        self._matcher = matcher
        self._confidence = confidence

    async def __call__(self, question: Question, hits: Sequence[Hit]) -> Mapping[str, Finding]:
        """See SourceCheck."""
        found: dict[str, Finding] = {}
        # A follow-up asks with its subject what it does not ask alone.
        parts = (*things_asked(question.text), search_text(question.text, question.history))
        for hit in hits:
            known = hit.known_question
            if known and all([await self._held(part, hit) for part in dict.fromkeys(parts)]):
                found[hit.passage.id] = finding(parts[0], known, hit.passage)
        return found

    async def _held(self, asked: str, hit: Hit) -> bool:
        known = hit.known_question
        _, odds, signals = await nearest(asked, [known], hit.passage.text, matcher=self._matcher)
        return self._confidence.held({"question": hit.known, "match": odds, **signals})
