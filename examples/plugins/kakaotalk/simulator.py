"""KakaoTalk on a local port: calls the skill, and takes each callback once within its minute."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from core.domain.messages import Address
from core.sdk.channel import Channel, HttpRequest
from core.sdk.testing.vendor import Arrived, Fault, Written, call_webhook

SECRET = "the-right-skill-secret"
BOT = "60ebe2acc0d95a3d1e0f3a11"


class KakaotalkServer:
    """Keeps `core.sdk.testing.vendor.VendorSimulator`."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._faults: list[Fault] = []
        self._callbacks: dict[str, str] = {}  # token to customer, until it is used
        self.answers: list[tuple[str, dict[str, Any]]] = []  # customer and whole answer
        self.calls = 0

    async def start(self) -> None:
        """Begin to listen, at the same port as before."""
        app = web.Application()
        app.router.add_post("/callback/{token}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be down."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def settings(self) -> Mapping[str, Any]:
        """How the channel is set up for us."""
        return {"webhook_secret": SECRET, "callback_hosts": "127.0.0.1"}

    def wrong_settings(self) -> Mapping[str, Any]:
        """A secret that is not the skill's."""
        return {**self.settings(), "webhook_secret": "some-other-skill-secret"}

    def address(self, customer: str) -> Address:
        """Where this customer is."""
        return Address(channel="kakaotalk", account=BOT, chat=customer)

    async def write(self, channel: Channel, written: Written) -> int:
        """Call the skill."""
        return await call_webhook(channel, self.request(self.payload(written)))

    async def forge(self, channel: Channel, written: Written) -> int:
        """Somebody else calls it."""
        request = self.request(self.payload(written), secret="a guess of somebody's")
        return await call_webhook(channel, request)

    def fail(self, fault: Fault, *, times: int = 1) -> None:
        """The next callbacks go wrong."""
        self._faults += [fault] * times

    def arrived(self) -> Sequence[Arrived]:
        """Every bubble."""
        return [
            Arrived(customer=customer, text=output["simpleText"]["text"])
            for customer, answer in self.answers
            for output in answer["template"]["outputs"]
        ]

    def payload(self, written: Written) -> dict[str, Any]:
        """What Kakao posts to the skill."""
        self._callbacks.setdefault(written.event_id, written.customer)
        payload: dict[str, Any] = {
            "intent": {"id": "b1", "name": "상담"},
            "userRequest": {
                "timezone": "Asia/Seoul",
                "params": {"surface": "Kakaotalk.plusfriend"},
                "block": {"id": "b1", "name": "상담"},
                "utterance": written.text,
                "lang": None,
                "user": {"id": written.customer, "type": "botUserKey", "properties": {}},
                "callbackUrl": f"http://127.0.0.1:{self._port}/callback/{written.event_id}",
            },
            "bot": {"id": BOT, "name": "상담봇"},
            "action": {"id": "a1", "name": "상담", "params": {}, "detailParams": {}},
        }
        if written.unknown_fields:
            payload |= {"new_in_2031": {"deep": [1, None]}, "contexts": [{"name": "x"}]}
        return payload

    def request(self, payload: dict[str, Any], *, secret: str = SECRET) -> HttpRequest:
        """The call as it reaches us."""
        return HttpRequest(
            method="POST",
            path="",
            headers={"x-skill-secret": secret, "content-type": "application/json"},
            query={},
            body=json.dumps(payload).encode(),
        )

    async def _take(self, request: web.Request) -> web.Response:
        self.calls += 1
        fault = self._faults.pop(0) if self._faults else None
        token = request.match_info["token"]
        if fault is Fault.RATE_LIMITED:
            return web.json_response({"status": "FAIL"}, status=429, headers={"Retry-After": "0.3"})
        if fault is Fault.SERVER_ERROR:
            return web.json_response({"status": "ERROR"}, status=502)
        if token not in self._callbacks:
            return web.json_response({"status": "FAIL", "message": "used or over"}, status=404)
        customer = self._callbacks.pop(token)
        if fault is Fault.REFUSED:
            return web.json_response({"status": "FAIL", "message": "bad template"}, status=400)
        answer = await request.json()
        outputs = answer["template"]["outputs"]
        replies = answer["template"].get("quickReplies", [])
        too_long = any(len(output["simpleText"]["text"]) > 1000 for output in outputs)
        too_long |= any(len(reply["label"]) > 14 for reply in replies)
        if answer["version"] != "2.0" or not 1 <= len(outputs) <= 3 or too_long:
            return web.json_response({"status": "FAIL", "message": "bad template"}, status=400)
        self.answers.append((customer, answer))
        if fault is Fault.NO_ANSWER:
            assert request.transport is not None
            request.transport.close()
        if fault is Fault.SLOW:
            await asyncio.sleep(1.0)
        return web.json_response({"taskId": f"t{len(self.answers)}", "status": "SUCCESS"})
