"""`/console/privacy`: an admin gives out, or forgets, all that is kept about a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from aiohttp import web
from pydantic import Field

from core.accounts.rules import Action
from core.privacy.service import PrivacyService
from core.privacy.shapes import as_json
from core.web.answers import json_answer
from core.web.pages import Pages
from core.web.routing import (
    Access,
    Fields,
    Route,
    Strict,
    address_of,
    body_of,
    current_user,
    query_of,
)


class Asked(Fields):
    """The page may be opened with somebody filled in."""

    contact: str = Field(default="", max_length=254)


class ErasureForm(Fields):
    """Who is to be forgotten; the box must be ticked."""

    contact: str = Field(min_length=3, max_length=254)
    sure: Literal["yes"]


class ExportForm(Fields):
    """About whom everything is wanted."""

    contact: str = Field(min_length=3, max_length=254)


class Contact(Strict):
    """A conversation's id, an e-mail address, a phone number, an id at Telegram or Slack."""

    contact: str = Field(min_length=3, max_length=254)


class PrivacyRoutes:
    """The page, and the same by API."""

    def __init__(self, privacy: PrivacyService, *, pages: Pages) -> None:
        self._privacy = privacy
        self._pages = pages

    def routes(self) -> Sequence[Route]:
        """All routes about a person's data."""
        return (
            Route(
                method="GET",
                path="/console/privacy",
                handler=self.page,
                access=Access.ADMIN,
                action=Action.PERSON_ERASE,
                summary="Personal data",
                query=Asked,
                page=True,
            ),
            Route(
                method="POST",
                path="/console/privacy/erase",
                handler=self.erase_by_form,
                access=Access.ADMIN,
                action=Action.PERSON_ERASE,
                summary="Forget a person",
                body=ErasureForm,
                form=True,
                page=True,
            ),
            Route(
                method="POST",
                path="/console/privacy/export",
                handler=self.export_by_form,
                access=Access.ADMIN,
                action=Action.PERSON_EXPORT,
                summary="A person's data as a file",
                body=ExportForm,
                form=True,
                page=True,
            ),
            Route(
                method="POST",
                path="/api/privacy/erase",
                handler=self.erase,
                access=Access.ADMIN,
                action=Action.PERSON_ERASE,
                summary="Forget a person; gives a receipt of counts",
                body=Contact,
                responses={200: None, 503: None},
            ),
            Route(
                method="POST",
                path="/api/privacy/export",
                handler=self.export,
                access=Access.ADMIN,
                action=Action.PERSON_EXPORT,
                summary="All that is kept about a person",
                body=Contact,
                responses={200: None, 503: None},
            ),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /console/privacy."""
        return self._page(request, contact=query_of(request, Asked).contact)

    async def erase_by_form(self, request: web.Request) -> web.StreamResponse:
        """POST /console/privacy/erase."""
        contact = body_of(request, ErasureForm).contact
        return self._page(request, contact="", receipt=await self._erased(request, contact))

    async def export_by_form(self, request: web.Request) -> web.StreamResponse:
        """POST /console/privacy/export."""
        given = await self._privacy.export(
            current_user(request),
            body_of(request, ExportForm).contact,
            address=address_of(request),
        )
        return web.Response(
            text=as_json(given),
            content_type="application/json",
            charset="utf-8",
            headers={"Content-Disposition": 'attachment; filename="person.json"'},
        )

    async def erase(self, request: web.Request) -> web.StreamResponse:
        """POST /api/privacy/erase."""
        return json_answer(await self._erased(request, body_of(request, Contact).contact))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """POST /api/privacy/export."""
        given = await self._privacy.export(
            current_user(request), body_of(request, Contact).contact, address=address_of(request)
        )
        return web.Response(text=as_json(given), content_type="application/json", charset="utf-8")

    async def _erased(self, request: web.Request, contact: str) -> dict[str, object]:
        receipt = await self._privacy.erase(
            current_user(request), contact, address=address_of(request)
        )
        return {
            "id": receipt.id,
            "conversations": receipt.conversations,
            "removed": dict(receipt.removed),
            "rewritten": receipt.rewritten,
        }

    def _page(
        self, request: web.Request, *, contact: str, receipt: dict[str, object] | None = None
    ) -> web.Response:
        return self._pages.render(request, "privacy.html", {"contact": contact, "receipt": receipt})
