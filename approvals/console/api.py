"""The approvals API: the queue, decisions, and conversations in people's hands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from approvals.console.schemas import (
    ClaimView,
    ConsentBody,
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
    UndeliveredView,
    past_view,
    ruled_view,
    view,
)
from approvals.queue.service import ApprovalService
from core.accounts.roles import Action
from core.domain.messages import Attachment
from core.engine.outbound.deliveries import Deliveries
from core.errors import BadInput, NotFound
from core.web.http.responses import json_answer
from core.web.http.routing import Route, body_of, current_user, query_of

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})?")


class Uploaded(Protocol):
    """The port to uploads: these of a colleague's as attachments. Raises BadInput."""

    async def __call__(
        self, conversation_id: str, ids: Sequence[str], *, by: str
    ) -> tuple[Attachment, ...]: ...


class ApprovalRoutes:
    """The handlers behind `/api/approvals`, and staff's part of `/api/conversations`."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        deliveries: Deliveries,
        uploaded: Uploaded | None = None,
    ) -> None:
        self._uploaded = uploaded
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
                action=Action.QUEUE_READ,
                summary="The queue, most urgent first",
                query=PendingQuery,
                responses={200: PendingView},
            ),
            Route(
                method="GET",
                path="/api/approvals/undelivered",
                handler=self.undelivered,
                action=Action.QUEUE_READ,
                summary="Decisions whose message did not arrive",
                responses={200: UndeliveredView},
            ),
            Route(
                method="GET",
                path=approval,
                handler=self.read,
                action=Action.QUEUE_READ,
                summary="One draft, waiting or decided",
                responses={200: PastApprovalView},
            ),
            Route(
                method="POST",
                path=approval + "/decision",
                handler=self.decide,
                action=Action.DRAFT_DECIDE,
                summary="Approve, edit, reject or take over",
                body=DecisionBody,
                responses={200: RuledView, 409: None},
            ),
            *(
                Route(
                    method="POST",
                    path=f"{approval}/{name}",
                    handler=handler,
                    action=Action.DRAFT_CLAIM,
                    summary=summary,
                    responses={200: ClaimView, 409: None},
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
                action=Action.DRAFT_DECIDE,
                summary="Take a decision back while what it sends is held",
                responses={200: PastApprovalView, 409: None},
            ),
            Route(
                method="POST",
                path=conversation + "/reply",
                handler=self.reply,
                action=Action.CONVERSATION_REPLY,
                summary="Write to the customer, after a take-over",
                body=ReplyBody,
                responses={200: ReplyView, 409: None},
            ),
            Route(
                method="POST",
                path=conversation + "/notes",
                handler=self.note,
                action=Action.CONVERSATION_REPLY,
                summary="Write a note that only staff sees",
                body=NoteBody,
                responses={200: DoneView, 409: None},
            ),
            Route(
                method="POST",
                path=conversation + "/messages/{seq:[0-9]{1,9}}/retry",
                handler=self.retry,
                action=Action.DELIVERY_RETRY,
                summary="Send a message that did not arrive once more",
                responses={202: DoneView, 422: None},
            ),
            Route(
                method="POST",
                path=conversation + "/agent_typing",
                handler=self.typing,
                action=Action.CONVERSATION_REPLY,
                summary="Show the customer that a person is writing",
                responses={204: None},
                passive=True,
            ),
            Route(
                method="POST",
                path=conversation + "/consent",
                handler=self.consent,
                action=Action.CONSENT_CHANGE,
                summary="Say whether the customer wants messages, with the reason",
                body=ConsentBody,
                responses={200: DoneView},
            ),
            Route(
                method="POST",
                path=conversation + "/transfer",
                handler=self.transfer,
                action=Action.CONVERSATION_TRANSFER,
                summary="Give the conversation to a colleague",
                body=TransferBody,
                responses={200: DoneView, 409: None},
            ),
            *(
                Route(
                    method="POST",
                    path=f"{conversation}/{name}",
                    handler=handler,
                    action=Action.CONVERSATION_REPLY,
                    summary=summary,
                    responses={200: DoneView, 409: None},
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

    async def undelivered(self, request: web.Request) -> web.StreamResponse:
        """GET /api/approvals/undelivered."""
        found = await self._service.undelivered(current_user(request))
        return json_answer(UndeliveredView(items=[past_view(a) for a in found]))

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
        body, conversation_id, user = (
            body_of(request, ReplyBody),
            _id(request),
            current_user(request),
        )
        attachments: tuple[Attachment, ...] = ()
        if body.attachments:
            if self._uploaded is None:
                raise BadInput("No files are taken here.")
            attachments = await self._uploaded(conversation_id, body.attachments, by=user.email)
        seq = await self._service.reply(
            user,
            conversation_id,
            body.text,
            client_id=body.client_id or "",
            attachments=attachments,
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

    async def consent(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/consent."""
        body, user = body_of(request, ConsentBody), current_user(request)
        await self._service.set_consent(
            user, _id(request), opted_out=body.opted_out, reason=body.reason
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
        done = DoneView(
            id=c.id,
            status=c.status.value,
            assignee=c.assignee or None,
            opted_out=c.opted_out,
        )
        return json_answer(done, status=status)


def _id(request: web.Request) -> str:
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise NotFound
    return found
