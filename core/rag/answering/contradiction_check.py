"""Checks that no other source contradicts one that a model is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.drafts import Finding, Question
from core.rag.answering.extractive import contradicting, quote
from core.rag.answering.generative import SourceCheck
from core.rag.domain.model import Hit


async def contradiction_check(question: Question, hits: Sequence[Hit]) -> Mapping[str, Finding]:
    """`SourceCheck`: both of two passages that contradict each other will not do.

    Of a long passage what would be quoted counts: the rest is about something else.
    """
    found: dict[str, Finding] = {}
    for hit in hits:
        said = quote(question.text, hit) or hit.passage.text
        if finding := contradicting(hit, hits, said=said):
            found[hit.passage.id] = finding
    return found


def all_of(*checks: SourceCheck) -> SourceCheck:
    """A check that objects where any of these does; of several findings the first is told."""

    async def check(question: Question, hits: Sequence[Hit]) -> Mapping[str, Finding]:
        found: dict[str, Finding] = {}
        for one in checks:
            found = {**await one(question, hits), **found}
        return found

    return check
