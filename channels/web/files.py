"""Files in the web chat: what visitors attach, and what messages show of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.attachments.library import Library
from core.attachments.reading.media_types import kind_of
from core.attachments.views import FileViews
from core.domain.messages import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Visitors' uploads, and the views of files in messages."""

    library: Library
    views: FileViews

    async def attached(self, conversation_id: str, ids: Sequence[str]) -> tuple[Attachment, ...]:
        """The visitor's uploads with these ids. Raises UnknownUpload."""
        found = await self.library.uploaded(conversation_id, ids)
        return tuple(replace(a, kind=kind_of(a.media_type)) for a in found)
