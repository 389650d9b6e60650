"""The console pages of sources: how they stand, what waits with before and after, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import ConfigDict, Field

from core.accounts.roles import Action
from core.web.http.problems import Problem
from core.web.http.routing import (
    Fields,
    Route,
    address_of,
    body_of,
    current_user,
    form_route,
    page_route,
    query_of,
)
from core.web.pages import Pages
from plugins.registry.forms import SettingsForm
from plugins.registry.store import ChangedMeanwhile
from plugins.sources.schemas import state_of
from plugins.sources.service import SourceChoice, SourceService, version_of

TEMPLATES = Path(__file__).parent / "templates"  #: registered with Pages as "sources"
PATH = "/console/sources"
SHOWN = 50  #: waiting changes and unread documents of one page
CHARACTERS = 4000  #: of a text before and after
SETTING = "set."  #: begins the names of a kind's own fields


class KindQuery(Fields):
    """The kind of a source to be."""

    kind: str = Field(default="", max_length=40)


class ShownQuery(Fields):
    """The outcome of what was just done, for the page after it."""

    done: int | None = None
    changed: bool = False


class SourceForm(Fields):
    """A source's settings; those of its kind come as `set.…`."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(default="", max_length=40)
    name: str = Field(default="", max_length=100)
    every: int = Field(default=1440, ge=0, le=525_600)
    topic: str = Field(default="", max_length=100)
    lang: str = Field(default="", max_length=10)
    share: float = Field(default=0.2, ge=0, le=1)
    paused: bool = False


class SettleForm(Fields):
    """A person's word on what waits; `address` empty: on all of it."""

    decision: Literal["approve", "reject"]
    version: str = Field(max_length=100)
    address: str = Field(default="", max_length=2000)


class RemoveForm(Fields):
    """The wish to remove a source, and to keep its articles or not."""

    keep: bool = False


