"""What the deployment knows: articles taken in, listed, searched and forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.clock import Clock
from core.errors import NotFound
from core.rag.articles import MongoArticles, StoredArticle, digest_of
from core.rag.changes import Change, Deed, OnChange
from core.rag.documents import files_in, read_file
from core.rag.embeddings import Embedder
from core.rag.errors import UnreadableDocument
from core.rag.index import VectorIndex
from core.rag.passages import Article, Found
from core.rag.points import points_of
from core.rag.retriever import HybridRetriever

log = logging.getLogger(__name__)

BATCH = 16  #: articles embedded between two writes; a kill loses the work on so many at most
MAX_KNOWN_QUESTIONS = 200

OnReplaced = Callable[[Collection[str]], Awaitable[None]]
"""Takes the ids of articles whose text has changed or that are gone."""

Progress = Callable[[int, int], None]
"""Takes how many articles are done and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be taken in, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an addition; ids of articles."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()  #: stood in the file before and do not any more
    failed: tuple[Failure, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)  #: digests of what is gone or changed
    after: Mapping[str, str] = field(default_factory=dict)  #: digests of what is new or changed

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            removed=self.removed + other.removed,
            failed=self.failed + other.failed,
            before={**self.before, **other.before},
            after={**self.after, **other.after},
        )


