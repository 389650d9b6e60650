"""The company's logo: uploaded by an admin, shown to everybody who opens the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.company.logo import LARGEST, drawn_anew
from core.company.store import CompanyStore
from core.web.http.problems import Problem
from core.web.http.responses import json_answer
from core.web.http.routing import Access, Route, address_of, current_user

PATH = "/company-logo.png"
_CACHE = "public, max-age=31536000, immutable"  #: its address has its digest in it


class LogoView(BaseModel):
    """The logo that is shown now."""

    logo: str = Field(description="What stands after the ? of /company-logo.png; empty: none.")


class LogoRoutes:
    """The handlers behind `/api/settings/logo` and the picture itself."""

    def __init__(self, company: CompanyStore) -> None:
        self._company = company
        self._kept: tuple[str, bytes] = ("", b"")  # by its digest; one at a time

    def routes(self) -> Sequence[Route]:
        """Put, taken away, shown."""
        may, path = Action.SETTINGS_CHANGE, "/api/settings/logo"
        return (
            Route(
                method="POST",
                path=path,
                handler=self.upload,
                action=may,
                summary="Show this picture in the chat: PNG, JPEG, WebP or GIF",
                responses={200: LogoView},
                upload=True,
                max_body=LARGEST,
            ),
            Route(
                method="DELETE",
                path=path,
                handler=self.remove,
                action=may,
                summary="Show no picture of the company's",
                responses={200: LogoView},
            ),
            Route(
                method="GET",
                path=PATH,
                handler=self.show,
                access=Access.PUBLIC,
                summary="The company's logo",
                media_type="image/png",
                responses={200: None},
                hidden=True,
            ),
        )

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST /api/settings/logo."""
        user = current_user(request)
        content = bytearray()
        async for piece in request.content.iter_chunked(1 << 16):
            content += piece
            if len(content) > LARGEST:
                raise Problem(413, f"A logo has at most {LARGEST // 1_000_000} MB.")
        picture = await asyncio.to_thread(drawn_anew, bytes(content))
        saved = await self._company.set_logo(user, picture, address=address_of(request))
        return json_answer(LogoView(logo=saved.logo))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/settings/logo."""
        saved = await self._company.set_logo(
            current_user(request), b"", address=address_of(request)
        )
        return json_answer(LogoView(logo=saved.logo))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /company-logo.png; pixels that we drew ourselves, and no other type."""
        digest = self._company.current.logo
        if not digest:
            raise Problem(404, "There is no logo.")
        if self._kept[0] != digest:
            self._kept = (digest, await self._company.logo())
        named = request.query_string == digest
        return web.Response(
            body=self._kept[1],
            content_type="image/png",
            headers={
                "Cache-Control": _CACHE if named else "no-cache",
                "Cross-Origin-Resource-Policy": "cross-origin",
            },
        )
