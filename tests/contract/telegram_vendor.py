"""The local Telegram as the conformance kit wants a vendor to be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.channel import Channel, HttpRequest
from core.messages import Address
from core.testing.vendor import Arrived, Fault, Written, call_webhook
from tests.support.faults import Fault as Misfortune
from tests.support.telegram_server import BOT_ID, TOKEN, TelegramServer, too_many

SECRET = "local-webhook-secret"


class TelegramVendor:
    """Calls our webhook, or waits to be polled."""

    def __init__(self, *, webhook: bool) -> None:
        self._server = TelegramServer()
        self._webhook = webhook

    async def start(self) -> None:
        await self._server.__aenter__()

    async def stop(self) -> None:
        await self._server.__aexit__()

    def settings(self) -> Mapping[str, Any]:
        secret = {"webhook_secret": SECRET} if self._webhook else {}
        return {"bot_token": TOKEN, "api_base_url": self._server.url, **secret}

    def wrong_settings(self) -> Mapping[str, Any]:
        return {**self.settings(), "bot_token": "1111:a-wrong-token"}

    def address(self, customer: str) -> Address:
        return Address(channel="telegram", account=str(BOT_ID), chat=customer)

    async def write(self, channel: Channel, written: Written) -> int:
        update = self._update(written)
        if self._webhook:
            return await self._push(channel, update, secret=SECRET)
        self._server.deliver(update)
        for _ in range(60):
            await asyncio.sleep(0.05)
            if not self._server.waiting():
                return 200
        return 503

    async def forge(self, channel: Channel, written: Written) -> int:
        return await self._push(channel, self._update(written), secret="a guess")

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        played = {
            Fault.RATE_LIMITED: too_many(1),
            Fault.SERVER_ERROR: _refusal(502, "Bad Gateway"),
            Fault.NO_ANSWER: Misfortune(after=True),
            Fault.SLOW: Misfortune(seconds=1.0),
            Fault.REFUSED: _refusal(403, "Forbidden: bot was blocked by the user"),
            Fault.UNAUTHORIZED: _refusal(401, "Unauthorized"),
        }[fault]
        self._server.script.plan("sendMessage", *[played] * times)

    def arrived(self) -> Sequence[Arrived]:
        return [Arrived(customer=str(m.chat_id), text=m.text) for m in self._server.messages]

    def _update(self, written: Written) -> dict[str, Any]:
        number, chat = int(written.event_id), int(written.customer)
        message: dict[str, Any] = {
            "message_id": number,
            "date": 1_790_000_000,
            "chat": {"id": chat, "type": "private", "first_name": "Ada"},
            "from": {"id": chat, "is_bot": False, "first_name": "Ada", "language_code": "en"},
            "text": written.text,
        }
        if written.unknown_fields:
            message |= {"from_2031": {"deep": [1, None]}, "paid_star_count": "many"}
        return {"update_id": number, "message": message}

    async def _push(self, channel: Channel, update: dict[str, Any], *, secret: str) -> int:
        request = HttpRequest(
            method="POST",
            path="",
            headers={
                "content-type": "application/json",
                "x-telegram-bot-api-secret-token": secret,
            },
            query={},
            body=json.dumps(update).encode(),
            url="https://desk.example/webhooks/telegram",
        )
        return await call_webhook(channel, request)


def _refusal(status: int, description: str) -> Misfortune:
    body = {"ok": False, "error_code": status, "description": description}
    headers = {"Content-Type": "application/json"}
    return Misfortune(status=status, body=json.dumps(body).encode(), headers=headers)
