"""The plugins API, and the entrance of vendors' webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from pydantic import BaseModel

from core.accounts.roles import Action
from core.sdk.channel import HttpRequest
from core.web.http.responses import json_answer
from core.web.http.routing import Access, Route, address_of, body_of, current_user
from plugins.console.conformance_runs import ConformanceRuns
from plugins.console.schemas import (
    CheckResult,
    PluginDetail,
    PluginList,
    PluginView,
    SettingsBody,
    TrialView,
    detail,
    trial_view,
    view,
)
from plugins.host.host import Plugin, PluginHost
from plugins.host.service import PluginService
from plugins.host.webhooks import WebhookRouter
from plugins.registry.forms import SettingsForm

WEBHOOK_BYTES = 2_000_000


class PluginApi:
    """Handlers of `/api/plugins`."""

    def __init__(self, service: PluginService, runs: ConformanceRuns) -> None:
        self._service = service
        self._runs = runs

    async def list(self, request: web.Request) -> web.Response:
        """Every plugin."""
        plugins = await self._service.plugins(current_user(request))
        return json_answer(PluginList(items=[self._view(plugin) for plugin in plugins], next=None))

    async def get(self, request: web.Request) -> web.Response:
        """One with its settings."""
        user, plugin_id = current_user(request), request.match_info["id"]
        plugin = await self._service.plugin(user, plugin_id)
        form = (
            SettingsForm(fields=(), schema={})
            if plugin.found.problem
            else await self._service.form(user, plugin_id)
        )
        return json_answer(detail(plugin, form, testing=self._runs.is_running(plugin.id)))

    async def enable(self, request: web.Request) -> web.Response:
        """Switch it on."""
        plugin = await self._service.enable(
            current_user(request),
            request.match_info["id"],
            settings=body_of(request, SettingsBody).settings,
            address=address_of(request),
        )
        return json_answer(self._view(plugin))

    async def disable(self, request: web.Request) -> web.Response:
        """Switch it off."""
        plugin = await self._service.disable(
            current_user(request), request.match_info["id"], address=address_of(request)
        )
        return json_answer(self._view(plugin))

    async def configure(self, request: web.Request) -> web.Response:
        """Change settings."""
        plugin = await self._service.configure(
            current_user(request),
            request.match_info["id"],
            settings=body_of(request, SettingsBody).settings,
            address=address_of(request),
        )
        return json_answer(self._view(plugin))

    async def check(self, request: web.Request) -> web.Response:
        """Try the connection."""
        checked = await self._service.check(
            current_user(request),
            request.match_info["id"],
            settings=body_of(request, SettingsBody).settings,
            address=address_of(request),
        )
        return json_answer(CheckResult(ok=checked.ok, detail=checked.detail))

    async def test(self, request: web.Request) -> web.Response:
        """Begin the conformance tests; a second wish joins the first."""
        trial = await self._runs.start(current_user(request), request.match_info["id"])
        return json_answer(trial_view(trial), status=202)

    async def tested(self, request: web.Request) -> web.Response:
        """How far the conformance tests are, or what came out."""
        trial = await self._runs.newest(current_user(request), request.match_info["id"])
        return json_answer(trial_view(trial))

    def _view(self, plugin: Plugin) -> PluginView:
        return view(plugin, testing=self._runs.is_running(plugin.id))


class WebhookRoutes:
    """Takes what vendors send to `/webhooks/…` to the channel it is for."""

    def __init__(self, host: PluginHost, *, public_url: str) -> None:
        self._router = WebhookRouter(host)
        self._public_url = public_url

    async def handle(self, request: web.Request) -> web.Response:
        """The channel's own answer."""
        base = self._public_url or f"{request.scheme}://{request.host}"
        response = await self._router.handle_http(
            HttpRequest(
                method=request.method,
                path=request.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                query=dict(request.query),
                body=await request.read(),
                url=base + request.path_qs,
            )
        )
        return web.Response(status=response.status, body=response.body, headers=response.headers)


def routes(
    service: PluginService,
    host: PluginHost,
    *,
    runs: ConformanceRuns,
    public_url: str,
    webhooks: Sequence[str],
) -> Sequence[Route]:
    """Everything that is served for plugins; `webhooks` are the built-in channels' paths."""
    api, door = PluginApi(service, runs), WebhookRoutes(host, public_url=public_url)
    good: Mapping[int, type[BaseModel] | None] = {200: PluginView}
    read, change = Action.PLUGINS_READ, Action.PLUGINS_CHANGE
    one = "/api/plugins/{id}"
    return (
        Route(
            method="GET",
            path="/api/plugins",
            handler=api.list,
            action=read,
            summary="Every channel plugin with its state",
            responses={200: PluginList},
            passive=True,
        ),
        Route(
            method="GET",
            path=one,
            handler=api.get,
            action=read,
            summary="One plugin with its settings; secrets are never shown",
            responses={200: PluginDetail, 422: None},
        ),
        Route(
            method="POST",
            path=one + "/enable",
            handler=api.enable,
            action=change,
            summary="Switch a plugin on, with settings",
            body=SettingsBody,
            responses={**good},
        ),
        Route(
            method="POST",
            path=one + "/disable",
            handler=api.disable,
            action=change,
            summary="Switch a plugin off; its messages wait",
            responses={**good},
        ),
        Route(
            method="PUT",
            path=one + "/settings",
            handler=api.configure,
            action=change,
            summary="Change settings; a running channel is started again with them",
            body=SettingsBody,
            responses={**good},
        ),
        Route(
            method="POST",
            path=one + "/check",
            handler=api.check,
            action=change,
            summary="Try the connection, also with settings that are not stored yet",
            body=SettingsBody,
            responses={200: CheckResult},
        ),
        Route(
            method="POST",
            path=one + "/test",
            handler=api.test,
            action=change,
            summary="Begin the conformance tests; they take up to a minute",
            responses={202: TrialView, 422: None},
        ),
        Route(
            method="GET",
            path=one + "/test",
            handler=api.tested,
            action=read,
            summary="How far the conformance tests are, or what came out last",
            responses={200: TrialView},
            passive=True,
        ),
        *(
            Route(
                method="POST",
                path=path,
                handler=door.handle,
                access=Access.PROVIDER,
                summary=f"What the vendor calls at {path}; signed, else 403",
                responses={200: None},
                max_body=WEBHOOK_BYTES,
            )
            for path in webhooks
        ),
        *(
            Route(
                method=method,
                path="/webhooks/{below:.+}",
                handler=door.handle,
                access=Access.PROVIDER,
                summary="What the vendor of any other channel calls",
                max_body=WEBHOOK_BYTES,
                hidden=True,
            )
            for method in ("GET", "POST")
        ),
    )
