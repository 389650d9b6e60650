"""The API of sources, and the entrance of their webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from core.accounts.roles import Action
from core.rag.domain.errors import VectorsUnavailable
from core.web.http.problems import Problem
from core.web.http.responses import json_answer
from core.web.http.routing import (
    Access,
    Route,
    address_of,
    body_of,
    current_user,
    query_of,
)
from plugins.registry.store import ChangedMeanwhile
from plugins.sources.schemas import (
    HookView,
    KindListView,
    KindView,
    NewSource,
    RemovalQuery,
    SettleBody,
    SettledView,
    SourceBody,
    SourceListView,
    SourceView,
    WaitingListView,
    view_of,
    waiting_view,
)
from plugins.sources.service import SIGNATURE, SourceService, version_of

WEBHOOK_BYTES = 1_000_000
MOST_SHOWN = 200  #: waiting changes of one answer


class SourceRoutes:
    """The handlers behind `/api/sources` and `/webhooks/sources`."""

    def __init__(self, service: SourceService) -> None:
        self._service = service

    def routes(self) -> Sequence[Route]:
        """All routes about sources."""
        read, change = Action.KNOWLEDGE_READ, Action.KNOWLEDGE_CHANGE
        every, one = "/api/sources", "/api/sources/{id}"
        return (
            Route(
                method="GET", path=every, handler=self.list, action=read, passive=True,
                summary="List the sources with their state", responses={200: SourceListView},
            ),
            Route(
                method="POST", path=every, handler=self.add, action=change, body=NewSource,
                summary="Set up a source; its first sync begins",
                responses={201: SourceView, 409: None},
            ),
            Route(
                method="GET", path=f"{every}/kinds", handler=self.kinds, action=read,
                summary="List the kinds of sources", responses={200: KindListView},
            ),
            Route(
                method="GET", path=one, handler=self.get, action=read, passive=True,
                summary="Read a source", responses={200: SourceView},
            ),
            Route(
                method="PUT", path=one, handler=self.change, action=change, body=SourceBody,
                summary="Change a source", responses={200: SourceView, 409: None},
            ),
            Route(
                method="DELETE", path=one, handler=self.remove, action=change, query=RemovalQuery,
                summary="Remove a source, and its articles unless they are kept",
                responses={204: None},
            ),
            Route(
                method="POST", path=f"{one}/sync", handler=self.sync, action=change,
                summary="Have a source synced now", responses={202: SourceView},
            ),
            Route(
                method="GET", path=f"{one}/waiting", handler=self.waiting, action=read,
                summary="List what waits for a person, with before and after",
                responses={200: WaitingListView},
            ),
            Route(
                method="POST", path=f"{one}/waiting", handler=self.settle, action=change,
                summary="Take in what waits, or refuse it", body=SettleBody,
                responses={200: SettledView, 409: None},
            ),
            Route(
                method="POST", path=f"{one}/hook", handler=self.new_hook, action=change,
                summary="Make a new secret for a source's webhook",
                responses={201: HookView, 409: None},
            ),
            Route(
                method="POST", path="/webhooks/sources/{id}", handler=self.hooked,
                access=Access.PROVIDER, max_body=WEBHOOK_BYTES,
                summary="Begin a sync; signed in X-Hub-Signature-256, else 403",
                responses={202: None},
            ),
        )  # fmt: skip

    async def list(self, request: web.Request) -> web.StreamResponse:
        """GET /api/sources."""
        found = await self._service.list(current_user(request))
        return json_answer(SourceListView(items=[view_of(one) for one in found]))

    async def kinds(self, request: web.Request) -> web.StreamResponse:
        """GET /api/sources/kinds."""
        found = self._service.kinds(current_user(request))
        items = [
            KindView(
                id=kind,
                name=one.manifest.name if one.manifest else kind,
                description=one.manifest.description if one.manifest else "",
                problem=one.problem,
            )
            for kind, one in sorted(found.items())
        ]
        return json_answer(KindListView(items=items))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """GET /api/sources/{id}."""
        found = await self._service.get(current_user(request), request.match_info["id"])
        return json_answer(view_of(found))

    async def add(self, request: web.Request) -> web.StreamResponse:
        """POST /api/sources."""
        body = body_of(request, NewSource)
        try:
            source = await self._service.add(
                current_user(request),
                body.kind,
                body.choice(),
                source_id=body.id,
                address=address_of(request),
            )
        except ChangedMeanwhile as error:
            raise Problem(409, error.detail) from error
        return json_answer(view_of(source), status=201)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """PUT /api/sources/{id}."""
        try:
            source = await self._service.change(
                current_user(request),
                request.match_info["id"],
                body_of(request, SourceBody).choice(),
                address=address_of(request),
            )
        except ChangedMeanwhile as error:
            raise Problem(409, error.detail) from error
        return json_answer(view_of(source))

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """DELETE /api/sources/{id}."""
        try:
            await self._service.remove(
                current_user(request),
                request.match_info["id"],
                keep=query_of(request, RemovalQuery).keep,
                address=address_of(request),
            )
        except VectorsUnavailable as error:
            raise Problem(503, error.detail, headers={"Retry-After": "2"}) from error
        return web.Response(status=204)

    async def sync(self, request: web.Request) -> web.StreamResponse:
        """POST /api/sources/{id}/sync."""
        source = await self._service.ask(
            current_user(request), request.match_info["id"], address=address_of(request)
        )
        return json_answer(view_of(source), status=202)

    async def waiting(self, request: web.Request) -> web.StreamResponse:
        """GET /api/sources/{id}/waiting."""
        user, source_id = current_user(request), request.match_info["id"]
        rows = await self._service.waiting(user, source_id)
        texts = await self._service.texts(user, source_id, rows[:MOST_SHOWN])
        view = WaitingListView(
            items=[waiting_view(text) for text in texts], total=len(rows), version=version_of(rows)
        )
        return json_answer(view)

    async def settle(self, request: web.Request) -> web.StreamResponse:
        """POST /api/sources/{id}/waiting."""
        body = body_of(request, SettleBody)
        try:
            done = await self._service.settle(
                current_user(request),
                request.match_info["id"],
                approve=body.decision == "approve",
                version=body.version,
                addresses=body.addresses,
                address=address_of(request),
            )
        except ChangedMeanwhile as error:
            raise Problem(409, error.detail) from error
        return json_answer(SettledView(documents=done))

    async def new_hook(self, request: web.Request) -> web.StreamResponse:
        """POST /api/sources/{id}/hook."""
        source_id = request.match_info["id"]
        try:
            secret = await self._service.new_hook(
                current_user(request), source_id, address=address_of(request)
            )
        except ChangedMeanwhile as error:
            raise Problem(409, error.detail) from error
        view = HookView(path=f"/webhooks/sources/{source_id}", secret=secret)
        return json_answer(view, status=201)

    async def hooked(self, request: web.Request) -> web.StreamResponse:
        """POST /webhooks/sources/{id}."""
        await self._service.hooked(
            request.match_info["id"],
            body=await request.read(),
            signature=request.headers.get(SIGNATURE, ""),
        )
        return web.Response(status=202)
