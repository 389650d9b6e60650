"""The one Slack app of an installation, shared by customers' channel, desk and reports.

It owns Bolt's app, the client, the HTTP entrance and the Socket Mode connection. Others look at
deliveries first (`take_first`) or register their listeners (`on_action`, `on_view`, …).
"""

from __future__ import annotations

import asyncio
import errno
import http
import logging
import re
import socket as socket_module
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from config.languages import DEFAULT
from core.accounts.roles import User
from core.errors import BadInput, ChannelError, StoreUnavailable
from core.sdk.channel import HttpRequest, HttpResponse
from core.slack.blocks import Block
from core.slack.client import SlackClient, meaning
from core.slack.signatures import signed_body

CALL_SECONDS = 15.0
CONNECT_SECONDS = 10.0

Take = Callable[[Mapping[str, Any]], Awaitable[bool]]
"""Looks at a delivery before every listener; True when it was theirs and is stored."""

Ack = Callable[..., Awaitable[object]]
"""Acknowledges an interaction or a command, with what Slack is to show."""

Listener = Callable[..., Awaitable[None]]
"""Is handed, by their names, what it asks for: `ack`, `body`, `view`, `event`."""

AnswerWord = Callable[[User, str, str], Awaitable[list[Block]]]
"""Answers `/desk WORD …`: takes who asks, their language, and what follows the word."""

HomePart = Callable[[User, str], Awaitable[list[Block]]]
"""What a slice shows on this member's Home, in their language; nothing where it has nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffSettings:
    """The workspace's staff channels, the people to call, and the language of cards."""

    desk_channel: str = ""  #: id of the agents' channel, "" where there is no desk
    reports_channel: str = ""  #: id of the channel for reports, "" for none
    on_duty: str = ""  #: user groups or members to mention when a draft waits too long
    supervisors: str = ""  #: whom to mention when the deadline has passed
    language: str = DEFAULT  #: of the cards and the reports, which a whole channel reads


