"""An asynchronous client of Twilio's REST API; imported only when the channel is on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    encode_basic_auth,
)
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.sms.errors import Remedy, meaning
from channels.sms.media import download
from core.errors import (
    AttachmentRefused,
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.sdk.channel import Write

CALL_SECONDS = 15.0
LISTED = 200  #: of a number's latest messages are looked through
MOST_MISSED = 10_000  #: messages of customers that are fetched at once
PAGE = 500

_quiet = logging.getLogger("channels.sms.wire")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message as Twilio knows it."""

    sid: str
    body: str
    segments: int
    created_at: datetime | None
    outbound: bool
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A customer's message in Twilio's list: as its webhook would have posted it, and when."""

    form: dict[str, str]
    at: datetime | None


class _Http(AsyncTwilioHttpClient):  # type: ignore[misc]
    """The asynchronous client with a time limit, and with the vendor's pause kept."""

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002
    ) -> Response:
        if auth is not None:
            # Twilio's SDK would hand it to aiohttp as `auth`, which aiohttp 4 does not know.
            headers = {**(headers or {}), "Authorization": encode_basic_auth(*auth)}
        response = await super().request(
            method, url, params, data, headers, None, timeout or CALL_SECONDS, allow_redirects
        )
        if response.status_code == 429:
            raise _TooMany(str(response.headers.get("Retry-After", "")))
        return response


class _TooMany(Exception):
    def __init__(self, after: str) -> None:
        self.seconds = float(after) if after.replace(".", "", 1).isdigit() else 1.0
        super().__init__()


