"""The local Twilio as the conformance kit wants a vendor to be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from core.domain.messages import Address
from core.sdk.channel import Channel, HttpRequest
from core.sdk.testing.vendor import Arrived, Fault, Happening, Strange, Written, call_webhook
from tests.support.servers.faults import Fault as Misfortune
from tests.support.servers.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioServer, too_many

URL = "https://desk.example/webhooks/twilio/sms"


class SmsVendor:
    """Calls our webhook with signed forms."""

    def __init__(self) -> None:
        self._server = TwilioServer()

    async def start(self) -> None:
        await self._server.__aenter__()

    async def stop(self) -> None:
        await self._server.__aexit__()

    def settings(self) -> Mapping[str, Any]:
        return {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "from": NUMBER,
            "api_base_url": self._server.url,
        }

    def wrong_settings(self) -> Mapping[str, Any]:
        return {**self.settings(), "auth_token": "a-wrong-token"}

    def address(self, customer: str) -> Address:
        return Address(channel="sms", account=NUMBER, chat=f"+1555000{customer}")

    async def write(self, channel: Channel, written: Written) -> int:
        form = self._form(written)
        return await self._push(channel, form, signature=self._server.sign(URL, form))

    async def happen(self, channel: Channel, what: Happening) -> int | None:
        if not isinstance(what, Strange):
            return None  # a text message stays as it is, and knows neither threads nor groups
        return await self.write(
            channel, Written(text="", event_id=what.event_id, customer=what.customer)
        )

    def keep(self, written: Written) -> None:
        self._server.arrive(self._form(written))

    async def write_file(
        self, channel: Channel, written: Written, *, name: str, content: bytes
    ) -> int:
        del name  # a phone sends none
        sid = f"SM{int(written.event_id):032d}"
        sender = f"+1555000{written.customer}"
        file = ("application/pdf", content)
        form = self._server.mms(written.text, file, sender=sender, MessageSid=sid)
        return await self._push(channel, form, signature=self._server.sign(URL, form))

    async def forge(self, channel: Channel, written: Written) -> int:
        return await self._push(channel, self._form(written), signature="Zm9yZ2Vk")

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        played = {
            Fault.RATE_LIMITED: too_many(1),
            Fault.SERVER_ERROR: _refusal(500, 20500, "Internal Server Error"),
            Fault.NO_ANSWER: Misfortune(after=True),
            Fault.SLOW: Misfortune(seconds=1.0),
            Fault.REFUSED: _refusal(400, 21211, "Invalid 'To' Phone Number"),
            Fault.UNAUTHORIZED: _refusal(401, 20003, "Authenticate"),
        }[fault]
        self._server.script.plan("create", *[played] * times)

    def arrived(self) -> Sequence[Arrived]:
        return [
            Arrived(customer=text.to.removeprefix("+1555000"), text=text.body)
            for text in self._server.texts
            if not text.inbound
        ]

    def _form(self, written: Written) -> dict[str, str]:
        sid = f"SM{int(written.event_id):032d}"
        more = {"From2031": "deep", "ChannelMetadata": '{"type":"?"}'}
        return self._server.form(
            written.text,
            sender=f"+1555000{written.customer}",
            MessageSid=sid,
            SmsSid=sid,
            SmsMessageSid=sid,
            **(more if written.unknown_fields else {}),
        )

    async def _push(self, channel: Channel, form: dict[str, str], *, signature: str) -> int:
        request = HttpRequest(
            method="POST",
            path="sms",
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "x-twilio-signature": signature,
                "i-twilio-idempotency-token": f"token-{form['MessageSid']}",
            },
            query={},
            body=urlencode(form).encode(),
            url=URL,
        )
        return await call_webhook(channel, request)


def _refusal(status: int, code: int, message: str) -> Misfortune:
    body = {"code": code, "message": message, "status": status}
    headers = {"Content-Type": "application/json"}
    return Misfortune(status=status, body=json.dumps(body).encode(), headers=headers)
