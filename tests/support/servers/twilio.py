"""A local Twilio: the Messages API, its webhooks signed as Twilio signs them, and a memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import ClientSession, encode_basic_auth, web
from twilio.request_validator import RequestValidator

from tests.support.servers.faults import Fault, Listening, Script

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "local-twilio-auth-token"
NUMBER = "+15550001000"
CUSTOMER = "+15557654321"


@dataclass(slots=True, kw_only=True)
class Text:
    """A message that somebody sent through Twilio."""

    sid: str
    to: str
    sender: str
    service: str
    body: str
    created_at: datetime
    params: dict[str, str]
    inbound: bool = False
    media: tuple[tuple[str, str], ...] = ()  #: id and type of each


class TwilioServer:
    """Speaks Twilio's 2010-04-01 API on a local port."""

    def __init__(self, *, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.texts: list[Text] = []
        self.opted_out: set[str] = set()
        self.sms_url = ""  #: where our number's messages are sent to; "" says nothing of it
        self.media: dict[str, bytes] = {}  #: what customers sent by MMS, by its id
        self.script = Script()
        self._sids = itertools.count(1)
        app = web.Application()
        account = "/2010-04-01/Accounts/{sid}"
        app.router.add_get(f"{account}.json", self._account)
        app.router.add_post(f"{account}/Messages.json", self._create)
        app.router.add_get(f"{account}/Messages.json", self._list)
        app.router.add_get(f"{account}/IncomingPhoneNumbers.json", self._numbers)
        app.router.add_get(f"{account}/Messages/{{message}}/Media/{{media}}", self._medium)
        app.router.add_get("/store/{media}", self._stored)
        app.router.add_get(f"{account}/Messages/{{message}}/Media.json", self._media)
        self._listening = Listening(app)

    async def __aenter__(self) -> Self:
        await self._listening.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._listening.close()

    @property
    def url(self) -> str:
        """What TWILIO_API_BASE_URL is set to."""
        return self._listening.url

    # What a test does in the customer's place.

    def form(self, body: str, *, sender: str = CUSTOMER, **more: str) -> dict[str, str]:
        """A customer's text as Twilio posts it, blank values included."""
        sid = f"SM{next(self._sids):032d}"
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "Body": body,
            "From": sender,
            "FromCity": "",
            "MessageSid": sid,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": NUMBER,
        } | more

    def arrive(
        self,
        form: Mapping[str, str],
        *,
        at: datetime | None = None,
        media: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """A customer's text has come to Twilio, and stands in its list, webhook or not."""
        self.texts.append(
            Text(
                sid=form["MessageSid"],
                to=form["To"],
                sender=form["From"],
                service=form.get("MessagingServiceSid", ""),
                body=form["Body"],
                created_at=at or datetime.now(UTC),
                params=dict(form),
                inbound=True,
                media=media,
            )
        )

    def status(self, sid: str, state: str, **more: str) -> dict[str, str]:
        """A status callback as Twilio posts it."""
        return {
            "AccountSid": self.account_sid,
            "From": NUMBER,
            "MessageSid": sid,
            "MessageStatus": state,
            "SmsSid": sid,
            "SmsStatus": state,
            "To": CUSTOMER,
        } | more

    def sign(self, url: str, form: Mapping[str, str]) -> str:
        """The signature for posting this form to this address."""
        return str(RequestValidator(self.auth_token).compute_signature(url, dict(form)))

    async def push(
        self, url: str, form: Mapping[str, str], *, signed_url: str = "", signature: str = ""
    ) -> tuple[int, str]:
        """Call a webhook as Twilio does; gives the status and the body it answered."""
        headers = {
            "X-Twilio-Signature": signature or self.sign(signed_url or url, form),
            "I-Twilio-Idempotency-Token": f"token-{form.get('MessageSid', '')}",
        }
        async with (
            ClientSession() as session,
            session.post(url, data=dict(form), headers=headers) as response,
        ):
            return response.status, await response.text()

    def mms(self, body: str, *contents: tuple[str, bytes], **more: str) -> dict[str, str]:
        """A customer's message with media: (media type, content) each."""
        form = self.form(body, **more)
        form["NumMedia"] = str(len(contents))
        for index, (media_type, content) in enumerate(contents):
            media = f"ME{next(self._sids):032d}"
            self.media[media] = content
            place = f"/2010-04-01/Accounts/{self.account_sid}/Messages/{form['MessageSid']}/Media"
            form[f"MediaUrl{index}"] = f"{self.url}{place}/{media}"
            form[f"MediaContentType{index}"] = media_type
        return form

    # What a test asks afterwards.

    def bodies(self, to: str = CUSTOMER) -> list[str]:
        """The texts to a number, in order."""
        return [text.body for text in self.texts if text.to == to and not text.inbound]

    # The API.

    def _authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = encode_basic_auth(self.account_sid, self.auth_token)
        return given == wanted and request.match_info["sid"] == self.account_sid

    async def _account(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            return web.json_response({"sid": self.account_sid, "friendly_name": "Local account"})

        return await self.script.play("account", request, work)

    async def _medium(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            media = request.match_info["media"]
            if media not in self.media:
                return _error(404, 20404, "The requested resource was not found")
            raise web.HTTPTemporaryRedirect(f"/store/{media}")

        return await self.script.play("media", request, work)

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self.media[request.match_info["media"]])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            form = {key: str(value) for key, value in (await request.post()).items()}
            body, to = form.get("Body", ""), form.get("To", "")
            if not body:
                return _error(400, 21602, "Message body is required.")
            if len(body) > 1600:
                return _error(400, 21617, "The concatenated message body exceeds 1600 characters")
            if to in self.opted_out:
                return _error(400, 21610, "Attempt to send to unsubscribed recipient")
            if not form.get("From") and not form.get("MessagingServiceSid"):
                return _error(400, 21603, "A 'From' phone number is required.")
            text = Text(
                sid=f"SM{next(self._sids):032d}",
                to=to,
                sender=form.get("From", ""),
                service=form.get("MessagingServiceSid", ""),
                body=body,
                created_at=datetime.now(UTC),
                params=form,
            )
            self.texts.append(text)
            return web.json_response(_resource(text), status=201)

        return await self.script.play("create", request, work)

    async def _numbers(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            if not self.sms_url:
                return _error(404, 20404, "The requested resource was not found")
            ours = {"sid": "PN1", "phone_number": NUMBER, "sms_url": self.sms_url}
            page = {"page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path}
            return web.json_response({"incoming_phone_numbers": [ours], **page})

        return await self.script.play("numbers", request, work)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            wanted = request.query
            found = [
                text
                for text in reversed(self.texts)
                if wanted.get("To", text.to) == text.to
                and wanted.get("From", text.sender) == text.sender
                and ("DateSent>" not in wanted or text.created_at >= _time(wanted["DateSent>"]))
            ]
            size, page = int(wanted.get("PageSize", 50)), int(wanted.get("Page", 0))
            shown = found[page * size : (page + 1) * size]
            more = len(found) > (page + 1) * size
            asked = {**wanted, "PageSize": str(size), "Page": str(page + 1)}
            following = f"{request.path}?{urlencode(asked)}" if more else None
            return web.json_response(
                {
                    "messages": [_resource(text) for text in shown],
                    "page": page,
                    "page_size": size,
                    "uri": request.path,
                    "next_page_uri": following,
                }
            )

        return await self.script.play("list", request, work)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            sid = request.match_info["message"]
            kept = [m for text in self.texts if text.sid == sid for m in text.media]
            base = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}/Media"
            listed = [
                {"sid": me, "content_type": kind, "uri": f"{base}/{me}.json"} for me, kind in kept
            ]
            return web.json_response(
                {"media_list": listed, "page": 0, "page_size": 50, "next_page_uri": None}
            )

        return await self.script.play("media list", request, work)


def too_many(retry_after: int) -> Fault:
    """Twilio's answer to too many requests."""
    body = b'{"code": 20429, "message": "Too Many Requests", "status": 429}'
    return Fault(status=429, body=body, headers={"Retry-After": str(retry_after)})


def _resource(text: Text) -> dict[str, Any]:
    return {
        "sid": text.sid,
        "account_sid": ACCOUNT_SID,
        "to": text.to,
        "from": text.sender or None,
        "messaging_service_sid": text.service or None,
        "body": text.body,
        "status": "received" if text.inbound else "queued",
        "direction": "inbound" if text.inbound else "outbound-api",
        "num_segments": "0" if text.service else "1",
        "num_media": str(len(text.media)),
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "date_created": format_datetime(text.created_at),
        "date_updated": format_datetime(text.created_at),
        "date_sent": format_datetime(text.created_at) if text.inbound else None,
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{text.sid}.json",
        "subresource_uris": {},
    }


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _error(status: int, code: int, message: str) -> web.Response:
    body = {"code": code, "message": message, "status": status, "more_info": ""}
    return web.json_response(body, status=status)