class _App(AsyncApp):
    """Bolt, behind who looks at a delivery first, and told who we are by us alone.

    Bolt would ask Slack itself before it takes the first delivery, and believes
    `SLACK_CLIENT_ID` of the environment before the token it is given: then it answers everything
    with 200 and nobody takes it.
    """

    def __init__(
        self,
        first: Callable[[Mapping[str, Any]], Awaitable[BoltResponse | None]],
        *,
        who: Callable[[], AuthorizeResult],
        client: AsyncWebClient,
        logger: logging.Logger,
    ) -> None:
        async def authorize(context: object) -> AuthorizeResult:  # noqa: ARG001 - Bolt's shape
            return who()

        super().__init__(
            client=client,
            authorize=authorize,
            signing_secret="unused",  # noqa: S106
            # Every request is verified in `handle_http`, before it is parsed.
            request_verification_enabled=False,
            ssl_check_enabled=False,
            logger=logger,
        )
        self._first = first

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        if (taken := await self._first(req.body)) is not None:
            return taken
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
        staff: StaffSettings = StaffSettings(),
        may_connect: Callable[[str], bool] = lambda _ip: True,
    ) -> None:
        self.staff = staff
        self._may_connect = may_connect
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._logger = logger
        # The SDKs log what customers write, some of it at info level.
        quiet = logger.getChild("sdk")
        quiet.setLevel(logging.ERROR)
        self._takers: list[Take] = []
        self._socket: AsyncSocketModeHandler | None = None
        self._holds = False  #: a socket is ours to keep open; of many processes only some have one
        self._session = aiohttp.ClientSession(
            connector=self._connector(), timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)
        )
        # No retry of the SDK's own: a second try after a broken connection would post twice.
        web = AsyncWebClient(
            token=bot_token,
            base_url=base_url,
            timeout=int(CALL_SECONDS),
            session=self._session,
            retry_handlers=[],
            logger=quiet,
        )
        self.client = SlackClient(web)
        self._bolt: AsyncApp = _App(self._take_first, who=self._who, client=web, logger=quiet)
        self._bot_token = bot_token
        self._bot_id = ""
        self.words: dict[
            str, AnswerWord
        ] = {}  #: of `/desk`, that other slices than the desk answer
        self.home_parts: list[HomePart] = []
        self.team_id = ""
        self.team_name = ""
        self.bot_user_id = ""

    def take_first(self, take: Take) -> None:
        """Show every delivery to `take` before any listener, and after those that came earlier."""
        self._takers.append(take)

    def on_action(self, action_id: re.Pattern[str], listener: Listener) -> None:
        """Call this listener for presses on what has such an id."""
        self._bolt.action(action_id)(listener)

    def on_view(self, callback_id: re.Pattern[str], listener: Listener) -> None:
        """Call this listener for windows that are sent off."""
        self._bolt.view(callback_id)(listener)

    def on_command(self, name: str, listener: Listener) -> None:
        """Call this listener for a command."""
        self._bolt.command(name)(listener)

    def on_event(self, kind: str, listener: Listener) -> None:
        """Call this listener for events of this kind."""
        self._bolt.event(kind)(listener)

    async def identify(self) -> None:
        """Learn who we are. Raises SlackError."""
        about = await self.client.identity()
        self.team_id = str(about.get("team_id") or "")
        self.team_name = str(about.get("team") or "")
        self.bot_user_id = str(about.get("user_id") or "")
        self._bot_id = str(about.get("bot_id") or "")

    async def connect(self) -> None:
        """Open Socket Mode where there is an app token; with HTTP there is nothing to open.

        Raises SlackError.
        """
        if not self._app_token:
            return
        socket = AsyncSocketModeHandler(
            self._bolt, self._app_token, logger=self._logger.getChild("sdk")
        )
        self._socket, self._holds = socket, True
        # Where the socket is opened is what the server says.
        await socket.client.aiohttp_client_session.close()
        socket.client.aiohttp_client_session = aiohttp.ClientSession(connector=self._connector())
        socket.client.wss_uri = await self.client.socket_url(self._app_token)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await socket.connect_async()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise meaning(error) from error

    async def connected(self) -> bool:
        """Whether Slack can speak to us: by Socket Mode only while the socket is open, if one is
        ours."""
        if not self._app_token or not self._holds:
            return True
        return self._socket is not None and bool(await self._socket.client.is_connected())

    def _connector(self) -> aiohttp.TCPConnector:
        """Connects where the channel may, wherever a name or a redirect leads."""

        def within_reach(info: Any) -> socket_module.socket:
            family, kind, protocol, _, address = info
            if not self._may_connect(str(address[0])):
                raise PermissionError(errno.EACCES, "This address is not on the internet.")
            return socket_module.socket(family, kind, protocol)

        return aiohttp.TCPConnector(socket_factory=within_reach)

    async def close(self) -> None:
        """Close the socket and every connection; safe twice."""
        await self.disconnect()
        await self._session.close()

    async def disconnect(self) -> None:
        """Close the socket alone; safe twice."""
        socket, self._socket, self._holds = self._socket, None, False
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
        answer = await self._bolt.async_dispatch(asked)
        if answer.status == http.HTTPStatus.NOT_FOUND:
            raise BadInput("Nothing here takes this.")
        return HttpResponse(
            status=answer.status,
            body=(answer.body or "").encode(),
            headers={name: values[0] for name, values in answer.headers.items() if values},
        )

    async def offer(self, body: Mapping[str, Any], *, but: Take | None = None) -> bool:
        """Whether somebody (`but` this one) takes a delivery that Slack did not bring.

        Raises StoreUnavailable and ChannelError, as they do.
        """
        for take in self._takers:
            if take != but and await take(body):
                return True
        return False

    async def _take_first(self, body: Mapping[str, Any]) -> BoltResponse | None:
        # A listener would be acknowledged before it has stored anything; these are awaited.
        try:
            if await self.offer(body):
                return BoltResponse(status=200, body="")
        except (StoreUnavailable, ChannelError):
            self._logger.warning("What somebody wrote could not be stored; Slack brings it again.")
            return BoltResponse(status=503, body="", headers={"Retry-After": "5"})
        return None

    def _who(self) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=self.team_id,
            bot_user_id=self.bot_user_id,
            bot_id=self._bot_id,
            bot_token=self._bot_token,
        )
