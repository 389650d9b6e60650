"""A message's files as pages and programs see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from core.attachments.links import Links
from core.attachments.records import file_id
from core.domain import events as ev
from core.domain.messages import Attachment

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})

Fates = Mapping[tuple[int, int], ev.AttachmentFetched]
"""What became of each attachment, by its message's number and its place there."""


class AttachmentView(BaseModel):
    """A file that came with a message."""

    name: str
    type: str = Field(description="Media type, by the content once that is here.")
    size: int = Field(description="Bytes.")
    url: str = Field(
        description="Opens for staff and the conversation's visitor; gives the same bytes."
    )
    state: Literal["coming", "kept", "refused"] = Field(
        default="kept", description="Whether the bytes are here; `url` opens once they are kept."
    )
    open: str | None = Field(
        default=None, description="A signed address of the same, good for some minutes."
    )
    preview: str | None = Field(
        default=None, description="A signed address of a small picture drawn anew."
    )


def fates(items: Sequence[ev.Numbered]) -> Fates:
    """What became of the attachments in these events."""
    return {
        (item.event.seq, item.event.index): item.event
        for item in items
        if isinstance(item.event, ev.AttachmentFetched)
    }


class FileViews:
    """Draws attachments with addresses that open them."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def of(
        self, conversation_id: str, seq: int, attachments: Sequence[Attachment], known: Fates
    ) -> list[dict[str, Any]]:
        """The files among a message's attachments, in order."""
        return [
            self.one(conversation_id, seq, index, attachment, known.get((seq, index)))
            for index, attachment in enumerate(attachments)
            if attachment.is_file
        ]

    def one(
        self,
        conversation_id: str,
        seq: int,
        index: int,
        attachment: Attachment,
        fetched: ev.AttachmentFetched | None,
    ) -> dict[str, Any]:
        """One file as the API shows it (`AttachmentView`)."""
        refused = fetched is not None and fetched.attachment is None
        if fetched is not None and fetched.attachment is not None:
            attachment = fetched.attachment
        shown: dict[str, Any] = {
            "name": attachment.name or attachment.kind,
            "type": attachment.media_type or "application/octet-stream",
            "size": attachment.size or 0,
            "url": self._links.at(
                f"/api/conversations/{conversation_id}/attachments/{seq}-{index}"
            ),
            "state": "refused" if refused else "kept" if attachment.digest else "coming",
        }
        if attachment.digest:
            key = file_id(conversation_id, seq, index)
            shown["open"] = self._links.path(key)
            if attachment.media_type in PICTURES:
                shown["preview"] = self._links.path(key, what="preview")
        return shown
