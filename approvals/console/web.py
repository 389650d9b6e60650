"""Serves the console's pages for the queue and for conversations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from aiohttp import web
from markupsafe import Markup
from pydantic import Field

from approvals.console.view import Card, card, channel_name, duration, reasons_in_words, thread
from approvals.service import ApprovalService
from core.accounts.rules import Action, Role, User
from core.clock import Clock
from core.conversations import Conversation, Status
from core.errors import BadInput, NotFound
from core.rendering_html import to_html
from core.rendering_markdown import from_markdown
from core.repository import Conversations
from core.storage.listing import ConversationListing
from core.web.answers import iso, read_cursor, write_cursor
from core.web.pages import Pages
from core.web.routing import Access, Fields, Route, current_user, page_route, query_of
from core.wording import Words

PAGE = 50
HISTORY = timedelta(days=30)  #: how far back the list of decisions goes
SEEN_MOST = 100  #: cards a page may ask to have kept

Colleagues = Callable[[], Awaitable[Sequence[User]]]
"""All staff, for the transfer's list."""


class CardsQuery(Fields):
    """Which cards the page already shows."""

    seen: str = Field(default="", max_length=20_000)


class DecidedQuery(Fields):
    """Which page of the decisions."""

    cursor: str = Field(default="", max_length=200)


class ListQuery(Fields):
    """Which conversations."""

    status: str = Field(default="", pattern="^(|ai|review|human|resolved)$")
    cursor: str = Field(default="", max_length=200)
    q: str = Field(default="", max_length=200)


class DeskPages:
    """The handlers behind `/console/approvals` and `/console/conversations`."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        conversations: Conversations,
        listing: ConversationListing,
        pages: Pages,
        words: Words,
        clock: Clock,
        colleagues: Colleagues,
        trouble: Callable[[], str] = str,
    ) -> None:
        """`trouble` is Slack's code while the cards there are not up to date, or "away"."""
        self._service = service
        self._conversations = conversations
        self._listing = listing
        self._pages = pages
        self._words = words
        self._clock = clock
        self._colleagues = colleagues
        self._trouble = trouble

    def routes(self) -> Sequence[Route]:
        """Pages, and the fragments that keep them current."""
        one = "/console/conversations/{id}"
        read, queue = Action.CONVERSATION_READ, Action.QUEUE_READ
        page = partial(page_route, access=Access.STAFF)
        return (
            page("/console/approvals", self.queue, "The queue", action=queue),
            page(
                "/console/approvals/cards",
                self.cards,
                "The queue's cards",
                action=queue,
                query=CardsQuery,
                passive=True,
            ),
            page(
                "/console/approvals/decided",
                self.decided,
                "What was decided",
                action=queue,
                query=DecidedQuery,
            ),
            page(
                "/console/conversations", self.list, "Conversations", action=read, query=ListQuery
            ),
            page(one, self.talk, "A conversation", action=read),
            page(one + "/thread", self.thread, "Its history", action=read, passive=True),
        )

    async def queue(self, request: web.Request) -> web.StreamResponse:
        """GET /console/approvals."""
        values = await self._cards(request, seen=())
        values["words"] = self._words.section("approvals", self._pages.locale(request))
        return self._pages.render(request, "approvals/queue.html", values)

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
        page = await self._service.pending(user, limit=PAGE)
        waiting = {a.id: a for a in page.items}
        shown: list[Card] = []
        # What the reader has just seen leaves with a word on what became of it.
        for approval_id in seen:
            if approval_id in waiting:
                continue
            try:
                gone = await self._service.get(user, approval_id)
            except NotFound:
                continue
            found = card(gone, words=self._words, locale=locale, me=user.email)
            if not found.waits:
                shown.append(found)
        shown += [card(a, words=self._words, locale=locale, me=user.email) for a in page.items]
        return {
            "cards": shown,
            "total": page.total,
            "more": max(0, page.total - len(page.items)),
            "now": self._clock.now(),
            "drawn": drawn,
            "trouble": self._slack_trouble(locale),
        }

    def _slack_trouble(self, locale: str) -> str:
        code = self._trouble()
        if not code:
            return ""
        name = "away" if code == "away" else "refused"
        return self._words.text(f"slack.trouble.{name}", locale, code=code)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations."""
        query = query_of(request, ListQuery)
        locale = self._pages.locale(request)
        wanted = query.q.strip()
        if wanted:
            conversation_id = wanted.rpartition(".")[0] or wanted
            state = await self._conversations.peek(conversation_id)
            if state.seq:
                raise web.HTTPSeeOther(f"/console/conversations/{state.id}")
        cursor = _cursor(query.cursor)
        listed = await self._listing.page(
            now=self._clock.now(),
            statuses=(Status(query.status),) if query.status else tuple(Status),
            before=cursor,
            limit=PAGE,
        )
        return self._pages.render(
            request,
            "approvals/conversations.html",
            {
                "items": [(c, self._channel(c, locale), _last_line(c)) for c in listed.items],
                "chosen": query.status,
                "statuses": [s.value for s in Status],
                "q": wanted,
                "next": write_cursor(iso(listed.next[0]), listed.next[1]) if listed.next else "",
            },
        )

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations/{id}."""
        values = await self._thread(request)
        values["colleagues"] = [
            u.email for u in await self._colleagues() if u.email != current_user(request).email
        ]
        values["words"] = self._words.section("approvals", self._pages.locale(request))
        return self._pages.render(request, "approvals/conversation.html", values)

    async def thread(self, request: web.Request) -> web.StreamResponse:
        """GET /console/conversations/{id}/thread."""
        return self._pages.render(request, "approvals/thread.html", await self._thread(request))

    async def _thread(self, request: web.Request) -> dict[str, object]:
        user, locale = current_user(request), self._pages.locale(request)
        c = await self._service.conversation(user, request.match_info["id"])
        entries = thread(await self._conversations.history(c.id), words=self._words, locale=locale)
        reasons = c.review.reasons if c.review else ()
        return {
            "c": c,
            "channel": self._channel(c, locale),
            "entries": entries,
            "mine": c.assignee == user.email,
            "supervises": user.role.includes(Role.SUPERVISOR),
            "reasons": reasons_in_words(reasons, words=self._words, locale=locale),
            "drawn": drawn,
        }

    def _channel(self, c: Conversation, locale: str) -> str:
        return channel_name(c.channel, words=self._words, locale=locale)


def drawn(text: str) -> Markup:
    """A message as the customer sees it; nothing in it can become markup of its own."""
    return Markup(to_html(from_markdown(text)))  # noqa: S704 - `to_html` escapes everything


def _last_line(c: Conversation) -> str:
    return c.memory[-1].text if c.memory else ""


def _cursor(cursor: str) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    at, conversation_id = read_cursor(cursor, str, str)
    try:
        return datetime.fromisoformat(at), conversation_id
    except ValueError:
        raise BadInput("This cursor is not one of ours.") from None
