"""The local Telegram as the conformance kit wants a vendor to be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.messages import Address
from core.sdk.channel import Channel, HttpRequest
from core.sdk.testing.vendor import (
    Arrived,
    Changed,
    Fault,
    Happening,
    InGroup,
    InThread,
    Reacted,
    Strange,
    TakenBack,
    Written,
    call_webhook,
)
from tests.support.servers.faults import Fault as Misfortune
from tests.support.servers.telegram import BOT_ID, BOT_NAME, TOKEN, TelegramServer, too_many

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
        return await self._deliver(channel, self._update(written))

    async def happen(self, channel: Channel, what: Happening) -> int | None:
        number = int(what.event_id)
        match what:
            case Changed(of=of, text=text, customer=customer):
                message = self._message(of, customer, text=text, edit_date=1_790_000_100)
                update = {"edited_message": message}
            case TakenBack():
                return None  # Telegram tells of business chats only
            case Reacted(of=of, sign=sign, customer=customer):
                about = self._message(of, customer)
                update = {
                    "message_reaction": {
                        "chat": about["chat"],
                        "message_id": int(of),
                        "user": about["from"],
                        "date": about["date"],
                        "old_reaction": [],
                        "new_reaction": [{"type": "emoji", "emoji": sign}],
                    }
                }
            case Strange(customer=customer):
                update = {"message": self._message(what.event_id, customer, hologram={"deep": 1})}
            case InThread(text=text, customer=customer, thread=thread):
                topic = {"is_topic_message": True, "message_thread_id": int(thread)}
                update = {"message": self._message(what.event_id, customer, text=text, **topic)}
            case InGroup(text=text, member=member, name=name, group=group):
                mention = f"@{BOT_NAME} {text}"
                named = [{"type": "mention", "offset": 0, "length": len(BOT_NAME) + 1}]
                message = self._message(what.event_id, member, text=mention, entities=named)
                message["chat"] = {"id": -int(group), "type": "group", "title": "A group"}
                message["from"]["first_name"] = name
                update = {"message": message}
        return await self._deliver(channel, {"update_id": number, **update})

    async def write_file(
        self, channel: Channel, written: Written, *, name: str, content: bytes
    ) -> int:
        update = self._update(written)
        message = update["message"]
        file_id = f"file-{written.event_id}"
        self._server.files[file_id] = content
        message["document"] = {"file_id": file_id, "file_name": name, "file_size": len(content)}
        message["caption"] = message.pop("text")
        return await self._deliver(channel, update)

    def files(self) -> Sequence[bytes]:
        return [file.content for file in self._server.sent_files]

    async def _deliver(self, channel: Channel, update: dict[str, Any]) -> int:
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
        more: dict[str, Any] = {}
        if written.unknown_fields:
            more = {"from_2031": {"deep": [1, None]}, "paid_star_count": "many"}
        message = self._message(written.event_id, written.customer, text=written.text, **more)
        return {"update_id": int(written.event_id), "message": message}

    def _message(self, event_id: str, customer: str, **content: Any) -> dict[str, Any]:
        chat = int(customer)
        return {
            "message_id": int(event_id),
            "date": 1_790_000_000,
            "chat": {"id": chat, "type": "private", "first_name": "Ada"},
            "from": {"id": chat, "is_bot": False, "first_name": "Ada", "language_code": "en"},
            **content,
        }

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
