"""Checks by passage digests whether a draft's sources have changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

from core.domain.messages import Citation
from core.rag.domain.model import Article
from core.rag.knowledge.fingerprint import digest_of
from core.rag.knowledge.indexing import answering, questions_of
from core.rag.knowledge.store import MongoArticles, StoredArticle


class StoredSources:
    """`Sources` over the articles in the store, which know of a change before any index.

    A passage may have moved within its article; what counts is that the article still says it.
    """

    def __init__(
        self,
        articles: MongoArticles,
        *,
        demonstrated: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`demonstrated` tells by its id an article of a demonstration, which is a source for as
        long as customers get it.
        """
        self._articles = articles
        self._demonstrated = demonstrated

    async def changed(self, citations: Sequence[Citation]) -> Sequence[str]:
        """See core.engine.ports.Sources."""
        if not citations:
            return ()
        stored = await self._articles.find(sorted({article_of(c) for c in citations}))
        changed: dict[str, None] = {}
        for citation in citations:
            if not await self._stands(citation, stored.get(article_of(citation))):
                changed[citation.title] = None
        return tuple(changed)

    async def _stands(self, citation: Citation, stored: StoredArticle | None) -> bool:
        if stored is None:
            return await self._demonstrated(article_of(citation))
        said, asked = _said_by(stored.article)
        # Drafts of before this was looked at know of no digest.
        if citation.digest and citation.digest not in said:
            return False
        # What it was found by may have been a lesson that was taken back.
        return not citation.known or citation.known in asked


class UnwatchedSources:
    """`core.engine.ports.Sources` for drafts that rest on something else than our articles."""

    async def changed(self, citations: Sequence[Citation]) -> Sequence[str]:
        """Nothing that anybody knows of."""
        del citations
        return ()


def article_of(citation: Citation) -> str:
    """The id of the article that is cited."""
    return citation.id.rpartition("#")[0] or citation.id


@lru_cache(maxsize=512)
def _said_by(article: Article) -> tuple[frozenset[str], frozenset[str]]:
    """What an article says, by digests, and the questions it is known to answer."""
    passages = answering(article)
    said = frozenset(digest_of(passage) for passage in passages)
    return said, frozenset(question for question, _ in questions_of(article, passages))
