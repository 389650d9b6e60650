"""All vendors at once on local ports, and the settings that lead the real program to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.process import Program
from tests.support.servers.slack import BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.support.servers.telegram import TOKEN, TelegramServer
from tests.support.servers.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioServer

PUBLIC_URL = "https://desk.example"
TELEGRAM_SECRET = "local-webhook-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """The three of them."""

    telegram: TelegramServer
    twilio: TwilioServer
    slack: SlackServer

    def settings(self) -> dict[str, str]:
        """The environment, and nothing else, by which the program finds them."""
        return {
            "PUBLIC_URL": PUBLIC_URL,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_WEBHOOK_SECRET": TELEGRAM_SECRET,
            "TELEGRAM_API_BASE_URL": self.telegram.url,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_FROM": NUMBER,
            "TWILIO_API_BASE_URL": self.twilio.url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_BASE_URL": self.slack.url,
        }


class OnTelegram:
    """A customer on Telegram, as the vendor brings him to the program."""

    name = "telegram"

    def __init__(self, vendors: Vendors, program: Program) -> None:
        self.server = vendors.telegram
        self._url = f"{program.url}/webhooks/telegram"

    def event(self, text: str, *, customer: int = 7001) -> dict[str, Any]:
        """What the vendor will deliver."""
        return self.server.message(text, chat=customer)

    async def deliver(self, event: dict[str, Any], *, forged: bool = False) -> int:
        """Call the webhook; gives the status it answered."""
        secret = "a guess" if forged else TELEGRAM_SECRET
        return await self.server.push(event, self._url, secret=secret)

    def texts(self, customer: int = 7001) -> list[str]:
        """What the customer sees."""
        return self.server.texts(customer)


class OnSms:
    """A customer with a phone."""

    name = "sms"

    def __init__(self, vendors: Vendors, program: Program) -> None:
        self.server = vendors.twilio
        self._url = f"{program.url}/webhooks/twilio/sms"

    def event(self, text: str, *, customer: int = 7001) -> dict[str, Any]:
        """What the vendor will deliver."""
        return self.server.form(text, sender=f"+1555{customer:07d}")

    async def deliver(self, event: dict[str, Any], *, forged: bool = False) -> int:
        """Call the webhook; gives the status it answered."""
        signed_url = f"{PUBLIC_URL}/webhooks/twilio/sms"
        signature = "Zm9yZ2Vk" if forged else ""
        status, _ = await self.server.push(
            self._url, event, signed_url=signed_url, signature=signature
        )
        return status

    def texts(self, customer: int = 7001) -> list[str]:
        """What the customer sees."""
        return self.server.bodies(f"+1555{customer:07d}")


class OnSlack:
    """A customer who writes to the app directly."""

    name = "slack"

    def __init__(self, vendors: Vendors, program: Program) -> None:
        self.server = vendors.slack
        self._url = f"{program.url}/webhooks/slack/events"

    def event(self, text: str, *, customer: int = 7001) -> dict[str, Any]:
        """What the vendor will deliver."""
        return self.server.direct(text, channel=f"D{customer:08d}")

    async def deliver(self, event: dict[str, Any], *, forged: bool = False) -> int:
        """Call the webhook; gives the status it answered."""
        secret = "a guess" if forged else SIGNING_SECRET
        status, _ = await self.server.push(self._url, event, secret=secret)
        return status

    def texts(self, customer: int = 7001) -> list[str]:
        """What the customer sees."""
        return self.server.texts(f"D{customer:08d}")


Medium = OnTelegram | OnSms | OnSlack
MEDIA: tuple[type[Medium], ...] = (OnTelegram, OnSms, OnSlack)


@asynccontextmanager
async def vendors_up() -> AsyncIterator[Vendors]:
    """All vendors, listening."""
    async with TelegramServer() as telegram, TwilioServer() as twilio, SlackServer() as slack:
        yield Vendors(telegram=telegram, twilio=twilio, slack=slack)


@asynccontextmanager
async def program_with(vendors: Vendors, folder: Path, **settings: str) -> AsyncIterator[Program]:
    """The program, told of the vendors by its environment alone; not started yet."""
    folder.mkdir(parents=True, exist_ok=True)
    program = Program(folder / "data", env=vendors.settings() | settings)
    try:
        yield program
    finally:
        await program.stop()


async def admin_of(program: Program) -> aiohttp.ClientSession:
    """A client with an admin's token; made by the command line, as an operator does it."""
    token = await program.command("users", "add", "op@example.com", "--role", "admin", "--token")
    headers = {"Authorization": f"Bearer {token.splitlines()[-1].strip()}"}
    return aiohttp.ClientSession(program.url, headers=headers)


async def channel_states(admin: aiohttp.ClientSession) -> dict[str, tuple[str, str]]:
    """Every channel's state and reason."""
    async with admin.get("/api/plugins") as answer:
        assert answer.status == 200, await answer.text()
        return {p["id"]: (p["state"], p["reason"]) for p in (await answer.json())["items"]}


async def running(admin: aiohttp.ClientSession, *channels: str, seconds: float = 60.0) -> None:
    """Return once all these channels run."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                states = await channel_states(admin)
                if all(states[channel][0] == "running" for channel in channels):
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(await channel_states(admin)) from None


async def until(holds: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.03)


async def stubbornly(deliver: Callable[[], Awaitable[int]], *, seconds: float = 60.0) -> None:
    """Deliver as a vendor does who is told to come again."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await deliver() < 300:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