class Knowledge:
    """Keeps the articles and their vectors in step; one change at a time.

    An article is written first and embedded after; what a killed process did not finish is
    embedded at the next start.
    """

    def __init__(
        self,
        *,
        articles: MongoArticles,
        embedder: Embedder,
        index: VectorIndex,
        retriever: HybridRetriever,
        clock: Clock,
    ) -> None:
        self._articles = articles
        self._embedder = embedder
        self._index = index
        self._retriever = retriever
        self._clock = clock
        self._lock = asyncio.Lock()
        self._on_replaced: list[OnReplaced] = []
        self._on_changed: list[OnChange] = []

    def on_replaced(self, callback: OnReplaced) -> None:
        """Call this after articles have been changed or removed; known questions do not count."""
        self._on_replaced.append(callback)

    def on_changed(self, callback: OnChange) -> None:
        """Call this after each change, whoever made it."""
        self._on_changed.append(callback)

    async def is_ready(self) -> bool:
        """Whether anything can be found at all."""
        return await self._index.count() > 0

    async def start(self, *, guide: Path | None = None) -> None:
        """Finish what was interrupted; take in the guide when nothing is known yet."""
        stored = await self._articles.count()
        if stored and not await self._index.count():
            await self._articles.unindexed()
        if not stored and guide is not None:
            await self.add_paths([guide], file_names=guide)
        async with self._lock:
            await self._embed_pending(None)
        await self._retriever.refresh()

    async def add_paths(
        self,
        paths: Sequence[Path],
        *,
        topic: str = "",
        lang: str = "",
        progress: Progress | None = None,
        file_names: Path | None = None,
        by: str = "",
    ) -> Taken:
        """Take in these files and folders; unreadable ones are named and the rest goes on.

        `file_names` is the folder that files are remembered relative to, for ours that may move.
        """
        taken = Taken()
        async with self._lock:
            for path in files_in(paths):
                name = str(path.relative_to(file_names) if file_names else path.resolve())
                try:
                    articles = await asyncio.to_thread(read_file, path, topic=topic, lang=lang)
                except UnreadableDocument as error:
                    failure = Failure(source=error.source, why=error.why)
                    taken += Taken(failed=(failure,))
                    continue
                taken += await self._put(articles, file=name)
            await self._embed_pending(progress)
        await self._tell_replaced(taken)
        await self._tell_added(taken, ", ".join(str(path) for path in paths), by=by)
        return taken

    async def add_article(self, article: Article, *, by: str = "") -> Taken:
        """Take in one article, in place of an older one with its id; searchable on return."""
        async with self._lock:
            taken = await self._put([article], file="")
            await self._embed_pending(None)
        await self._tell_replaced(taken)
        await self._tell_added(taken, article.id, by=by)
        return taken

    async def add_known_question(self, article_id: str, question: str, *, by: str = "") -> None:
        """From now on this question is known to be answered by this article.

        Raises NotFound for an unknown article.
        """
        async with self._lock:
            stored = await self._articles.get(article_id)
            article = stored.article
            question = " ".join(question.split())
            known = {q.casefold() for q in article.questions}
            if not question or question.casefold() in known:
                return
            # The oldest make room: what customers ask now is better evidence.
            questions = (*article.questions, question)[-MAX_KNOWN_QUESTIONS:]
            change = await self._rewrite(replace(article, questions=questions), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.ADD_QUESTION, by=by))

    async def forget_known_question(self, article_id: str, question: str, *, by: str = "") -> None:
        """This question is not answered by this article any more. Raises NotFound."""
        async with self._lock:
            stored = await self._articles.get(article_id)
            left = tuple(q for q in stored.article.questions if q.casefold() != question.casefold())
            change = await self._rewrite(replace(stored.article, questions=left), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.REMOVE_QUESTION, by=by))

    async def remove(self, article_id: str, *, by: str = "") -> None:
        """Forget an article. Raises NotFound."""
        async with self._lock:
            stored = await self._articles.get(article_id)
            if not await self._articles.remove([article_id]):
                raise NotFound(f"There is no article {article_id}.")
            await self._index.delete([article_id])
        await self._tell_replaced(Taken(removed=(article_id,)))
        before = {article_id: stored.digest}
        await self._tell(
            Change(deed=Deed.REMOVE, by=by, subject=article_id, before=before, after={})
        )

    async def get(self, article_id: str) -> StoredArticle:
        """Raises NotFound."""
        return await self._articles.get(article_id)

    async def list(self) -> list[StoredArticle]:
        """Every article, by id."""
        return await self._articles.all()

    async def search(self, question: str, *, limit: int = 5) -> Found:
        """What a customer's question would find."""
        return await self._retriever.search(question, limit=limit)

    async def rebuild(self, *, progress: Progress | None = None) -> int:
        """Make all vectors again from the articles; how many articles there were."""
        async with self._lock:
            await self._articles.unindexed()
            await self._index.clear()
            done = await self._embed_pending(progress)
        self._retriever.knowledge_changed()
        return done

    async def _tell_replaced(self, taken: Taken) -> None:
        self._retriever.knowledge_changed()
        if ids := (*taken.changed, *taken.removed):
            for callback in self._on_replaced:
                await callback(ids)

    async def _tell(self, change: Change) -> None:
        for callback in self._on_changed:
            await callback(change)

    async def _tell_added(self, taken: Taken, subject: str, *, by: str) -> None:
        if taken.before or taken.after:
            await self._tell(
                Change(
                    deed=Deed.ADD, by=by, subject=subject, before=taken.before, after=taken.after
                )
            )

    async def _put(self, articles: Sequence[Article], *, file: str) -> Taken:
        # Two entries with one id in one file: the later one stands.
        wanted = {article.id: article for article in articles}
        before = await self._articles.find(list(wanted))
        # Known questions were learned here and stand in no file.
        wanted = {
            i: replace(article, questions=before[i].article.questions)
            if i in before and not article.questions
            else article
            for i, article in wanted.items()
        }
        added = tuple(i for i in wanted if i not in before)
        changed = tuple(
            i for i in wanted if i in before and before[i].digest != digest_of(wanted[i])
        )
        known_from_file = await self._articles.from_file(file) if file else []
        gone = tuple(s.article.id for s in known_from_file if s.article.id not in wanted)
        now = self._clock.now()
        await self._articles.put([wanted[i] for i in (*added, *changed)], file=file, at=now)
        await self._articles.remove(gone)
        await self._index.delete(gone)
        touched = {*added, *changed}
        unchanged = tuple(i for i in wanted if i not in touched)
        return Taken(
            added=added,
            changed=changed,
            unchanged=unchanged,
            removed=gone,
            before={
                **{i: before[i].digest for i in changed},
                **{s.article.id: s.digest for s in known_from_file if s.article.id in gone},
            },
            after={i: digest_of(wanted[i]) for i in (*added, *changed)},
        )

    async def _rewrite(self, article: Article, stored: StoredArticle) -> Change:
        await self._articles.put([article], file=stored.file, at=self._clock.now())
        await self._embed_pending(None)
        return Change(
            deed=Deed.ADD_QUESTION,
            by="",
            subject=article.id,
            before={article.id: stored.digest},
            after={article.id: digest_of(article)},
        )

    async def _embed_pending(self, progress: Progress | None) -> int:
        waiting = await self._articles.pending()
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            points = []
            for done, stored in enumerate(batch, start=start):
                points += await points_of(stored.article, self._embedder)
                if progress is not None:
                    progress(done + 1, len(waiting))
            # Between these two an answer may be missing for a moment, never doubled.
            await self._index.delete([stored.article.id for stored in batch])
            await self._index.upsert(points)
            await self._articles.indexed({s.article.id: s.digest for s in batch})
        return len(waiting)
