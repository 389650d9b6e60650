"""The local Slack as the conformance kit wants a vendor to be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.channel import Channel, HttpRequest
from core.messages import Address
from core.testing.vendor import Arrived, Fault, Written, call_webhook
from tests.support.faults import Fault as Misfortune
from tests.support.slack_server import (
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    TEAM,
    SlackServer,
    too_many,
)

ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackVendor:
    """Calls our webhook, or speaks over the socket we opened."""

    def __init__(self, *, socket: bool) -> None:
        self._server = SlackServer()
        self._socket = socket

    async def start(self) -> None:
        await self._server.__aenter__()

    async def stop(self) -> None:
        await self._server.__aexit__()

    def settings(self) -> Mapping[str, Any]:
        way = {"app_token": APP_TOKEN} if self._socket else {"signing_secret": SIGNING_SECRET}
        return {"bot_token": BOT_TOKEN, "api_base_url": self._server.url, **way}

    def wrong_settings(self) -> Mapping[str, Any]:
        return {**self.settings(), "bot_token": "xoxb-a-wrong-token"}

    def address(self, customer: str) -> Address:
        return Address(channel="slack", account=TEAM, chat=f"D{customer}")

    async def write(self, channel: Channel, written: Written) -> int:
        event = self._event(written)
        if not self._socket:
            return await self._push(channel, event, secret=SIGNING_SECRET)
        await self._server.connected()
        acknowledged = await self._server.deliver(event, within=3.0)
        return 503 if acknowledged is None else 200

    async def forge(self, channel: Channel, written: Written) -> int:
        return await self._push(channel, self._event(written), secret="a guess")

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        played = {
            Fault.RATE_LIMITED: too_many(1),
            Fault.SERVER_ERROR: Misfortune(status=503, body=b"unavailable"),
            Fault.NO_ANSWER: Misfortune(after=True),
            Fault.SLOW: Misfortune(seconds=1.0),
            Fault.REFUSED: _refusal("is_archived"),
            Fault.UNAUTHORIZED: _refusal("token_revoked"),
        }[fault]
        self._server.script.plan("chat.postMessage", *[played] * times)

    def arrived(self) -> Sequence[Arrived]:
        return [
            Arrived(customer=m.channel.removeprefix("D"), text=_shown(m.blocks) or m.text)
            for m in self._server.messages
        ]

    def _event(self, written: Written) -> dict[str, Any]:
        number = int(written.event_id)
        more = {"from_2031": {"deep": [1, None]}, "blocks": "?"} if written.unknown_fields else {}
        event = self._server.direct(
            # As Slack itself writes these three characters.
            written.text.translate(ESCAPED),
            channel=f"D{written.customer}",
            user=f"U{written.customer}",
            ts=f"{1_790_000_000 + number}.000100",
            **more,
        )
        return {**event, "event_id": f"Ev{number:08d}"}

    async def _push(self, channel: Channel, event: dict[str, Any], *, secret: str) -> int:
        body, headers = self._server.signed(event, secret=secret)
        request = HttpRequest(
            method="POST",
            path="events",
            headers=headers,
            query={},
            body=body,
            url="https://desk.example/webhooks/slack/events",
        )
        return await call_webhook(channel, request)


def _refusal(error: str) -> Misfortune:
    body = json.dumps({"ok": False, "error": error}).encode()
    return Misfortune(status=200, body=body, headers={"Content-Type": "application/json"})


def _shown(node: object) -> str:
    """All visible text of a message's blocks, in order."""
    match node:
        case {"type": "text" | "plain_text" | "mrkdwn", "text": str(text)}:
            return text
        case {"type": "link", "text": str(text)}:
            return text
        case {"type": "emoji", "unicode": str(code)}:
            return "".join(chr(int(part, 16)) for part in code.split("-"))
        case Mapping():
            return "".join(
                _shown(node[key]) for key in ("text", "elements", "fields") if key in node
            )
        case list():
            between = "\n" if any("elements" in item for item in node) else ""
            return between.join(_shown(item) for item in node)
    return ""
