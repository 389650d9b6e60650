"""The conversations API, for the chat page and any other program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from aiohttp import web

from channels.web.files import Files
from channels.web.schemas import (
    AcceptedMessage,
    ConversationView,
    NewConversation,
    NewMessage,
    NewRating,
    OpenedConversation,
    Resume,
    StatusView,
    Visitor,
)
from channels.web.stream import ConversationStream
from channels.web.transcript import message_id, messages_of
from core.accounts.roles import Action
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.fold import fold_commit
from core.domain.messages import (
    WEB_CHAT,
    Address,
    Attachment,
    InboundKind,
    InboundMessage,
    Sender,
)
from core.engine.ports import Bus, Signal
from core.engine.repository import Conversations
from core.errors import BadInput, ChannelNotReady
from core.i18n import choose_locale
from core.sdk.channel import Accepted, Receive
from core.text.sanitize import sanitize
from core.web.http.problems import Problem, TooMuch
from core.web.http.responses import json_answer
from core.web.http.routing import Access, Route, address_of, body_of, query_of, user_of
from core.web.http.settings import WebSettings
from core.web.identity.cookies import VISITOR, Cookies
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.admission import Admission
from core.web.sse import resume_after

CLOSED_SECONDS = 15.0  #: until a page looks again whether the chat has been opened
COOKIE_SECONDS = 30 * 24 * 3600


class Closed(TooMuch):
    """The web chat is switched off; what is written waits in the visitor's page."""

    def __init__(self) -> None:
        super().__init__(
            "The web chat is closed at the moment",
            limit="closed",
            scope="everybody",
            wait=CLOSED_SECONDS,
            status=503,
        )


