"""The JSON of the approvals API."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from approvals.queue.model import MAX_TEXT, Approval, Ruled, Ruling, Then
from core.domain.events import Decision
from core.text.sanitize import is_blank
from core.web.http.responses import iso
from core.web.http.routing import Fields, Strict, Whole

_NO_NUL = r"^[^\x00]*$"
_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"

Optional = Annotated[str, Field(max_length=MAX_TEXT, pattern=_NO_NUL)] | None


class PendingQuery(Fields):
    """A page of the queue."""

    cursor: str = Field(default="", max_length=200, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class DecisionBody(Strict):
    """A person's decision about a draft, as they read it at this version."""

    decision: Literal["approve", "edit", "reject", "take_over"]
    version: Whole
    text: Optional = Field(
        default=None, description="For edit, and for a rejection with one's own answer."
    )
    reason: Optional = Field(default=None, description="For colleagues; customers never see it.")
    then: Literal["tell", "retry", "take_over", "opt_out"] = Field(
        default="tell", description="What follows on a rejection."
    )
    hint: Optional = Field(default=None, description="For retry: what to do better.")
    opened_sources: bool = False
    undo_seconds: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="How long it may be taken back; until then nothing is sent.",
    )

    def ruling(self) -> Ruling:
        """The same in the service's words."""
        return Ruling(
            decision=Decision(self.decision),
            text=self.text or "",
            reason=self.reason or "",
            then=Then(self.then),
            hint=self.hint or "",
            opened_sources=self.opened_sources,
            undo_seconds=self.undo_seconds,
        )


class ReplyBody(Strict):
    """A text to the customer, files, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"pattern": _TEXT}}},
                {"required": ["attachments"], "properties": {"attachments": {"minItems": 1}}},
            ]
        }
    )

    text: str = Field(default="", max_length=MAX_TEXT, pattern=_NO_NUL)
    attachments: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=10, description="Ids of one's own uploads."
    )
    client_id: str | None = Field(
        default=None,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="Made by the caller; the same one again is the same reply.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if is_blank(self.text) and not self.attachments:
            raise ValueError("There is nothing to read in it.")
        return self


class NoteBody(Strict):
    """Something only staff sees."""

    text: str = Field(max_length=MAX_TEXT, pattern=_TEXT)


class ConsentBody(Strict):
    """The customer's consent to be written to, and how one knows of it."""

    opted_out: bool
    reason: str = Field(max_length=2000, pattern=_TEXT, description="For colleagues and the audit.")


class TransferBody(Strict):
    """The colleague who takes the conversation on."""

    to: str = Field(max_length=254, min_length=3, pattern=_NO_NUL, description="E-mail.")
    note: Optional = None


class CitationView(BaseModel):
    """A source of the draft."""

    title: str
    url: str
    quote: str


class DraftView(BaseModel):
    """A proposed answer; `confidence` is the probability that it is right."""

    text: str
    citations: list[CitationView]
    confidence: float


class SaidView(BaseModel):
    """A line of the conversation."""

    seq: int
    author: str = Field(description="customer, ai or agent")
    text: str
    at: str = Field(json_schema_extra={"format": "date-time"})


class ApprovalView(BaseModel):
    """A draft in the queue."""

    id: str
    version: int
    conversation_id: str
    channel: str
    customer: str
    locale: str
    question: str
    quoted: str = Field(description='The words that the question replies to, behind a ">".')
    draft: DraftView
    reasons: list[str]
    topic: str
    said_since: list[SaidView] = Field(
        description="What the customer, the assistant and agents have said since, oldest first."
    )
    requested_at: str = Field(json_schema_extra={"format": "date-time"})
    deadline: str = Field(json_schema_extra={"format": "date-time"})
    escalated: bool
    outdated: bool = Field(
        description="A source was changed or removed since the draft was written."
    )
    opted_out: bool = Field(description="The customer wants no messages; nothing reaches them.")
    claimed_by: str | None


class DeliveryView(BaseModel):
    """The fate of the message that the decision sent."""

    state: Literal["queued", "sending", "sent", "delivered", "read", "unknown", "failed", "dropped"]
    reason: str = Field(description='Why it did not arrive; "" where it did, or may still.')


class PastApprovalView(ApprovalView):
    """A draft, waiting or not, and what became of it."""

    state: Literal["pending", "decided", "superseded", "closed"]
    decision: str | None
    decided_by: str | None
    decided_at: str | None = Field(json_schema_extra={"format": "date-time"})
    seconds: float | None
    reason: str
    delivery: DeliveryView | None = Field(description="None while nothing has been sent.")


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
    """The status of the conversation after the action."""

    id: str
    status: Literal["ai", "review", "human", "resolved"]
    assignee: str | None
    opted_out: bool = Field(description="The customer wants no messages; nothing reaches them.")


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
        quoted=a.quoted,
        draft=DraftView(
            text=a.draft.text,
            citations=[
                CitationView(title=c.title, url=c.url, quote=c.quote) for c in a.draft.citations
            ],
            confidence=a.draft.confidence,
        ),
        reasons=[reason.value for reason in a.reasons],
        topic=a.topic,
        said_since=[
            SaidView(seq=t.seq, author=t.author, text=t.text, at=iso(t.at or a.requested_at))
            for t in a.said
        ],
        requested_at=iso(a.requested_at),
        deadline=iso(a.deadline),
        escalated=a.step >= 3,
        outdated=a.outdated,
        opted_out=a.opted_out,
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
        delivery=DeliveryView(state=a.arrival.state.value, reason=a.arrival.reason)
        if a.arrival
        else None,
    )


class UndeliveredView(BaseModel):
    """Decisions whose message did not arrive, newest first."""

    items: list[PastApprovalView]


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
