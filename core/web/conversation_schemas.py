"""What the conversations API takes and gives, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.web.routing import Fields, Strict, Whole

TEXT_LIMIT = 8_000  #: characters of one message

#: At least one visible character, and no NUL, which is not text.
_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"
_OPTIONAL_TEXT = r"^([^\x00]*[^\x00\s][^\x00]*)?$"


class NewConversation(Strict):
    """Opens a conversation, with the first message if there is one already."""

    text: Annotated[str, Field(max_length=TEXT_LIMIT, pattern=_OPTIONAL_TEXT)] | None = None
    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9_-]*$")] | None = Field(
        default=None, description="BCP 47 tag; Accept-Language counts without it."
    )


class NewMessage(Strict):
    """What the customer writes."""

    text: str = Field(max_length=TEXT_LIMIT, pattern=_TEXT)
    client_id: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Made by the caller; the same one again is the same message.",
    )


class NewRating(Strict):
    """How good the help was."""

    score: Whole = Field(ge=1, le=5)
    comment: Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")] | None = None


class Resume(Fields):
    """Where a stream goes on."""

    last_event_id: str | None = Field(
        default=None,
        max_length=18,
        pattern=r"^[0-9]*$",
        description="As the Last-Event-ID header, which wins.",
    )


class OpenedConversation(BaseModel):
    """A conversation and what opens it."""

    id: str
    token: str
    status: Literal["ai", "review", "human", "resolved"]
    message_id: str | None = None


class AcceptedMessage(BaseModel):
    """The message is stored; it has this number."""

    id: str
    seq: int


class CitationView(BaseModel):
    """A source of an answer."""

    title: str
    url: str


class MessageView(BaseModel):
    """One message."""

    id: str
    seq: int
    author: Literal["customer", "ai", "agent", "system"]
    text: str
    citations: list[CitationView]
    at: str = Field(json_schema_extra={"format": "date-time"})
    checked: bool = Field(default=False, description="A person approved the assistant's answer.")


class ConversationView(BaseModel):
    """A conversation as its customer may see it."""

    id: str
    channel: str
    status: Literal["ai", "review", "human", "resolved"]
    assignee: str | None
    messages: list[MessageView]


class StatusView(BaseModel):
    """Where the conversation stands."""

    status: Literal["ai", "review", "human", "resolved"]
