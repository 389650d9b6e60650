"""A local Twilio: the Messages API, its webhooks signed as Twilio signs them, and a memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Self

from aiohttp import BasicAuth, ClientSession, web
from twilio.request_validator import RequestValidator

from tests.support.faults import Fault, Listening, Script

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


class TwilioServer:
    """Speaks Twilio's 2010-04-01 API on a local port."""

    def __init__(self, *, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.texts: list[Text] = []
        self.opted_out: set[str] = set()
        self.script = Script()
        self._sids = itertools.count(1)
        app = web.Application()
        account = "/2010-04-01/Accounts/{sid}"
        app.router.add_get(f"{account}.json", self._account)
        app.router.add_post(f"{account}/Messages.json", self._create)
        app.router.add_get(f"{account}/Messages.json", self._list)
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

    # What a test asks afterwards.

    def bodies(self, to: str = CUSTOMER) -> list[str]:
        """The texts to a number, in order."""
        return [text.body for text in self.texts if text.to == to]

    # The API.

    def _authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = BasicAuth(self.account_sid, self.auth_token).encode()
        return given == wanted and request.match_info["sid"] == self.account_sid

    async def _account(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if not self._authorized(request):
                return _error(401, 20003, "Authenticate")
            return web.json_response({"sid": self.account_sid, "friendly_name": "Local account"})

        return await self.script.play("account", request, work)

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
            ]
            size, page = int(wanted.get("PageSize", 50)), int(wanted.get("Page", 0))
            shown = found[page * size : (page + 1) * size]
            more = len(found) > (page + 1) * size
            following = f"{request.path}?PageSize={size}&Page={page + 1}" if more else None
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
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "0" if text.service else "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "date_created": format_datetime(text.created_at),
        "date_updated": format_datetime(text.created_at),
        "date_sent": None,
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{text.sid}.json",
        "subresource_uris": {},
    }


def _error(status: int, code: int, message: str) -> web.Response:
    body = {"code": code, "message": message, "status": status, "more_info": ""}
    return web.json_response(body, status=status)
