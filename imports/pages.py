"""The console page `/console/imports`: past conversations, read and approved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Fields,
    Route,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages
from imports.cli import NAMES
from imports.parts import Parts
from imports.uploads import LARGEST, Uploads

PATH = "/console/imports"
API = "/api/imports"
PAGE = 20
FILES = 20
PIECE = 1 << 16


class ImportsQuery(Fields):
    """A page of the list of groups."""

    after: int = Field(default=0, ge=0, le=1_000_000)


class UploadQuery(Fields):
    """A file's name, and its format where it is known."""

    name: str = Field(min_length=1, max_length=200)
    format: str = Field(default="", pattern=f"^({'|'.join(NAMES)})?$")


class GroupForm(Fields):
    """A person's decision about a group, perhaps in better words."""

    id: str = Field(min_length=1, max_length=100)
    act: Literal["approve", "reject", "undo"]
    version: int = Field(default=0, ge=0)
    question: str = Field(default="", max_length=500)
    answer: str = ""
    into: str = Field(default="", max_length=300)
    after: int = Field(default=0, ge=0, le=1_000_000)


class UploadedView(BaseModel):
    """A file that waits to be read."""

    id: str
    name: str


class FileView(BaseModel):
    """A file of past conversations, and how far it was read."""

    id: str
    name: str
    format: str
    state: str = Field(description="waiting, reading, done or failed.")
    items: int
    total: int
    questions: int
    bad: int
    bad_rows: list[str]
    why: str


class FilesView(BaseModel):
    """Files, newest first, and how many groups of questions wait for a person."""

    items: list[FileView]
    waiting: int


class ImportPages:
    """Draws the page, and takes its forms and files."""

    def __init__(self, parts: Parts, *, uploads: Uploads, pages: Pages) -> None:
        self._parts = parts
        self._uploads = uploads
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """The page, its form, and where files are sent."""
        confirm, read = Action.LEARNING_CONFIRM, Action.KNOWLEDGE_CHANGE
        return (
            page_route(
                PATH, self.show, "Past conversations", action=confirm, query=ImportsQuery, dear=True
            ).in_menu("imports.nav", 75),
            form_route(
                PATH, self.decide, "Decide a group of questions", action=confirm, body=GroupForm
            ),
            Route(
                method="GET",
                path=API,
                handler=self.files,
                action=confirm,
                summary="List the files of past conversations, and what waits",
                responses={200: FilesView},
                passive=True,
            ),
            Route(
                method="POST",
                path=API,
                handler=self.upload,
                action=read,
                summary="Read a file of past conversations",
                query=UploadQuery,
                responses={202: UploadedView},
                upload=True,
                max_body=LARGEST,
            ),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/imports."""
        user, query = current_user(request), query_of(request, ImportsQuery)
        await self._parts.open()
        candidates, count = await self._parts.approving.candidates(
            user, after=query.after, limit=PAGE
        )
        return self._pages.render(
            request,
            "imports/imports.html",
            {
                "candidates": candidates,
                "count": count,
                "after": query.after,
                "next": query.after + PAGE if query.after + PAGE < count else 0,
                "previous": max(0, query.after - PAGE) if query.after else None,
                "files": await self._files(),
                "decided": await self._parts.approving.decided(user),
                "may_read": user.may(Action.KNOWLEDGE_CHANGE),
                "formats": NAMES,
            },
        )

    async def decide(self, request: web.Request) -> web.StreamResponse:
        """POST /console/imports."""
        user, form = current_user(request), body_of(request, GroupForm)
        await self._parts.open()
        match form.act:
            case "approve":
                await self._parts.approving.approve(
                    user,
                    form.id,
                    version=form.version,
                    question=form.question,
                    answer=form.answer,
                    into=form.into,
                )
            case "reject":
                await self._parts.approving.reject(user, form.id, version=form.version)
            case "undo":
                await self._parts.approving.undo(user, form.id)
        place = f"?after={form.after}" if form.after else ""
        anchor = "#decided" if form.act == "undo" else "#candidates"
        return web.Response(status=303, headers={"Location": PATH + place + anchor})

    async def files(self, request: web.Request) -> web.StreamResponse:
        """GET /api/imports."""
        current_user(request).require(Action.LEARNING_CONFIRM)
        waiting = await self._parts.store.count_waiting()
        return json_answer(FilesView(items=await self._files(), waiting=waiting))

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST /api/imports."""
        user, query = current_user(request), query_of(request, UploadQuery)
        user.require(Action.KNOWLEDGE_CHANGE)
        taken = await self._uploads.take(
            _pieces(request), name=query.name, format_name=query.format, by=user.email
        )
        return json_answer(UploadedView(id=taken.id, name=taken.name), status=202)

    async def _files(self) -> list[FileView]:
        known = await self._parts.store.files()
        begun = {file.name for file in known if file.state.value == "reading"}
        waiting = [
            FileView(
                id=one.id, name=one.name, format=one.format, state="waiting", items=0, total=0,
                questions=0, bad=0, bad_rows=[], why="",
            )
            for one in self._uploads.waiting()
            if one.name not in begun
        ]  # fmt: skip
        read = [
            FileView(
                id=file.id,
                name=file.name,
                format=file.format,
                state=file.state.value,
                items=file.items,
                total=file.total,
                questions=file.new,
                bad=file.bad,
                bad_rows=list(file.bad_rows[:10]),
                why=file.why,
            )
            for file in known[:FILES]
        ]
        return [*waiting, *read]


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_chunked(PIECE):
        yield piece
