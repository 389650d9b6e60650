"""The SMS channel, through Twilio."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multidict import MultiDict
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channels.sms.errors import Remedy, meaning
from channels.sms.normalize import is_status, to_inbound, to_receipt
from core.domain.messages import (
    Address,
    Attachment,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundMessage,
    Sender,
)
from core.errors import (
    BadInput,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.rendering.markdown import render_message
from core.rendering.sms import HARD_LIMIT, size, to_sms
from core.runtime.lru import LruDict
from core.sdk.channel import (
    ChannelCapabilities,
    HttpRequest,
    HttpResponse,
    Receive,
    ReceiveReceipt,
    Write,
)
from core.sdk.imports import import_aside
from core.sdk.plugin import ChannelContext, ChannelPlugin

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
    """The SMS channel's settings."""

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
    webhook_hosts: str = Field(
        default="",
        title="Other host names of our webhooks",
        description="Where Twilio calls us by more names than PUBLIC_URL's: a list with commas.",
        pattern=r"^[A-Za-z0-9.\-:,\s]*$",
        max_length=1000,
    )
    price_per_segment: float = Field(
        default=0.0, ge=0, title="Price of a segment", description="Shown to agents; 0 hides it."
    )


class SmsChannel:
    """`core.sdk.channel.Channel` over Twilio: takes webhooks, fetches what it missed."""

    def __init__(self, settings: SmsSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._api: TwilioApi | None = None
        self._receive: Receive | None = None
        self._receipts: ReceiveReceipt | None = None
        self._owners: LruDict[str, str] = LruDict(REMEMBERED)
        self._parts_found: LruDict[str, int] = LruDict(REMEMBERED)

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What text messages can do."""
        return CAPABILITIES

    def on_receipt(self, receive: ReceiveReceipt) -> None:
        """Tell every later status there."""
        self._receipts = receive

    async def listen(self, receive: Receive) -> bool:
        """From now on webhooks are taken: the auth token is all that proving them needs."""
        await import_aside(WEBHOOKS)
        self._receive = receive
        return True

    async def start(self, receive: Receive) -> None:
        """Try the credentials; from now on messages can be sent."""
        await self.listen(receive)
        self._api = await self._connect()
        await self._api.account()

    async def probe(self) -> None:
        """Whether Twilio still takes our credentials."""
        await self._api_or_not_ready().account()

    async def fetch_missed(self, since: datetime) -> None:
        """Take in what stands in Twilio's list, as if its webhook had come."""
        receive, account = self._receive, self._settings.sender
        for listed in await self._api_or_not_ready().received(account, since):
            message = to_inbound(listed.form, account=account)
            if message is not None and receive is not None:
                await receive(replace(message, sent_at=listed.at))

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
            leads_to = await api.webhook_of(self._settings.sender)
        finally:
            await api.close()
        said = f"Connected to {name or self._settings.account_sid}; from {self._settings.sender}."
        return said + self._elsewhere(leads_to)

    def _elsewhere(self, leads_to: str) -> str:
        """What to change at Twilio where this number's messages are sent to somebody else."""
        ours, theirs = urlsplit(self._context.public_url).hostname, urlsplit(leads_to).hostname
        if not ours or not theirs or ours == theirs:
            return ""
        return (
            f" But Twilio sends its messages to {theirs}: enter "
            f"{self._context.public_url}/webhooks/twilio/sms there."
        )

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take a message ("sms") or a status ("status"), once its signature has proved it."""
        if request.method != "POST":
            return HttpResponse(status=405)
        if self._receive is None:
            await import_aside(WEBHOOKS)  # otherwise `listen` has done it
        form = open_form(self._settings, request, self._context.public_url)
        if self._receive is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        if is_status(form, posted_as=request.path.strip("/")):
            receipt = to_receipt(form, account=self._settings.sender)
            if receipt is not None and self._receipts is not None:
                await self._receipts(receipt)
            if receipt is not None and meaning(receipt.code).remedy is Remedy.STOP:
                await self._note_opt_out(receipt.address, receipt.external_id)
            return HttpResponse(status=204)
        token = request.headers.get("i-twilio-idempotency-token", "")
        message = to_inbound(form, account=self._settings.sender, token=token)
        if message is None:
            raise BadInput("This is not a message.")
        await self._receive(message)
        # Twilio answers STOP, START and HELP by itself; everything else is answered later.
        return _TWIML

    async def fetch(self, address: Address, attachment: Attachment, write: Write) -> None:
        """Hand over a picture or recording that came by MMS."""
        del address
        await self._connected().download(attachment.url, write)

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
                if meaning(error.code).remedy is Remedy.STOP:
                    await self._note_opt_out(message.address, message.id)
                raise
            sids.append(posted.sid)
            self._owners[posted.sid] = message.id
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
            self._owners[sid] = message.id
        if len(sids) < len(bodies):
            self._parts_found[message.id] = message.skip_parts + len(sids)
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

    async def _note_opt_out(self, address: Address, about: str) -> None:
        """Twilio knows of a STOP that we have not seen; from now on we know it as well."""
        if self._receive is None:
            return
        try:
            await self._receive(
                InboundMessage(
                    address=address,
                    external_id=f"21610:{about}",
                    sender=Sender(id=address.chat),
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

    def _api_or_not_ready(self) -> TwilioApi:
        if self._api is None:
            raise ChannelNotReady("Twilio is not connected.")
        return self._api

    def _connected(self) -> TwilioApi:
        if self._api is None:
            raise DeliveryDeferred("Twilio is not connected.")
        return self._api


def open_form(settings: SmsSettings, request: HttpRequest, public_url: str) -> MultiDict[str]:
    """The form that Twilio posted. Raises WebhookRefused."""
    webhooks = importlib.import_module(WEBHOOKS)
    form: MultiDict[str] = webhooks.open_form(
        request,
        auth_token=settings.auth_token.get_secret_value(),
        public_url=public_url,
        path=f"/webhooks/twilio/{request.path.strip('/')}",
        hosts=settings.webhook_hosts.replace(",", " ").split(),
    )
    return form


def verify(settings: SmsSettings, request: HttpRequest, public_url: str) -> None:
    """Whether a form comes from Twilio, as long as the channel cannot say it itself."""
    open_form(settings, request, public_url)


plugin = ChannelPlugin(settings=SmsSettings, create=SmsChannel, verify=verify)