class ConversationRoutes:
    """The handlers behind `/api/conversations`."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        conversations: Conversations,
        receive: Receive,
        bus: Bus,
        visitors: VisitorTokens,
        identity: VisitorIdentity,
        admission: Admission,
        clock: Clock,
        is_on: Callable[[], bool],
        files: Files | None = None,
    ) -> None:
        """The routes.

        `receive` is the running channel's (`channels.web.channel.WayIn`), and `is_on` says whether
        it runs: while it does not, visitors are turned away. Without `files` messages carry text
        only.
        """
        self._files = files
        self._views = files.views if files else None
        self._settings = settings
        self._is_on = is_on
        self._admission = admission
        self._cookies = Cookies(secure=settings.is_https, base=settings.base)
        self._conversations = conversations
        self._receive = receive
        self._visitors = visitors
        self._identity = identity
        self._clock = clock
        self._stream = ConversationStream(
            conversations=conversations,
            bus=bus,
            heartbeat_seconds=settings.heartbeat_seconds,
            is_on=is_on,
            views=self._views,
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
                responses={201: OpenedConversation},
            ),
            Route(
                method="POST",
                path=one + "/messages",
                handler=self.post_message,
                access=Access.VISITOR,
                summary="Write a message",
                body=NewMessage,
                responses={202: AcceptedMessage},
            ),
            Route(
                method="GET",
                path=one,
                handler=self.read,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Read a conversation",
                responses={200: ConversationView},
            ),
            Route(
                method="GET",
                path=one + "/events",
                handler=self.events,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Follow a conversation as server-sent events",
                query=Resume,
                responses={200: None},
                stream=True,
            ),
            Route(
                method="POST",
                path=one + "/typing",
                handler=self.typing,
                access=Access.VISITOR,
                summary="Say that the customer is writing",
                responses={204: None},
                passive=True,
            ),
            Route(
                method="POST",
                path=one + "/human",
                handler=self.ask_for_person,
                access=Access.VISITOR,
                summary="Ask for a person",
                responses={202: StatusView},
            ),
            Route(
                method="POST",
                path=one + "/rating",
                handler=self.rate,
                access=Access.VISITOR,
                summary="Rate the help",
                body=NewRating,
                responses={204: None},
            ),
        )

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations."""
        self._check_open()
        body = body_of(request, NewConversation)
        conversation_id = self._clock.new_id()
        text = body.text or ""
        locale = body.locale or request.headers.get("Accept-Language", "")[:35].split(",")[0]
        message = InboundMessage(
            address=_address(conversation_id),
            external_id=conversation_id,  # a client_id's always has a slash, so never the same
            sender=self._sender(body.visitor, conversation_id, choose_locale(locale)),
            text=text,
            kind=InboundKind.MESSAGE if text else InboundKind.START,
        )
        address = address_of(request)
        with self._admission.question(conversation_id, address) if text else nullcontext():
            await self._admission.opening(address)
            self._conversations.begin(conversation_id)
            accepted = await self._hand_in(message)
        token = self._visitors.issue(conversation_id)
        answer = {"id": conversation_id, "token": token, "status": "ai"}
        if text:
            answer["message_id"] = message_id(conversation_id, accepted.seq)
        response = json_answer(
            answer, status=201, headers={"Location": f"/api/conversations/{conversation_id}"}
        )
        self._cookies.give(response, VISITOR, token, seconds=COOKIE_SECONDS)
        return response

    async def post_message(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/messages."""
        body = body_of(request, NewMessage)
        state = await self._load(request)
        message = InboundMessage(
            address=_address(state.id),
            external_id=f"{state.id}/{body.client_id}",
            sender=Sender(id=_writer(state)),
            text=body.text,
            attachments=await self._attached(state.id, body.attachments),
        )
        # Who writes to a person waits for no answer of ours, and is never told to wait.
        asks = state.status is not Status.HUMAN
        address = address_of(request)
        with self._admission.question(state.id, address) if asks else nullcontext():
            accepted = await self._hand_in(message)
        answer = {"id": message_id(state.id, accepted.seq), "seq": accepted.seq}
        return json_answer(answer, status=202)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/conversations/{id}."""
        state = await self._load(request)
        commits = await self._conversations.history(state.id)
        # What was stored meanwhile counts for the status as for the messages: they go together.
        for commit in commits:
            if commit.base == state.seq + 1:
                state = fold_commit(state, commit)
        assignee = state.assignee
        if user_of(request) is None:
            # Customers learn a colleague's name, not their address.
            assignee = assignee.partition("@")[0]
        return json_answer(
            {
                "id": state.id,
                "channel": state.channel,
                "status": state.status.value,
                "assignee": assignee or None,
                # Drawing a long past takes its time, which nobody else shall wait for.
                "messages": await asyncio.to_thread(messages_of, commits, self._views),
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
            sender=Sender(id=_writer(state)),
            kind=InboundKind.HUMAN,
        )
        await self._hand_in(message)
        state = await self._load(request)
        return json_answer({"status": state.status.value}, status=202)

    async def rate(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/rating."""
        body = body_of(request, NewRating)
        state = await self._load(request)
        rated = ev.Rated(score=body.score, comment=sanitize(body.comment or ""))
        # Who is forgotten has nothing to rate, and what was said of it is not kept.
        await self._conversations.update(state.id, lambda c: () if c.erased else (rated,))
        return web.Response(status=204)

    async def _hand_in(self, message: InboundMessage) -> Accepted:
        try:
            return await self._receive(message)
        except ChannelNotReady as error:  # switched off after we looked
            raise Closed from error

    async def _attached(self, conversation_id: str, ids: Sequence[str]) -> tuple[Attachment, ...]:
        if not ids:
            return ()
        if self._files is None:
            raise BadInput("No files are taken here.")
        return await self._files.attached(conversation_id, ids)

    def _sender(self, visitor: Visitor | None, conversation_id: str, locale: str) -> Sender:
        """The visitor, under the id that their site has signed, else the conversation's own."""
        if visitor is None:
            return Sender(id=conversation_id, locale=locale)
        if visitor.id and not self._identity.is_signed(visitor.id, visitor.signature):
            raise Problem(403, "The signature does not belong to this visitor's id.")
        name = " ".join(visitor.name.split())
        return Sender(
            id=visitor.id or conversation_id, name=name, email=visitor.email, locale=locale
        )

    def _check_open(self) -> None:
        """Raise where an admin has switched the chat off, or it has not come up."""
        if not self._is_on():
            raise Closed

    async def _load(self, request: web.Request) -> Conversation:
        if user_of(request) is None:
            self._check_open()  # staff read what was said whatever is switched off
        state = await self._conversations.peek(request.match_info["id"])
        if state.seq == 0:
            raise Problem(404, "There is no such conversation, or it is not yours.")
        return state


def _writer(state: Conversation) -> str:
    return state.sender.id if state.sender else state.id


def _address(conversation_id: str) -> Address:
    return Address(channel=WEB_CHAT, account=WEB_CHAT, chat=conversation_id)
