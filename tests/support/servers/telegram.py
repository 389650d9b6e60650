"""A local Telegram: the Bot API as far as a bot may use it, remembering every message."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import ClientSession, web

from tests.support.servers.faults import Fault, Listening, Script

TOKEN = "424242:local-telegram-token"
BOT_ID = 424242
BOT_NAME = "helpful_test_bot"


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the Bot API, as it came."""

    method: str
    params: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Posted:
    """A message of the bot as the customer sees it now."""

    chat_id: int
    message_id: int
    text: str
    params: dict[str, Any]
    edits: int = 0
    history: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SentFile:
    """A file of the bot, as the customer got it."""

    chat_id: int
    method: str
    name: str
    content: bytes


class TelegramServer:
    """Speaks the Bot API on a local port: long polling, webhooks, messages, drafts, buttons."""

    def __init__(self, *, token: str = TOKEN, unsupported: frozenset[str] = frozenset()) -> None:
        self.token = token
        self.unsupported = set(unsupported)
        self.calls: list[Call] = []
        self.messages: list[Posted] = []
        self.script = Script()
        self.webhook: dict[str, Any] = {}
        self.undelivered = ""  #: what getWebhookInfo gives as the last error
        self.conflict = False
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.files: dict[str, bytes] = {}  #: what customers sent, by file id
        self.sent_files: list[SentFile] = []
        self._updates: list[dict[str, Any]] = []
        self._update_ids = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._arrived = asyncio.Event()
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path}", self._file)
        self._listening = Listening(app)

    async def __aenter__(self) -> Self:
        await self._listening.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._arrived.set()
        await self._listening.close()

    @property
    def url(self) -> str:
        """What TELEGRAM_API_BASE_URL is set to."""
        return self._listening.url

    # What a test does in the customer's place.

    def update(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """An update with a fresh number, not delivered yet."""
        return {"update_id": next(self._update_ids), **body}

    def message(
        self, text: str = "", *, chat: int = 7001, kind: str = "private", **more: Any
    ) -> dict[str, Any]:
        """A customer's message as an update, not delivered yet."""
        chat_object: dict[str, Any] = {"id": chat, "type": kind}
        chat_object |= {"first_name": "Ada"} if kind == "private" else {"title": "A group"}
        body: dict[str, Any] = {
            "message_id": next(self._message_ids),
            "date": 1_790_000_000,
            "chat": chat_object,
            "from": {"id": 7001, "is_bot": False, "first_name": "Ada", "language_code": "en"},
        }
        if text:
            body["text"] = text
            if text.startswith("/"):
                length = len(text.split()[0])
                body["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return self.update({"message": body | more})

    def press(self, data: str, *, chat: int = 7001) -> dict[str, Any]:
        """A press on a button under one of the bot's messages, not delivered yet."""
        return self.update(
            {
                "callback_query": {
                    "id": f"press-{next(self._message_ids)}",
                    "from": {"id": chat, "is_bot": False, "first_name": "Ada"},
                    "chat_instance": "1",
                    "data": data,
                    "message": {
                        "message_id": 1,
                        "date": 1_790_000_000,
                        "chat": {"id": chat, "type": "private"},
                        "text": "…",
                    },
                }
            }
        )

    def deliver(self, *updates: dict[str, Any]) -> None:
        """Put updates where the bot's next getUpdates finds them."""
        self._updates.extend(updates)
        self._arrived.set()

    def say(self, text: str, *, chat: int = 7001, **more: Any) -> dict[str, Any]:
        """A customer writes; the bot's next getUpdates finds it."""
        update = self.message(text, chat=chat, **more)
        self.deliver(update)
        return update

    async def push(self, update: dict[str, Any], url: str, *, secret: str | None) -> int:
        """Call the bot's webhook as Telegram does; gives the status it answered."""
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with (
            ClientSession() as session,
            session.post(url, json=update, headers=headers) as response,
        ):
            return response.status

    # What a test asks afterwards.

    def texts(self, chat: int = 7001) -> list[str]:
        """The bot's messages in a chat as the customer sees them now, in order."""
        return [posted.text for posted in self.messages if posted.chat_id == chat]

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of this method."""
        return [call.params for call in self.calls if call.method == method]

    def waiting(self) -> int:
        """How many updates the bot has not confirmed."""
        return len(self._updates)

    # The Bot API.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        params: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            params |= await request.json()
        else:
            for key, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    params["_file"] = (value.filename, value.file.read())
                else:
                    params[key] = _value(str(value))
        if request.match_info["token"] != self.token:
            return _error(401, "Unauthorized")
        if method in self.unsupported:
            return _error(404, "Not Found: method not found")
        self.calls.append(Call(method=method, params=params))
        handler = getattr(self, f"_on_{method.lower()}", None)

        async def work() -> web.StreamResponse:
            if handler is None:
                return _error(404, "Not Found: method not found")
            answer = await handler(params)
            return answer if isinstance(answer, web.Response) else _ok(answer)

        return await self.script.play(method, request, work)

    async def _on_getme(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {"id": BOT_ID, "is_bot": True, "first_name": "Helpful", "username": BOT_NAME}

    async def _on_setwebhook(self, params: dict[str, Any]) -> Any:
        if not params.get("url"):
            return _error(400, "Bad Request: bad webhook: URL is empty")
        self.webhook = params
        return True

    async def _on_deletewebhook(self, _params: dict[str, Any]) -> bool:
        self.webhook = {}
        return True

    async def _on_getwebhookinfo(self, _params: dict[str, Any]) -> dict[str, Any]:
        about = {"url": self.webhook.get("url", ""), "pending_update_count": len(self._updates)}
        return about | ({"last_error_message": self.undelivered} if self.undelivered else {})

    async def _on_getupdates(self, params: dict[str, Any]) -> Any:
        if self.webhook:
            return _error(409, "Conflict: can't use getUpdates method while webhook is active")
        if self.conflict:
            return _error(409, "Conflict: terminated by other getUpdates request")
        if offset := int(params.get("offset") or 0):
            self._updates = [u for u in self._updates if u["update_id"] >= offset]
        if not self._updates:
            self._arrived.clear()
            timeout = float(params.get("timeout") or 0)
            try:
                await asyncio.wait_for(self._arrived.wait(), min(timeout, 5.0) or 0.001)
            except TimeoutError:
                return []
        return self._updates[: int(params.get("limit") or 100)]

    async def _on_sendmessage(self, params: dict[str, Any]) -> Any:
        chat = int(params["chat_id"])
        text = str(params.get("text", "")).strip()
        if (refused := self._refused(chat)) is not None:
            return refused
        if not text:
            return _error(400, "Bad Request: message text is empty")
        if len(text) > 4096:
            return _error(400, "Bad Request: message is too long")
        posted = Posted(chat_id=chat, message_id=next(self._message_ids), text=text, params=params)
        self.messages.append(posted)
        return _message(posted)

    async def _on_senddocument(self, params: dict[str, Any]) -> Any:
        return self._sent("sendDocument", params)

    async def _on_sendphoto(self, params: dict[str, Any]) -> Any:
        return self._sent("sendPhoto", params)

    def _sent(self, method: str, params: dict[str, Any]) -> Any:
        chat = int(params["chat_id"])
        if (refused := self._refused(chat)) is not None:
            return refused
        name, content = params.pop("_file")
        self.sent_files.append(SentFile(chat_id=chat, method=method, name=name, content=content))
        number = next(self._message_ids)
        return {"message_id": number, "date": 1_790_000_000, "chat": {"id": chat}}

    async def _on_editmessagetext(self, params: dict[str, Any]) -> Any:
        for posted in self.messages:
            same_chat = posted.chat_id == int(params["chat_id"])
            if same_chat and posted.message_id == int(params["message_id"]):
                if posted.text == params["text"]:
                    return _error(400, "Bad Request: message is not modified")
                posted.history.append(posted.text)
                posted.text = str(params["text"])
                posted.params = params
                posted.edits += 1
                return _message(posted)
        return _error(400, "Bad Request: message to edit not found")

    def attach(self, content: bytes) -> str:
        """Keep a customer's file; gives the id that a message names."""
        file_id = f"file-{next(self._message_ids)}"
        self.files[file_id] = content
        return file_id

    async def _on_getfile(self, params: dict[str, Any]) -> Any:
        content = self.files.get(str(params.get("file_id")))
        if content is None:
            return _error(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(content) > 20_000_000:
            return _error(400, "Bad Request: file is too big")
        return {"file_id": params["file_id"], "file_path": str(params["file_id"])}

    async def _file(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            content = self.files.get(request.match_info["path"])
            if request.match_info["token"] != self.token or content is None:
                return web.Response(status=404)
            return web.Response(body=content)

        return await self.script.play("file", request, work)

    async def _on_sendmessagedraft(self, params: dict[str, Any]) -> Any:
        if not int(params.get("draft_id") or 0):
            return _error(400, "Bad Request: draft_id must be non-zero")
        return True

    async def _on_sendchataction(self, _params: dict[str, Any]) -> bool:
        return True

    async def _on_answercallbackquery(self, _params: dict[str, Any]) -> bool:
        return True

    async def _on_setmycommands(self, _params: dict[str, Any]) -> bool:
        return True

    def _refused(self, chat: int) -> web.Response | None:
        if chat in self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if new := self.migrated.get(chat):
            return _error(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=new,
            )
        return None


def too_many(retry_after: int) -> Fault:
    """Telegram's answer to too many messages."""
    response = _error(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
    assert isinstance(response.body, bytes)
    return Fault(status=429, body=response.body, headers={"Content-Type": "application/json"})


def _message(posted: Posted) -> dict[str, Any]:
    return {
        "message_id": posted.message_id,
        "date": 1_790_000_000,
        "chat": {"id": posted.chat_id, "type": "private"},
        "text": posted.text,
    }


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _error(status: int, description: str, **parameters: int) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


def _value(text: str) -> Any:
    """Form fields carry JSON where the Bot API asks for an object or a list."""
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
