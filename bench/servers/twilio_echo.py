"""The least that answers texts: aiohttp, Twilio's own validator, TwiML with the same words."""

from __future__ import annotations

import sys
from urllib.parse import parse_qsl

import uvloop
from aiohttp import web
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from bench.servers.listening import listen


async def serve(port: int, token: str, url: str) -> None:
    """Echo every text in the webhook's own response; runs until it is killed."""
    validator = RequestValidator(token)

    async def take(request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text(), keep_blank_values=True))
        if not validator.validate(url, form, request.headers.get("X-Twilio-Signature", "")):
            return web.Response(status=403)
        response = MessagingResponse()
        response.message(form.get("Body", ""))
        return web.Response(text=str(response), content_type="text/xml")

    await listen(port, take)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
