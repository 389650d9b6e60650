"""The least that answers on Telegram: an aiogram webhook that echoes and keeps nothing."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiogram import Bot, Dispatcher
from aiogram.methods import SendMessage
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web


async def serve(port: int) -> None:
    """Echo every message in the webhook's own response; runs until it is killed."""
    dispatcher = Dispatcher()

    async def echo(message: Message) -> SendMessage:
        return message.answer(message.text or "")

    dispatcher.message.register(echo)
    bot = Bot("42:bench-bench-bench-bench-bench-bench")
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False).register(app, "/webhook")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
