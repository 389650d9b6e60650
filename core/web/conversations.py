"""The conversations API: what a visitor's browser, or any program, says and hears."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core import events as ev
from core.accounts.rules import Action
from core.clock import Clock
from core.conversations import Conversation
from core.inbox import Inbox
from core.messages import Address, InboundKind, InboundMessage, Sender
from core.ports import Bus, Signal
from core.repository import Conversations
from core.web.answers import json_answer
from core.web.conversation_schemas import (
    AcceptedMessage,
    ConversationView,
    NewConversation,
    NewMessage,
    NewRating,
    OpenedConversation,
    Resume,
    StatusView,
)
from core.web.problems import Problem
from core.web.routing import Access, Route, body_of, query_of, user_of
from core.web.settings import WebSettings
from core.web.sse import resume_after
from core.web.stream import ConversationStream
from core.web.transcript import message_id, messages_of
from core.web.visitors import COOKIE, VisitorTokens

CHANNEL = "web"
COOKIE_SECONDS = 30 * 24 * 3600


class ConversationRoutes:
    """The handlers behind `/api/conversations`."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        conversations: Conversations,
        inbox: Inbox,
        bus: Bus,
        visitors: VisitorTokens,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._conversations = conversations
        self._inbox = inbox
        self._visitors = visitors
        self._clock = clock
        self._stream = ConversationStream(
            conversations=conversations, bus=bus, heartbeat_seconds=settings.heartbeat_seconds
        )

    def routes(self) -> Sequence[Route]:
        """The contract's routes for conversations."""
        one = "/api/conversations/{id}"
        return (
            Route(
                method="POST",
                path="/api/conversations",
                handler=self.create,
                access=Access.PUBLIC,
                summary="Open a conversation",
                body=NewConversation,
                responses={201: OpenedConversation, 503: None},
            ),
            Route(
                method="POST",
                path=one + "/messages",
                handler=self.post_message,
                access=Access.VISITOR,
                summary="Write a message",
                body=NewMessage,
                responses={202: AcceptedMessage, 503: None},
            ),
            Route(
                method="GET",
                path=one,
                handler=self.read,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Read a conversation",
                responses={200: ConversationView, 503: None},
            ),
            Route(
                method="GET",
                path=one + "/events",
                handler=self.events,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Follow a conversation as server-sent events",
                query=Resume,
                responses={200: None, 503: None},
                stream=True,
            ),
            Route(
                method="POST",
                path=one + "/typing",
                handler=self.typing,
                access=Access.VISITOR,
                summary="Say that the customer is writing",
                responses={204: None, 503: None},
                passive=True,
            ),
            Route(
                method="POST",
                path=one + "/human",
                handler=self.ask_for_person,
                access=Access.VISITOR,
                summary="Ask for a person",
                responses={202: StatusView, 503: None},
            ),
            Route(
                method="POST",
                path=one + "/rating",
                handler=self.rate,
                access=Access.VISITOR,
                summary="Rate the help",
                body=NewRating,
                responses={204: None, 503: None},
            ),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations."""
        body = body_of(request, NewConversation)
        conversation_id = self._clock.new_id()
        text = body.text or ""
        message = InboundMessage(
            address=_address(conversation_id),
            external_id=conversation_id,  # a client_id's always has a slash, so never the same
            sender=Sender(id=conversation_id),
            text=text,
            kind=InboundKind.MESSAGE if text else InboundKind.START,
        )
        locale = body.locale or request.headers.get("Accept-Language", "")[:35].split(",")[0]
        commit = await self._inbox.accept(
            message, conversation_id=conversation_id, locale=locale, new=True
        )
        token = self._visitors.issue(conversation_id)
        answer = {"id": conversation_id, "token": token, "status": "ai"}
        if text:
            answer["message_id"] = message_id(conversation_id, _received(commit))
        response = json_answer(
            answer, status=201, headers={"Location": f"/api/conversations/{conversation_id}"}
        )
        response.set_cookie(
            COOKIE,
            token,
            max_age=COOKIE_SECONDS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._settings.is_https,
        )
        return response

    async def post_message(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/messages."""
        body = body_of(request, NewMessage)
        state = await self._load(request)
        message = InboundMessage(
            address=_address(state.id),
            external_id=f"{state.id}/{body.client_id}",
            sender=Sender(id=state.id),
            text=body.text,
        )
        commit = await self._inbox.accept(message, conversation_id=state.id)
        seq = _received(commit)
        return json_answer({"id": message_id(state.id, seq), "seq": seq}, status=202)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/conversations/{id}."""
        state = await self._load(request)
        commits = await self._conversations.history(state.id)
        # What was stored meanwhile counts for the status as for the messages: they go together.
        for commit in commits:
            if commit.base == state.seq + 1:
                state = state.apply(commit)
        assignee = state.assignee
        if user_of(request) is None:
            # Customers learn a colleague's name, not his address.
            assignee = assignee.partition("@")[0]
        return json_answer(
            {
                "id": state.id,
                "channel": state.channel,
                "status": state.status.value,
                "assignee": assignee or None,
                "messages": messages_of(commits),
            }
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/conversations/{id}/events."""
        query = query_of(request, Resume)
        after = resume_after(request.headers.get("Last-Event-ID"), query.last_event_id)
        state = await self._load(request)
        return await self._stream.serve(request, state.id, after=after)

    async def typing(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/typing."""
        state = await self._load(request)
        self._conversations.signal(Signal(conversation_id=state.id, kind="typing", text="customer"))
        return web.Response(status=204)

    async def ask_for_person(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/human; asking twice is asking once."""
        state = await self._load(request)
        message = InboundMessage(
            address=_address(state.id),
            external_id=f"{state.id}#human-{self._clock.new_id()}",
            sender=Sender(id=state.id),
            kind=InboundKind.HUMAN,
        )
        await self._inbox.accept(message, conversation_id=state.id)
        state = await self._load(request)
        return json_answer({"status": state.status.value}, status=202)

    async def rate(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/rating."""
        body = body_of(request, NewRating)
        state = await self._load(request)
        rated = ev.Rated(score=body.score, comment=body.comment or "")
        await self._conversations.update(state.id, lambda _: (rated,))
        return web.Response(status=204)

    async def _load(self, request: web.Request) -> Conversation:
        state = await self._conversations.peek(request.match_info["id"])
        if state.seq == 0:
            raise Problem(404, "There is no such conversation, or it is not yours.")
        return state


def _address(conversation_id: str) -> Address:
    return Address(channel=CHANNEL, account=CHANNEL, chat=conversation_id)


def _received(commit: ev.Commit) -> int:
    for item in commit.numbered():
        if isinstance(item.event, ev.Received):
            return item.seq
    return commit.last
