"""The JSON of the conversations API."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.attachments.views import AttachmentView
from core.text.sanitize import is_blank
from core.web.http.routing import Fields, Strict, Whole

TEXT_LIMIT = 8_000  #: characters of one message
MOST_FILES = 10  #: of one message

#: At least one visible character, and no NUL, which is not text.
_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"
_OPTIONAL_TEXT = r"^([^\x00]*[^\x00\s][^\x00]*)?$"


_LINE = r"^[^\x00-\x1f\x7f]*$"


class Visitor(Strict):
    """A visitor: what they say of themselves, and the id that their site vouches for."""

    name: str = Field(default="", max_length=100, pattern=_LINE)
    email: str = Field(default="", max_length=254, pattern=r"^([^\s@<>]+@[^\s@<>]+)?$")
    id: str = Field(
        default="",
        max_length=100,
        pattern=_LINE,
        description="Theirs at the company; counts with its signature only.",
    )
    signature: str = Field(
        default="",
        max_length=64,
        description="HMAC-SHA256 of the id in hex, by the company's server.",
    )


class NewConversation(Strict):
    """Opens a conversation, with the first message if there is one already."""

    text: Annotated[str, Field(max_length=TEXT_LIMIT, pattern=_OPTIONAL_TEXT)] | None = None
    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9_-]*$")] | None = Field(
        default=None, description="BCP 47 tag; Accept-Language counts without it."
    )
    visitor: Visitor | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text and is_blank(self.text):
            raise ValueError("There is nothing to read in it.")
        return self


class NewMessage(Strict):
    """A message of the customer."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"pattern": _TEXT}}},
                {"required": ["attachments"], "properties": {"attachments": {"minItems": 1}}},
            ]
        }
    )

    text: str = Field(default="", max_length=TEXT_LIMIT, pattern=_OPTIONAL_TEXT)
    attachments: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list,
        max_length=MOST_FILES,
        description="Ids of uploads; with one there need be no text.",
    )
    client_id: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Made by the caller; the same one again is the same message.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if is_blank(self.text) and not self.attachments:
            raise ValueError("There is nothing to read in it.")
        return self


class NewRating(Strict):
    """A rating, 1 to 5."""

    score: Whole = Field(ge=1, le=5)
    comment: Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")] | None = None


class Resume(Fields):
    """The event after which a stream goes on."""

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
    ai: bool = Field(description="A machine wrote it: the assistant, or a notice of the system.")
    reviewed_by: Literal["person"] | None = Field(
        default=None, description="A person has read and approved what the assistant wrote."
    )
    html: str | None = Field(
        default=None,
        description=(
            "The text drawn as safe HTML, sources marked by their numbers; "
            "none for what the customer wrote."
        ),
    )
    links: list[str] = Field(
        default_factory=list,
        description="The pages that the text leads to; a client makes a link of no other.",
    )
    citations: list[CitationView]
    at: str = Field(json_schema_extra={"format": "date-time"})
    attachments: list[AttachmentView] = Field(
        default_factory=list, description="Files that came with it."
    )
    edited_at: str | None = Field(
        default=None,
        json_schema_extra={"format": "date-time"},
        description="Its author changed it then; the text is the new one.",
    )
    deleted_at: str | None = Field(
        default=None,
        json_schema_extra={"format": "date-time"},
        description="Its author took it back then.",
    )
    reactions: list[str] = Field(
        default_factory=list, description="Signs that stand under it, such as an emoji."
    )
    sender: str | None = Field(
        default=None, description="Who wrote it, where several people write in one conversation."
    )
    sent_at: str | None = Field(
        default=None,
        description="When the customer wrote it, where that was long before it reached us.",
        json_schema_extra={"format": "date-time"},
    )
    silent: bool = Field(
        default=False,
        description="It is kept and shown, and no answer comes: a lone emoji, a command.",
    )
    late: bool = Field(default=False, description="It reached us long after it was written.")
    checked: bool = Field(default=False, description="A person approved the assistant's answer.")


class ConversationView(BaseModel):
    """A conversation as its customer may see it."""

    id: str
    channel: str
    status: Literal["ai", "review", "human", "resolved"]
    assignee: str | None
    messages: list[MessageView]


class StatusView(BaseModel):
    """The status of the conversation."""

    status: Literal["ai", "review", "human", "resolved"]
