"""The console pages of the queue and of conversations."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from aiohttp import web
from markupsafe import Markup
from pydantic import BaseModel, Field

from approvals.console.files import ShownFile, files_of
from approvals.inbox.notifications import Kind, Notifications
from approvals.inbox.presence import PresenceStore
from approvals.inbox.rows import Wanted
from approvals.inbox.service import Inbox
from approvals.inbox.summary import summary_of
from approvals.queue.decisions import is_elsewhere
from approvals.queue.model import Approval, ApprovalState
from approvals.queue.service import ApprovalService
from approvals.queue.wording import (
    Card,
    card,
    channel_name,
    consent_in_words,
    duration,
    reasons_in_words,
    thread,
)
from core.accounts.roles import Action, Role, User
from core.attachments.views import FileViews
from core.clock import Clock
from core.domain.conversation import Conversation
from core.domain.drafts import Reason
from core.domain.messages import Author
from core.engine.repository import Conversations
from core.errors import NotFound
from core.i18n import Words
from core.rendering.html import to_html
from core.rendering.markdown import read
from core.text.pii import traced
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Fields,
    Route,
    current_user,
    page_route,
    query_of,
    session_of,
)
from core.web.pages import Pages

PAGE = 50
HISTORY = timedelta(days=30)  #: how far back the list of decisions goes
NEWS = (Kind.MENTION, Kind.GIVEN, Kind.BACK)  #: the others count as what waits
SEEN_MOST = 100  #: cards a page may ask to have kept

Colleagues = Callable[[], Awaitable[Sequence[User]]]
"""All staff, for the transfer's list."""


class CardsQuery(Fields):
    """The cards that the page already shows, and how many it wants."""

    seen: str = Field(default="", max_length=20_000)
    limit: int = Field(default=50, ge=1, le=500)
    at: str = Field(default="", max_length=200, description="A draft to show, wherever it waits.")


class DecidedQuery(Fields):
    """A page of the decisions."""

    cursor: str = Field(default="", max_length=200)


class CountsView(BaseModel):
    """The counts of what waits."""

    queue: int = Field(description="Drafts that wait for anybody.")
    mine: int = Field(description="My conversations whose customers wait.")
    news: int = Field(
        description="Conversations where I was named, that I was given, or that are back."
    )


class ThreadQuery(Fields):
    """The flag that somebody looks at it."""

    seen: bool = False


