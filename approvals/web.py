"""The approvals API: the queue, decisions, and conversations in people's hands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from approvals.model import MAX_TEXT, Approval, Ruled, Ruling, Then
from approvals.service import ApprovalService
from core.accounts.rules import Action
from core.deliveries import Deliveries
from core.errors import NotFound
from core.events import Decision
from core.web.answers import iso, json_answer
from core.web.routing import Access, Fields, Route, Strict, body_of, current_user, query_of

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})?")
_NO_NUL = r"^[^\x00]*$"
_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"

Optional = Annotated[str, Field(max_length=MAX_TEXT, pattern=_NO_NUL)] | None


class PendingQuery(Fields):
    """Which part of the queue."""

    cursor: str = Field(default="", max_length=200, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class DecisionBody(Strict):
    """What a person decides about a draft, as he read it at this version."""

    decision: Literal["approve", "edit", "reject", "take_over"]
    version: int
    text: Optional = Field(
        default=None, description="For edit, and for a rejection with one's own answer."
    )
    reason: Optional = Field(default=None, description="For colleagues; customers never see it.")
    then: Literal["tell", "retry", "take_over"] = Field(
        default="tell", description="What follows on a rejection."
    )
    hint: Optional = Field(default=None, description="For retry: what to do better.")
    opened_sources: bool = False

    def ruling(self) -> Ruling:
        """The same in the service's words."""
        return Ruling(
            decision=Decision(self.decision),
            text=self.text or "",
            reason=self.reason or "",
            then=Then(self.then),
            hint=self.hint or "",
            opened_sources=self.opened_sources,
        )


class ReplyBody(Strict):
    """What the agent writes to the customer, or notes for colleagues."""

    text: str = Field(max_length=MAX_TEXT, pattern=_TEXT)
    client_id: str | None = Field(
        default=None,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="Made by the caller; the same one again is the same reply.",
    )


class NoteBody(Strict):
    """Something only staff sees."""

    text: str = Field(max_length=MAX_TEXT, pattern=_TEXT)


class TransferBody(Strict):
    """Who takes the conversation on."""

    to: str = Field(max_length=254, min_length=3, pattern=_NO_NUL, description="E-mail.")
    note: Optional = None


class CitationView(BaseModel):
    """A source of the draft."""

    title: str
    url: str
    quote: str


class DraftView(BaseModel):
    """What the assistant would say; `confidence` is the probability that it is right."""

    text: str
    citations: list[CitationView]
    confidence: float


class ApprovalView(BaseModel):
    """A draft in the queue."""

    id: str
    version: int
    conversation_id: str
    channel: str
    customer: str
    locale: str
    question: str
    draft: DraftView
    reasons: list[str]
    topic: str
    requested_at: str = Field(json_schema_extra={"format": "date-time"})
    deadline: str = Field(json_schema_extra={"format": "date-time"})
    escalated: bool
    claimed_by: str | None


class PastApprovalView(ApprovalView):
    """A draft, waiting or not, and what became of it."""

    state: Literal["pending", "decided", "superseded", "closed"]
    decision: str | None
    decided_by: str | None
    decided_at: str | None = Field(json_schema_extra={"format": "date-time"})
    seconds: float | None
    reason: str


class PendingView(BaseModel):
    """A page of the queue, most urgent first."""

    items: list[ApprovalView]
    next: str | None
    total: int


class RuledView(BaseModel):
    """The decision stands."""

    id: str
    conversation_id: str
    decision: str
    decided_by: str
    decided_at: str = Field(json_schema_extra={"format": "date-time"})
    message_id: str | None


class ClaimView(BaseModel):
    """The draft's version from now on."""

    id: str
    version: int
    claimed_by: str | None


class ReplyView(BaseModel):
    """The reply is stored; it has this number."""

    id: str
    seq: int


class DoneView(BaseModel):
    """Where the conversation stands now."""

    id: str
    status: Literal["ai", "review", "human", "resolved"]
    assignee: str | None


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


def view(a: Approval) -> ApprovalView:
    """An approval as the queue shows it."""
    return ApprovalView(
        id=a.id,
        version=a.version,
        conversation_id=a.conversation_id,
        channel=a.channel,
        customer=a.customer,
        locale=a.locale,
        question=a.question,
        draft=DraftView(
            text=a.draft.text,
            citations=[
                CitationView(title=c.title, url=c.url, quote=c.quote) for c in a.draft.citations
            ],
            confidence=a.draft.confidence,
        ),
        reasons=[reason.value for reason in a.reasons],
        topic=a.topic,
        requested_at=iso(a.requested_at),
        deadline=iso(a.deadline),
        escalated=a.step >= 3,
        claimed_by=a.claimed_by or None,
    )


def past_view(a: Approval) -> PastApprovalView:
    """An approval with what became of it."""
    return PastApprovalView(
        **view(a).model_dump(),
        state=a.state.value,
        decision=a.decision or None,
        decided_by=a.decided_by or None,
        decided_at=iso(a.decided_at) if a.decided_at else None,
        seconds=a.seconds if a.decided_at else None,
        reason=a.reason,
    )


def ruled_view(r: Ruled) -> RuledView:
    """A decision as its caller sees it."""
    return RuledView(
        id=r.approval_id,
        conversation_id=r.conversation_id,
        decision=r.decision.value,
        decided_by=r.by,
        decided_at=iso(r.at),
        message_id=f"{r.conversation_id}.{r.sent_seq}" if r.sent_seq else None,
    )


def _id(request: web.Request) -> str:
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise NotFound
    return found
