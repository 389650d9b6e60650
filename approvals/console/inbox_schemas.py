"""The JSON and the queries of the inbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from approvals.inbox.acts import LONGEST_TAG, MOST_AT_ONCE, Bulk, IsClosed
from approvals.inbox.rows import OPEN_END, Wanted, moment
from approvals.inbox.saved_replies import LONGEST_TEXT, LONGEST_TITLE, SavedReply
from approvals.inbox.service import PAGE, Asked, Item
from approvals.queue.model import NotTakenOver
from core.errors import BadInput, ContactCenterError, NotFound, NotYours
from core.web.http.responses import iso, read_cursor, write_cursor
from core.web.http.routing import Fields, Strict

_WORD = r"^[^\x00-\x1f\x7f]*$"
_IDS = 200

Word = Annotated[str, Field(max_length=200, pattern=_WORD)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG, pattern=_WORD)]


class InboxQuery(Fields):
    """A search, filters, an order and a page."""

    q: str = Field(default="", max_length=200, description="Words that all stand in it, or an id.")
    status: Literal["", "ai", "review", "human", "resolved"] = ""
    assignee: Word = Field(
        default="", description="Who holds it or is to look at it: an e-mail, `me`, or `none`."
    )
    waiting: bool = Field(default=False, description="The customer waits for a person.")
    snoozed: Literal["", "yes", "no"] = Field(
        default="",
        description="Put aside. Left open, what is put aside is missing where `waiting` or"
        " `assignee` asks for work, unless words are searched for.",
    )
    mentioned: bool = Field(default=False, description="A note names me.")
    channel: Word = ""
    locale: Word = ""
    topic: Word = ""
    tag: Word = ""
    from_: str = Field(
        default="", alias="from", max_length=40, description="ISO 8601, of the last change."
    )
    to: str = Field(default="", max_length=40, description="ISO 8601; a day alone is included.")
    ids: str = Field(default="", max_length=13_000, description="Only these, between commas.")
    sort: Literal["newest", "oldest", "waiting"] = "newest"
    cursor: str = Field(default="", max_length=400, description="`next` of the page before.")
    limit: int = Field(default=PAGE, ge=1, le=200)

    def asked(self, me: str) -> Asked:
        """The same in the inbox's words. Raises BadInput."""
        holder = {"me": me, "none": ""}.get(self.assignee, self.assignee.strip().lower())
        ids = frozenset(filter(None, self.ids.split(",")))
        works = not self.q and bool(self.waiting or self.assignee)
        snoozed = {"yes": True, "no": False}.get(self.snoozed, False if works else None)
        if len(ids) > _IDS:
            raise BadInput(f"At most {_IDS} conversations can be named.")
        return Asked(
            text=self.q,
            wanted=Wanted(
                status=self.status,
                assignee=holder if self.assignee else None,
                waiting=self.waiting,
                snoozed=snoozed,
                channel=self.channel,
                locale=self.locale,
                topic=self.topic,
                tag=self.tag,
                since=_moment(self.from_),
                until=_moment(self.to, end=True),
                ids=ids or None,
            ),
            by=self.sort,
            after=_place(self.cursor),
            limit=self.limit,
            mentioned=self.mentioned,
        )


def moment_of(text: str) -> datetime | None:
    """A time of a body; None for none. Raises BadInput."""
    return _moment(text)


