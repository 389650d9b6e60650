"""The least that answers on Slack: Bolt over aiohttp, signatures checked, nothing kept."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.servers.listening import listen


async def serve(port: int, secret: str, api: str) -> None:
    """Acknowledge every message; runs until it is killed."""
    app = AsyncApp(
        client=AsyncWebClient(token="xoxb-local-bot", base_url=api), signing_secret=secret
    )

    async def heard(event: dict[str, object]) -> None:
        """Nothing is kept."""

    app.event("message")(heard)

    async def take(request: web.Request) -> web.Response:
        answer = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    await listen(port, take)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
