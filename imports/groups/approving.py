"""Decisions about groups of past questions: approved, rejected, taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.rag.domain.model import Article
from core.rag.knowledge_base.service import Knowledge
from core.text.anonymization import anonymized, holes_in
from core.text.pii import has_placeholders, mask_all
from imports.groups.model import Group, GroupState, Kept, Work
from imports.groups.offers import answered_by, wordings
from imports.groups.store import PastStore

SOURCE = "imported"  #: what `Article.source` says of articles made here
MOST_QUESTIONS = 60  #: wordings of one group that its article is taught
LONGEST_QUESTION, LONGEST_ANSWER = 500, 20_000
EXAMPLES = 5
ALONE = timedelta(seconds=60)  #: a decision that is not done by then was left by a killed process
KNOWN = 0.9  #: cosine of a known question from which on an article may already say it


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """An article that may already answer a group's question."""

    article_id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group as it is laid before a person."""

    group: Group
    examples: Sequence[tuple[str, str]] = ()  #: questions with what was answered then
    nearest: Nearest | None = None


class Approving:
    """Nothing of a group is known to the assistant before somebody approves it here."""

    def __init__(
        self, store: PastStore, *, knowledge: Knowledge, audit: Audit, clock: Clock
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._audit = audit
        self._clock = clock
        self._listeners: list[Callable[[str], Awaitable[None]]] = []

    def on_decided(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Call this with the id of every group about which something was decided."""
        self._listeners.append(listener)

    async def candidates(
        self, user: User, *, after: int = 0, limit: int = 20
    ) -> tuple[list[Candidate], int]:
        """The groups that wait, the largest first, and how many there are."""
        user.require(Action.LEARNING_CONFIRM)
        page = await self._store.waiting(after=after, limit=limit)
        return [await self.described(group) for group in page], await self._store.count_waiting()

    async def candidate(self, user: User, group_id: str) -> Candidate:
        """One group. Raises NotFound."""
        return await self.described(await self.group(user, group_id))

    async def group(self, user: User, group_id: str) -> Group:
        """One group as it is stored. Raises NotFound."""
        user.require(Action.LEARNING_CONFIRM)
        return await self._store.group(group_id)

    async def stored(self, group_id: str) -> Group:
        """One group, for what is shown to a channel of staff. Raises NotFound."""
        return await self._store.group(group_id)

    async def waiting(self, user: User, *, limit: int) -> tuple[list[Group], int]:
        """The groups that wait as they are stored, the largest first, and how many there are."""
        user.require(Action.LEARNING_CONFIRM)
        return await self._store.waiting(limit=limit), await self._store.count_waiting()

    async def count(self, user: User) -> int:
        """How many groups wait."""
        user.require(Action.LEARNING_CONFIRM)
        return await self._store.count_waiting()

    async def decided(self, user: User, *, limit: int = 100) -> list[Group]:
        """What was decided, the newest first."""
        user.require(Action.LEARNING_CONFIRM)
        return await self._store.decided(limit=limit)

    async def approve(
        self,
        user: User,
        group_id: str,
        *,
        version: int,
        question: str = "",
        answer: str = "",
        into: str = "",
    ) -> Group:
        """Have the assistant know it: an article with the group's questions.

        `into` is an article that answers it already, and is taught the questions alone. Raises
        NotFound, AlreadyDecided, BadInput.
        """
        user.require(Action.LEARNING_CONFIRM)
        group = await self._waiting(group_id, version)
        question = " ".join((question or group.question).split())
        answer = (answer or group.answer).strip()
        _check(question, answer, group.locale, has_answer=not into)
        kept = await self._store.of_group(group_id)
        answered = await asyncio.to_thread(answered_by, kept, group.said)
        taught = [
            text
            for text in wordings(answered, title=question, most=MOST_QUESTIONS)
            if not _is_personal(text, group.locale)
        ]
        article_id = into or f"past-{group_id}"
        if into:
            stored = (await self._knowledge.get(into)).article  # NotFound before it is decided
            known = {q.casefold() for q in (stored.title, *stored.questions)}
            # What it knew before is not taken back with what it was taught here.
            taught = [text for text in (question, *taught) if text.casefold() not in known]
        decided = await self._store.decide(
            replace(
                group,
                state=GroupState.APPROVED,
                question=question,
                answer=group.answer if into else answer,
                edited=not into and answer != group.answer,
                decided_by=user.email,
                decided_at=self._clock.now(),
                article_id=article_id,
                is_new_article=not into,
                taught=tuple(taught),
                work=Work.TEACH,
            )
        )
        try:
            decided = await self._finish(decided, before=group.answer)
        except Exception:
            # As long as the assistant does not know it, it is not approved either.
            await self._store.decide(replace(group, version=decided.version))
            raise
        await self._changed(group_id)
        return decided

    async def reject(self, user: User, group_id: str, *, version: int) -> Group:
        """Say no. Raises NotFound, AlreadyDecided."""
        user.require(Action.LEARNING_CONFIRM)
        group = await self._waiting(group_id, version)
        decided = await self._store.decide(
            replace(
                group,
                state=GroupState.REJECTED,
                decided_by=user.email,
                decided_at=self._clock.now(),
            )
        )
        await self._audit.record("import.reject", who=user.email, subject=group_id)
        await self._changed(group_id)
        return decided

    async def undo(self, user: User, group_id: str) -> Group:
        """Take a decision back: the group waits again, and nothing of it is known.

        Raises NotFound, AlreadyDecided.
        """
        user.require(Action.LEARNING_CONFIRM)
        group = await self._store.group(group_id)
        if group.state is GroupState.WAITING:
            return group
        approved = group.state is GroupState.APPROVED
        back = await self._store.decide(
            replace(
                group,
                state=GroupState.WAITING,
                decided_by="",
                decided_at=None,
                edited=False,
                # What it was taught is needed until it is unlearned.
                work=Work.UNLEARN if approved else Work.NONE,
            )
        )
        if approved:
            back = await self._finish(back, by=user.email)
        await self._audit.record("import.undo", who=user.email, subject=group_id)
        await self._changed(group_id)
        return back

    async def recover(self) -> int:
        """Do what decisions of a process that was killed have left undone; how many there were."""
        since = self._clock.now() - ALONE
        left = [
            group
            for group in await self._store.unfinished()
            if group.decided_at is None or group.decided_at < since
        ]
        for group in left:
            try:
                await self._finish(group)
            except NotFound:
                # The article that was to learn it is gone: a person decides anew.
                await self._store.decide(_as_waiting(group))
            await self._changed(group.id)
        return len(left)

    async def unlearn(self, group: Group, *, by: str = "") -> None:
        """Take what an approved group taught out of the knowledge; what is gone is gone."""
        if group.state is not GroupState.APPROVED:
            return
        await self._take_back(group, by=by)

    async def _finish(self, group: Group, *, before: str = "", by: str = "") -> Group:
        """Have the knowledge follow a decision, which may be done twice."""
        if group.work is Work.TEACH:
            await self._teach(group, by=group.decided_by)
            await self._audit.record(
                "import.approve",
                who=group.decided_by,
                subject=group.id,
                before={"answer": before},
                after={
                    "question": group.question,
                    "answer": group.answer,
                    "article": group.article_id,
                },
                key=f"import.approve {group.id} {group.version}",
            )
        elif group.work is Work.UNLEARN:
            await self._take_back(group, by=by)
        taught = group.work is Work.TEACH
        done = (
            replace(group, work=Work.NONE)
            if taught
            else replace(group, article_id="", is_new_article=False, taught=(), work=Work.NONE)
        )
        if not await self._store.worked(done) and taught:
            # Somebody has taken it back while it was taught.
            await self._take_back(group, by=by)
        return done

    async def _take_back(self, group: Group, *, by: str) -> None:
        try:
            if group.is_new_article:
                await self._knowledge.remove(group.article_id, by=by)
                return
            await self._knowledge.forget_known_questions(group.article_id, group.taught, by=by)
        except NotFound:
            return

    async def _teach(self, group: Group, *, by: str) -> None:
        if not group.is_new_article:
            # At once: one by one, all its questions would be embedded again for each.
            await self._knowledge.add_known_questions(group.article_id, group.taught, by=by)
            return
        await self._knowledge.add_article(
            Article(
                id=group.article_id,
                title=group.question,
                text=group.answer,
                locale=group.locale,
                source=SOURCE,
                questions=group.taught,
            ),
            by=by,
        )

    async def _changed(self, group_id: str) -> None:
        for listener in self._listeners:
            await listener(group_id)

    async def _waiting(self, group_id: str, version: int) -> Group:
        group = await self._store.group(group_id)
        if group.state is not GroupState.WAITING or group.version != version:
            # The store says it in the same words as to whoever comes second.
            await self._store.decide(replace(group, version=-1))
        # What was taken back a moment ago, and is known still, would be unlearned again later.
        return await self._finish(group) if group.work is Work.UNLEARN else group

    async def described(self, group: Group) -> Candidate:
        """A group as it is laid before a person."""
        kept = await self._store.of_group(group.id)
        return Candidate(group=group, examples=_examples(kept), nearest=await self._nearest(group))

    async def _nearest(self, group: Group) -> Nearest | None:
        if group.state is not GroupState.WAITING:
            return None
        found = await self._knowledge.search_own(group.question, limit=1)
        if not found.hits or found.hits[0].known < KNOWN:
            return None
        passage = found.hits[0].passage
        return Nearest(article_id=passage.article_id, title=passage.title, text=passage.text)


