"""Finds what a text that is not known yet contradicts, before it is taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

from core.rag.domain.model import Article, Found
from core.rag.groundedness.contradictions import contradictions
from core.rag.knowledge.indexing import answering, searchable

MOST_COMPARED = 30  #: passages of the article that are looked at
NEIGHBOURS = 8  #: passages that each is compared with
WORDS_CHARS = 600  #: of a passage that are searched for
MOST_TOLD = 3


class Search(Protocol):
    """Finds the passages that fit a text best."""

    async def __call__(self, question: str, *, limit: int = 5) -> Found: ...


async def contradicting(
    article: Article, *, search: Search, besides: Collection[str]
) -> Sequence[str]:
    """What is known already and contradicts this article, in words; at most a few.

    Articles whose id is one of `besides` do not count: they are about to be replaced. Raises
    VectorsUnavailable.
    """
    found: dict[str, None] = {}
    passages = [passage for passage in answering(article) if passage.text]
    for passage in passages[:MOST_COMPARED]:
        hits = (await search(searchable(passage)[:WORDS_CHARS], limit=NEIGHBOURS)).hits
        for other in (hit.passage for hit in hits):
            if other.article_id == article.id or other.article_id in besides:
                continue
            for said in (await asyncio.to_thread(contradictions, passage, other))[:1]:
                found[f"{said.one} ≠ {other.title}: {said.other}"] = None
        if len(found) >= MOST_TOLD:
            break
    return list(found)[:MOST_TOLD]
