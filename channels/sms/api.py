"""Twilio's REST client, without blocking the loop; imported only when the channel is on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientConnectorError, ClientError
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.sms.codes import Remedy, meaning
from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)

CALL_SECONDS = 15.0
LISTED = 200  #: of a number's latest messages are looked through

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
        response = await super().request(
            method, url, params, data, headers, auth, timeout or CALL_SECONDS, allow_redirects
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
        self._client.api.base_url = base_url.rstrip("/")
        self._account_sid = account_sid

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
        """Hand one message to Twilio. Raises as `core.channel.Channel.send`."""
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
