"""The one Slack app of an installation: customers and the agents' desk share it.

It owns the `AsyncApp`, its web client, the HTTP entrance and the Socket Mode connection. Others
register their listeners on `app` (actions, views, commands, events, App Home).
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from channels.slack.signatures import signed_body
from core.channel import HttpRequest, HttpResponse
from core.errors import (
    BadInput,
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
)

CALL_SECONDS = 15.0
CONNECT_SECONDS = 10.0

_REFUSED = frozenset(
    {
        "account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked",
        "app_uninstalled", "not_allowed_token_type", "no_permission",
    }
)  # fmt: skip
_DOUBTFUL = frozenset({"fatal_error", "internal_error", "request_timeout"})
_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"})

Take = Callable[[Mapping[str, Any]], Awaitable[bool]]
"""Looks at a delivery before every listener; True when it was a customer's and is stored."""


class _App(AsyncApp):
    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        answer = await super().async_dispatch(req)
        if answer.status == 404 and req.body.get("type") == "event_callback":
            # Nobody here cares about it; without an acknowledgement Slack would bring it again,
            # and in the end stop bringing anything.
            return BoltResponse(status=200, body="")
        return answer


class SlackApp:
    """One workspace's app, connected."""

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str,
        signing_secret: str,
        base_url: str,
        logger: logging.Logger,
    ) -> None:
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._logger = logger
        # The SDKs log what customers write, some of it at info level.
        quiet = logger.getChild("sdk")
        quiet.setLevel(logging.ERROR)
        self._take: Take | None = None
        self._socket: AsyncSocketModeHandler | None = None
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        # No retry of the SDK's own: a second try after a broken connection would post twice.
        self.client = AsyncWebClient(
            token=bot_token,
            base_url=base_url,
            timeout=int(CALL_SECONDS),
            session=self._session,
            retry_handlers=[],
            logger=quiet,
        )
        self.app: AsyncApp = _App(
            client=self.client,
            signing_secret=signing_secret or "unused",
            # Every request is verified in `handle_http`, before it is parsed.
            request_verification_enabled=False,
            ssl_check_enabled=False,
            logger=quiet,
        )
        self.app.use(self._customers_first)
        # What the agents' desk reads here; nothing in this channel uses it.
        self.desk_channel = ""
        self.on_duty = ""
        self.supervisors = ""
        self.language = "en"
        self.team_id = ""
        self.team_name = ""
        self.bot_user_id = ""

    def take_customers(self, take: Take) -> None:
        """Show every delivery to the customers' channel first; called once, before `connect`."""
        self._take = take

    async def identify(self) -> None:
        """Learn who we are. Raises ChannelAuthFailed, ChannelNotReady."""
        try:
            about = await self.client.auth_test()
        except Exception as error:
            raise while_starting(error) from error
        self.team_id = str(about.get("team_id") or "")
        self.team_name = str(about.get("team") or "")
        self.bot_user_id = str(about.get("user_id") or "")

    async def connect(self) -> None:
        """Open Socket Mode where there is an app token; with HTTP there is nothing to open."""
        if not self._app_token:
            return
        socket = AsyncSocketModeHandler(
            self.app, self._app_token, logger=self._logger.getChild("sdk")
        )
        self._socket = socket
        try:
            opened = await self.client.apps_connections_open(app_token=self._app_token)
            socket.client.wss_uri = str(opened.get("url") or "")
            async with asyncio.timeout(CONNECT_SECONDS):
                await socket.connect_async()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise while_starting(error) from error

    async def close(self) -> None:
        """Close the socket and every connection; safe twice."""
        socket, self._socket = self._socket, None
        if socket is not None:
            client = socket.client
            tasks = [
                task
                for task in (
                    client.message_processor,
                    client.current_session_monitor,
                    client.message_receiver,
                )
                if task is not None
            ]
            if client.current_session is not None:
                await socket.close_async()  # type: ignore[no-untyped-call]
            client.closed = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.aiohttp_client_session.close()
        await self._session.close()

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take an event, an interaction or a command from Slack, once its signature proves it.

        Raises WebhookRefused for a wrong signature, BadInput for what is nothing of Slack's.
        """
        if request.method != "POST":
            return HttpResponse(status=405)
        body = signed_body(request, signing_secret=self._signing_secret)
        headers: dict[str, Any] = dict(request.headers)
        try:
            asked = AsyncBoltRequest(body=body, query=dict(request.query), headers=headers)
        except (ValueError, RecursionError, AttributeError) as error:
            # Bolt reads the body at once, and takes for granted that it is an object.
            raise BadInput("This is nothing that Slack sends.") from error
        answer = await self.app.async_dispatch(asked)
        if answer.status == http.HTTPStatus.NOT_FOUND:
            raise BadInput("Nothing here takes this.")
        return HttpResponse(
            status=answer.status,
            body=(answer.body or "").encode(),
            headers={name: values[0] for name, values in answer.headers.items() if values},
        )

    async def _customers_first(
        self,
        body: dict[str, Any],
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt hands arguments over by name
    ) -> BoltResponse | None:
        # A listener would be acknowledged before it has stored anything; a middleware is awaited.
        try:
            if self._take is not None and await self._take(body):
                return BoltResponse(status=200, body="")
        except (StoreUnavailable, ChannelError):
            self._logger.warning("A customer's message could not be stored; Slack brings it again.")
            return BoltResponse(status=503, body="", headers={"Retry-After": "5"})
        await next()
        return None


def while_starting(error: Exception) -> ChannelError:
    """What an error of the SDK means before we are connected."""
    if isinstance(error, SlackApiError):
        code = _code(error)
        if code in _REFUSED:
            return ChannelAuthFailed(f"Slack refuses the token ({code}).")
        return ChannelNotReady(f"Slack cannot be reached ({code or _status(error)}).")
    if isinstance(error, ChannelError):
        return error
    return ChannelNotReady(f"Slack cannot be reached ({type(error).__name__}).")


def while_sending(error: Exception) -> ChannelError:
    """What an error of the SDK means for a message that was just handed over."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return DeliveryDeferred("Slack cannot be reached.")
    if not isinstance(error, SlackApiError):
        return DeliveryUnknown(f"No answer from Slack ({type(error).__name__}).")
    code, status = _code(error), _status(error)
    if status == 429 or code in _LATER:
        return DeliveryDeferred("Too many messages for Slack.", retry_after=_retry_after(error))
    if code in _REFUSED:
        return ChannelAuthFailed(f"Slack refuses the token ({code}).")
    if code in _DOUBTFUL or status >= 500 or (not code and status < 400):
        return DeliveryUnknown(f"Slack has a fault ({code or status}).")
    code = code or str(status)
    return DeliveryFailed(f"Slack refuses the message ({code}).", code=code)


def _code(error: SlackApiError) -> str:
    try:
        return str(error.response.get("error") or "")
    except AttributeError:
        return ""


def _status(error: SlackApiError) -> int:
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    return status if isinstance(status, int) else 0


def _retry_after(error: SlackApiError) -> float | None:
    headers = getattr(error.response, "headers", None) or {}
    after = str(headers.get("Retry-After", headers.get("retry-after", "")))
    return float(after) if after.replace(".", "", 1).isdigit() else None
