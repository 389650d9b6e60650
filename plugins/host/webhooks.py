"""Routes vendors' webhooks to the channel they are for, and answers where none takes them."""

from __future__ import annotations

import asyncio
import http
import json
import logging
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from core.errors import BadInput, ChannelError, StoreUnavailable, WebhookRefused
from core.sdk.channel import HandlesHttp, HttpRequest, HttpResponse
from plugins.host.host import Plugin, PluginHost
from plugins.isolation.loop_thread import TookTooLong
from plugins.registry.forms import own_settings

log = logging.getLogger(__name__)

TRY_AGAIN_SECONDS = 5
EARS_SECONDS = 5.0  #: for a channel that is just being prepared, or made anew
VERIFY_SECONDS = 10.0  #: for telling who calls; it may import a little


class WebhookRouter:
    """The entrance of every webhook; a running channel is asked directly."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """The answer of the channel whose vendor calls; `request.path` is the public path."""
        target = self._target(request.path)
        if target is None:
            return _problem(404, "No channel is called here.")
        plugin_id, below = target
        request = replace(request, path=below)
        life = await self._host.ears(plugin_id, within=EARS_SECONDS)
        if life is None or (life.may_hear and self._host.get(plugin_id) is None):
            return await self._while_off(self._host.plugin(plugin_id), request)
        channel: object = life.proxy
        if not isinstance(channel, HandlesHttp):
            return _problem(404, "This channel is not called from outside.")
        try:
            return await channel.handle_http(request)
        except WebhookRefused as error:
            return _problem(403, error.detail)
        except BadInput as error:
            return _problem(400, error.detail)
        except (StoreUnavailable, ChannelError, TookTooLong) as error:
            return _later(error.detail)
        except Exception:
            # The guard has logged it. The vendor tries again; a customer's message is in it.
            return _later("Something went wrong here; it has been recorded.")

    async def _while_off(self, plugin: Plugin, request: HttpRequest) -> HttpResponse:
        """A forger is refused at once, the true vendor asked to come again.

        A channel that failed while it started may yet be able to take in what is brought.
        """
        if not plugin.configured:
            # Without a secret nobody's signature can be right.
            return _problem(403, "This channel is not set up.")
        later = _later("The channel is off just now.")
        if not plugin.wanted.enabled or plugin.found.problem:
            return later
        try:
            code = await self._host.code(plugin.id)
            if code.verify is not None:
                settings = code.settings.model_validate(
                    own_settings(code.settings, plugin.wanted.settings)
                )
                async with asyncio.timeout(VERIFY_SECONDS):
                    await asyncio.to_thread(code.verify, settings, request, self._host.public_url)
            # By now it may be another instance.
            life = await self._host.ears(plugin.id, within=EARS_SECONDS)
            if life is not None and life.may_hear:
                return await life.take_early(request) or later
        except (WebhookRefused, ValidationError):
            # With settings that do not hold nobody's signature can be right either.
            return _problem(403, "This request does not come from the channel's vendor.")
        except BadInput as error:
            return _problem(400, error.detail)
        except Exception:
            log.exception("channel %s could not tell who calls it", plugin.id)
        return later

    def _target(self, path: str) -> tuple[str, str] | None:
        found = self._host.found()
        for plugin in found.values():
            if plugin.manifest is not None and path in plugin.manifest.webhooks:
                return plugin.id, plugin.manifest.webhooks[path]
        _, _, rest = path.partition("/webhooks/")
        plugin_id, _, below = rest.partition("/")
        named = found.get(plugin_id)
        return None if named is None or named.manifest is None else (plugin_id, below)


def _problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    document = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return HttpResponse(
        status=status,
        body=json.dumps(document).encode(),
        headers={"Content-Type": "application/problem+json", **(headers or {})},
    )


def _later(detail: str) -> HttpResponse:
    return _problem(503, detail, headers={"Retry-After": str(TRY_AGAIN_SECONDS)})
