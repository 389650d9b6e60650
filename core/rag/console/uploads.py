"""Files that are dropped on the knowledge page: kept in the data directory, read as by `kb add`."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.clock import Clock
from core.rag.knowledge_base.service import Knowledge
from core.rag.reading.readers import READERS, instead_of
from core.web.http.problems import Problem
from core.web.http.responses import json_answer
from core.web.http.routing import Fields, Route, current_user, query_of

LARGEST = 50_000_000  #: bytes of one file
PIECE = 1 << 16
_STRANGE = re.compile(r"[^\w.() \-]+")


class UploadQuery(Fields):
    """The name of an uploaded file."""

    name: str = Field(min_length=1, max_length=200)


class TakenView(BaseModel):
    """The outcome of an upload; its warnings are by row or page."""

    added: int
    changed: int
    unchanged: int
    removed: int
    characters: int
    kept: int
    warnings: list[str]


class KnowledgeUploads:
    """Takes a file in; another one of its name takes its place, as a changed file does."""

    def __init__(self, knowledge: Knowledge, *, folder: Path, clock: Clock) -> None:
        self._knowledge = knowledge
        self._folder = folder
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """Where files are sent."""
        return (
            Route(
                method="POST",
                path="/api/knowledge/files",
                handler=self.upload,
                action=Action.KNOWLEDGE_CHANGE,
                summary="Take in a file",
                query=UploadQuery,
                responses={201: TakenView},
                upload=True,
                max_body=LARGEST,
            ),
        )

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST /api/knowledge/files."""
        user = current_user(request)
        user.require(Action.KNOWLEDGE_CHANGE)
        name = safe_name(query_of(request, UploadQuery).name)
        if Path(name).suffix.lower() not in READERS:
            known = ", ".join(sorted(READERS))
            unknown = f"this kind of file is not read; these are: {known}"
            raise Problem(422, f"{name}: {instead_of(Path(name)) or unknown}.")
        self._folder.mkdir(parents=True, exist_ok=True)
        part, file = self._folder / f".{self._clock.new_id()}.part", self._folder / name
        try:
            size = 0
            with part.open("wb") as opened:
                async for piece in request.content.iter_chunked(PIECE):
                    size += len(piece)
                    if size > LARGEST:
                        raise Problem(413, f"At most {LARGEST // 1_000_000} MB are taken.")
                    await asyncio.to_thread(opened.write, piece)
            part.rename(file)
        finally:
            part.unlink(missing_ok=True)
        taken = await self._knowledge.add_paths([file], by=user.email)
        if taken.failed:
            file.unlink(missing_ok=True)
            raise Problem(422, f"{name}: {taken.failed[0].why}")
        return json_answer(
            TakenView(
                added=len(taken.added),
                changed=len(taken.changed),
                unchanged=len(taken.unchanged),
                removed=len(taken.removed),
                characters=sum(one.characters for one in taken.files),
                kept=sum(one.kept for one in taken.files),
                warnings=[str(warning) for one in taken.files for warning in one.warnings][:50],
            ),
            status=201,
        )


def safe_name(name: str) -> str:
    """A name that stays in its folder, whatever it was called."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    return _STRANGE.sub("_", last).strip(". ")[-120:] or "file"