def _moment(text: str, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise BadInput(f"{text!r} is no time; write 2026-11-30 or 2026-11-30T12:00:00Z.") from None
    if len(text) == len("2026-11-30") and end:
        at += timedelta(days=1)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _place(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    place, conversation_id = read_cursor(cursor, int, str)
    return place, conversation_id


def cursor_of(place: tuple[int, str] | None) -> str:
    """The cursor of the page behind this place; "" at the end."""
    return write_cursor(*place) if place else ""


class LastView(BaseModel):
    """The last words of a conversation."""

    author: Literal["customer", "ai", "agent", "system"]
    text: str
    at: str | None = Field(json_schema_extra={"format": "date-time"})


class ConversationRow(BaseModel):
    """A conversation in a list."""

    id: str
    channel: str
    status: Literal["ai", "review", "human", "resolved"]
    assignee: str | None = Field(description="Who holds it, or else is to look at it.")
    customer: str
    locale: str
    topic: str
    tags: list[str]
    last: LastView | None
    updated_at: str = Field(json_schema_extra={"format": "date-time"})
    waiting_since: str | None = Field(json_schema_extra={"format": "date-time"})
    snoozed: bool
    snoozed_until: str | None = Field(
        description="None with `snoozed`: until the customer writes.",
        json_schema_extra={"format": "date-time"},
    )
    unread: bool


class ConversationListView(BaseModel):
    """A page of conversations; `total` counts those of all pages."""

    items: list[ConversationRow]
    next: str | None
    total: int


def row_view(item: Item) -> ConversationRow:
    """An item as the API shows it."""
    row, c = item.row, item.state
    last = c.memory[-1] if c.memory else None
    return ConversationRow(
        id=row.id,
        channel=row.channel,
        status=row.status,  # type: ignore[arg-type]  # a state's own words
        assignee=row.assignee or None,
        customer=c.sender.name if c.sender else "",
        locale=row.locale,
        topic=row.topic,
        tags=list(row.tags),
        last=LastView(author=last.author, text=last.text, at=iso(last.at) if last.at else None)  # type: ignore[arg-type]
        if last
        else None,
        updated_at=iso(moment(row.updated)),
        waiting_since=iso(moment(row.waits)) if row.waits else None,
        snoozed=row.snoozed > 0,
        snoozed_until=iso(moment(row.snoozed)) if 0 < row.snoozed < OPEN_END else None,
        unread=item.unread,
    )


class TagsBody(Strict):
    """Tags to put on, and tags to take off."""

    add: list[Tag] = Field(default_factory=list, max_length=20)
    remove: list[Tag] = Field(default_factory=list, max_length=20)


class TagsView(BaseModel):
    """The tags it has now."""

    tags: list[str]


class BulkBody(Strict):
    """One act on many conversations."""

    ids: list[Id] = Field(min_length=1, max_length=MOST_AT_ONCE)
    act: Bulk
    to: Word = Field(default="", description="For assign: the colleague's e-mail.")
    tags: list[Tag] = Field(default_factory=list, max_length=20, description="For tag and untag.")
    until: str = Field(
        default="", max_length=40, description="For snooze: ISO 8601; none: the customer writes."
    )
    text: str = Field(default="", pattern=r"^[^\x00]*$", description="For note.")


class RefusedView(BaseModel):
    """Why it was not done to one of them."""

    id: str
    detail: str
    why: Literal["held", "closed", "not_taken", "gone", "invalid"]
    held_by: str | None = Field(description="The colleague who holds it, where that is why.")


class SnoozeBody(Strict):
    """Until when a conversation is put aside."""

    until: str = Field(
        default="", max_length=40, description="ISO 8601; none: until the customer writes."
    )


class SnoozeView(BaseModel):
    """The state of being put aside: by whom, and until when."""

    snoozed: bool
    by: str | None
    until: str | None = Field(json_schema_extra={"format": "date-time"})


def refused_view(conversation_id: str, error: ContactCenterError) -> RefusedView:
    """Why it was not done, as the API shows it."""
    match error:
        case NotYours(held_by=by):
            return RefusedView(id=conversation_id, detail=error.detail, why="held", held_by=by)
        case IsClosed():
            why: Literal["closed", "not_taken", "gone", "invalid"] = "closed"
        case NotTakenOver():
            why = "not_taken"
        case NotFound():
            why = "gone"
        case _:
            why = "invalid"
    return RefusedView(id=conversation_id, detail=error.detail, why=why, held_by=None)


class BulkView(BaseModel):
    """To which it was done, and to which not."""

    done: list[str]
    refused: list[RefusedView]


class SavedReplyBody(Strict):
    """A text for colleagues to use."""

    title: str = Field(min_length=1, max_length=LONGEST_TITLE, pattern=_WORD)
    text: str = Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")
    locale: str = Field(default="", max_length=20, pattern=r"^[A-Za-z-]*$")


class RepliesQuery(Fields):
    """For which conversation the texts are filled in."""

    conversation: str = Field(default="", max_length=64)


class SavedReplyView(BaseModel):
    """A saved reply; `filled` is the text with its places filled in for the conversation."""

    id: str
    title: str
    text: str
    filled: str
    locale: str
    by: str


class SavedRepliesView(BaseModel):
    """All saved replies, by title."""

    items: list[SavedReplyView]
    next: None = None


def reply_view(reply: SavedReply, text: str) -> SavedReplyView:
    """A saved reply as the API shows it."""
    return SavedReplyView(
        id=reply.id,
        title=reply.title,
        text=reply.text,
        filled=text,
        locale=reply.locale,
        by=reply.by,
    )