class TwilioApi:
    """One account's connection to Twilio."""

    def __init__(self, *, account_sid: str, auth_token: str, base_url: str) -> None:
        # The client logs parameters, customers' numbers among them, at info level.
        _quiet.setLevel(logging.WARNING)
        self._http = _Http(logger=_quiet, timeout=CALL_SECONDS)
        self._client = Client(account_sid, auth_token, http_client=self._http)
        # The settings say which API, and no TWILIO_EDGE or TWILIO_REGION of the environment.
        self._client.edge = self._client.region = None
        self._base_url = self._client.api.base_url = base_url.rstrip("/")
        self._account_sid = account_sid
        self._credentials = {"Authorization": encode_basic_auth(account_sid, auth_token)}

    async def close(self) -> None:
        """Close the connections; safe twice."""
        await self._http.close()

    async def account(self) -> str:
        """The account's name. Raises ChannelNotReady, ChannelAuthFailed."""
        try:
            found = await self._client.api.v2010.accounts(self._account_sid).fetch_async()
        except (_TooMany, TwilioException, ClientError, OSError, TimeoutError) as error:
            status = getattr(error, "status", 0)
            if status in (401, 403) or getattr(error, "code", 0) == 20404:
                raise ChannelAuthFailed("Twilio refuses the account SID or auth token.") from error
            if 400 <= status < 500:
                # An API without this page, behind which messages may well work.
                return ""
            raise ChannelNotReady(f"Twilio cannot be reached: {type(error).__name__}") from error
        except ValueError:
            return ""
        return str(found.friendly_name or "")

    async def send(self, *, account: str, to: str, body: str, status_callback: str) -> Posted:
        """Hand one message to Twilio. Raises as `core.sdk.channel.Channel.send`."""
        fields: dict[str, Any] = {"to": to, "body": body}
        fields["messaging_service_sid" if account.startswith("MG") else "from_"] = account
        if status_callback:
            fields["status_callback"] = status_callback
        try:
            created = await self._client.messages.create_async(**fields)
        except (_TooMany, TwilioException, ClientError, OSError, TimeoutError) as error:
            raise _while_sending(error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeliveryUnknown("Twilio's answer cannot be read.") from error
        return _posted(created)

    async def download(self, url: str, write: Write) -> None:
        """Hand over a medium's bytes. Raises AttachmentRefused, ChannelNotReady."""
        place = urlsplit(url)
        host, ours = place.hostname or "", urlsplit(str(self._client.api.base_url)).netloc
        if place.netloc == ours or (place.scheme == "https" and host.endswith(".twilio.com")):
            await download(url, write, headers=self._credentials, home=self._base_url)
        elif place.scheme == "https":
            await download(url, write, headers={}, home=self._base_url)
        else:
            raise AttachmentRefused("Twilio named no address that a file could be fetched from.")

    async def sent_to(self, number: str) -> Sequence[Posted]:
        """The latest messages to this number, oldest first. Raises ChannelNotReady."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                listed = await self._client.messages.list_async(
                    to=number, limit=LISTED, page_size=min(LISTED, 100)
                )
        except (_TooMany, TwilioException, ClientError, OSError, TimeoutError) as error:
            raise ChannelNotReady(f"Twilio cannot be asked: {type(error).__name__}") from error
        found = [_posted(message) for message in listed if message.to in (None, number)]
        # Twilio lists the newest first, and its times have whole seconds only.
        found.reverse()
        return sorted(found, key=lambda p: p.created_at or datetime.max.replace(tzinfo=UTC))

    async def webhook_of(self, number: str) -> str:
        """Where Twilio sends this number's messages; "" where it does not say."""
        try:
            found = await self._client.incoming_phone_numbers.list_async(
                phone_number=number, limit=1
            )
        except (_TooMany, TwilioException, ClientError, OSError, TimeoutError):
            return ""
        except (ValueError, KeyError, TypeError, AttributeError):
            return ""
        return str(found[0].sms_url or "") if found else ""

    async def received(self, account: str, since: datetime) -> Sequence[Listed]:
        """What customers wrote to this number or Messaging Service since then, oldest first.

        Raises ChannelNotReady, ChannelAuthFailed.
        """
        where = {} if account.startswith("MG") else {"to": account}
        try:
            found = await self._client.messages.list_async(
                date_sent_after=since, limit=MOST_MISSED, page_size=PAGE, **where
            )
            theirs = [m for m in found if _is_to(m, account) and _is_since(m, since)]
            # The newest stands first, and times have whole seconds only.
            theirs.reverse()
            theirs.sort(key=lambda m: _sent_at(m) or since)
            return [Listed(form=await self._form(m), at=_sent_at(m)) for m in theirs]
        except (_TooMany, TwilioException, ClientError, OSError, TimeoutError) as error:
            if getattr(error, "status", 0) in (401, 403):
                raise ChannelAuthFailed("Twilio refuses the account SID or auth token.") from error
            raise ChannelNotReady(f"Twilio cannot be asked: {type(error).__name__}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ChannelNotReady("Twilio's list of messages cannot be read.") from error

    async def _form(self, message: Any) -> dict[str, str]:
        """The parameters of the webhook that Twilio made, or would have made, of this message."""
        form = {
            "MessageSid": str(message.sid or ""),
            "From": str(message.from_ or ""),
            "To": str(message.to or ""),
            "Body": str(message.body or ""),
            "MessagingServiceSid": str(message.messaging_service_sid or ""),
            "NumMedia": str(message.num_media or "0"),
        }
        if form["NumMedia"].isdecimal() and int(form["NumMedia"]):
            for index, media in enumerate(
                await self._client.messages(message.sid).media.list_async()
            ):
                form[f"MediaUrl{index}"] = self._base_url + str(media.uri).removesuffix(".json")
                form[f"MediaContentType{index}"] = str(media.content_type or "")
        return form


def _is_to(message: Any, account: str) -> bool:
    ours = (message.to, message.messaging_service_sid)
    return str(message.direction or "").startswith("inbound") and account in ours


def _is_since(message: Any, since: datetime) -> bool:
    at = _sent_at(message)
    return at is None or at >= since


def _sent_at(message: Any) -> datetime | None:
    at = message.date_sent or message.date_created
    if not isinstance(at, datetime):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _posted(message: Any) -> Posted:
    segments = str(message.num_segments or "0")
    created = message.date_created if isinstance(message.date_created, datetime) else None
    if created is not None and created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return Posted(
        sid=str(message.sid or ""),
        body=str(message.body or ""),
        segments=int(segments) if segments.isdecimal() else 0,
        created_at=created,
        outbound=not str(message.direction or "").startswith("inbound"),
        status=str(message.status or ""),
    )


def _while_sending(error: Exception) -> ChannelError:
    if isinstance(error, _TooMany):
        return DeliveryDeferred("Too many requests to Twilio.", retry_after=error.seconds)
    if isinstance(error, ClientConnectorError):
        return DeliveryDeferred("Twilio cannot be reached.")
    if not isinstance(error, TwilioException):
        return DeliveryUnknown(f"No answer from Twilio: {type(error).__name__}")
    status, code = getattr(error, "status", 0), getattr(error, "code", 0) or 0
    if status in (401, 403) and code not in (21610, 21408):
        return ChannelAuthFailed("Twilio refuses the account SID or auth token.")
    if status in (502, 504):
        return DeliveryUnknown(f"A gateway of Twilio's failed ({status}).")
    if status >= 500:
        return DeliveryDeferred(f"Twilio has a fault ({status}).")
    about = meaning(code)
    if about.remedy is Remedy.RETRY:
        return DeliveryDeferred(about.words)
    return DeliveryFailed(about.words, code=str(code))
