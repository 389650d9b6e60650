"""The JSON of the approvals API: what may be sent, and what is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from approvals.model import MAX_TEXT, Approval, Ruled, Ruling, Then
from core.events import Decision
from core.web.answers import iso
from core.web.routing import Fields, Strict, Whole

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
    version: Whole
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
