"""Missing answers on the console: list, write, publish, dismiss, merge, take back."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from analytics.queries.gap_marks import MOST_QUESTIONS, MarkKind, Question
from analytics.queries.gaps import Asked, Gap, Gaps
from analytics.queries.service import Analytics
from config.languages import ANSWERING, DEFAULT, LANGUAGES
from core.accounts.roles import Action
from core.engine.ports import Person
from core.errors import BadInput
from core.rag.domain.model import Article
from core.rag.knowledge.origins import Origin, Part, words_of
from core.rag.knowledge_base.service import Knowledge
from core.rag.personal_data import LearnedFromPeople
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Fields,
    Route,
    Strict,
    body_of,
    current_user,
    page_route,
    query_of,
)
from core.web.pages import Pages

GAP_DAYS = 30
LONGEST_DAYS = 365
TITLE_CHARS = 300
MOST_SHOWN = 20  #: gaps on the page
ASSISTANT = "/console/assistant#missing"  #: another slice's page, so by its address


class GapQuery(Fields):
    """The number of days to look back."""

    days: int = Field(default=GAP_DAYS, ge=1, le=LONGEST_DAYS)


class NewAnswer(Strict):
    """An answer that was missing, as an article."""

    title: str = Field(min_length=1, max_length=TITLE_CHARS)
    text: str = Field(min_length=1, max_length=20_000)
    questions: list[str] = Field(default_factory=list, max_length=20)
    asked: list[GapQuestion] = Field(default_factory=list, max_length=500)
    topic: str = Field(default="", max_length=100)
    locale: str = Field(default=DEFAULT, pattern=f"^({'|'.join(ANSWERING)})$")


class GapQuestion(Strict):
    """The place of a question in the log."""

    conversation_id: str = Field(min_length=1, max_length=200)
    seq: int = Field(ge=1)


class GapMarkBody(Strict):
    """A decision about the gaps that hold these questions."""

    kind: Literal["dismissed", "merged"]
    questions: list[GapQuestion] = Field(min_length=1, max_length=500)


class GapMarkView(BaseModel):
    """A decision about gaps, by its id."""

    id: str
    kind: str


class Answered(BaseModel):
    """The answer that the question finds now."""

    article_id: str
    found: bool
    title: str
    text: str
    score: float


def places(gap: Gap) -> list[dict[str, object]]:
    """Its questions as `GapQuestion` takes them, the newest first."""
    return [
        {"conversation_id": asked.conversation_id, "seq": asked.seq}
        for asked in gap.asked[:MOST_QUESTIONS]
    ]


def _questions(given: Sequence[GapQuestion]) -> list[Question]:
    return [Question(conversation_id=q.conversation_id, seq=q.seq) for q in given]


async def _unheard(titles: Mapping[str, str]) -> None:
    """Nobody has counted anything under these titles yet."""


def origins_of(article: Article, asked: Sequence[Asked]) -> list[Origin]:
    """Whose words the title and the questions are: of those who asked just that."""
    askers: dict[str, set[str]] = {}
    for one in asked:
        # A long question is cut where the page makes a title of it.
        for text in (one.text, one.text[:TITLE_CHARS]):
            askers.setdefault(words_of(text), set()).add(one.conversation_id)
    said = [(Part.TITLE, article.title), *((Part.QUESTION, q) for q in article.questions)]
    return [
        Origin(article_id=article.id, part=part, conversation_id=asker, words=words_of(text))
        for part, text in said
        for asker in sorted(askers.get(words_of(text), ()))
    ]


class GapPages:
    """The part of the assistant's page that shows missing answers, and what its forms send."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        gaps: Gaps,
        knowledge: Callable[[], Awaitable[Knowledge]],
        pages: Pages,
    ) -> None:
        self._analytics = analytics
        self._gaps = gaps
        self._knowledge = knowledge
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The list, what its forms send, and the address at which it stood before."""
        may = Action.LEARNING_CONFIRM
        return (
            page_route("/console/dashboard/gaps", self.moved, "Moved to the assistant", action=may),
            page_route(
                "/console/dashboard/gaps/list",
                self.gaps,
                "Missing answers",
                action=may,
                query=GapQuery,
                dear=True,
                passive=True,
            ),
            Route(
                method="POST",
                path="/api/dashboard/gaps/marks",
                handler=self.mark,
                action=may,
                summary="Dismiss or merge missing answers",
                body=GapMarkBody,
                responses={201: GapMarkView},
            ),
            Route(
                method="DELETE",
                path="/api/dashboard/gaps/marks/{mark}",
                handler=self.unmark,
                action=may,
                summary="Take that back",
                responses={204: None},
            ),
            Route(
                method="POST",
                path="/api/dashboard/gaps",
                handler=self.publish,
                action=Action.LEARNING_CONFIRM,
                summary="Publish an answer that was missing",
                body=NewAnswer,
                responses={201: Answered},
            ),
        )

    async def moved(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/gaps."""
        del request
        raise web.HTTPSeeOther(ASSISTANT)

    async def gaps(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/gaps/list: a part of a page, without the shell."""
        days = query_of(request, GapQuery).days
        period = self._analytics.period(None, None, days=days)
        found = await self._gaps.sorted_out(period)
        answering = [(code, LANGUAGES[code].name) for code in ANSWERING]
        values = {
            "gaps": found.open[:MOST_SHOWN],
            "settled": found.settled[:MOST_SHOWN],
            "merged": {one.gap.question: one.mark.id for one in found.merged},
            "days": days,
            "answering": answering,
            "places": places,
        }
        return self._pages.render(request, "analytics/gaps.html", values)

    async def mark(self, request: web.Request) -> web.StreamResponse:
        """POST /api/dashboard/gaps/marks."""
        body = body_of(request, GapMarkBody)
        mark = await self._gaps.mark(
            current_user(request), MarkKind(body.kind), _questions(body.questions)
        )
        return json_answer(GapMarkView(id=mark.id, kind=mark.kind.value), status=201)

    async def unmark(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/dashboard/gaps/marks/{mark}."""
        await self._gaps.unmark(current_user(request), request.match_info["mark"])
        return web.Response(status=204)

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """POST /api/dashboard/gaps."""
        wish, knowledge = body_of(request, NewAnswer), await self._knowledge()
        title, text = wish.title.strip(), wish.text.strip()
        if not title or not text:
            raise BadInput("An article needs a title and a text.")
        name = hashlib.blake2b(title.casefold().encode(), digest_size=6).hexdigest()
        questions = tuple(dict.fromkeys(q.strip() for q in (title, *wish.questions) if q.strip()))
        article = Article(
            id=f"answer-{name}",
            title=title,
            text=text,
            topic=wish.topic.strip(),
            locale=wish.locale,
            source=current_user(request).email,
            questions=questions,
        )
        asked = await self._gaps.asked(self._analytics.period(None, None, days=LONGEST_DAYS))
        origins = origins_of(article, asked)
        await knowledge.add_article(article, by=current_user(request).email, origins=origins)
        await self._without_the_forgotten(asked, origins)
        if wish.asked:
            await self._gaps.mark(current_user(request), MarkKind.ANSWERED, _questions(wish.asked))
        hits = (await knowledge.search(questions[-1], limit=1)).hits
        top = hits[0] if hits else None
        return json_answer(
            Answered(
                article_id=article.id,
                found=top is not None and top.passage.article_id == article.id,
                title=top.passage.title if top else "",
                text=top.passage.text if top else "",
                score=float(top.score) if top else 0.0,
            ),
            status=201,
        )

    async def _without_the_forgotten(
        self, asked: Sequence[Asked], origins: Sequence[Origin]
    ) -> None:
        """Whoever was forgotten while the article was taken in is not in it either."""
        theirs = {o.conversation_id for o in origins}
        gone = [
            one.conversation_id
            for one in asked
            if one.conversation_id in theirs
            and await self._gaps.again(one.conversation_id, one.seq) is None
        ]
        if gone:
            learned = LearnedFromPeople(self._knowledge, _unheard)
            await learned.erase(Person(conversation_ids=tuple(gone)))
