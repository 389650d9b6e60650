"""The whole application with a desk in a local Slack, and the people who work there."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR, EmailTaken
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Draft
from core.domain.messages import Address, InboundMessage, Sender
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.support.servers.slack import (
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    TEAM,
    Message,
    SlackServer,
)
from tests.support.world import SteeredResponder, unsure

DESK = "C0000DESK"
MINA, JOON, SARA = "U0000MINA", "U0000JOON", "U0000SARA"
STAFF = {MINA: "mina@example.com", JOON: "joon@example.com", SARA: "sara@example.com"}
QUESTION = "How do I reset my password?"


@dataclass(kw_only=True)
class Customer:
    """A visitor of the web chat."""

    id: str
    token: str
    http: aiohttp.ClientSession

    async def write(self, text: str, *, client_id: str) -> None:
        """One more message."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"/api/conversations/{self.id}/messages"
        body = {"text": text, "client_id": client_id}
        async with self.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()

    async def sees(self) -> dict[str, Any]:
        """The conversation as he sees it."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.get(f"/api/conversations/{self.id}", headers=headers) as answer:
            seen: dict[str, Any] = await answer.json()
            return seen

    async def said(self) -> list[tuple[str, str]]:
        """(author, text) of what he was told, notices left out."""
        seen = await self.sees()
        told = ((m["author"], m["text"]) for m in seen["messages"])
        return [pair for pair in told if pair[0] in ("ai", "agent")]


@dataclass(kw_only=True)
class Rig:
    """One process, its Slack, and what a test does there."""

    live: App
    slack: SlackServer
    responder: SteeredResponder
    http: aiohttp.ClientSession
    over_socket: bool
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def hook(self) -> str:
        """Where Slack calls us."""
        return f"http://127.0.0.1:{self.live.web.port}/webhooks/slack/events"

    async def deliver(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Slack tells us something; gives what we answered."""
        if self.over_socket:
            ack = await self.slack.deliver(payload)
            assert ack is not None, "not acknowledged within three seconds"
            answered: dict[str, Any] = ack.get("payload") or {}
            return answered
        status, body = await self.slack.push(self.hook, payload)
        assert status == 200, (status, body)
        try:
            parsed = json.loads(body) if body else {}
        except ValueError:
            parsed = {"text": body}
        return parsed if isinstance(parsed, dict) else {}

    async def asks(self, text: str = QUESTION) -> Customer:
        """A customer opens a conversation with this question."""
        async with self.http.post("/api/conversations", json={"text": text}) as answer:
            opened = await answer.json()
            assert answer.status == 201, opened
        return Customer(id=opened["id"], token=opened["token"], http=self.http)

    async def texts(self, text: str, *, number: str = "+15551230000") -> Customer:
        """Somebody writes by SMS, of which only the inbox hears here."""
        message = InboundMessage(
            address=Address(channel="sms", account="+15550000000", chat=number),
            external_id=f"sms{next(self.numbers)}",
            sender=Sender(id=number),
            text=text,
        )
        commit = await self.live.core.inbox.accept(message)
        return Customer(id=commit.conversation_id, token="", http=self.http)

    async def card(self, customer: Customer, *, seconds: float = 5.0) -> Message:
        """The customer's newest card that waits."""
        found: list[Message] = []

        def there() -> bool:
            found[:] = [
                m
                for m in self.slack.messages
                if m.channel == DESK
                and not m.thread_ts
                and (value := button_value(m, "reject"))
                and value.startswith(f"{customer.id}.")
            ]
            return bool(found)

        await until(there, seconds=seconds, what="a card")
        return found[-1]

    async def waiting(self, text: str = QUESTION) -> tuple[Customer, Message]:
        """A customer and his card."""
        customer = await self.asks(text)
        return customer, await self.card(customer)

    def pressing(
        self, card: Message, action: str, *, by: str = MINA, **more: Any
    ) -> dict[str, Any]:
        """The press, not delivered yet."""
        action_id, value = find_button(card, action)
        message = {"ts": card.ts, "text": card.text, "thread_ts": card.thread_ts or None}
        return self.slack.press(
            action_id,
            channel=card.channel,
            user=by,
            value=value,
            message={k: v for k, v in message.items() if v},
            container={
                "type": "message",
                "message_ts": card.ts,
                "channel_id": card.channel,
            },
            **more,
        )

    async def press(self, card: Message, action: str, *, by: str = MINA) -> None:
        """Somebody presses a button."""
        await self.deliver(self.pressing(card, action, by=by))

    async def opened(self, known: set[str], *, seconds: float = 3.0) -> tuple[str, dict[str, Any]]:
        """The window that was opened since, once it is filled."""

        def new() -> list[str]:
            return [v for v in self.slack.views if v not in known]

        await until(
            lambda: any("callback_id" in self.slack.views[v] for v in new()),
            seconds=seconds,
            what="a window",
        )
        view_id = new()[-1]
        return view_id, self.slack.views[view_id]

    async def window(
        self, card: Message, action: str, *, by: str = MINA
    ) -> tuple[str, dict[str, Any]]:
        """Press, and get the window."""
        known = set(self.slack.views)
        await self.press(card, action, by=by)
        return await self.opened(known)

    def submission(
        self,
        view_id: str,
        view: Mapping[str, Any],
        *,
        by: str = MINA,
        text: str | None = None,
        choices: Mapping[str, str] | None = None,
        user: str = "",
    ) -> dict[str, Any]:
        """What Slack sends when the window is sent off."""
        values: dict[str, Any] = {}
        for block in view["blocks"]:
            if block.get("type") != "input":
                continue
            element = block["element"]
            state: dict[str, Any] = {"type": element["type"]}
            if element["type"] == "plain_text_input":
                state["value"] = element.get("initial_value") if text is None else text
            elif element["type"] == "radio_buttons":
                wanted = (choices or {}).get(block["block_id"])
                state["selected_option"] = next(
                    (o for o in element["options"] if o["value"] == wanted),
                    element.get("initial_option"),
                )
            else:
                state["selected_user"] = user
            values[block["block_id"]] = {element["action_id"]: state}
        return {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "local"},
            "user": {"id": by, "name": "x", "team_id": TEAM},
            "api_app_id": "A0000LOCAL",
            "trigger_id": f"trigger-{next(self.numbers)}",
            "view": {**view, "id": view_id, "state": {"values": values}},
        }

    async def submit(self, view_id: str, view: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Send a window off; gives what Slack was told to do with it."""
        return await self.deliver(self.submission(view_id, view, **fields))

    async def types(self, card: Message, text: str, *, by: str = MINA) -> None:
        """Somebody writes in the card's thread."""
        await self.deliver(self.typing(card, text, by=by))

    def typing(self, card: Message, text: str, *, by: str = MINA) -> dict[str, Any]:
        """Somebody writes in the card's thread; not delivered yet."""
        event = {
            "type": "message",
            "channel_type": "channel",
            "channel": card.channel,
            "user": by,
            "text": text,
            "ts": self.slack.ts(),
            "thread_ts": card.ts,
        }
        return self.slack.event(event)

    async def command(self, text: str, *, by: str = MINA) -> str:
        """Somebody types `/desk …`; all that he reads, as one text."""
        answer = await self.deliver(
            {
                "command": "/desk",
                "text": text,
                "user_id": by,
                "user_name": "x",
                "team_id": TEAM,
                "channel_id": DESK,
                "response_url": self.slack.response_url,
                "trigger_id": "t",
            }
        )
        return json.dumps(answer, ensure_ascii=False)

    def thread(self, card: Message) -> list[Message]:
        """What stands in the card's thread."""
        return [m for m in self.slack.messages if m.thread_ts == card.ts]

    def private(self, user: str) -> list[str]:
        """What only this member was shown."""
        return [str(e.get("text")) for e in self.slack.ephemerals if e.get("user") == user]

    async def state(self, customer: Customer) -> Conversation:
        """The conversation as it stands."""
        return await self.live.core.conversations.peek(customer.id)

    async def is_human(self, customer: Customer) -> None:
        """Return once a person has taken over."""
        async with asyncio.timeout(3):
            while (await self.state(customer)).status is not Status.HUMAN:
                await asyncio.sleep(0.01)


async def until(what_is: Callable[[], bool], *, seconds: float = 3.0, what: str = "it") -> None:
    """Return as soon as it is so; fails after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not what_is():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what} has not come within {seconds} s") from None


async def said_within(customer: Customer, *, count: int = 1, seconds: float = 1.0) -> list[Any]:
    """What he was told, once there is so much of it."""
    said: list[Any] = []
    try:
        async with asyncio.timeout(seconds):
            while len(said := await customer.said()) < count:
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"after {seconds} s he has read only {said}") from None
    return said


def buttons(message: Message) -> dict[str, str]:
    """Every button under a message, action id to value."""
    found = {}
    for block in message.blocks:
        for element in block.get("elements", ()) if block.get("type") == "actions" else ():
            if element.get("type") == "button":
                found[element["action_id"]] = element["value"]
    return found


def find_button(message: Message, action: str) -> tuple[str, str]:
    """The one button whose action id contains this."""
    found = [(a, v) for a, v in buttons(message).items() if action in a]
    assert len(found) == 1, (action, found)
    return found[0]


def button_value(message: Message, action: str) -> str:
    """The value of that button, "" where there is none."""
    return next((v for a, v in buttons(message).items() if action in a), "")


def shown(message: Message) -> str:
    """All that a reader sees of a message."""
    return json.dumps([message.text, message.blocks], ensure_ascii=False)


def member(email: str, **more: Any) -> dict[str, Any]:
    """A member of the workspace as users.info describes him."""
    return {"team_id": TEAM, "locale": "en-US", "profile": {"email": email}} | more


async def hired(live: App) -> list[User]:
    """The staff, each there once."""
    users = []
    for email in STAFF.values():
        role = Role.SUPERVISOR if email.startswith("sara") else Role.AGENT
        try:
            users.append(await live.core.accounts.add(OPERATOR, email, role=role))
        except EmailTaken:
            users.append(await live.core.accounts.find(email))
    return users


@asynccontextmanager
async def rig(
    slack: SlackServer,
    db: Database,
    mongo_uri: str,
    folder: Path,
    *,
    over_socket: bool = False,
    draft: Draft | None = None,
    **variables: str,
) -> AsyncIterator[Rig]:
    """Everything running; again on the same store is a restart."""
    for slack_id, email in STAFF.items():
        slack.users.setdefault(slack_id, member(email))
    settings = {
        "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
        "DATA_DIR": str(folder),
        "PORT": "0",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_BASE_URL": slack.url,
        "SLACK_APPROVALS_CHANNEL": DESK,
    }
    if over_socket:
        settings["SLACK_APP_TOKEN"] = APP_TOKEN
    responder = SteeredResponder()
    responder.always(draft or unsure())
    read = read_settings(settings | variables)
    async with serving(read, DataDir(folder), store=None, guide=None, responder=responder) as live:
        await hired(live)
        url = f"http://127.0.0.1:{live.web.port}"
        async with aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as http:
            made = Rig(
                live=live, slack=slack, responder=responder, http=http, over_socket=over_socket
            )
            # Its SDK is imported meanwhile; Slack itself would be asked to come again.
            await until(lambda: live.host.get("slack") is not None, seconds=60, what="the channel")
            if over_socket:
                await slack.connected()
            yield made
