"""A local server that speaks OpenAI's chat completions, well or badly, as a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True, kw_only=True)
class Scene:
    """How one request is answered; the last scene of a list answers all later ones too."""

    text: str = ""
    status: int = 200
    retry_after: str = ""
    delay: float = 0.0  #: seconds before the first byte
    pause: float = 0.0  #: seconds between pieces
    stall_after: int = -1  #: pieces before it says nothing any more
    cut_after: int = -1  #: pieces before the connection is torn
    end_early: int = -1  #: pieces before a well-formed end of the response without [DONE]
    garbage: bool = False  #: a body that is no JSON
    as_tool_call: bool = False  #: the text as arguments of the tool that was offered
    streams: bool = True  #: False: answers whole, whatever was asked
    finish: str | None = "stop"  #: None: the response ends in good order and does not say why
    reasoning: str = ""  #: sent before the text, as reasoning_content
    refuses_schema: bool = False  #: 400 when a response_format is asked for
    refuses: tuple[str, ...] = ()  #: 400 when one of these stands in the request
    refusal: str = "Unsupported parameter: '{name}' is not supported with this model."
    usage: tuple[int, int] | None = None
    size: int = 6  #: letters in a piece


@dataclass(slots=True, kw_only=True)
class OpenAIServer:
    """What was asked, and how it will be answered."""

    url: str = ""
    scenes: list[Scene] = field(default_factory=list)
    by_model: dict[str, Scene] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    broken_off: int = 0  #: requests whose client went away before the end
    reply: Callable[[dict[str, Any]], Scene] | None = None

    def next(self, body: dict[str, Any]) -> Scene:
        """The scene for this request."""
        if self.reply is not None:
            return self.reply(body)
        if body["model"] in self.by_model:
            return self.by_model[body["model"]]
        return self.scenes.pop(0) if len(self.scenes) > 1 else self.scenes[0]

    @property
    def seen(self) -> str:
        """All that any request told the model."""
        return "\n".join(m["content"] for r in self.requests for m in r["messages"])


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAIServer]:
    """Serve on a free port of this machine until the block ends."""
    server = OpenAIServer()

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        server.requests.append(body)
        try:
            return await _perform(request, body, server.next(body))
        except (asyncio.CancelledError, ConnectionError):
            server.broken_off += 1
            raise

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


async def _perform(request: web.Request, body: dict[str, Any], scene: Scene) -> web.StreamResponse:
    await asyncio.sleep(scene.delay)
    if scene.refuses_schema and ("response_format" in body or "tools" in body):
        return _error(400, "'response_format' is not supported here")
    for name in scene.refuses:
        if name in body:
            return _error(400, scene.refusal.format(name=name))
    if scene.status != 200:
        headers = {"Retry-After": scene.retry_after} if scene.retry_after else {}
        return _error(scene.status, "no", headers=headers)
    if scene.garbage:
        return web.Response(text="<html>oops", content_type="text/html")
    usage = None
    if scene.usage:
        sent, written = scene.usage
        usage = {
            "prompt_tokens": sent,
            "completion_tokens": written,
            "total_tokens": sent + written,
        }
    if not body.get("stream") or not scene.streams:
        message: dict[str, Any] = {"role": "assistant", "content": scene.text}
        if scene.as_tool_call:
            message = {"role": "assistant", "content": None, "tool_calls": [_call(scene.text)]}
        return web.json_response(
            {
                **_frame(body, "chat.completion"),
                "usage": usage,
                "choices": [{"index": 0, "message": message, "finish_reason": scene.finish}],
            }
        )
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await _send(response, {"delta": {"role": "assistant", "content": ""}}, body)
    for piece in _pieces(scene.reasoning, scene.size):
        await _send(response, {"delta": {"reasoning_content": piece}, "finish_reason": None}, body)
        await asyncio.sleep(scene.pause)
    pieces = _pieces(scene.text, scene.size)
    for number, piece in enumerate(pieces):
        if number == scene.stall_after:
            await asyncio.sleep(60)
        if number == scene.cut_after:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        if number == scene.end_early:
            return response
        delta: dict[str, Any] = {"content": piece}
        if scene.as_tool_call:
            call = _call(piece) if number == 0 else {"function": {"arguments": piece}}
            delta = {"tool_calls": [{**call, "index": 0}]}
        await _send(response, {"delta": delta, "finish_reason": None}, body)
        await asyncio.sleep(scene.pause)
    if scene.finish is not None:
        await _send(response, {"delta": {}, "finish_reason": scene.finish}, body)
    if usage:
        last = {**_frame(body, "chat.completion.chunk"), "choices": [], "usage": usage}
        await response.write(f"data: {json.dumps(last)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


def _pieces(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


async def _send(response: web.StreamResponse, choice: dict[str, Any], body: dict[str, Any]) -> None:
    chunk = {**_frame(body, "chat.completion.chunk"), "choices": [{"index": 0, **choice}]}
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


def _frame(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "c1", "object": kind, "created": 1, "model": body["model"]}


def _call(arguments: str) -> dict[str, Any]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": "answer", "arguments": arguments},
    }


def _error(
    status: int, message: str, *, headers: dict[str, str] | None = None
) -> web.StreamResponse:
    error = {"error": {"message": message, "type": "error", "code": status}}
    return web.json_response(error, status=status, headers=headers)
