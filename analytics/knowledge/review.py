"""The look at what is known, put together from articles, facts and conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from analytics.knowledge.copies import copies
from analytics.knowledge.suggestions import Questions, Suggestion, teachable
from analytics.knowledge.uses import NEVER, Use, together, uses_of
from analytics.queries.gaps import Gap, Gaps
from analytics.queries.service import Analytics
from core.accounts.roles import Action, User
from core.clock import Clock
from core.errors import BadInput
from core.rag.groundedness.disagreements import Disagreement, Disagreements
from core.rag.knowledge.store import StoredArticle
from core.rag.knowledge_base.service import Knowledge

DAYS = 90  #: that are looked back, by default
STALE = timedelta(days=180)  #: without a change, from which on an article that is used is looked at
NEW = timedelta(days=30)  #: younger than that it may not have been needed yet
SHOWN = 20  #: of each kind
SUGGESTED = 5  #: questions for one article
NEAR = 0.86  #: cosine from which on an unanswered question is suggested to an article


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An article, its uses in the period, and since when it says what it says."""

    stored: StoredArticle
    use: Use
    age_days: int

    @property
    def weight(self) -> int:
        """Age × use: what is old and often given deserves a look first."""
        return self.age_days * self.use.times


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two sources that say different things, and whom either has answered."""

    pair: Disagreement
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Untaught:
    """An article without known questions, and questions that it might be taught."""

    looked: Looked
    suggestions: Sequence[Suggestion] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All of it; of each kind the most important ones, and how many there are."""

    days: int
    articles: int
    stale: Sequence[Looked] = ()
    unused: Sequence[Looked] = ()
    copies: Sequence[Sequence[Looked]] = ()
    contradictions: Sequence[Contradiction] = ()
    gaps: Sequence[Gap] = ()
    untaught: Sequence[Untaught] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    talks: Mapping[int, str] = field(default_factory=dict)  #: conversations by their digests


class Review:
    """Looks, and teaches what is suggested."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        gaps: Gaps,
        disagreements: Disagreements,
        questions: Questions,
        knowledge: Callable[[], Awaitable[Knowledge]],
        clock: Clock,
    ) -> None:
        self._analytics = analytics
        self._gaps = gaps
        self._disagreements = disagreements
        self._questions = questions
        self._knowledge = knowledge
        self._clock = clock

    async def look(self, user: User, *, days: int = DAYS, catch_up: bool = False) -> Look:
        """What deserves a look; `catch_up`: after all sources were compared."""
        user.require(Action.LEARNING_CONFIRM)
        knowledge = await self._knowledge()
        if catch_up:
            await self._disagreements.catch_up()
        stored = await knowledge.list()
        period = self._analytics.period(None, None, days=days)
        counting = await self._analytics.counting(period)
        by_title = await asyncio.to_thread(uses_of, counting, [one.article.title for one in stored])
        looked = {one.article.id: self._looked(one, by_title) for one in stored}
        every = list(looked.values())
        stale = [one for one in every if one.use.times and one.age_days >= STALE.days]
        unused = [one for one in every if not one.use.times and one.age_days >= NEW.days]
        doubled = await asyncio.to_thread(copies, stored)
        pairs = await self._disagreements.current(limit=SHOWN)
        gaps = await self._gaps.find(period, limit=SHOWN)
        untaught = [one for one in every if not one.stored.article.questions]
        untaught.sort(key=lambda one: (-one.use.times, one.stored.article.title))
        shown = {
            "stale": sorted(stale, key=lambda one: -one.weight)[:SHOWN],
            "unused": sorted(unused, key=lambda one: -one.age_days)[:SHOWN],
            "untaught": untaught[:SHOWN],
        }
        uses = [one.use for part in shown.values() for one in part]
        uses += [looked[one.article.id].use for group in doubled[:SHOWN] for one in group]
        ends = [looked[p.article_id].use for d in pairs for p in (d.one, d.other)
                if p.article_id in looked]  # fmt: skip
        digests = dict.fromkeys(d for use in (*uses, *ends) for d in use.latest)
        talks = await self._analytics.ids(period, list(digests))
        near = await self._near(knowledge, gaps)
        return Look(
            days=days,
            articles=len(stored),
            stale=shown["stale"],
            unused=shown["unused"],
            copies=[[looked[one.article.id] for one in group] for group in doubled[:SHOWN]],
            contradictions=[
                Contradiction(
                    pair=pair,
                    use=together(
                        [
                            looked[i].use
                            for i in dict.fromkeys((pair.one.article_id, pair.other.article_id))
                            if i in looked
                        ]
                    ),
                )
                for pair in pairs
            ],
            gaps=gaps,
            untaught=[await self._untaught(one, talks, near) for one in shown["untaught"]],
            counts={
                "stale": len(stale), "unused": len(unused), "copies": len(doubled),
                "contradictions": len(pairs), "gaps": len(gaps), "untaught": len(untaught),
            },
            talks=talks,
        )  # fmt: skip

    async def teach(
        self, user: User, *, article_id: str, question: str, conversation_id: str
    ) -> None:
        """Have an article known to answer what was asked there. Raises NotFound, BadInput."""
        user.require(Action.LEARNING_CONFIRM)
        knowledge = await self._knowledge()
        title = (await knowledge.get(article_id)).article.title

        async def is_asked() -> bool:
            return await self._questions.holds(
                conversation_id, title, question
            ) or await self._is_gap(conversation_id, question)

        if not await is_asked():
            raise BadInput("Nobody has asked this there, or they were forgotten since.")
        await knowledge.add_known_question(
            article_id, question, by=user.email, asked_in=conversation_id
        )
        if not await is_asked():
            # Whoever was forgotten while the article was taught is not in it either.
            await knowledge.forget_known_question(article_id, question, by=user.email)

    def _looked(self, stored: StoredArticle, uses: Mapping[str, Use]) -> Looked:
        age = self._clock.now() - stored.updated_at
        return Looked(
            stored=stored, use=uses.get(stored.article.title, NEVER), age_days=max(age.days, 0)
        )

    async def _near(
        self, knowledge: Knowledge, gaps: Sequence[Gap]
    ) -> Mapping[str, list[Suggestion]]:
        """Unanswered questions by the article that comes nearest to an answer."""
        found: dict[str, list[Suggestion]] = {}
        for gap in gaps:
            hits = (await knowledge.search_own(gap.question, limit=1)).hits
            if not hits or max(hits[0].dense, hits[0].known) < NEAR:
                continue
            asked = gap.asked[0]
            if question := teachable(asked.text, locale=asked.locale):
                found.setdefault(hits[0].passage.article_id, []).append(
                    Suggestion(question=question, conversation_id=asked.conversation_id)
                )
        return found

    async def _untaught(
        self, one: Looked, talks: Mapping[int, str], near: Mapping[str, list[Suggestion]]
    ) -> Untaught:
        article = one.stored.article
        ids = [talks[digest] for digest in one.use.latest if digest in talks]
        found = await self._questions.answered_by(article.title, ids)
        known = {article.title.casefold()}
        every = [
            s for s in (*found, *near.get(article.id, ())) if s.question.casefold() not in known
        ]
        return Untaught(looked=one, suggestions=every[:SUGGESTED])

    async def _is_gap(self, conversation_id: str, question: str) -> bool:
        asked = await self._gaps.asked(self._analytics.period(None, None, days=DAYS))
        return any(
            a.conversation_id == conversation_id and teachable(a.text, locale=a.locale) == question
            for a in asked
        )
