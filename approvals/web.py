"""The approvals API: the queue, decisions, and conversations in people's hands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import web

from approvals.service import ApprovalService
from approvals.shapes import (
    ClaimView,
    DecisionBody,
    DoneView,
    NoteBody,
    PastApprovalView,
    PendingQuery,
    PendingView,
    ReplyBody,
    ReplyView,
    RuledView,
    TransferBody,
    past_view,
    ruled_view,
    view,
)
from core.accounts.rules import Action
from core.deliveries import Deliveries
from core.errors import NotFound
from core.web.answers import json_answer
from core.web.routing import Access, Route, body_of, current_user, query_of

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})?")


class ApprovalRoutes:
    """The handlers behind `/api/approvals`, and staff's part of `/api/conversations`."""

    def __init__(self, *, service: ApprovalService, deliveries: Deliveries) -> None:
        self._service = service
        self._deliveries = deliveries

    def routes(self) -> Sequence[Route]:
        """The contract's routes, and claim, take over, transfer and notes beside them."""
        approval, conversation = "/api/approvals/{id}", "/api/conversations/{id}"
        return (
            Route(
                method="GET",
                path="/api/approvals/pending",
                handler=self.pending,
                access=Access.STAFF,
                action=Action.QUEUE_READ,
                summary="The queue, most urgent first",
                query=PendingQuery,
                responses={200: PendingView, 503: None},
            ),
            Route(
                method="GET",
                path=approval,
                handler=self.read,
                access=Access.STAFF,
                action=Action.QUEUE_READ,
                summary="One draft, waiting or decided",
                responses={200: PastApprovalView, 404: None, 503: None},
            ),
            Route(
                method="POST",
                path=approval + "/decision",
                handler=self.decide,
                access=Access.STAFF,
                action=Action.DRAFT_DECIDE,
                summary="Approve, edit, reject or take over",
                body=DecisionBody,
                responses={200: RuledView, 404: None, 409: None, 503: None},
            ),
            *(
                Route(
                    method="POST",
                    path=f"{approval}/{name}",
                    handler=handler,
                    access=Access.STAFF,
                    action=Action.DRAFT_CLAIM,
                    summary=summary,
                    responses={200: ClaimView, 404: None, 409: None, 503: None},
                )
                for name, handler, summary in (
                    ("claim", self.claim, "Say that one works on this draft"),
                    ("release", self.release, "Take the claim back"),
                )
            ),
            Route(
                method="POST",
                path=approval + "/undo",
                handler=self.undo,
                access=Access.STAFF,
                action=Action.DRAFT_DECIDE,
                summary="Take a decision back while what it sends is held",
                responses={200: PastApprovalView, 404: None, 409: None, 503: None},
            ),
            Route(
                method="POST",
                path=conversation + "/reply",
                handler=self.reply,
                access=Access.STAFF,
                action=Action.CONVERSATION_REPLY,
                summary="Write to the customer, after a take-over",
                body=ReplyBody,
                responses={200: ReplyView, 404: None, 409: None, 503: None},
            ),
            Route(
                method="POST",
                path=conversation + "/notes",
                handler=self.note,
                access=Access.STAFF,
                action=Action.CONVERSATION_REPLY,
                summary="Write a note that only staff sees",
                body=NoteBody,
                responses={200: DoneView, 404: None, 409: None, 503: None},
            ),
            Route(
                method="POST",
                path=conversation + "/messages/{seq:[0-9]{1,9}}/retry",
                handler=self.retry,
                access=Access.STAFF,
                action=Action.DELIVERY_RETRY,
                summary="Send a message that did not arrive once more",
                responses={202: DoneView, 404: None, 422: None, 503: None},
            ),
            Route(
                method="POST",
                path=conversation + "/agent_typing",
                handler=self.typing,
                access=Access.STAFF,
                action=Action.CONVERSATION_REPLY,
                summary="Show the customer that a person is writing",
                responses={204: None, 404: None},
                passive=True,
            ),
            Route(
                method="POST",
                path=conversation + "/transfer",
                handler=self.transfer,
                access=Access.STAFF,
                action=Action.CONVERSATION_TRANSFER,
                summary="Give the conversation to a colleague",
                body=TransferBody,
                responses={200: DoneView, 404: None, 409: None, 422: None, 503: None},
            ),
            *(
                Route(
                    method="POST",
                    path=f"{conversation}/{name}",
                    handler=handler,
                    access=Access.STAFF,
                    action=Action.CONVERSATION_REPLY,
                    summary=summary,
                    responses={200: DoneView, 404: None, 409: None, 503: None},
                )
                for name, handler, summary in (
                    ("take_over", self.take_over, "Speak with the customer oneself"),
                    ("hand_back", self.hand_back, "Let the assistant speak again"),
                    ("resolve", self.resolve, "Close the matter"),
                )
            ),
        )

    async def pending(self, request: web.Request) -> web.StreamResponse:
        """GET /api/approvals/pending."""
        query = query_of(request, PendingQuery)
        page = await self._service.pending(
            current_user(request), cursor=query.cursor, limit=query.limit
        )
        return json_answer(
            PendingView(
                items=[view(a) for a in page.items], next=page.next or None, total=page.total
            )
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/approvals/{id}."""
        return json_answer(past_view(await self._service.get(current_user(request), _id(request))))

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST /api/approvals/{id}/decision."""
        body = body_of(request, DecisionBody)
        ruled = await self._service.decide(
            current_user(request), _id(request), body.ruling(), version=body.version
        )
        return json_answer(ruled_view(ruled))

    async def undo(self, request: web.Request) -> web.StreamResponse:
        """POST /api/approvals/{id}/undo."""
        user, approval_id = current_user(request), _id(request)
        await self._service.undo(user, approval_id)
        return json_answer(past_view(await self._service.get(user, approval_id)))

    async def claim(self, request: web.Request) -> web.StreamResponse:
        """POST /api/approvals/{id}/claim."""
        user, approval_id = current_user(request), _id(request)
        version = await self._service.claim(user, approval_id)
        return json_answer(ClaimView(id=approval_id, version=version, claimed_by=user.email))

    async def release(self, request: web.Request) -> web.StreamResponse:
        """POST /api/approvals/{id}/release."""
        approval_id = _id(request)
        version = await self._service.release(current_user(request), approval_id)
        return json_answer(ClaimView(id=approval_id, version=version, claimed_by=None))

    async def reply(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/reply."""
        body, conversation_id = body_of(request, ReplyBody), _id(request)
        seq = await self._service.reply(
            current_user(request), conversation_id, body.text, client_id=body.client_id or ""
        )
        return json_answer(ReplyView(id=f"{conversation_id}.{seq}", seq=seq))

    async def note(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/notes."""
        body = body_of(request, NoteBody)
        await self._service.note(current_user(request), _id(request), body.text)
        return await self._done(request)

    async def retry(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/messages/{seq}/retry."""
        message_id = f"{_id(request)}.{int(request.match_info['seq'])}"
        await self._deliveries.retry(current_user(request), message_id)
        return await self._done(request, status=202)

    async def typing(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/agent_typing."""
        self._service.typing(current_user(request), _id(request))
        return web.Response(status=204)

    async def transfer(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/transfer."""
        body = body_of(request, TransferBody)
        await self._service.transfer(
            current_user(request), _id(request), to=body.to, note=body.note or ""
        )
        return await self._done(request)

    async def take_over(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/take_over."""
        await self._service.take_over(current_user(request), _id(request))
        return await self._done(request)

    async def hand_back(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/hand_back."""
        await self._service.hand_back(current_user(request), _id(request))
        return await self._done(request)

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/resolve."""
        await self._service.resolve(current_user(request), _id(request))
        return await self._done(request)

    async def _done(self, request: web.Request, *, status: int = 200) -> web.StreamResponse:
        c = await self._service.conversation(current_user(request), _id(request))
        done = DoneView(id=c.id, status=c.status.value, assignee=c.assignee or None)
        return json_answer(done, status=status)


def _id(request: web.Request) -> str:
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise NotFound
    return found