class DeskPages:
    """The handlers behind `/console/approvals` and `/console/conversations`."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        inbox: Inbox,
        notifications: Notifications,
        presence: PresenceStore,
        conversations: Conversations,
        pages: Pages,
        words: Words,
        clock: Clock,
        colleagues: Colleagues,
        trouble: Callable[[], str] = str,
        pulls: Callable[[str], bool] = lambda _: False,
        views: FileViews | None = None,
        max_mb: int = 25,
        undo_seconds: float = 0.0,
        threshold: Callable[[str], float] = lambda _: 1.0,
    ) -> None:
        """`views` draws files, of which each may have `max_mb` megabytes; without it none is shown.

        `trouble` is Slack's code while the cards there are not up to date, or "away"; a decision
        on this page may be taken back for `undo_seconds`, and `threshold` says from which
        confidence on answers of a topic go out alone.
        """
        self._service = service
        self._inbox = inbox
        self._notifications = notifications
        self._presence = presence
        self._conversations = conversations
        self._pages = pages
        self._words = words
        self._clock = clock
        self._colleagues = colleagues
        self._trouble = trouble
        self._pulls = pulls
        self._views = views
        self._max_mb = max_mb
        self._undo = undo_seconds
        self._threshold = threshold

    def routes(self) -> Sequence[Route]:
        """Pages, and the fragments that keep them current."""
        one = "/console/conversations/{id}"
        read, queue = Action.CONVERSATION_READ, Action.QUEUE_READ

        return (
            page_route(
                "/console/approvals", self.queue, "The queue", action=queue, query=CardsQuery
            ).in_menu("approvals.title", 10),
            page_route(
                "/console/approvals/cards",
                self.cards,
                "The queue's cards",
                action=queue,
                query=CardsQuery,
                passive=True,
            ),
            page_route(
                "/console/approvals/decided",
                self.decided,
                "What was decided",
                action=queue,
                query=DecidedQuery,
            ),
            page_route(one, self.talk, "A conversation", action=read),
            Route(
                method="GET",
                path="/api/inbox/counts",
                handler=self.counts,
                action=queue,
                summary="How much waits, for badges and signals",
                responses={200: CountsView},
                passive=True,
            ),
            page_route(
                one + "/thread",
                self.thread,
                "Its history",
                action=read,
                query=ThreadQuery,
                passive=True,
            ),
        )

    async def queue(self, request: web.Request) -> web.StreamResponse:
        """GET /console/approvals."""
        values = await self._cards(request, seen=())
        values["undo_seconds"] = self._undo
        values["words"] = self._words.section("approvals", self._pages.locale(request))
        return self._pages.render(request, "approvals/queue.html", values)

    async def counts(self, request: web.Request) -> web.StreamResponse:
        """GET /api/inbox/counts."""
        user = current_user(request)
        page = await self._service.pending(user, limit=1)
        if session_of(request) is not None:  # every page of the console asks this once a minute
            await self._presence.saw(user, locale=self._pages.locale(request))
        wanted = Wanted(assignee=user.email, waiting=True, snoozed=False)
        mine = await self._inbox.count(user, wanted)
        news = {n.c for n in await self._notifications.unseen(user) if n.kind in NEWS}
        return json_answer(CountsView(queue=page.total, mine=mine, news=len(news)))

    async def cards(self, request: web.Request) -> web.StreamResponse:
        """GET /console/approvals/cards."""
        seen = [i for i in query_of(request, CardsQuery).seen.split(",") if i][:SEEN_MOST]
        return self._pages.render(
            request, "approvals/cards.html", await self._cards(request, seen=seen)
        )

    async def decided(self, request: web.Request) -> web.StreamResponse:
        """GET /console/approvals/decided."""
        user, locale = current_user(request), self._pages.locale(request)
        page = await self._service.decided(
            user,
            since=self._clock.now() - HISTORY,
            cursor=query_of(request, DecidedQuery).cursor,
        )
        cards = [card(a, words=self._words, locale=locale, me=user.email) for a in page.items]
        return self._pages.render(
            request,
            "approvals/decided.html",
            {"cards": cards, "next": page.next, "duration": duration},
        )

    async def _cards(self, request: web.Request, *, seen: Sequence[str]) -> dict[str, object]:
        user, locale = current_user(request), self._pages.locale(request)
        query = query_of(request, CardsQuery)
        page = await self._service.pending(user, limit=query.limit)
        lost = await self._service.undelivered(user)
        waiting = {a.id: a for a in (*page.items, *lost)}
        # One that is asked for stands first, however far down it waits.
        asked = await self._asked_for(user, query.at) if query.at not in waiting else None

        def drawn_as(a: Approval) -> Card:
            threshold = self._threshold(a.draft.topic)
            return card(a, words=self._words, locale=locale, me=user.email, threshold=threshold)

        shown = [drawn_as(a) for a in (*lost, *((asked,) if asked else ()))]
        # What the reader has just seen leaves with a word on what became of it.
        for approval_id in seen:
            if approval_id in waiting:
                continue
            try:
                gone = await self._service.get(user, approval_id)
            except NotFound:
                continue
            found = drawn_as(gone)
            if not found.waits:
                shown.append(found)
        shown += [drawn_as(a) for a in page.items]
        return {
            "cards": shown,
            "total": page.total,
            "more": max(0, page.total - len(page.items)),
            "now": self._clock.now(),
            "files": {c.approval.id: await self._asked_with(c.approval, locale) for c in shown},
            "drawn": drawn,
            "traced": traced,
            "trouble": self._slack_trouble(locale),
        }

    async def _asked_for(self, user: User, approval_id: str) -> Approval | None:
        if not approval_id:
            return None
        try:
            found = await self._service.get(user, approval_id)
        except NotFound:
            return None
        return found if found.state is ApprovalState.PENDING else None

    async def _asked_with(self, a: Approval, locale: str) -> Sequence[ShownFile]:
        """The files that came with what the draft is for."""
        if self._views is None or Reason.ATTACHMENT not in a.reasons:
            return ()
        commits = await self._conversations.history(a.conversation_id)
        found = files_of(commits, views=self._views, words=self._words, locale=locale)
        return [file for seq in a.answers for file in found.get(seq, ())]

    def _slack_trouble(self, locale: str) -> str:
        code = self._trouble()
        if not code:
            return ""
        name = "away" if code == "away" else "refused"
        return self._words.text(f"slack.trouble.{name}", locale, code=code)

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations/{id}."""
        values = await self._thread(request)
        me = current_user(request)
        colleagues = [u for u in await self._colleagues() if u.email != me.email]
        values["colleagues"] = [u.email for u in colleagues]
        values["to_mention"] = [{"email": u.email, "name": u.name} for u in colleagues]
        values["words"] = self._words.section("approvals", self._pages.locale(request))
        c = values["c"]
        assert isinstance(c, Conversation)
        values["sends"] = not self._pulls(c.channel)
        values["known_tags"] = self._inbox.values()["tags"]
        await self._inbox.saw(current_user(request), c)
        return self._pages.render(request, "approvals/conversation.html", values)

    async def thread(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations/{id}/thread."""
        values = await self._thread(request)
        if query_of(request, ThreadQuery).seen:
            c = values["c"]
            assert isinstance(c, Conversation)
            await self._inbox.saw(current_user(request), c)
        return self._pages.render(request, "approvals/thread.html", values)

    async def _thread(self, request: web.Request) -> dict[str, object]:
        user, locale = current_user(request), self._pages.locale(request)
        c = await self._service.conversation(user, request.match_info["id"])
        commits = await self._conversations.history(c.id)
        entries = thread(commits, words=self._words, locale=locale)
        reasons = tuple(dict.fromkeys(r for review in c.reviews for r in review.reasons))
        findings = tuple(f for review in c.reviews for f in review.draft.findings)
        return {
            "c": c,
            "channel": self._channel(c, locale),
            "entries": entries,
            "consent": consent_in_words(c.consent, words=self._words, locale=locale)
            if c.consent
            else "",
            "summary": summary_of(commits, c),
            "files": files_of(commits, views=self._views, words=self._words, locale=locale)
            if self._views
            else {},
            "max_mb": self._max_mb,
            "mine": c.assignee == user.email,
            "supervises": user.role.includes(Role.SUPERVISOR) or is_elsewhere(c.assignee),
            "reasons": reasons_in_words(
                reasons, words=self._words, locale=locale, findings=findings
            ),
            "drawn": drawn,
            "traced": traced,
        }

    def _channel(self, c: Conversation, locale: str) -> str:
        return channel_name(c.channel, words=self._words, locale=locale)


_BLOCK = re.compile(r"<(p|li|ul|ol|h[1-6]|blockquote|td|th)(?=[ >])")


def drawn(text: str, author: str = "ai") -> Markup:
    """A message as the customer sees it; nothing in it can become markup of its own."""
    html = to_html(read(Author(author), text))
    # Each paragraph reads from the side its own language begins at.
    return Markup(_BLOCK.sub(r'<\1 dir="auto"', html))  # noqa: S704 - `to_html` escapes everything
