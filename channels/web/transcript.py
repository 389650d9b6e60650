"""The customer's view of a conversation: messages and status, nothing internal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.attachments.views import Fates, FileViews, fates
from core.domain import events as ev
from core.domain.amended import UNCHANGED, Amended, amended
from core.domain.lateness import is_late
from core.domain.messages import Attachment, Author, Citation
from core.domain.quoting import whole
from core.domain.standing import Standing
from core.rendering.html import to_html
from core.rendering.markdown import read, web_links
from core.text.sanitize import sanitize
from core.web.http.responses import iso

NO_FATES: Fates = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as the customer sees it."""

    seq: int
    event: str  #: "message", "status" or "attachment"
    data: dict[str, Any]


def message_id(conversation_id: str, seq: int) -> str:
    """The public id of the message with this number."""
    return f"{conversation_id}.{seq}"


REVIEWER = "person"  #: in `reviewed_by`


def message_of(
    item: ev.Numbered,
    views: FileViews | None = None,
    known: Fates = NO_FATES,
    since: Amended = UNCHANGED,
) -> dict[str, Any] | None:
    """The message as the API shows it, or None for everything that is not a message.

    `known` says what became of its attachments since, `since` what became of itself; without
    `views` only the names of attachments are shown.
    """
    match item.event:
        case ev.Received() as received:
            attachments = received.attachments
            text = _spoken(received, since) or _named(attachments, but_files=views is not None)
            message = _message(item, Author.CUSTOMER, text, ()) | {"ai": False}
            if received.sender is not None and received.sender.name:
                message["sender"] = received.sender.name
            if received.sent_at is not None and is_late(received.sent_at, item.at):
                message |= {"late": True, "sent_at": iso(received.sent_at)}
            if received.silent:
                message["silent"] = True
        case ev.Sent() as sent:
            text = sent.whole if since.text is None else since.text
            message = _message(item, sent.author, text, sent.citations)
            message["ai"] = sent.ai
            if sent.author is Author.AI and sent.by:
                # Who it was, is for colleagues only; customers learn that somebody was.
                message |= {"checked": True, "reviewed_by": REVIEWER}
            attachments = sent.attachments
        case _:
            return None
    if views is not None and attachments:
        files = views.of(item.conversation_id, item.seq, attachments, known)
        if files:
            message["attachments"] = files
    return message | _since(since)


def _spoken(e: ev.Received, since: Amended) -> str:
    if since.text is not None:
        return whole(since.text, since.quotes)
    return whole(e.text, e.quotes) or (f"[{e.unreadable}]" if e.unreadable else "")


def _since(since: Amended) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if since.edited_at is not None:
        told["edited_at"] = iso(since.edited_at)
    if since.deleted_at is not None:
        told["deleted_at"] = iso(since.deleted_at)
    if since.signs:
        told["reactions"] = list(since.signs)
    return told


def messages_of(
    commits: Sequence[ev.Commit], views: FileViews | None = None
) -> list[dict[str, Any]]:
    """All messages in these commits, in order."""
    items = [item for commit in commits for item in commit.numbered()]
    known = fates(items)
    later = amended(items)
    found = (message_of(item, views, known, later.get(item.seq, UNCHANGED)) for item in items)
    return [message for message in found if message is not None]


def shown(
    commit: ev.Commit, *, after: int = 0, standing: Standing, views: FileViews | None = None
) -> Iterator[tuple[Standing, Shown | None]]:
    """Each event of the commit: where things stand after it, and what is shown of it if anything.

    `standing` is the one before the commit. Events up to `after` count for that only.
    """
    for item in commit.numbered():
        before, standing = standing, standing.after(item)
        if item.seq <= after:
            yield standing, None
        elif standing.status is not before.status:
            yield standing, Shown(item.seq, "status", {"status": standing.status.value})
        elif (message := message_of(item, views)) is not None:
            yield standing, Shown(item.seq, "message", message)
        elif isinstance(item.event, ev.AttachmentFetched) and views is not None:
            yield standing, Shown(item.seq, "attachment", _fetched(item, item.event, views))
        else:
            yield standing, None


def _fetched(item: ev.Numbered, e: ev.AttachmentFetched, views: FileViews) -> dict[str, Any]:
    """What became of an attachment of an earlier message."""
    one = e.attachment or Attachment(kind="file")
    return {
        "message_id": message_id(item.conversation_id, e.seq),
        "index": e.index,
        "attachment": views.one(item.conversation_id, e.seq, e.index, one, e),
    }


def _message(
    item: ev.Numbered, author: Author, text: str, citations: Sequence[Citation]
) -> dict[str, Any]:
    text = sanitize(text)
    message: dict[str, Any] = {
        "id": message_id(item.conversation_id, item.seq),
        "seq": item.seq,
        "author": author.value,
        "text": text,
        "citations": [{"title": c.title, "url": c.url} for c in citations],
        "at": iso(item.at),
    }
    if author is not Author.CUSTOMER:
        message["html"], links = _drawn(author, text, tuple(citations))
        if links:
            message["links"] = list(links)
    return message


@lru_cache(maxsize=1024)
def _drawn(
    author: Author, text: str, citations: tuple[Citation, ...]
) -> tuple[str, tuple[str, ...]]:
    """The text as safe HTML, and the pages that it leads to."""
    blocks = read(author, text, citations)
    return to_html(blocks, marks=True), web_links(blocks)


def _named(attachments: Sequence[Attachment], *, but_files: bool) -> str:
    return " ".join(
        f"[{a.kind}: {a.name}]" if a.name else f"[{a.kind}]"
        for a in attachments
        if not (but_files and a.is_file)
    )
