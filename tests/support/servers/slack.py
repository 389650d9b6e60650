"""A local Slack: the Web API, signed deliveries, Socket Mode, and a memory of what was shown."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import ClientSession, WSMsgType, web

from tests.support.servers.faults import Fault, Listening, Script

BOT_TOKEN = "xoxb-local-bot"
APP_TOKEN = "xapp-local-app"
SIGNING_SECRET = "local-signing-secret"
TEAM = "T0000LOCAL"
BOT_USER = "U0000BOT"
BOT_ID = "B0000BOT"
CUSTOMER = "U0000ADA"


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the Web API, as it came."""

    method: str
    params: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Message:
    """A message as it stands in its channel now."""

    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    edits: int = 0


class SlackServer:
    """Speaks Slack's Web API and Socket Mode on a local port."""

    def __init__(self) -> None:
        self.bot_token = BOT_TOKEN
        self.app_token = APP_TOKEN
        self.calls: list[Call] = []
        self.messages: list[Message] = []
        self.ephemerals: list[dict[str, Any]] = []
        self.statuses: dict[tuple[str, str], str] = {}  #: "is writing…", by channel and thread
        self.views: dict[str, dict[str, Any]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}  #: what was uploaded, by id
        self.refused: dict[str, str] = {}  #: method to the error it always answers
        self.script = Script()
        self.acks: dict[str, dict[str, Any]] = {}
        self._acked = asyncio.Condition()
        self._sockets: list[web.WebSocketResponse] = []
        self._numbers = itertools.count(1)
        self._begun = int(time.time())
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/socket", self._socket)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/files-pri/{id}/{name}", self._download)
        app.router.add_post("/response/{number}", self._response)
        app.on_shutdown.append(self._close_sockets)
        self._listening = Listening(app)

    async def __aenter__(self) -> Self:
        await self._listening.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._listening.close()

    @property
    def url(self) -> str:
        """What SLACK_API_BASE_URL is set to."""
        return f"{self._listening.url}/api/"

    @property
    def response_url(self) -> str:
        """A fresh response_url for an interaction or a command."""
        return f"{self._listening.url}/response/{next(self._numbers)}"

    def ts(self) -> str:
        """A fresh time stamp, later than all before."""
        return f"{max(time.time(), self._begun):.6f}"[:-3] + f"{next(self._numbers) % 1000:03d}"

    # What a test does in people's place.

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An Events API delivery with a fresh id."""
        return {
            "token": "unused",
            "team_id": TEAM,
            "api_app_id": "A0000LOCAL",
            "event": dict(event),
            "type": "event_callback",
            "event_id": f"Ev{next(self._numbers):08d}",
            "event_time": int(time.time()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }

    def direct(self, text: str, *, channel: str = "D0000ADA", **more: Any) -> dict[str, Any]:
        """A customer's direct message, not delivered yet."""
        return self.event(
            {
                "type": "message",
                "channel_type": "im",
                "channel": channel,
                "user": CUSTOMER,
                "text": text,
                "ts": self.ts(),
            }
            | more
        )

    def write(self, delivery: Mapping[str, Any]) -> None:
        """What this delivery tells of stands in its channel, whether it is delivered or not."""
        event = delivery["event"]
        self.messages.append(
            Message(
                channel=event["channel"],
                ts=event["ts"],
                user=event["user"],
                text=event["text"],
                thread_ts=event.get("thread_ts", ""),
            )
        )

    def mention(self, text: str, *, channel: str = "C0000ALL", **more: Any) -> dict[str, Any]:
        """A customer mentions the app in a channel, not delivered yet."""
        event = {
            "type": "app_mention",
            "channel": channel,
            "user": CUSTOMER,
            "text": f"<@{BOT_USER}> {text}",
            "ts": self.ts(),
        }
        return self.event(event | more)

    def press(
        self,
        action_id: str,
        *,
        channel: str = "D0000ADA",
        user: str = CUSTOMER,
        value: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        """A press on a button, not delivered yet."""
        ts = self.ts()
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "local"},
            "user": {"id": user, "name": "ada", "team_id": TEAM},
            "api_app_id": "A0000LOCAL",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel},
            "trigger_id": f"trigger-{next(self._numbers)}",
            "channel": {"id": channel, "name": "directmessage"},
            "message": {"ts": ts, "text": "", "user": BOT_USER, "type": "message"},
            "response_url": self.response_url,
            "actions": [
                {
                    "action_id": action_id,
                    "block_id": "b1",
                    "type": "button",
                    "value": value,
                    "action_ts": self.ts(),
                }
            ],
        } | more

    def signed(
        self, payload: Mapping[str, Any], *, secret: str = SIGNING_SECRET, at: float | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a delivery over HTTP, signed as Slack signs."""
        if payload.get("type") == "event_callback" or "challenge" in payload:
            body, kind = json.dumps(payload), "application/json"
        elif "command" in payload:
            body, kind = urlencode(payload), "application/x-www-form-urlencoded"
        else:
            body = urlencode({"payload": json.dumps(payload)})
            kind = "application/x-www-form-urlencoded"
        timestamp = str(int(time.time() if at is None else at))
        base = f"v0:{timestamp}:{body}".encode()
        signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "content-type": kind,
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": signature,
        }
        return body.encode(), headers

    async def push(
        self, url: str, payload: Mapping[str, Any], *, secret: str = SIGNING_SECRET
    ) -> tuple[int, str]:
        """Deliver over HTTP; gives the status and the body it was answered."""
        body, headers = self.signed(payload, secret=secret)
        async with (
            ClientSession() as session,
            session.post(url, data=body, headers=headers) as response,
        ):
            return response.status, await response.text()

    async def deliver(
        self, payload: Mapping[str, Any], *, within: float = 3.0
    ) -> dict[str, Any] | None:
        """Deliver over one of the open sockets; gives the acknowledgement, None without one."""
        envelope = f"envelope-{next(self._numbers)}"
        if payload.get("type") == "event_callback":
            kind = "events_api"
        else:
            kind = "slash_commands" if "command" in payload else "interactive"
        sent = {
            "envelope_id": envelope,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            "retry_attempt": 0,
            "retry_reason": "",
            "payload": dict(payload),
        }
        await self._sockets[-1].send_str(json.dumps(sent))
        try:
            async with asyncio.timeout(within), self._acked:
                await self._acked.wait_for(lambda: envelope in self.acks)
        except TimeoutError:
            return None
        return self.acks[envelope]

    async def connected(self, *, within: float = 5.0) -> None:
        """Return once a Socket Mode connection is open."""
        async with asyncio.timeout(within):
            while not self._sockets:
                await asyncio.sleep(0.01)

    async def drop_sockets(self) -> None:
        """Close every Socket Mode connection, as Slack does every now and then."""
        for socket in list(self._sockets):
            await socket.close()

    # What a test asks afterwards.

    def texts(self, channel: str) -> list[str]:
        """The app's messages in a channel, in order."""
        return [m.text for m in self.messages if m.channel == channel and m.user == BOT_USER]

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of this method."""
        return [call.params for call in self.calls if call.method == method]

    # The Web API.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.content_type == "application/json":
            params: dict[str, Any] = await request.json()
        else:
            params = {key: _value(str(value)) for key, value in (await request.post()).items()}
        params |= {key: _value(value) for key, value in request.query.items()}
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = token or str(params.pop("token", ""))
        wanted = self.app_token if method == "apps.connections.open" else self.bot_token
        if token != wanted:
            return _error("invalid_auth")
        self.calls.append(Call(method=method, params=params))
        handler = getattr(self, "_on_" + method.replace(".", "_").lower(), None)

        async def work() -> web.StreamResponse:
            if method in self.refused:
                return _error(self.refused[method])
            if handler is None:
                return _error("unknown_method")
            answer: dict[str, Any] = await handler(params)
            return web.json_response({"ok": True} | answer)

        return await self.script.play(method, request, work)

    async def _on_auth_test(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://local.slack.com/",
            "team": "Local workspace",
            "user": "helpful",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
        }

    async def _on_apps_connections_open(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"url": f"{self._listening.url.replace('http', 'ws', 1)}/socket"}

    async def _on_chat_postmessage(self, params: dict[str, Any]) -> dict[str, Any]:
        if len(params.get("blocks") or []) > 50:
            return {"ok": False, "error": "invalid_blocks"}
        message = Message(
            channel=str(params["channel"]),
            ts=self.ts(),
            user=BOT_USER,
            text=str(params.get("text") or ""),
            thread_ts=str(params.get("thread_ts") or ""),
            blocks=params.get("blocks") or [],
            metadata=params.get("metadata"),
        )
        self.messages.append(message)
        self.statuses.pop((message.channel, message.thread_ts), None)  # as Slack does
        return {"channel": message.channel, "ts": message.ts, "message": _shown(message)}

    async def _on_chat_update(self, params: dict[str, Any]) -> dict[str, Any]:
        for message in self.messages:
            if message.channel == params["channel"] and message.ts == params["ts"]:
                message.text = str(params.get("text") or message.text)
                message.blocks = params.get("blocks") or message.blocks
                message.edits += 1
                return {"channel": message.channel, "ts": message.ts}
        return {"ok": False, "error": "message_not_found"}

    async def _on_chat_delete(self, params: dict[str, Any]) -> dict[str, Any]:
        for message in self.messages:
            if message.channel == params["channel"] and message.ts == params["ts"]:
                self.messages.remove(message)
                return {"channel": message.channel, "ts": message.ts}
        return {"ok": False, "error": "message_not_found"}

    async def _on_assistant_threads_setstatus(self, params: dict[str, Any]) -> dict[str, Any]:
        place = (str(params["channel_id"]), str(params["thread_ts"]))
        self.statuses[place] = str(params["status"])
        return {}

    async def _on_chat_postephemeral(self, params: dict[str, Any]) -> dict[str, Any]:
        self.ephemerals.append(params)
        return {"message_ts": self.ts()}

    async def _on_conversations_history(self, params: dict[str, Any]) -> dict[str, Any]:
        channel = params["channel"]
        found = [m for m in self.messages if m.channel == channel and not m.thread_ts]
        listed = self._listed(found[::-1], params)
        for shown in listed["messages"]:
            replies = [m.ts for m in self.messages if m.thread_ts == shown["ts"]]
            if replies:
                # As Slack does: what opened a thread says so itself.
                shown |= {"thread_ts": shown["ts"], "latest_reply": max(replies)}
        return listed

    async def _on_users_conversations(self, params: dict[str, Any]) -> dict[str, Any]:
        kinds = str(params.get("types") or "")
        named = {m.channel for m in self.messages if m.channel.startswith("D") and "im" in kinds}
        return {"channels": [{"id": name, "is_im": True} for name in sorted(named)]}

    async def _on_conversations_replies(self, params: dict[str, Any]) -> dict[str, Any]:
        thread = str(params["ts"])
        found = [m for m in self.messages if thread in (m.ts, m.thread_ts)]
        return self._listed([m for m in found if m.channel == params["channel"]], params)

    def _listed(self, found: list[Message], params: dict[str, Any]) -> dict[str, Any]:
        oldest = float(params.get("oldest") or 0)
        metadata = str(params.get("include_all_metadata", "")).lower() in {"1", "true"}
        shown = [_shown(m, metadata=metadata) for m in found if float(m.ts) >= oldest]
        return {"messages": shown[: int(params.get("limit") or 100)], "has_more": False}

    async def _on_views_open(self, params: dict[str, Any]) -> dict[str, Any]:
        return self._view(f"V{next(self._numbers):08d}", params)

    async def _on_views_update(self, params: dict[str, Any]) -> dict[str, Any]:
        return self._view(str(params["view_id"]), params)

    async def _on_views_publish(self, params: dict[str, Any]) -> dict[str, Any]:
        self.homes[str(params["user_id"])] = params["view"]
        return {"view": params["view"]}

    def _view(self, view_id: str, params: dict[str, Any]) -> dict[str, Any]:
        self.views[view_id] = params["view"]
        return {"view": params["view"] | {"id": view_id, "hash": f"{next(self._numbers)}"}}

    async def _on_users_info(self, params: dict[str, Any]) -> dict[str, Any]:
        user = str(params.get("user") or "")
        if user not in self.users:
            return {"ok": False, "error": "user_not_found"}
        return {"user": {"id": user} | self.users[user]}

    async def _on_users_lookupbyemail(self, params: dict[str, Any]) -> dict[str, Any]:
        email = str(params.get("email") or "")
        for user, known in self.users.items():
            if (known.get("profile") or {}).get("email") == email:
                return {"user": {"id": user} | known}
        return {"ok": False, "error": "users_not_found"}

    async def _on_files_getuploadurlexternal(self, params: dict[str, Any]) -> dict[str, Any]:
        file_id = f"F{next(self._numbers):08d}"
        self.files[file_id] = {"name": params["filename"], "length": int(params["length"])}
        return {"upload_url": f"{self._listening.url}/upload/{file_id}", "file_id": file_id}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        file = self.files[request.match_info["id"]]

        async def work() -> web.StreamResponse:
            file["content"] = await request.read()
            if len(file["content"]) != file["length"]:
                return web.Response(status=400, text="another length")
            return web.Response(text=f"OK - {file['length']}")

        return await self.script.play(f"upload {file['name']}", request, work)

    async def _on_files_delete(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.files.pop(str(params["file"]), None) is None:
            return {"ok": False, "error": "file_not_found"}
        return {}

    async def _on_files_completeuploadexternal(self, params: dict[str, Any]) -> dict[str, Any]:
        for done in params["files"]:
            if "content" not in self.files[done["id"]]:
                return {"ok": False, "error": "file_not_found"}
            self.files[done["id"]] |= {
                "title": done.get("title"),
                "channel": params.get("channel_id"),
                "thread_ts": params.get("thread_ts"),
            }
        return {"files": [{"id": done["id"]} for done in params["files"]]}

    async def _on_files_info(self, params: dict[str, Any]) -> dict[str, Any]:
        if (file := self.files.get(str(params["file"]))) is None:
            return {"ok": False, "error": "file_not_found"}
        place = f"{self._listening.url}/files-pri/{params['file']}/{file['name']}"
        return {"file": {"id": params["file"], "name": file["name"], "url_private": place}}

    def shared(self, content: bytes, name: str, *, mimetype: str = "") -> dict[str, Any]:
        """A file that a person has shared, as an event's `files` name it."""
        file_id = f"F{next(self._numbers):08d}"
        self.files[file_id] = {"name": name, "length": len(content), "content": content}
        place = f"{self._listening.url}/files-pri/{file_id}/{name}"
        return {
            "id": file_id,
            "name": name,
            "mimetype": mimetype,
            "size": len(content),
            "mode": "hosted",
            "url_private": place,
            "url_private_download": place,
            "permalink": f"https://local.slack.com/files/{file_id}",
        }

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}":
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        return web.Response(body=self.files[request.match_info["id"]]["content"])

    async def _response(self, request: web.Request) -> web.StreamResponse:
        self.ephemerals.append(await request.json())
        return web.Response(text="ok")

    # Socket Mode.

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self._sockets.append(socket)
        try:
            async for received in socket:
                if received.type is WSMsgType.TEXT:
                    ack = json.loads(received.data)
                    async with self._acked:
                        self.acks[ack["envelope_id"]] = ack
                        self._acked.notify_all()
        finally:
            self._sockets.remove(socket)
        return socket

    async def _close_sockets(self, _app: web.Application) -> None:
        await self.drop_sockets()


def too_many(retry_after: int) -> Fault:
    """Slack's answer to too many messages."""
    return Fault(
        status=429,
        body=b'{"ok": false, "error": "ratelimited"}',
        headers={"Retry-After": str(retry_after), "Content-Type": "application/json"},
    )


def _shown(message: Message, *, metadata: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.user == BOT_USER:
        shown["bot_id"] = BOT_ID
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown


def _error(code: str) -> web.Response:
    return web.json_response({"ok": False, "error": code})


def _value(text: str) -> Any:
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