class SourcePages:
    """Draws the pages and takes their forms."""

    def __init__(self, service: SourceService, *, pages: Pages, base: Callable[[], str]) -> None:
        """`base` is the address at which others reach us."""
        self._service = service
        self._pages = pages
        self._base = base

    def routes(self) -> Sequence[Route]:
        """The list, one source, and their forms."""
        read, change = Action.KNOWLEDGE_READ, Action.KNOWLEDGE_CHANGE
        one = PATH + "/{id}"
        return (
            page_route(PATH, self.show, "Sources", action=read, query=KindQuery).in_menu(
                "sources.nav", 112
            ),
            form_route(PATH, self.add, "Set up a source", action=change, body=SourceForm),
            page_route(one, self.one, "A source", action=read, query=ShownQuery),
            form_route(one, self.change, "Change a source", action=change, body=SourceForm),
            form_route(f"{one}/sync", self.sync, "Have a source synced", action=change),
            form_route(
                f"{one}/waiting", self.settle, "Decide on what waits", action=change,
                body=SettleForm,
            ),
            form_route(f"{one}/hook", self.hook, "Make a webhook's secret", action=change),
            form_route(
                f"{one}/removal", self.remove, "Remove a source", action=change, body=RemoveForm
            ),
        )  # fmt: skip

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET /console/sources."""
        user, kind = current_user(request), query_of(request, KindQuery).kind
        found = self._service.kinds(user)
        form = await self._service.form(user, kind) if kind in found else None
        sources = await self._service.list(user)
        locale = self._pages.locale(request)
        named = self._pages.section("sources.kind_name", request)
        known = {i: named.get(i, f.manifest.name) for i, f in found.items() if f.manifest}
        return self._pages.render(
            request,
            "sources/sources.html",
            {
                "sources": [(source, state_of(source)) for source in sources],
                # In their order, but first what most begin with.
                "kinds": sorted(known.items(), key=lambda one: (one[0] != "website", one[0])),
                "kind": kind if form else "",
                "fields": _fields(form, locale) if form else [],
                "prefix": SETTING,
            },
        )

    async def add(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources."""
        user, body = current_user(request), body_of(request, SourceForm)
        form = await self._service.form(user, body.kind)
        source = await self._service.add(
            user, body.kind, _choice(body, form), address=address_of(request)
        )
        return _to(source.id)

    async def one(self, request: web.Request) -> web.StreamResponse:
        """GET /console/sources/{id}."""
        return await self._drawn(request)

    async def change(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources/{id}."""
        user, source_id = current_user(request), request.match_info["id"]
        source = await self._service.get(user, source_id)
        form = await self._service.form(user, source.plugin, source_id=source_id)
        choice = _choice(body_of(request, SourceForm), form)
        await self._service.change(user, source_id, choice, address=address_of(request))
        return _to(source_id)

    async def sync(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources/{id}/sync."""
        source_id = request.match_info["id"]
        await self._service.ask(current_user(request), source_id, address=address_of(request))
        return _to(source_id)

    async def settle(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources/{id}/waiting."""
        form, source_id = body_of(request, SettleForm), request.match_info["id"]
        try:
            done = await self._service.settle(
                current_user(request),
                source_id,
                approve=form.decision == "approve",
                version=form.version,
                addresses=[form.address] if form.address else None,
                address=address_of(request),
            )
        except ChangedMeanwhile:
            return _to(source_id, "?changed=true")
        return _to(source_id, f"?done={done}")

    async def hook(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources/{id}/hook; the page that shows the secret, this once."""
        source_id = request.match_info["id"]
        try:
            secret = await self._service.new_hook(
                current_user(request), source_id, address=address_of(request)
            )
        except ChangedMeanwhile as error:
            raise Problem(409, error.detail) from error
        return await self._drawn(request, secret=secret)

    async def remove(self, request: web.Request) -> web.StreamResponse:
        """POST /console/sources/{id}/removal."""
        await self._service.remove(
            current_user(request),
            request.match_info["id"],
            keep=body_of(request, RemoveForm).keep,
            address=address_of(request),
        )
        return web.Response(status=303, headers={"Location": PATH})

    async def _drawn(self, request: web.Request, *, secret: str = "") -> web.StreamResponse:
        user, source_id = current_user(request), request.match_info["id"]
        source = await self._service.get(user, source_id)
        rows = await self._service.waiting(user, source_id)
        texts = await self._service.texts(user, source_id, rows[:SHOWN])
        form = await self._service.form(user, source.plugin, source_id=source_id)
        query = query_of(request, ShownQuery) if request.method == "GET" else ShownQuery()
        return self._pages.render(
            request,
            "sources/source.html",
            {
                "source": source,
                "state": state_of(source),
                "waiting": texts,
                "total": len(rows),
                "more": len(rows) - len(texts),
                "version": version_of(rows),
                "unread": (await self._service.unread(user, source_id))[:SHOWN],
                "fields": _fields(form, self._pages.locale(request)),
                "prefix": SETTING,
                "characters": CHARACTERS,
                "secret": secret,
                "hook": f"{self._base()}/webhooks/sources/{source_id}",
                "done": query.done,
                "changed": query.changed,
            },
        )


def _fields(form: SettingsForm, locale: str) -> list[Mapping[str, Any]]:
    """The inputs of a kind's own settings, in the reader's language where it has it."""
    drawn: list[Mapping[str, Any]] = []
    for field in form.fields:
        words = field.words.get(locale)
        drawn.append(
            {
                "name": field.name,
                "label": (words.label if words else "") or field.label,
                "help": (words.help if words else "") or field.help,
                "kind": field.kind,
                "required": field.required,
                "choices": field.choices,
                "value": "" if field.value is None else field.value,
                "is_set": field.is_set,
            }
        )
    return drawn


def _choice(body: SourceForm, form: SettingsForm) -> SourceChoice:
    given = {k.removeprefix(SETTING): v for k, v in (body.model_extra or {}).items()}
    settings: dict[str, Any] = {}
    for field in form.fields:
        value = str(given.get(field.name, "")).strip()
        match field.kind:
            case "flag":
                settings[field.name] = value == "true"
            case "number":
                settings[field.name] = float(value) if _is_number(value) else value or None
            case "secret":
                settings[field.name] = value
            case _:
                settings[field.name] = value or None
    return SourceChoice(
        name=body.name or None, settings=settings, every=body.every, topic=body.topic,
        lang=body.lang, share=body.share, paused=body.paused,
    )  # fmt: skip


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _to(source_id: str, more: str = "") -> web.Response:
    return web.Response(status=303, headers={"Location": f"{PATH}/{quote(source_id)}{more}"})
