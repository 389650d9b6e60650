"""Text messages through Twilio as a channel: short, without edits, and each with its price."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

from multidict import MultiDict
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channels.sms.normalize import to_inbound, to_receipt
from core.channel import (
    ChannelCapabilities,
    HttpRequest,
    HttpResponse,
    Receive,
    ReceiveReceipt,
)
from core.errors import (
    BadInput,
    ChannelError,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.imports import import_aside
from core.messages import (
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundMessage,
    Sender,
)
from core.plugin import ChannelContext, ChannelPlugin
from core.rendering_markdown import render_message
from core.rendering_sms import HARD_LIMIT, size, to_sms

if TYPE_CHECKING:
    from channels.sms.api import TwilioApi

CAPABILITIES = ChannelCapabilities(text_limit=HARD_LIMIT, receipts=True, notices=False)

WEBHOOKS = "channels.sms.webhooks"  #: imports the SDK
SKEW = timedelta(seconds=2)  #: Twilio's clock against ours, and its times without fractions
REMEMBERED = 2000  #: ids of messages of this run, so that equal texts are not mixed up

_TWIML = HttpResponse(
    body=b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
    headers={"Content-Type": "text/xml; charset=utf-8"},
)


class SmsSettings(BaseModel):
    """What an admin sets for text messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    account_sid: str = Field(title="Account SID", pattern=r"^[A-Za-z0-9_-]{2,64}$")
    auth_token: SecretStr = Field(
        title="Auth token", description="Also proves that a webhook comes from Twilio."
    )
    sender: str = Field(
        alias="from",
        title="Our number or Messaging Service",
        description="A number such as +15551234567, or a Messaging Service SID (MG…).",
        min_length=3,
        max_length=64,
    )
    api_base_url: str = Field(
        default="https://api.twilio.com", title="Address of the API", pattern=r"^https?://\S+$"
    )
    price_per_segment: float = Field(
        default=0.0, ge=0, title="Price of a segment", description="Shown to agents; 0 hides it."
    )


