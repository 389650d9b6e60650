"""The console page and API with which admins export or erase a person's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from aiohttp import web
from pydantic import Field

from core.accounts.roles import Action
from core.privacy.json_export import as_json
from core.privacy.service import PrivacyService
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Fields,
    Route,
    Strict,
    address_of,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages


class Asked(Fields):
    """The page may be opened with somebody filled in."""

    contact: str = Field(default="", max_length=254)


class ErasureForm(Fields):
    """The person to forget; the box must be ticked."""

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
            page_route(
                "/console/privacy",
                self.page,
                "Personal data",
                action=Action.PERSON_ERASE,
                query=Asked,
            ).in_menu("console.nav.privacy", 130),
            form_route(
                "/console/privacy/erase",
                self.erase_by_form,
                "Forget a person",
                action=Action.PERSON_ERASE,
                body=ErasureForm,
            ),
            form_route(
                "/console/privacy/export",
                self.export_by_form,
                "A person's data as a file",
                action=Action.PERSON_EXPORT,
                body=ExportForm,
                dear=True,
            ),
            Route(
                method="POST",
                path="/api/privacy/erase",
                handler=self.erase,
                action=Action.PERSON_ERASE,
                summary="Forget a person; gives a receipt of counts",
                body=Contact,
                responses={200: None},
            ),
            Route(
                method="POST",
                path="/api/privacy/export",
                dear=True,
                handler=self.export,
                action=Action.PERSON_EXPORT,
                summary="All that is kept about a person",
                body=Contact,
                responses={200: None},
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
            "following": dict(receipt.following),
            "mentioned": list(receipt.mentioned),
            "confirmed": list(receipt.confirmed),
            "unconfirmed": list(receipt.unconfirmed),
            "rewritten": receipt.rewritten,
        }

    def _page(
        self, request: web.Request, *, contact: str, receipt: dict[str, object] | None = None
    ) -> web.Response:
        return self._pages.render(request, "privacy.html", {"contact": contact, "receipt": receipt})
