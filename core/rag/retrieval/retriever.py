"""The hybrid retriever: one embedding, one search, one ranking."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from core.nlu.language_detection import language_of
from core.rag.domain.model import Found, Hit
from core.rag.knowledge.duplicates import MOST, copies_among, once_each, one_each, rivals
from core.rag.reranking.discriminant import (
    NO_VERDICT,
    AnswerDiscriminant,
    Groups,
    fit_head,
    groups_of,
)
from core.rag.reranking.novelty import UNRECOGNISED, NoveltyModel, elsewhere_for, fit_recogniser
from core.rag.reranking.question_matcher import Matcher
from core.rag.reranking.ranking import Candidate, Ranking, Weights, rank
from core.rag.reranking.subject import subject_of
from core.rag.vectors.encoder import Embedder, Vector
from core.rag.vectors.index import KnownQuestions, VectorIndex
from core.rag.vectors.lexical import query_vector

log = logging.getLogger(__name__)

Truth = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Takes ids of articles and returns those that nobody may be answered from."""

DEPTH = 20  #: matches asked for in each field


class HybridRetriever:
    """`core.rag.domain.model.Retriever` over an embedder and a vector index.

    The learned ranker and the recogniser are fitted again, in the background, after the knowledge
    has changed.
    """

    def __init__(
        self,
        embedder: Embedder,
        index: VectorIndex,
        *,
        matcher: Matcher | None = None,
        weights: Weights | None = None,
    ) -> None:
        self._embedder = embedder
        self._index = index
        self._unanswerable: Truth | None = None
        self._matcher = matcher
        self._weights = weights or Weights()
        self._head: AnswerDiscriminant | None = None
        self._recogniser: NoveltyModel | None = None
        self._groups = Groups(by_answer={})
        self._depth = DEPTH  #: deeper where there are copies, which leave room for nothing else
        self._fitting: asyncio.Task[None] | None = None
        self._stale = False
        self._revision = 0
        self._on_changed: list[Callable[[], None]] = []
        self._known = 0  #: questions

    @property
    def revision(self) -> int:
        """Another number whenever the same question may be answered otherwise."""
        return self._revision

    def ask_before_answering(self, unanswerable: Truth) -> None:
        """Leave out what this says of the articles that a search has found."""
        self._unanswerable = unanswerable

    async def use(self, embedder: Embedder, index: VectorIndex) -> None:
        """Search with these from now on: another model's vectors are in an index of their own."""
        if (embedder, index) != (self._embedder, self._index):
            self._embedder, self._index = embedder, index
            await self.refresh()

    async def start(self) -> None:
        """Learn from the questions that are known so far."""
        await self.refresh()

    async def stop(self) -> None:
        """Return once nothing of ours is running."""
        if self._fitting is not None:
            await asyncio.gather(self._fitting, return_exceptions=True)

    def knowledge_changed(self) -> None:
        """Have the learned ranker fitted again soon; many calls cost one fit."""
        for listener in self._on_changed:
            listener()
        self.changed_elsewhere()

    def on_changed(self, listener: Callable[[], None]) -> None:
        """Call this when this process has changed the knowledge."""
        self._on_changed.append(listener)

    def changed_elsewhere(self) -> None:
        """As `knowledge_changed`, after a change of another process."""
        self._stale = True
        self._revision += 1
        if self._fitting is None or self._fitting.done():
            self._fitting = asyncio.create_task(self._catch_up(), name="fit-ranker")

    async def refresh(self) -> None:
        """Fit the learned ranker to what the index holds now."""
        self._stale = False
        known = await self._index.known_questions()
        groups = groups_of(known, await self._copies(known))
        known, copies = once_each(known, groups)
        head = await asyncio.to_thread(fit_head, known, groups)
        recogniser = await asyncio.to_thread(self._recogniser_for, known, groups, head)
        self._groups, self._head, self._recogniser = groups, head, recogniser
        self._known = len(known.answers)
        self._depth = DEPTH * min(copies, MOST)
        self._revision += 1

    def foresee(self, text: str) -> None:
        """See Retriever."""
        self._embedder.foresee(text)

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """See Retriever."""
        started = time.perf_counter()
        vector = await self._embedder.question(text)
        embedded = time.perf_counter()
        ranking, hits = await self._answerable(text, vector, locale=locale, limit=limit)
        done = time.perf_counter()
        return Found(
            hits=hits,
            signals=self._signals(ranking),
            subject=ranking.subject,
            seconds={"embed": embedded - started, "search": done - embedded},
        )

    async def _answerable(
        self, text: str, vector: Vector, *, locale: str, limit: int
    ) -> tuple[Ranking, list[Hit]]:
        """The ranking among what may be answered from: the index may not know it yet."""
        without: set[str] = set()
        while True:
            ranking = await self.rank(text, vector, locale=locale, without=without)
            hits = await self._hits(ranking.candidates[:limit])
            ids = {hit.passage.article_id for hit in hits}
            gone = set(await self._unanswerable(ids)) if self._unanswerable and ids else set()
            if not gone - without:
                return ranking, hits
            without |= gone

    async def rank(
        self, text: str, vector: Vector, *, locale: str = "", without: Collection[str] = ()
    ) -> Ranking:
        """Search and rank with a vector that is already there; what `eval` measures.

        `without` are articles that count as not found.
        """
        depth = self._depth + 4 * len(without)
        found = await self._index.search(vector, query_vector(text), limit=depth)
        if without:
            found = {
                name: [m for m in matches if m.payload["article_id"] not in without]
                for name, matches in found.items()
            }
        found = one_each(found, self._groups, limit=DEPTH)
        verdict = self._head.judge(vector) if self._head is not None else NO_VERDICT
        recogniser = self._recogniser
        ranked = partial(
            rank,
            text,
            found,
            groups=self._groups,
            verdict=verdict,
            recognition=recogniser.judge(vector) if recogniser is not None else UNRECOGNISED,
            locale=locale or language_of(text),
            weights=self._weights,
        )
        ranking = ranked()
        if self._matcher is None:
            return ranking
        subject = await subject_of(
            text,
            ranking.candidates,
            found,
            groups=self._groups,
            matcher=self._matcher,
            learned=verdict.counts,
        )
        return replace(ranked(first=subject.group) if subject.place else ranking, subject=subject)

    def _signals(self, ranking: Ranking) -> Mapping[str, float]:
        if not ranking.signals:
            return {}
        counted = {"known_questions": float(self._known)}
        return {**ranking.signals, **ranking.subject.signals, **counted}

    def _recogniser_for(
        self, known: KnownQuestions, groups: Groups, head: AnswerDiscriminant | None
    ) -> NoveltyModel | None:
        elsewhere = elsewhere_for(self._embedder.name, self._embedder.size)
        return fit_recogniser(known, groups, head, elsewhere)

    async def _copies(self, known: KnownQuestions) -> dict[str, str]:
        rows = rivals(known)
        wanted = [known.passages[row] for group in rows for row in group]
        said = {key: p.text for key, p in (await self._index.passages(wanted)).items()}
        return await asyncio.to_thread(copies_among, known, rows, said)

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
                known_of=candidate.question_passage.rpartition("#")[0],
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
