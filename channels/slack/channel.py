"""Slack as a customer channel: direct messages, and mentions in their threads."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from channels.slack.normalize import Workspace, is_customers, to_inbound
from channels.slack.render import to_posts
from channels.slack.settings import SlackSettings
from core.channel import ChannelCapabilities, HttpRequest, HttpResponse, Receive
from core.errors import (
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.imports import import_aside
from core.messages import Delivery, DeliveryState, OutboundMessage
from core.notebook import Notebook
from core.pacing import Pace, Pacer
from core.plugin import ChannelContext, ChannelPlugin
from core.rendering_markdown import render_message
from core.rendering_slack import LIMIT, SlackPart

if TYPE_CHECKING:
    from channels.slack.slack_app import SlackApp

CAPABILITIES = ChannelCapabilities(text_limit=LIMIT, markup="slack", buttons=True)

CHANNEL_PACE = Pace(burst=3, per_second=1)
EVENT_TYPE = "contact_center_message"  #: of the metadata that carries our id
SKEW_SECONDS = 2.0
LOOKED_THROUGH = 200  #: messages of a thread, after an unknown outcome
REMEMBERED = 2000


class SlackChannel:
    """Keeps `core.channel.Channel`; takes webhooks, and can read its threads again."""

    def __init__(self, settings: SlackSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._slack: SlackApp | None = None
        self._workspace = Workspace(team_id="", bot_user_id="")
        self._receive: Receive | None = None
        self._pacer = Pacer(context.clock)
        self._parts_found: OrderedDict[str, int] = OrderedDict()
        # Threads in which we were addressed: what people write there is for us.
        self._threads = Notebook(context.data_dir / "threads.jsonl")

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What Slack can do."""
        return CAPABILITIES

    async def start(self, receive: Receive) -> None:
        """Connect, lend the app to the desk, and only then let Slack speak."""
        slack = await self._app()
        self._slack = slack
        await slack.identify()
        desks = {self._settings.approvals_channel, self._settings.reports_channel} - {""}
        self._workspace = Workspace(
            team_id=slack.team_id, bot_user_id=slack.bot_user_id, desks=frozenset(desks)
        )
        await self._threads.open()
        self._receive = receive
        slack.take_customers(self._take)
        self._context.share(slack)
        await slack.connect()

    async def stop(self) -> None:
        """Close every connection."""
        slack, self._slack = self._slack, None
        self._receive = None
        if slack is not None:
            await slack.close()

    async def check(self) -> str:
        """With which workspace the token connects us."""
        slack = await self._app()
        try:
            await slack.identify()
        finally:
            await slack.close()
        way = "Socket Mode" if self._settings.app_token.get_secret_value() else "HTTP"
        return f"Connected to {slack.team_name or slack.team_id} ({way})."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take an event, an interaction or a command from Slack."""
        if self._slack is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        return await self._slack.handle_http(request)

    async def send(self, message: OutboundMessage) -> Delivery:
        """Post the message part by part into its thread, each carrying our id."""
        slack = self._connected()
        parts = self._parts(message)
        if not parts:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        chat = message.address.chat
        if chat in self._workspace.desks:
            raise DeliveryFailed("The agents' desk is no place for a customer's message.")
        first = max(message.skip_parts, self._parts_found.pop(message.id, 0))
        posted: list[str] = []
        for number, part in enumerate(parts):
            if number < first:
                continue
            await self._pacer.wait((f"channel:{chat}", CHANNEL_PACE), parts_done=number)
            try:
                posted.append(await _post(slack, message, part, number))
            except DeliveryDeferred as error:
                if error.retry_after:
                    self._pacer.close(f"channel:{chat}", error.retry_after)
                raise DeliveryDeferred(
                    error.detail, retry_after=error.retry_after, parts_done=number
                ) from error
            except DeliveryUnknown as error:
                raise DeliveryUnknown(error.detail, parts_done=number) from error
        return Delivery(state=DeliveryState.SENT, external_ids=tuple(posted))

    async def find(self, message: OutboundMessage) -> Delivery | None:
        """What stands in the thread of this message; `send` goes on after those parts."""
        parts = self._parts(message)[message.skip_parts :]
        there = await self._read(message)
        found: list[str] = []
        for number, part in enumerate(parts, start=message.skip_parts):
            ts = next(
                (
                    str(seen.get("ts"))
                    for seen in there
                    if str(seen.get("ts")) not in found
                    and _is(seen, message, part, number, bot=self._workspace.bot_user_id)
                ),
                "",
            )
            if not ts:
                break
            found.append(ts)
        if len(found) < len(parts):
            self._parts_found[message.id] = message.skip_parts + len(found)
            if len(self._parts_found) > REMEMBERED:
                self._parts_found.popitem(last=False)
            return None
        return Delivery(state=DeliveryState.SENT, external_ids=tuple(found))

    async def _read(self, message: OutboundMessage) -> Sequence[Mapping[str, Any]]:
        module = importlib.import_module("channels.slack.slack_app")
        asked: dict[str, Any] = {
            "channel": message.address.chat,
            "include_all_metadata": True,
            "limit": LOOKED_THROUGH,
        }
        if message.queued_at is not None:
            asked["oldest"] = f"{message.queued_at.timestamp() - SKEW_SECONDS:.6f}"
        client = self._connected().client
        try:
            if message.address.thread:
                answer = await client.conversations_replies(ts=message.address.thread, **asked)
            else:
                answer = await client.conversations_history(**asked)
        except Exception as error:
            meant = module.while_sending(error)
            if isinstance(meant, DeliveryFailed):
                # We may not read here (a scope is missing). Twice is better than never.
                self._context.logger.warning("A thread cannot be read again: %s", meant.detail)
                return ()
            raise ChannelNotReady(f"Slack cannot be asked: {meant}") from error
        listed = answer.get("messages") or []
        there = [seen for seen in listed if isinstance(seen, Mapping)]
        return sorted(there, key=lambda seen: str(seen.get("ts") or ""))

    async def _take(self, body: Mapping[str, Any]) -> bool:
        receive = self._receive
        if receive is None or not self._settings.customers:
            return False
        message = to_inbound(body, self._workspace, serves=self._serves)
        if message is None:
            # A press on an old button of ours still has to come to rest.
            return is_customers(body)
        await receive(message)
        address = message.address
        if address.thread and not address.chat.startswith("D"):
            await self._threads.put(f"{address.chat}:{address.thread}", "served")
        return True

    def _serves(self, channel: str, thread: str) -> bool:
        return bool(self._threads.get(f"{channel}:{thread}"))

    def _parts(self, message: OutboundMessage) -> tuple[SlackPart, ...]:
        label = self._context.words.text("channels.sources", message.locale)
        blocks = render_message(message, sources_label=label, site=self._context.public_url)
        return to_posts(blocks, message.buttons)

    async def _app(self) -> SlackApp:
        # The SDK takes a while to import; meanwhile everybody else goes on.
        module = await import_aside("channels.slack.slack_app")
        app: SlackApp = module.SlackApp(
            bot_token=self._settings.bot_token.get_secret_value(),
            app_token=self._settings.app_token.get_secret_value(),
            signing_secret=self._settings.signing_secret.get_secret_value(),
            base_url=self._settings.api_base_url,
            logger=self._context.logger,
        )
        app.desk_channel = self._settings.approvals_channel
        app.on_duty = self._settings.on_duty
        app.supervisors = self._settings.supervisors
        app.language = self._settings.language
        return app

    def _connected(self) -> SlackApp:
        if self._slack is None:
            raise DeliveryDeferred("Slack is not connected.")
        return self._slack


async def _post(slack: SlackApp, message: OutboundMessage, part: SlackPart, number: int) -> str:
    module = importlib.import_module("channels.slack.slack_app")
    try:
        answer = await slack.client.chat_postMessage(
            channel=message.address.chat,
            thread_ts=message.address.thread or None,
            text=part.text,
            blocks=list(part.blocks),
            metadata={
                "event_type": EVENT_TYPE,
                "event_payload": {"id": message.id, "part": number},
            },
            unfurl_links=False,
            unfurl_media=False,
        )
    except Exception as error:
        raise module.while_sending(error) from error
    return str(answer.get("ts") or "")


def _is(
    seen: Mapping[str, Any], message: OutboundMessage, part: SlackPart, number: int, *, bot: str
) -> bool:
    metadata = seen.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, Mapping) else None
    if isinstance(payload, Mapping) and "id" in payload:
        return payload.get("id") == message.id and int(payload.get("part") or 0) == number
    # Where the metadata is kept from us: our own words, not older than the message.
    return (
        message.queued_at is not None
        and (seen.get("user") == bot or bool(seen.get("bot_id")))
        and seen.get("text") == part.text
    )


def verify(settings: SlackSettings, request: HttpRequest, _public_url: str) -> None:
    """Whether a delivery comes from Slack, as long as the app cannot say it itself."""
    signatures = importlib.import_module("channels.slack.signatures")
    signatures.signed_body(request, signing_secret=settings.signing_secret.get_secret_value())


plugin = ChannelPlugin(settings=SlackSettings, create=SlackChannel, verify=verify)