def _as_waiting(group: Group) -> Group:
    return replace(
        group, state=GroupState.WAITING, decided_by="", decided_at=None, edited=False,
        article_id="", is_new_article=False, taught=(), work=Work.NONE,
    )  # fmt: skip


def _check(question: str, answer: str, locale: str, *, has_answer: bool) -> None:
    if not question or len(question) > LONGEST_QUESTION:
        raise BadInput("A question of at most 500 characters is needed.")
    if has_answer and (not answer or len(answer) > LONGEST_ANSWER):
        raise BadInput("An answer of at most 20,000 characters is needed.")
    texts = (question, answer) if has_answer else (question,)
    if any(has_placeholders(text) for text in texts):
        raise BadInput("There are gaps where personal data stood; write around them.")
    if mask_all(texts, locale=locale)[0].values:
        raise BadInput(
            "This holds an address, a number or a secret of somebody; take it out first."
        )


def _is_personal(text: str, locale: str) -> bool:
    return holes_in(anonymized(text, locale=locale)) > 0


def _examples(kept: Sequence[Kept]) -> list[tuple[str, str]]:
    """Different questions with different answers before the same ones again."""
    seen: set[str] = set()
    first: list[tuple[str, str]] = []
    rest: list[tuple[str, str]] = []
    for one in kept:
        pair = (one.exchange.question, one.exchange.answer)
        (rest if one.exchange.said in seen else first).append(pair)
        seen.add(one.exchange.said)
    return (first + rest)[:EXAMPLES]
