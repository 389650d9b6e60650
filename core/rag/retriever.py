"""One embedding, one search, one ranking: the passages that answer a question."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from core.rag.chunks import language_of
from core.rag.embeddings import Embedder, Vector
from core.rag.head import NO_VERDICT, AnswerHead, Groups, fit_head, groups_of
from core.rag.index import KnownQuestions, VectorIndex
from core.rag.lexical import query_vector
from core.rag.passages import Found, Hit
from core.rag.ranking import Candidate, Ranking, Weights, rank
from core.rag.recognition import UNRECOGNISED, Recogniser, elsewhere_for, fit_recogniser

log = logging.getLogger(__name__)

DEPTH = 20  #: matches asked for in each field


class HybridRetriever:
    """`core.rag.passages.Retriever` over an embedder and a vector index.

    The learned ranker and the recogniser are fitted again, in the background, after the knowledge
    has changed.
    """

    def __init__(
        self, embedder: Embedder, index: VectorIndex, *, weights: Weights | None = None
    ) -> None:
        self._embedder = embedder
        self._index = index
        self._weights = weights or Weights()
        self._head: AnswerHead | None = None
        self._recogniser: Recogniser | None = None
        self._groups = Groups(by_answer={})
        self._fitting: asyncio.Task[None] | None = None
        self._stale = False
        self._revision = 0

    @property
    def revision(self) -> int:
        """Another number whenever the same question may be answered otherwise."""
        return self._revision

    async def start(self) -> None:
        """Learn from the questions that are known so far."""
        await self.refresh()

    async def stop(self) -> None:
        """Return once nothing of ours is running."""
        if self._fitting is not None:
            await asyncio.gather(self._fitting, return_exceptions=True)

    def knowledge_changed(self) -> None:
        """Have the learned ranker fitted again soon; many calls cost one fit."""
        self._stale = True
        self._revision += 1
        if self._fitting is None or self._fitting.done():
            self._fitting = asyncio.create_task(self._catch_up(), name="fit-ranker")

    async def refresh(self) -> None:
        """Fit the learned ranker to what the index holds now."""
        self._stale = False
        known = await self._index.known_questions()
        groups = groups_of(known)
        head = await asyncio.to_thread(fit_head, known, groups)
        recogniser = await asyncio.to_thread(self._recogniser_for, known, groups, head)
        self._groups, self._head, self._recogniser = groups, head, recogniser
        self._revision += 1

    def foresee(self, text: str) -> None:
        """See Retriever."""
        self._embedder.foresee(text)

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """See Retriever."""
        started = time.perf_counter()
        vector = await self._embedder.question(text)
        embedded = time.perf_counter()
        ranking = await self.rank(text, vector, locale=locale)
        hits = await self._hits(ranking.candidates[:limit])
        done = time.perf_counter()
        return Found(
            hits=hits,
            signals=ranking.signals,
            seconds={"embed": embedded - started, "search": done - embedded},
        )

    async def rank(self, text: str, vector: Vector, *, locale: str = "") -> Ranking:
        """Search and rank with a vector that is already there; what `eval` measures."""
        found = await self._index.search(vector, query_vector(text), limit=DEPTH)
        verdict = self._head.judge(vector) if self._head is not None else NO_VERDICT
        recogniser = self._recogniser
        return rank(
            text,
            found,
            groups=self._groups,
            verdict=verdict,
            recognition=recogniser.judge(vector) if recogniser is not None else UNRECOGNISED,
            locale=locale or language_of(text),
            weights=self._weights,
        )

    def _recogniser_for(
        self, known: KnownQuestions, groups: Groups, head: AnswerHead | None
    ) -> Recogniser | None:
        elsewhere = elsewhere_for(self._embedder.name, self._embedder.size)
        return fit_recogniser(known, groups, head, elsewhere)

    async def _hits(self, candidates: Sequence[Candidate]) -> list[Hit]:
        wanted = [candidate.passage_id for candidate in candidates]
        passages = await self._index.passages(wanted)
        return [
            Hit(
                passage=passages[candidate.passage_id],
                score=candidate.score,
                dense=candidate.text,
                lexical=max(candidate.text_words, candidate.question_words),
                known=candidate.question,
                known_question=candidate.known_question,
            )
            for candidate in candidates
            if candidate.passage_id in passages
        ]

    async def _catch_up(self) -> None:
        while self._stale:
            # A burst of changes is one change.
            await asyncio.sleep(0.2)
            try:
                await self.refresh()
            except Exception:
                log.exception("the learned ranker could not be fitted; the older one stays")
                return
