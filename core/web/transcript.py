"""What a customer may see of a conversation: messages and status, nothing internal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import events as ev
from core.conversations import Status, status_after
from core.messages import Attachment, Author, Citation
from core.web.answers import iso


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as the outside sees it."""

    seq: int
    event: str  #: "message" or "status"
    data: dict[str, Any]


def message_id(conversation_id: str, seq: int) -> str:
    """The public id of the message with this number."""
    return f"{conversation_id}.{seq}"


def message_of(item: ev.Numbered) -> dict[str, Any] | None:
    """The message as the API shows it, or None for everything that is not a message."""
    match item.event:
        case ev.Received() as received:
            text = received.text or _named(received.attachments)
            return _message(item, Author.CUSTOMER, text, ())
        case ev.Sent() as sent:
            message = _message(item, sent.author, sent.text, sent.citations)
            if sent.author is Author.AI and sent.by:
                message["checked"] = True
            return message
        case _:
            return None


def messages_of(commits: Sequence[ev.Commit]) -> list[dict[str, Any]]:
    """All messages in these commits, in order."""
    found = (message_of(item) for commit in commits for item in commit.numbered())
    return [message for message in found if message is not None]


def shown(
    commit: ev.Commit, *, after: int = 0, status: Status = Status.AI
) -> Iterator[tuple[Status, Shown | None]]:
    """Each event of the commit: the status after it, and what is shown of it if anything.

    `status` is the one before the commit. Events up to `after` count for the status only.
    """
    for item in commit.numbered():
        before, status = status, status_after(status, item)
        if item.seq <= after:
            yield status, None
        elif status is not before:
            yield status, Shown(item.seq, "status", {"status": status.value})
        elif (message := message_of(item)) is not None:
            yield status, Shown(item.seq, "message", message)
        else:
            yield status, None


def _message(
    item: ev.Numbered, author: Author, text: str, citations: Sequence[Citation]
) -> dict[str, Any]:
    return {
        "id": message_id(item.conversation_id, item.seq),
        "seq": item.seq,
        "author": author.value,
        "text": text,
        "citations": [{"title": c.title, "url": c.url} for c in citations],
        "at": iso(item.at),
    }


def _named(attachments: Sequence[Attachment]) -> str:
    return " ".join(f"[{a.kind}: {a.name}]" if a.name else f"[{a.kind}]" for a in attachments)
