"""Learns from people: approved and written answers become knowledge, and can be retired."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

from approvals.learning.contradictions import contradictions
from approvals.learning.evidence import is_hasty
from approvals.learning.extraction import described, is_one_question, lesson_from, several_of
from approvals.learning.lessons import Lesson, LessonState, LessonStore
from approvals.learning.uses import Taught, TaughtAnswers, TaughtStore
from approvals.queue.model import MAX_TEXT, Approval
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, Role, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.drafts import Reason
from core.domain.events import Commit, Decision
from core.errors import AlreadyDecided, BadInput, NotFound
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Article
from core.rag.knowledge.origins import Origin, Part
from core.rag.knowledge_base.service import Knowledge
from core.text.pii import has_placeholders, mask_all

log = logging.getLogger(__name__)

KEEP = timedelta(days=365)  #: a person's words are believed for so long, then asked again
TAKEN_BACK_SHOWN = timedelta(days=30)
LOOK_SECONDS = 30.0
RETRY_SECONDS = 2.0
SOURCE = "learned"  #: what `Article.source` says of articles made here
DOUBTED = 0.5  #: below, a draft was thought wrong; its approval waits for a supervisor's yes
NEAREST = 2  #: hits among which the source of one of several questions has to be
LONGEST_QUESTION = 500  #: characters; longer messages are stories, not questions

FindUser = Callable[[str], Awaitable[User | None]]
Recall = Callable[[str], Awaitable[Approval | None]]
"""What became of a draft, from the log."""


class Learning:
    """A projection that takes lessons down, and a worker that makes knowledge of them.

    An approved answer makes its question known. A person's own words become an article: at once
    when a supervisor wrote them (or `automatic`), else after a supervisor's yes.
    """

    name = "learning"

    def __init__(
        self,
        store: LessonStore,
        *,
        knowledge: Knowledge,
        recall: Recall,
        find_user: FindUser,
        audit: Audit,
        clock: Clock,
        taught: TaughtStore,
        automatic: bool = False,
    ) -> None:
        self._store = store
        self._taught_store = taught
        self._taught = TaughtAnswers(taught, store)
        self._knowledge = knowledge
        self._recall = recall
        self._find_user = find_user
        self._audit = audit
        self._clock = clock
        self._automatic = automatic
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._ours: set[str] = set()  #: articles that we change or remove ourselves right now
        self._turn = asyncio.Lock()  #: one lesson at a time, and none while a person is forgotten
        knowledge.on_replaced(self.retire_from)

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See Projection: take down who said what; the work is done later, off this path."""
        await self._taught.hear(commits)
        for commit in commits:
            opened = any(
                isinstance(e, ev.ReviewDecided) and e.opened_sources for e in commit.events
            )
            for item in commit.numbered():
                if (lesson := lesson_from(item)) is not None:
                    await self._store.add(replace(lesson, opened_sources=opened))
                    self._idle.clear()
                    self._wake.set()

    async def flush(self) -> None:
        """See `core.engine.ports.Gathering.flush`."""
        await self._taught_store.flush()

    async def run(self, *, is_alone: bool = False) -> None:
        """Work through what was taken down, for ever; what failed is tried again."""
        self._idle.clear()
        self._wake.set()
        while True:
            try:
                # What another process has taken down wakes nobody here.
                async with asyncio.timeout(None if is_alone else LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                for lesson in await self._store.in_state(LessonState.NEW):
                    async with self._turn:
                        # Its person may have been forgotten while it waited.
                        if await self._store.has(lesson.id):
                            await self._learn(lesson)
                self._idle.set()
            except Exception:
                log.exception("learning failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    def paused(self) -> AbstractAsyncContextManager[None]:
        """Inside, nothing is learned and no lesson changes."""
        return self._turn

    async def caught_up(self) -> None:
        """Return once everything taken down so far was worked through."""
        await self._idle.wait()

    # What supervisors do

    async def candidates(self, user: User) -> list[Lesson]:
        """What waits for a yes, oldest first."""
        user.require(Action.LEARNING_CONFIRM)
        return await self._store.in_state(LessonState.WAITING)

    async def learned(self, user: User) -> list[Lesson]:
        """What the assistant knows from people, newest first."""
        user.require(Action.LEARNING_CONFIRM)
        return (await self._store.in_state(LessonState.LEARNED))[::-1]

    async def accept(
        self, user: User, lesson_id: str, *, question: str = "", text: str = ""
    ) -> Lesson:
        """Say yes, perhaps with better words. Raises NotFound, AlreadyDecided, BadInput."""
        user.require(Action.LEARNING_CONFIRM)
        async with self._turn:
            return await self._accept(user, lesson_id, question=question, text=text)

    async def _accept(self, user: User, lesson_id: str, *, question: str, text: str) -> Lesson:
        lesson = await self._waiting(lesson_id)
        question = " ".join((question or lesson.question).split())[:LONGEST_QUESTION]
        text = (text or lesson.text).strip()
        if not question or not text or len(text) > MAX_TEXT:
            raise BadInput("A question and an answer are needed.")
        if mask_all((question, text), locale=lesson.locale)[0].values:
            raise BadInput(
                "This holds an address, a number or a secret of somebody; take it out first."
            )
        if has_placeholders(text) or has_placeholders(question):
            raise BadInput("There are gaps where personal data stood; write around them.")
        if not is_one_question(question):
            raise BadInput("These are several questions; learn one of them at a time.")
        # Who changes the words of an approved draft has written an answer of their own.
        own = lesson.own_words or text != lesson.text
        accepted = replace(
            lesson, question=question, text=text, own_words=own, decided_by=user.email
        )
        published = await self._confirmed(accepted)
        await self._audit.record(
            who=user.email,
            what="learning.accept",
            subject=lesson.id,
            before={"text": lesson.text},
            after={"question": question, "text": text, "article": published.article_id},
        )
        return published

    async def decline(self, user: User, lesson_id: str) -> None:
        """Say no. Raises NotFound, AlreadyDecided."""
        user.require(Action.LEARNING_CONFIRM)
        async with self._turn:
            lesson = await self._waiting(lesson_id)
            await self._store.save(
                replace(lesson, state=LessonState.DECLINED, decided_by=user.email, why="declined")
            )
        await self._audit.record(who=user.email, what="learning.decline", subject=lesson.id)

    async def reopen(self, user: User, lesson_id: str) -> None:
        """Take back a no: the candidate waits again. Raises NotFound, AlreadyDecided."""
        user.require(Action.LEARNING_CONFIRM)
        async with self._turn:
            lesson = await self._store.get(lesson_id)
            if lesson.state is LessonState.WAITING:
                return
            # Only what a person declined still has its words.
            if lesson.state is not LessonState.DECLINED or not lesson.decided_by:
                raise AlreadyDecided(decided_by=lesson.decided_by, decision=lesson.state.value)
            await self._store.save(
                replace(lesson, state=LessonState.WAITING, decided_by="", why="")
            )
        await self._audit.record(who=user.email, what="learning.reopen", subject=lesson.id)

    async def forget(self, user: User, lesson_id: str) -> None:
        """Take back what was learned. Raises NotFound."""
        user.require(Action.LEARNING_CONFIRM)
        async with self._turn:
            lesson = await self._store.get(lesson_id)
            if lesson.state is not LessonState.LEARNED:
                return
            why, now = f"forgotten by {user.email}", self._clock.now()
            learned = await self._store.in_state(LessonState.LEARNED)
            # Two customers may have taught the same.
            twins = [one for one in learned if one.article_id == lesson.article_id]
            for one in (lesson, *(t for t in twins if t.id != lesson.id and _same(t, lesson))):
                back = replace(one, taken_back_at=now, decided_by=user.email)
                await self._retire(back, why=why, by=user.email)
        await self._audit.record(who=user.email, what="learning.forget", subject=lesson.id)

    async def taken_back(self, user: User) -> list[tuple[Lesson, list[Taught]]]:
        """What was forgotten of late, newest first, each with the answers it had given alone."""
        user.require(Action.LEARNING_CONFIRM)
        since = self._clock.now() - TAKEN_BACK_SHOWN
        found = [
            lesson
            for lesson in await self._store.in_state(LessonState.RETIRED)
            if lesson.taken_back_at is not None and lesson.taken_back_at >= since
        ]
        found.sort(key=lambda lesson: str(lesson.taken_back_at), reverse=True)
        return [(lesson, await self._taught_store.of(lesson.id)) for lesson in found]

    # What time and documents do

    async def retire_from(self, article_ids: Collection[str]) -> None:
        """Articles have changed or are gone: what was learned from them is not sure any more."""
        changed = set(article_ids) - self._ours
        if not changed:
            return
        async with self._turn:
            for lesson in await self._store.resting_on(changed):
                await self._retire(lesson, why="its document has changed")

    async def sweep(self) -> None:
        """Retire what has been believed for long enough."""
        now = self._clock.now()
        async with self._turn:
            for lesson in await self._store.in_state(LessonState.LEARNED):
                if lesson.expires_at is not None and lesson.expires_at <= now:
                    await self._retire(lesson, why="its time is over")

    # Inside

    async def _learn(self, lesson: Lesson) -> None:
        approval = await self._recall(lesson.id)
        if approval is None or not approval.question.strip():
            await self._refuse(lesson, "nobody asked anything")
            return
        if approval.is_invented or (approval.draft.demonstration and not lesson.own_words):
            # Nobody asked, or the product's guide answered: the company knows nothing by it.
            await self._refuse(lesson, "a demonstration")
            return
        if Reason.ATTACHMENT in approval.reasons:
            # "What is this?" has another answer beside every photo, and a letter is one customer's.
            await self._refuse(lesson, "the question came with a file")
            return
        if approval.outdated and not lesson.own_words:
            await self._refuse(lesson, "its source had changed")
            return
        lesson = described(lesson, approval)
        if parts := several_of(lesson, approval):
            for part in parts:
                await self._suggest(part)
            await self._refuse(lesson, "several questions at once; each is a suggestion")
            return
        doubted = approval.draft.confidence < DOUBTED
        unread = is_hasty(approval, opened_sources=lesson.opened_sources)
        if doubted and unread and not lesson.own_words:
            await self._refuse(lesson, "approved unread, against the odds")
            return
        if not lesson.question or not lesson.text:
            await self._refuse(lesson, "nothing is left without personal data")
            return
        try:
            if lesson.own_words and approval.decision != Decision.APPROVE.value:
                await self._learn_words(lesson, edited=approval.decision == Decision.EDIT.value)
            elif (doubted or lesson.doubts) and lesson.cited:
                # One click against the odds must not answer everybody after that.
                await self._wait(lesson)
            else:
                await self._learn_question(lesson)
        except VectorsUnavailable:
            raise
        except NotFound:
            await self._refuse(lesson, "its article is gone")

    async def _suggest(self, part: Lesson) -> None:
        """Lay one of several questions before a person, if its source may be what answers it."""
        if not part.question or not part.text or len(part.question) > LONGEST_QUESTION:
            return
        if not part.own_words:
            found = await self._knowledge.search_own(part.question)
            near = {hit.passage.article_id for hit in found.hits[:NEAREST]}
            cited = tuple(article for article in part.cited if article in near)
            if not cited:
                return
            part = replace(part, cited=cited)
        # As a new one: what a person has decided of it meanwhile stands.
        await self._store.add(replace(part, state=LessonState.WAITING))

    async def _wait(self, lesson: Lesson) -> None:
        await self._store.save(replace(lesson, state=LessonState.WAITING))

    async def _learn_question(self, lesson: Lesson) -> None:
        if not lesson.cited or len(lesson.question) > LONGEST_QUESTION:
            await self._refuse(lesson, "too long, or without a source")
            return
        article_id = lesson.cited[0]
        await self._knowledge.add_known_question(
            article_id,
            lesson.question,
            by=lesson.decided_by or lesson.by,
            asked_in=lesson.conversation_id,
        )
        learned = replace(lesson, state=LessonState.LEARNED, article_id=article_id, text="")
        await self._store.save(learned)
        self._taught.learned(learned)

    async def _learn_words(self, lesson: Lesson, *, edited: bool) -> None:
        found = await self._knowledge.search_own(lesson.question)
        conflicts = contradictions(lesson.text, found, but=lesson.cited)
        lesson = replace(lesson, conflicts=conflicts, question=lesson.question[:LONGEST_QUESTION])
        author = await self._find_user(lesson.by)
        # What went with a rejection was meant for one customer: somebody has to say otherwise.
        trusted = edited and author is not None and author.role.includes(Role.SUPERVISOR)
        # A gap where personal data stood, or a contradiction, needs a person's eye in any case.
        believed = trusted or (self._automatic and edited and not conflicts)
        if believed and not lesson.masked and not lesson.doubts:
            await self._publish(replace(lesson, decided_by=lesson.by if trusted else ""))
        else:
            await self._wait(lesson)

    async def _confirmed(self, lesson: Lesson) -> Lesson:
        if lesson.own_words:
            return await self._publish(lesson)
        await self._learn_question(lesson)
        return await self._store.get(lesson.id)

    async def _publish(self, lesson: Lesson) -> Lesson:
        """Make an article of it, in place of what was learned about this question before."""
        now = self._clock.now()
        for older in await self._store.in_state(LessonState.LEARNED):
            if _same(older, lesson) and older.id != lesson.id:
                await self._retire(older, why="answered anew")
        article = Article(
            id=f"learned-{re.sub(r'[^A-Za-z0-9-]+', '-', lesson.id)}",
            title=lesson.question,
            text=lesson.text,
            topic=lesson.topic,
            locale=lesson.locale,
            source=SOURCE,
        )
        self._ours.add(article.id)
        try:
            origin = Origin(
                article_id=article.id, part=Part.ARTICLE, conversation_id=lesson.conversation_id
            )
            await self._knowledge.add_article(
                article, by=lesson.decided_by or lesson.by, origins=[origin]
            )
        finally:
            self._ours.discard(article.id)
        learned = replace(
            lesson, state=LessonState.LEARNED, article_id=article.id, expires_at=now + KEEP
        )
        await self._store.save(learned)
        self._taught.learned(learned)
        return learned

    async def _retire(self, lesson: Lesson, *, why: str, by: str = "") -> None:
        if lesson.state is LessonState.LEARNED:
            self._taught.retired(lesson)
            try:
                if lesson.own_words:
                    self._ours.add(lesson.article_id)
                    await self._knowledge.remove(lesson.article_id, by=by)
                else:
                    await self._knowledge.forget_known_question(
                        lesson.article_id, lesson.question, by=by
                    )
            except NotFound:
                log.debug("%s is gone already", lesson.article_id)
            finally:
                self._ours.discard(lesson.article_id)
        await self._store.save(replace(lesson, state=LessonState.RETIRED, why=why))

    async def _refuse(self, lesson: Lesson, why: str) -> None:
        refused = replace(lesson, state=LessonState.DECLINED, why=why, question="", text="")
        await self._store.save(refused)

    async def _waiting(self, lesson_id: str) -> Lesson:
        lesson = await self._store.get(lesson_id)
        if lesson.state is not LessonState.WAITING:
            raise AlreadyDecided(decided_by=lesson.decided_by, decision=lesson.state.value)
        return lesson


def _same(one: Lesson, other: Lesson) -> bool:
    return one.question.casefold() == other.question.casefold()
