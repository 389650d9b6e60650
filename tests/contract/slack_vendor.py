"""The local Slack as the conformance kit wants a vendor to be."""

from __future__ import annotations

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
from tests.support.servers.slack import (
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
        return await self._deliver(channel, self._event(written))

    async def happen(self, channel: Channel, what: Happening) -> int | None:
        event = self._happened(what)
        return await self._deliver(channel, {**event, "event_id": f"Ev{int(what.event_id):08d}"})

    def _happened(self, what: Happening) -> dict[str, Any]:
        match what:
            case Changed(of=of, text=text, customer=customer):
                before = self._event(Written(text="How log?", event_id=of, customer=customer))
                return self._server.event(
                    {
                        "type": "message",
                        "subtype": "message_changed",
                        "channel": f"D{customer}",
                        "channel_type": "im",
                        "message": before["event"] | {"text": text},
                        "previous_message": before["event"],
                    }
                )
            case TakenBack(of=of, customer=customer):
                before = self._event(Written(text="How log?", event_id=of, customer=customer))
                return self._server.event(
                    {
                        "type": "message",
                        "subtype": "message_deleted",
                        "channel": f"D{customer}",
                        "channel_type": "im",
                        "deleted_ts": _ts(of),
                        "previous_message": before["event"],
                    }
                )
            case Reacted(of=of, customer=customer):
                item = {"type": "message", "channel": f"D{customer}", "ts": _ts(of)}
                return self._server.event(
                    {
                        "type": "reaction_added",
                        "user": f"U{customer}",
                        "reaction": "+1",
                        "item": item,
                    }
                )
            case Strange(event_id=event_id, customer=customer):
                event = self._event(Written(text="", event_id=event_id, customer=customer))
                event["event"] |= {"subtype": "hologram", "hologram": {"deep": 1}}
                return event
            case InThread(text=text, event_id=event_id, customer=customer, thread=thread):
                event = self._event(Written(text=text, event_id=event_id, customer=customer))
                event["event"]["thread_ts"] = _ts(thread)
                return event
            case InGroup(text=text, event_id=event_id, member=member, name=name, group=group):
                self._server.users[f"U{member}"] = {"profile": {"display_name": name}}
                place = {"channel": f"C{group}", "thread_ts": _ts("900")}
                who = {"user": f"U{member}", "ts": _ts(event_id)}
                return self._server.mention(text, **place, **who)

    async def write_file(
        self, channel: Channel, written: Written, *, name: str, content: bytes
    ) -> int:
        event = self._event(written)
        shared = self._server.shared(content, "a.pdf", mimetype="application/pdf")
        event["event"] |= {"subtype": "file_share", "files": [{**shared, "name": name}]}
        return await self._deliver(channel, event)

    def files(self) -> Sequence[bytes]:
        return [file["content"] for file in self._server.files.values() if "channel" in file]

    async def _deliver(self, channel: Channel, event: dict[str, Any]) -> int:
        if not self._socket:
            return await self._push(channel, event, secret=SIGNING_SECRET)
        await self._server.connected()
        acknowledged = await self._server.deliver(event, within=3.0)
        return 503 if acknowledged is None else 200

    def keep(self, written: Written) -> None:
        self._server.write(self._event(written))

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
            ts=_ts(written.event_id),
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


def _ts(event_id: str) -> str:
    return f"{1_790_000_000 + int(event_id)}.000100"


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
