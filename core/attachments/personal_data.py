"""A person's files in exports and erasures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.attachments.library import Library
from core.attachments.links import Links
from core.attachments.records import FileRecord
from core.engine.ports import Person
from core.errors import NotFound

INLINE_BYTES = 50_000_000  #: of one export that hold contents; what is beyond comes as a link


class Files:
    """`PersonalData` over the library."""

    name = "attachments"

    def __init__(self, library: Library, *, links: Links, life: timedelta) -> None:
        """`life` is how long an export's links open."""
        self._library = library
        self._links = links
        self._life = life

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `PersonalData.export`; contents are in base64, as far as they fit."""
        given: list[Mapping[str, Any]] = []
        left = INLINE_BYTES
        for record in await self._theirs(person):
            shown: dict[str, Any] = {
                "id": record.id,
                "name": record.name,
                "type": record.media_type,
                "size": record.size,
                "state": record.state.value,
            }
            if record.digest:
                shown["sha256"] = record.digest
                if record.size <= left:
                    left -= record.size
                    shown["content"] = await self._encoded(record)
                else:
                    shown["url"] = self._links.url(record.id, life=self._life)
            given.append(shown)
        return given

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `PersonalData.erase`: no content stays that no other conversation has."""
        theirs = await self._theirs(person)
        return await self._library.forget(theirs) if theirs else {}

    async def _theirs(self, person: Person) -> list[FileRecord]:
        found = await self._library.records.of(person.conversation_ids)
        return [record for record in found if person.owns(record.c, record.n)]

    async def _encoded(self, record: FileRecord) -> str:
        try:
            return base64.b64encode(await self._library.content(record.digest)).decode()
        except NotFound:
            return ""
