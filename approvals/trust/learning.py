"""Learning from people: what they approved or wrote becomes knowledge, and stops being it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from approvals.model import MAX_TEXT, Approval
from approvals.trust.contradictions import contradictions
from approvals.trust.evidence import is_hasty
from approvals.trust.lessons import Lesson, LessonState, LessonStore
from approvals.trust.taking_down import described, lesson_from
from core import events as ev
from core.accounts.audit import Audit
from core.accounts.rules import Action, Role, User
from core.clock import Clock
from core.errors import AlreadyDecided, BadInput, NotFound
from core.events import Commit, Decision
from core.rag.errors import VectorsUnavailable
from core.rag.knowledge import Knowledge
from core.rag.masking import has_placeholders, mask_all
from core.rag.passages import Article

log = logging.getLogger(__name__)

KEEP = timedelta(days=365)  #: a person's words are believed for so long, then asked again
RETRY_SECONDS = 2.0
SOURCE = "learned"  #: what `Article.source` says of articles made here
DOUBTED = 0.5  #: below, a draft was thought wrong; its approval waits for a supervisor's yes
LONGEST_QUESTION = 500  #: characters; longer messages are stories, not questions

FindUser = Callable[[str], Awaitable[User | None]]
Recall = Callable[[str], Awaitable[Approval | None]]
"""What became of a draft, from the log."""


class Learning:
    """A projection that takes down what was sent, and a worker that makes knowledge of it.

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
        automatic: bool = False,
    ) -> None:
        self._store = store
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
        knowledge.on_replaced(self.retire_from)

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See Projection: take down who said what; the work is done later, off this path."""
        for commit in commits:
            opened = any(
                isinstance(e, ev.ReviewDecided) and e.opened_sources for e in commit.events
            )
            for item in commit.numbered():
                if isinstance(item.event, ev.Erased):
                    await self._erase(item.conversation_id)
                elif (lesson := lesson_from(item)) is not None:
                    await self._store.add(replace(lesson, opened_sources=opened))
                    self._idle.clear()
                    self._wake.set()

    async def run(self) -> None:
        """Work through what was taken down, for ever; what failed is tried again."""
        self._idle.clear()
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for lesson in await self._store.in_state(LessonState.NEW):
                    await self._learn(lesson)
                self._idle.set()
            except Exception:
                log.exception("learning failed; trying again")
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

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
        accepted = replace(lesson, question=question, text=text, decided_by=user.email)
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
        lesson = await self._waiting(lesson_id)
        await self._store.save(
            replace(lesson, state=LessonState.DECLINED, decided_by=user.email, why="declined")
        )
        await self._audit.record(who=user.email, what="learning.decline", subject=lesson.id)

    async def forget(self, user: User, lesson_id: str) -> None:
        """Take back what was learned. Raises NotFound."""
        user.require(Action.LEARNING_CONFIRM)
        lesson = await self._store.get(lesson_id)
        if lesson.state is LessonState.LEARNED:
            await self._retire(lesson, why=f"forgotten by {user.email}", by=user.email)
            await self._audit.record(who=user.email, what="learning.forget", subject=lesson.id)

    # What time and documents do

    async def retire_from(self, article_ids: Collection[str]) -> None:
        """Articles have changed or are gone: what was learned from them is not sure any more."""
        changed = set(article_ids) - self._ours
        if not changed:
            return
        for lesson in await self._store.resting_on(changed):
            await self._retire(lesson, why="its document has changed")

    async def sweep(self) -> None:
        """Retire what has been believed for long enough."""
        now = self._clock.now()
        for lesson in await self._store.in_state(LessonState.LEARNED):
            if lesson.expires_at is not None and lesson.expires_at <= now:
                await self._retire(lesson, why="its time is over")

    # Inside

    async def _learn(self, lesson: Lesson) -> None:
        approval = await self._recall(lesson.id)
        if approval is None or not approval.question.strip():
            await self._refuse(lesson, "nobody asked anything")
            return
        lesson = described(lesson, approval)
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
            elif doubted and lesson.cited:
                # One click against the odds must not answer everybody after that.
                await self._store.save(replace(lesson, state=LessonState.WAITING))
            else:
                await self._learn_question(lesson)
        except VectorsUnavailable:
            raise
        except NotFound:
            await self._refuse(lesson, "its article is gone")

    async def _learn_question(self, lesson: Lesson) -> None:
        if not lesson.cited or len(lesson.question) > LONGEST_QUESTION:
            await self._refuse(lesson, "too long, or without a source")
            return
        article_id = lesson.cited[0]
        await self._knowledge.add_known_question(
            article_id, lesson.question, by=lesson.decided_by or lesson.by
        )
        await self._store.save(
            replace(lesson, state=LessonState.LEARNED, article_id=article_id, text="")
        )

    async def _learn_words(self, lesson: Lesson, *, edited: bool) -> None:
        found = await self._knowledge.search(lesson.question)
        conflicts = contradictions(lesson.text, found, but=lesson.cited)
        lesson = replace(lesson, conflicts=conflicts, question=lesson.question[:LONGEST_QUESTION])
        author = await self._find_user(lesson.by)
        # What went with a rejection was meant for one customer: somebody has to say otherwise.
        trusted = edited and author is not None and author.role.includes(Role.SUPERVISOR)
        # A gap where personal data stood, or a contradiction, needs a person's eye in any case.
        if (trusted or (self._automatic and edited and not conflicts)) and not lesson.masked:
            await self._publish(replace(lesson, decided_by=lesson.by if trusted else ""))
        else:
            await self._store.save(replace(lesson, state=LessonState.WAITING))

    async def _confirmed(self, lesson: Lesson) -> Lesson:
        if lesson.own_words:
            return await self._publish(lesson)
        await self._learn_question(lesson)
        return await self._store.get(lesson.id)

    async def _publish(self, lesson: Lesson) -> Lesson:
        """Make an article of it, in place of what was learned about this question before."""
        now = self._clock.now()
        for older in await self._store.in_state(LessonState.LEARNED):
            same = older.question.casefold() == lesson.question.casefold()
            if same and older.id != lesson.id:
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
            await self._knowledge.add_article(article, by=lesson.decided_by or lesson.by)
        finally:
            self._ours.discard(article.id)
        learned = replace(
            lesson, state=LessonState.LEARNED, article_id=article.id, expires_at=now + KEEP
        )
        await self._store.save(learned)
        return learned

    async def _retire(self, lesson: Lesson, *, why: str, by: str = "") -> None:
        if lesson.state is LessonState.LEARNED:
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

    async def _erase(self, conversation_id: str) -> None:
        """What was learned holds nothing personal and stays; what only waits goes."""
        for lesson in await self._store.of_conversation(conversation_id):
            if lesson.state in (LessonState.NEW, LessonState.WAITING):
                lesson = replace(lesson, state=LessonState.DECLINED, why="erased")
            if lesson.state in (LessonState.DECLINED, LessonState.RETIRED):
                lesson = replace(lesson, question="", text="")
            await self._store.save(lesson)
