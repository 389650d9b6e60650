"""The knowledge service: articles added, listed, searched and removed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.clock import Clock
from core.domain.knowledge_change import Change, Deed, OnChange
from core.errors import BadInput, NotFound
from core.rag.answering.guide import Customers, Guide
from core.rag.domain.errors import UnreadableDocument, VectorsUnavailable
from core.rag.domain.model import Article, Found
from core.rag.domain.reading_outcome import Reading
from core.rag.groundedness.newcomers import contradicting
from core.rag.knowledge.digests import StoredSources
from core.rag.knowledge.identity import OF_SOURCE, Entry, entry_of, plan
from core.rag.knowledge.index_keeper import IndexKeeper, Progress
from core.rag.knowledge.origins import Origin, Origins, Part, words_of
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.reconciling import Differences
from core.rag.knowledge.store import MongoArticles, Newer, StoredArticle, digest_of
from core.rag.knowledge.taken import Failure, FileRead, Taken
from core.rag.reading.bounded import BoundedReader
from core.rag.reading.files import is_text_of_people, selected
from core.rag.reading.readers import READERS
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.encoder import Embedder
from core.rag.vectors.index import VectorIndex
from core.text.sanitize import sanitize

log = logging.getLogger(__name__)

MAX_KNOWN_QUESTIONS = 200

OnReplaced = Callable[[Collection[str]], Awaitable[None]]
"""Takes the ids of articles whose text has changed or that are gone."""


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
        origins: Origins,
        readings: Readings,
        guide: Guide | None = None,
        shop: Callable[[], Guide | None] = lambda: None,
    ) -> None:
        """`guide` answers customers until the company has had an article of its own; so does
        `shop`, before it, while the demonstration shop is here.
        """
        self.customers = Customers(retriever, guide, demonstrates=self.demonstrates, shop=shop)
        self.sources = StoredSources(articles, demonstrated=self._demonstrated)
        self._guide = guide
        self._shop = shop
        self._articles = articles
        self.origins = origins
        self.readings = readings
        self._embedder = embedder
        self._index = index
        self._retriever = retriever
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keeper = IndexKeeper(articles=articles, embedder=embedder, index=index, clock=clock)
        retriever.ask_before_answering(self._keeper.unanswerable)
        self._on_replaced: list[OnReplaced] = []
        self._on_built: list[Callable[[], Awaitable[None]]] = []
        self._on_changed: list[OnChange] = []

    def on_replaced(self, callback: OnReplaced) -> None:
        """Call this after articles have been changed or removed; known questions do not count."""
        self._on_replaced.append(callback)

    def on_built(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call this each time the index has come to hold what the articles say."""
        self._on_built.append(callback)

    def on_changed(self, callback: OnChange) -> None:
        """Call this after each change, whoever made it."""
        self._on_changed.append(callback)

    async def demonstrates(self) -> bool:
        """Whether customers are answered from the product's guide: nothing of their own ever was.

        Once the company has had an article, never again; not even when it removes the last one,
        whose customers would else read how to run this product.
        """
        return self._guide is not None and not await self._articles.begun()

    async def count(self) -> int:
        """How many articles of its own the company has."""
        return await self._articles.count()

    async def _demonstrated(self, article_id: str) -> bool:
        """Whether an article of a demonstration has this id, which customers get now."""
        shop = self._shop()
        if shop is not None and shop.has(article_id):
            return True
        is_guide = self._guide is not None and self._guide.has(article_id)
        return is_guide and await self.demonstrates()

    async def start(self) -> None:
        """Finish what was interrupted, and have the guide ready where customers get it."""
        await self._drop_the_guide()
        if await self._articles.count():
            await self._articles.begin(at=self._clock.now())
        await self.repair()
        await self._retriever.refresh()
        if self._guide is not None and await self.demonstrates():
            await self._guide.ready()

    async def check(self) -> Differences:
        """Where index and articles disagree."""
        async with self._lock:
            return await self._keeper.compared()

    async def repair(self, *, progress: Progress | None = None) -> Differences:
        """Have the index say what the articles say; where they disagreed."""
        async with self._lock:
            found, embedded = await self._keeper.mend(progress)
            await self._searched()
        if found.count or embedded:
            self._retriever.knowledge_changed()
        return found

    async def settle(self) -> None:
        """Repair after the index was away, and when an article begins or ceases to hold."""
        if self._keeper.is_due():
            try:
                await self.repair()
            except VectorsUnavailable:
                log.info("the index is still away; it is mended when it is back")

    async def _searched(self) -> None:
        """Search the index of our model from now on: it is whole."""
        await self._retriever.use(self._embedder, self._index)
        for callback in self._on_built:
            await callback()

    async def add_paths(
        self,
        paths: Sequence[Path],
        *,
        topic: str = "",
        lang: str = "",
        keep: bool = False,
        progress: Progress | None = None,
        on_gone: Callable[[Sequence[Entry]], None] | None = None,
        by: str = "",
    ) -> Taken:
        """Take in these files and folders; unreadable ones are named and the rest goes on.

        What lies no longer in a folder goes, after `on_gone` was told, unless `keep`. A file that
        says the same as one that is not there any more is that one, moved.
        """
        selection = await asyncio.to_thread(selected, paths, READERS)
        taken = Taken(
            left_out=tuple(map(str, selection.left_out)),
            skipped=tuple(map(str, filter(is_text_of_people, selection.skipped))),
        )
        async with self._lock:
            read: dict[str, Sequence[Article]] = {}
            async with BoundedReader() as reader:
                for path in selection.files:
                    try:
                        reading = await reader.read(path, topic=topic, lang=lang)
                    except UnreadableDocument as error:
                        failure = Failure(source=error.source, why=error.why)
                        taken += Taken(failed=(failure,))
                        continue
                    taken += Taken(files=(FileRead.of(str(path.resolve()), reading),))
                    read[str(path.resolve())] = reading.articles
            entries = [entry_of(outline) for outline in await self._articles.outlines()]
            planned = await asyncio.to_thread(
                plan,
                read,
                selected={str(path.resolve()) for path in selection.files},
                folders=[str(path.resolve()) for path in paths if path.is_dir()],
                entries=entries,
                # What a source has brought lies in no folder of this machine.
                exists=lambda file: file.startswith(OF_SOURCE) or os.path.lexists(file),
            )
            taken += Taken(
                collisions=tuple(planned.collisions),
                moved=tuple(f"{old} → {new}" for new, old in planned.moved.items()),
            )
            for new, old in planned.moved.items():
                await self._articles.refile(old, new)
            await self.readings.forget(
                {*planned.moved.values(), *({e.file for e in planned.gone} if not keep else ())}
            )
            await self.readings.keep(taken.files, at=self._clock.now())
            if planned.gone and on_gone is not None:
                on_gone(planned.gone)
            taken += await self._gone(planned.gone, keep=keep)
            for file, articles in planned.articles.items():
                taken += await self._put(articles, file=file)
            await self._keeper.embed(progress)
        await self._tell_replaced(taken)
        await self._tell_added(taken, ", ".join(str(path) for path in paths), by=by)
        return taken

    async def take_from_source(
        self,
        read: Mapping[str, Reading],
        *,
        gone: Collection[str],
        moved: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        subject: str = "",
        by: str = "",
    ) -> Taken:
        """Have these documents of a source say what was read of them, and forget those `gone`.

        All by what stands for their file (`core.rag.knowledge.identity.file_of`). `moved` are new
        ones by the gone one that they were: they keep its ids and what was learned of it.
        """
        moved = moved or {}
        async with self._lock:
            for new, old in moved.items():
                await self._articles.refile(old, new)
            lost = set(gone) - read.keys() - set(moved.values())
            entries = [entry_of(outline) for outline in await self._articles.outlines()]
            planned = await asyncio.to_thread(
                plan,
                {file: reading.articles for file, reading in read.items()},
                selected=set(read),
                folders=(),
                entries=entries,
                exists=lambda _file: True,
            )
            taken = Taken(
                files=tuple(FileRead.of(file, reading) for file, reading in read.items()),
                collisions=tuple(planned.collisions),
                moved=tuple(f"{old} → {new}" for new, old in moved.items()),
            )
            await self.readings.forget({*lost, *moved.values()})
            await self.readings.keep(taken.files, at=self._clock.now())
            taken += await self._gone([e for e in entries if e.file in lost], keep=False)
            for file, articles in planned.articles.items():
                taken += await self._put(articles, file=file)
            await self._keeper.embed(progress)
        await self._tell_replaced(taken)
        await self._tell_added(taken, subject, by=by)
        return taken

    async def of_source(self, files: Collection[str]) -> Mapping[str, Sequence[StoredArticle]]:
        """The articles that documents of a source have brought, by what stands for their file."""
        return {file: await self._articles.from_file(file) for file in files}

    async def contradicting(self, article: Article, *, besides: Collection[str]) -> Sequence[str]:
        """See `core.rag.groundedness.newcomers.contradicting`; `besides` are files."""
        outlines = await self._articles.outlines()
        ours = {outline["_id"] for outline in outlines if outline["file"] in besides}
        return await contradicting(article, search=self.search_own, besides=ours)

    async def add_article(
        self, article: Article, *, by: str = "", origins: Sequence[Origin] = ()
    ) -> Taken:
        """Take in one article, in place of an older one with its id; searchable on return.

        `origins` say what of it came from customers' conversations; the rest is the company's.
        """
        async with self._lock:
            # Known questions that are not given stay, and so does where they came from.
            given = {Part.ARTICLE, Part.TITLE, *([Part.QUESTION] if article.questions else [])}
            before = await self.origins.of_article(article.id)
            await self.origins.note(origins)
            kept = {o.id for o in origins}
            await self.origins.forget(o for o in before if o.part in given and o.id not in kept)
            taken = await self._put([article], file="")
            await self._keeper.embed(None)
        await self._tell_replaced(taken)
        await self._tell_added(taken, article.id, by=by)
        return taken

    async def add_known_question(
        self, article_id: str, question: str, *, by: str = "", asked_in: str = ""
    ) -> None:
        """From now on this question is known to be answered by this article.

        `asked_in` is the conversation it comes from. Raises NotFound for an unknown article.
        """
        async with self._lock:
            stored = await self._articles.get(article_id)
            article = stored.article
            question = " ".join(sanitize(question).split())
            known = {q.casefold() for q in article.questions}
            origin = Origin(
                article_id=article_id,
                part=Part.QUESTION,
                conversation_id=asked_in,
                words=words_of(question),
            )
            if not question or question.casefold() in known:
                same = [o.words == origin.words for o in await self.origins.of_article(article_id)]
                # Several may have asked it; what the company knew before any of them stays its own.
                await self.origins.note([origin] if asked_in and any(same) else [])
                return
            await self.origins.note([origin] if asked_in else [])
            # The oldest make room: what customers ask now is better evidence.
            questions = (*article.questions, question)[-MAX_KNOWN_QUESTIONS:]
            change = await self._rewrite(replace(article, questions=questions), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.ADD_QUESTION, by=by))

    async def add_known_questions(
        self, article_id: str, questions: Sequence[str], *, by: str = ""
    ) -> tuple[str, ...]:
        """Teach an article many questions at once, of nobody in particular; those it did not know.

        Raises NotFound.
        """
        async with self._lock:
            stored = await self._articles.get(article_id)
            article = stored.article
            known = {q.casefold() for q in (article.title, *article.questions)}
            clean = (" ".join(sanitize(question).split()) for question in questions)
            fresh = {q.casefold(): q for q in clean if q and q.casefold() not in known}
            if not fresh:
                return ()
            taught = (*article.questions, *fresh.values())[-MAX_KNOWN_QUESTIONS:]
            change = await self._rewrite(replace(article, questions=taught), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.ADD_QUESTION, by=by))
        return tuple(fresh.values())

    async def forget_known_questions(
        self, article_id: str, questions: Collection[str], *, by: str = ""
    ) -> None:
        """These are not answered by this article any more. Raises NotFound."""
        gone = {question.casefold() for question in questions}
        async with self._lock:
            stored = await self._articles.get(article_id)
            left = tuple(q for q in stored.article.questions if q.casefold() not in gone)
            if left == stored.article.questions:
                return
            change = await self._rewrite(replace(stored.article, questions=left), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.REMOVE_QUESTION, by=by))

    async def forget_known_question(self, article_id: str, question: str, *, by: str = "") -> None:
        """This question is not answered by this article any more. Raises NotFound."""
        async with self._lock:
            stored = await self._articles.get(article_id)
            left = tuple(q for q in stored.article.questions if q.casefold() != question.casefold())
            known = await self.origins.of_article(article_id)
            await self.origins.forget(o for o in known if o.words == words_of(question))
            change = await self._rewrite(replace(stored.article, questions=left), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.REMOVE_QUESTION, by=by))

    async def retitle(self, article_id: str, title: str) -> None:
        """Call it otherwise; what it says stays, and what was learned from it. Raises NotFound."""
        async with self._lock:
            stored = await self._articles.get(article_id)
            change = await self._rewrite(replace(stored.article, title=title), stored)
        self._retriever.knowledge_changed()
        await self._tell(replace(change, deed=Deed.ADD))

    async def edit(self, article: Article, *, digest: str, by: str) -> None:
        """Have an article say this; the file it came from and its origins stay.

        `digest` is of what was read before it was edited. Raises NotFound, BadInput when somebody
        else has changed it since.
        """
        async with self._lock:
            stored = await self._articles.get(article.id)
            if stored.digest != digest:
                raise BadInput("Somebody has changed this article meanwhile; look at it again.")
            article = _visible(article)
            if digest_of(article) == digest:
                return
            change = await self._rewrite(article, stored)
        await self._tell_replaced(Taken(changed=(article.id,)))
        await self._tell(replace(change, deed=Deed.ADD, by=by))

    async def forget_versions(self, article_ids: Collection[str]) -> None:
        """Keep nothing of what these said before: a person is forgotten."""
        await self._articles.forget_versions(article_ids)

    async def restore(self, article_id: str, digest: str, *, by: str) -> None:
        """Have an article say again what it once said, also one that is gone. Raises NotFound."""
        async with self._lock:
            version = await self._articles.version(article_id, digest)
            before = (await self._articles.find([article_id])).get(article_id)
            await self._articles.put([version.article], file=version.file, at=self._clock.now())
            await self._keeper.embed(None)
        ids = (article_id,)
        await self._tell_replaced(Taken(changed=ids) if before else Taken(added=ids))
        await self._tell(
            Change(
                deed=Deed.ADD,
                by=by,
                subject=article_id,
                before={article_id: before.digest} if before else {},
                after={article_id: digest_of(version.article)},
            )
        )

    async def remove(self, article_id: str, *, by: str = "") -> None:
        """Forget an article. Raises NotFound."""
        async with self._lock:
            stored = await self._articles.get(article_id)
            if not await self._articles.remove([article_id], at=self._clock.now()):
                raise NotFound(f"There is no article {article_id}.")
            await self.origins.forget(await self.origins.of_article(article_id))
            await self._keeper.forget([article_id])
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
        return await self.customers.search(question, limit=limit)

    async def search_own(self, question: str, *, limit: int = 5) -> Found:
        """What the company itself knows about it, also while customers get a demonstration."""
        return await self._retriever.search(question, limit=limit)

    async def newer(self, question: str, since: datetime) -> Newer | None:
        """The article that the likeliest answer stands in, if it was taken in after that moment."""
        hits = (await self.search(question, limit=1)).hits
        if not hits:
            return None
        article_id = hits[0].passage.article_id
        stored = (await self._articles.find([article_id])).get(article_id)
        if stored is None or stored.updated_at <= since:
            return None
        return Newer(article_id=article_id, title=stored.article.title, at=stored.updated_at)

    async def rebuild(self, *, progress: Progress | None = None) -> int:
        """Make all vectors again from the articles; how many articles there were."""
        async with self._lock:
            done = await self._keeper.rebuild(progress)
            await self._searched()
        self._retriever.knowledge_changed()
        return done

    async def _drop_the_guide(self) -> None:
        """Earlier versions kept the guide among the articles, by file names without a folder."""
        if self._guide is None:
            return
        async with self._lock:
            kept = [s for file in self._guide.files for s in await self._articles.from_file(file)]
            gone = [s.article.id for s in kept]
            await self._articles.remove(gone)
            await self._keeper.forget(gone)
        if gone:
            await self._tell_replaced(Taken(removed=tuple(gone)))

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

    async def _gone(self, gone: Sequence[Entry], *, keep: bool) -> Taken:
        ids = tuple(entry.id for entry in gone)
        if keep:
            return Taken(kept=ids)
        await self._articles.remove(ids, at=self._clock.now())
        await self._keeper.forget(ids)
        return Taken(removed=ids, before={entry.id: entry.digest for entry in gone})

    async def _put(self, articles: Sequence[Article], *, file: str) -> Taken:
        wanted = {article.id: _visible(article) for article in articles}
        before = await self._articles.find(list(wanted))
        # Known questions were learned here and stand in no file.
        wanted = {
            i: replace(
                article,
                questions=tuple(dict.fromkeys((*article.questions, *before[i].article.questions)))
                if file
                else article.questions or before[i].article.questions,
            )
            if i in before
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
        await self._articles.remove(gone, at=now)
        await self._keeper.forget(gone)
        await self._articles.placed(
            {
                i: article.place
                for i, article in wanted.items()
                if i in before and i not in changed and before[i].article.place != article.place
            }
        )
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
        await self._keeper.embed(None)
        return Change(
            deed=Deed.ADD_QUESTION,
            by="",
            subject=article.id,
            before={article.id: stored.digest},
            after={article.id: digest_of(article)},
        )


def _visible(article: Article) -> Article:
    """The article without characters that nobody sees: they would hide words from its readers."""
    return replace(
        article,
        title=sanitize(article.title),
        text=sanitize(article.text),
        questions=tuple(map(sanitize, article.questions)),
    )