class SmsChannel:
    """Keeps `core.channel.Channel`; takes webhooks, tells receipts, and can ask Twilio."""

    def __init__(self, settings: SmsSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._api: TwilioApi | None = None
        self._receive: Receive | None = None
        self._receipts: ReceiveReceipt | None = None
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._parts_found: OrderedDict[str, int] = OrderedDict()

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What text messages can do."""
        return CAPABILITIES

    def on_receipt(self, receive: ReceiveReceipt) -> None:
        """Tell every later status there."""
        self._receipts = receive

    async def start(self, receive: Receive) -> None:
        """Try the credentials; from now on webhooks are taken."""
        self._api = await self._connect()
        await self._api.account()
        await import_aside(WEBHOOKS)
        self._receive = receive

    async def stop(self) -> None:
        """Close every connection."""
        api, self._api = self._api, None
        self._receive = None
        if api is not None:
            await api.close()

    async def check(self) -> str:
        """With which account we are connected."""
        api = await self._connect()
        try:
            name = await api.account()
        finally:
            await api.close()
        return f"Connected to {name or self._settings.account_sid}; from {self._settings.sender}."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take a message ("sms") or a status ("status"), once its signature has proved it."""
        if request.method != "POST":
            return HttpResponse(status=405)
        if self._receive is None:
            await import_aside(WEBHOOKS)  # otherwise `start` has done it
        form = open_form(self._settings, request, self._context.public_url)
        if self._receive is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        if request.path.strip("/") == "status":
            receipt = to_receipt(form, account=self._settings.sender)
            if receipt is not None and self._receipts is not None:
                await self._receipts(receipt)
            return HttpResponse(status=204)
        token = request.headers.get("i-twilio-idempotency-token", "")
        message = to_inbound(form, account=self._settings.sender, token=token)
        if message is None:
            raise BadInput("This is not a message.")
        await self._receive(message)
        # Twilio answers STOP, START and HELP by itself; everything else is answered later.
        return _TWIML

    async def send(self, message: OutboundMessage) -> Delivery:
        """Send the message in as few texts as it needs, numbered when there are several."""
        api = self._connected()
        bodies = self._bodies(message)
        if not bodies:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        first = max(message.skip_parts, self._parts_found.pop(message.id, 0))
        public_url = self._context.public_url
        callback = f"{public_url}/webhooks/twilio/status" if public_url else ""
        sids: list[str] = []
        segments = 0
        for number, body in enumerate(bodies):
            if number < first:
                continue
            try:
                posted = await api.send(
                    account=message.address.account or self._settings.sender,
                    to=message.address.chat,
                    body=body,
                    status_callback=callback,
                )
            except DeliveryDeferred as error:
                raise DeliveryDeferred(
                    error.detail, retry_after=error.retry_after, parts_done=number
                ) from error
            except DeliveryUnknown as error:
                raise DeliveryUnknown(error.detail, parts_done=number) from error
            except DeliveryFailed as error:
                if error.code == "21610":
                    await self._note_opt_out(message)
                raise
            sids.append(posted.sid)
            _remember(self._owners, posted.sid, message.id)
            segments += posted.segments or size(body).segments
        return Delivery(
            state=DeliveryState.SENT,
            external_ids=tuple(sids),
            segments=segments,
            detail=self._cost(segments),
        )

    async def find(self, message: OutboundMessage) -> Delivery | None:
        """What Twilio lists of this message; `send` goes on after the parts that are there."""
        bodies = self._bodies(message)[message.skip_parts :]
        listed = await self._connected().sent_to(message.address.chat)
        oldest = message.queued_at - SKEW if message.queued_at else None
        sids: list[str] = []
        segments = 0
        for body in bodies:
            for posted in listed:
                ours = self._owners.get(posted.sid, message.id) == message.id
                too_old = oldest and posted.created_at and posted.created_at < oldest
                taken = posted.sid in sids
                if posted.outbound and ours and not too_old and not taken and posted.body == body:
                    sids.append(posted.sid)
                    segments += posted.segments or size(body).segments
                    break
            else:
                break
        for sid in sids:
            _remember(self._owners, sid, message.id)
        if len(sids) < len(bodies):
            _remember(self._parts_found, message.id, message.skip_parts + len(sids))
            return None
        return Delivery(
            state=DeliveryState.SENT,
            external_ids=tuple(sids),
            segments=segments,
            detail=self._cost(segments),
        )

    def _bodies(self, message: OutboundMessage) -> tuple[str, ...]:
        label = self._context.words.text("channels.sources", message.locale)
        site = self._context.public_url
        return to_sms(render_message(message, sources_label=label, site=site))

    def _cost(self, segments: int) -> str:
        counted = f"{segments} segment{'' if segments == 1 else 's'}"
        price = self._settings.price_per_segment
        return f"{counted}, about {segments * price:.4f}" if price else counted

    async def _note_opt_out(self, message: OutboundMessage) -> None:
        """Twilio knows of a STOP that we have not seen; from now on we know it as well."""
        if self._receive is None:
            return
        try:
            await self._receive(
                InboundMessage(
                    address=message.address,
                    external_id=f"21610:{message.id}",
                    sender=Sender(id=message.address.chat),
                    kind=InboundKind.OPT_OUT,
                )
            )
        except (StoreUnavailable, ChannelError) as error:
            self._context.logger.warning("An opt-out could not be stored: %s", error)

    async def _connect(self) -> TwilioApi:
        # The SDK takes a while to import; meanwhile everybody else goes on.
        module = await import_aside("channels.sms.api")
        api: TwilioApi = module.TwilioApi(
            account_sid=self._settings.account_sid,
            auth_token=self._settings.auth_token.get_secret_value(),
            base_url=self._settings.api_base_url,
        )
        return api

    def _connected(self) -> TwilioApi:
        if self._api is None:
            raise DeliveryDeferred("Twilio is not connected.")
        return self._api


def _remember(
    known: OrderedDict[str, str] | OrderedDict[str, int], key: str, value: object
) -> None:
    known[key] = value  # type: ignore[assignment]
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def open_form(settings: SmsSettings, request: HttpRequest, public_url: str) -> MultiDict[str]:
    """The form that Twilio posted. Raises WebhookRefused."""
    webhooks = importlib.import_module(WEBHOOKS)
    form: MultiDict[str] = webhooks.open_form(
        request,
        auth_token=settings.auth_token.get_secret_value(),
        public_url=public_url,
        path=f"/webhooks/twilio/{request.path.strip('/')}",
    )
    return form


def verify(settings: SmsSettings, request: HttpRequest, public_url: str) -> None:
    """Whether a form comes from Twilio, as long as the channel cannot say it itself."""
    open_form(settings, request, public_url)


plugin = ChannelPlugin(settings=SmsSettings, create=SmsChannel, verify=verify)
