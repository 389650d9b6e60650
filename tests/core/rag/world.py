"""One deployment's knowledge, over the real store, index and model."""

from __future__ import annotations

from dataclasses import dataclass

from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.qdrant_edge import EdgeIndex


@dataclass(kw_only=True)
class World:
    """One deployment's knowledge."""

    articles: MongoArticles
    index: EdgeIndex
    retriever: HybridRetriever
    knowledge: Knowledge

    async def best(self, question: str) -> str:
        """The text that answers the question best, "" for none."""
        hits = (await self.knowledge.search(question)).hits
        return hits[0].passage.text if hits else ""
