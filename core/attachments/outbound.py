"""Files of agents on their way out: what the channel carries, and links for the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from core.attachments.library import Library
from core.attachments.links import Links
from core.attachments.records import file_id
from core.domain.messages import Attachment, OutboundFile
from core.errors import NotFound
from core.sdk.plugin import Carries

log = logging.getLogger(__name__)

CarriesOf = Callable[[str], Carries | None]
"""What a channel's manifest says it carries, by its id; None for nothing."""


class OutgoingFiles:
    """`core.engine.ports.OutgoingFiles` over the library."""

    def __init__(
        self, library: Library, *, links: Links, carries: CarriesOf, life: timedelta
    ) -> None:
        """`life` is how long a customer's link opens."""
        self._library = library
        self._links = links
        self._carries = carries
        self._life = life

    async def of(
        self, channel_id: str, conversation_id: str, seq: int, attachments: Sequence[Attachment]
    ) -> tuple[tuple[OutboundFile, ...], str]:
        """The files that the channel sends itself, and the rest as lines of links."""
        carried: list[OutboundFile] = []
        lines: list[str] = []
        carries = self._carries(channel_id)
        for index, attachment in enumerate(attachments):
            url = self._links.url(file_id(conversation_id, seq, index), life=self._life)
            if carries is None or not carries.takes(attachment.media_type, attachment.size or 0):
                lines.append(f"{attachment.name}: {url}")
                continue
            try:
                content = await self._library.content(attachment.digest)
            except NotFound:
                log.error("a file of %s.%d is not here any more", conversation_id, seq)
                continue
            carried.append(
                OutboundFile(
                    name=attachment.name,
                    media_type=attachment.media_type,
                    size=len(content),
                    content=content,
                    url=url,
                )
            )
        return tuple(carried), "\n".join(lines)
