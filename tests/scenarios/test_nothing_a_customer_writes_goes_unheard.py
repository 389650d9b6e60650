"""The real program hears from its first moment, and fetches what came while it was down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from core.domain.messages import Address
from core.storage.client import open_database
from core.storage.embedded import EmbeddedStore
from plugins.registry.store import PluginStore
from tests.support.process import Program
from tests.support.servers.twilio import TwilioServer
from tests.support.servers.vendors import (
    MEDIA,
    Medium,
    OnSlack,
    OnSms,
    admin_of,
    program_with,
    running,
    until,
    vendors_up,
)

pytestmark = pytest.mark.timeout(300)
QUESTION = "How do I talk to a person?"
SUPERVISORS = "C0000SUPER"
MANY = 20


@asynccontextmanager
async def _starting(program: Program) -> AsyncIterator[None]:
    """Inside it lives since a moment, by what /healthz says; at the end it is ready."""
    starting = asyncio.create_task(program.start(seconds=120))
    try:
        async with asyncio.timeout(120), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"{program.url}/healthz") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                if starting.done():
                    starting.result()
                await asyncio.sleep(0.02)
        yield
    finally:
        await starting


async def _each(deliver: Callable[[int], Awaitable[int]]) -> list[int]:
    return list(await asyncio.gather(*(deliver(number) for number in range(MANY))))


@pytest.mark.parametrize("kind", MEDIA, ids=lambda medium: medium.name)
async def test_while_the_vendors_api_is_away_all_that_is_signed_is_taken_and_answered_later(
    tmp_path: Path, kind: type[Medium]
) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        medium = kind(vendors, program)
        customers = [7001 + number for number in range(MANY)]
        events = [medium.event(QUESTION, customer=customer) for customer in customers]
        forged = medium.event("I am the vendor", customer=6666)
        await medium.server.__aexit__()
        async with _starting(program):
            statuses = await _each(lambda number: medium.deliver(events[number]))
            assert statuses == [200] * MANY
            assert await medium.deliver(forged, forged=True) == 403
        # A repeat of the vendor's, for good measure, and all the same none twice.
        assert await _each(lambda number: medium.deliver(events[number])) == [200] * MANY
        admin = await admin_of(program)
        async with admin:
            hearing = await _hears(admin)
            assert hearing[medium.name] == (True, False)
            await medium.server.__aenter__()
            await running(admin, medium.name, seconds=90)
            hearing = await _hears(admin)
            assert hearing[medium.name] == (True, True)
        await until(lambda: all(medium.texts(customer) for customer in customers), seconds=90)
        await asyncio.sleep(1.0)
        assert [len(medium.texts(customer)) for customer in customers] == [1] * MANY
        assert not medium.texts(6666)


async def test_credentials_that_are_refused_make_nobody_deaf(tmp_path: Path) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        medium = OnSms(vendors, program)
        right, vendors.twilio.auth_token = vendors.twilio.auth_token, "changed at the vendor's"
        async with _starting(program):
            vendors.twilio.auth_token = right  # webhooks are still signed with the old one
            event = medium.event(QUESTION)
            vendors.twilio.script.clear()
            assert await medium.deliver(event) == 200
        admin = await admin_of(program)
        async with admin:
            await running(admin, "sms", seconds=90)
        await until(lambda: medium.texts(), seconds=60)


async def test_what_came_to_twilio_while_we_were_down_is_taken_once_and_marked_late(
    tmp_path: Path,
) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        medium = OnSms(vendors, program)
        await program.start()
        admin = await admin_of(program)
        async with admin:
            await running(admin, "sms")
            first = medium.event(QUESTION, customer=6999)
            vendors.twilio.arrive(first)
            assert await medium.deliver(first) == 200
            await until(lambda: medium.texts(6999), seconds=60)
        await program.kill()

        now = datetime.now(UTC)
        customers = [7001 + number for number in range(MANY)]
        events = [medium.event(QUESTION, customer=customer) for customer in customers]
        for number, event in enumerate(events):
            vendors.twilio.arrive(event, at=now - timedelta(minutes=9) + timedelta(seconds=number))
        lost = medium.event(QUESTION, customer=6998)  # its webhook never comes
        vendors.twilio.arrive(lost, at=now - timedelta(minutes=9))
        async with _starting(program):
            # The webhook's own repeat of some of them comes at the same moment.
            repeats = await _each(lambda number: medium.deliver(events[number]))
            assert repeats[::2] == [200] * (MANY // 2)
        await until(lambda: all(medium.texts(customer) for customer in customers), seconds=90)
        await asyncio.sleep(2.0)
        assert [len(medium.texts(customer)) for customer in customers] == [1] * MANY
        assert len(medium.texts(6999)) == 1, "what was taken before was taken again"
        await until(lambda: medium.texts(6998), seconds=60)
        listed = Address(channel="sms", account=lost["To"], chat=lost["From"])
        admin = await admin_of(program)
        async with admin:
            assert await _late_messages(admin, listed.conversation_id()) == [True]


async def test_what_is_older_than_a_day_waits_for_a_person(tmp_path: Path) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        medium = OnSms(vendors, program)
        await program.start()
        admin = await admin_of(program)
        async with admin:
            await running(admin, "sms")
            await _left_off(program, hours=60)
            old = medium.event(QUESTION, customer=7001)
            newer = medium.event(QUESTION, customer=7002)
            vendors.twilio.arrive(old, at=datetime.now(UTC) - timedelta(hours=30))
            vendors.twilio.arrive(newer, at=datetime.now(UTC) - timedelta(hours=2))
            await program.start()
            await until(lambda: medium.texts(7002), seconds=90)
            waiting = await _waiting(admin, 1)
            # On a slow machine the other may wait as well, for reasons of its own.
            [late] = [item for item in waiting if "late" in str(item["reasons"])]
            assert await _late_messages(admin, late["conversation_id"]) == [True]
            assert not [text for text in medium.texts(7001) if "[1]" in text]


async def test_what_was_written_to_slack_while_we_were_down_is_read_once(tmp_path: Path) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        medium, slack = OnSlack(vendors, program), vendors.slack
        await program.start()
        admin = await admin_of(program)
        async with admin:
            await running(admin, "slack")
        known, mentioned = medium.event(QUESTION, customer=7001), slack.mention(QUESTION)
        for event in (known, mentioned):
            slack.write(event)
            assert await medium.deliver(event) == 200
        thread = mentioned["event"]["ts"]
        await until(lambda: medium.texts(7001) and slack.texts("C0000ALL"), seconds=60)
        await program.kill()

        again = medium.event("How do I reset my password?", customer=7001)
        stranger = medium.event(QUESTION, customer=7002)
        in_thread = slack.event(
            {"type": "message", "channel": "C0000ALL", "user": "U0000ADA", "ts": slack.ts(),
             "thread_ts": thread, "text": QUESTION}
        )  # fmt: skip
        anew = slack.mention(QUESTION)
        for event in (again, stranger, in_thread, anew):
            slack.write(event)
        await program.start()
        await until(lambda: len(medium.texts(7001)) >= 2, seconds=90)
        await until(lambda: medium.texts(7002), seconds=60)
        await until(lambda: len(slack.texts("C0000ALL")) == 3, seconds=60)
        for event in (again, stranger, in_thread, anew):
            assert await medium.deliver(event) == 200  # Slack's own repeat
        await asyncio.sleep(2.0)
        assert len(medium.texts(7002)) == 1
        assert len(slack.texts("C0000ALL")) == 3


async def test_a_bolt_that_is_configured_by_the_environment_answers_nobody_in_our_name(
    tmp_path: Path,
) -> None:
    foreign = {
        "SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "another app's",
        "SLACK_VERIFICATION_TOKEN": "old", "TWILIO_EDGE": "dublin", "TWILIO_REGION": "ie1",
    }  # fmt: skip
    async with vendors_up() as vendors, program_with(vendors, tmp_path, **foreign) as program:
        await program.start()
        admin = await admin_of(program)
        async with admin:
            await running(admin, "slack", "sms")
        for kind in (OnSlack, OnSms):
            medium = kind(vendors, program)
            assert await medium.deliver(medium.event(QUESTION)) == 200
            await until(lambda m=medium: m.texts(), seconds=60)  # type: ignore[misc]


async def test_a_running_channel_that_stops_working_says_so_within_a_minute_and_comes_back(
    tmp_path: Path,
) -> None:
    told = {"SLACK_REPORTS_CHANNEL": SUPERVISORS}
    async with vendors_up() as vendors, program_with(vendors, tmp_path, **told) as program:
        await program.start()
        admin = await admin_of(program)
        async with admin:
            await running(admin, "telegram", "sms", "slack")
            ours = dict(vendors.telegram.webhook)
            vendors.telegram.webhook = {"url": "https://other.example/secret-path"}
            vendors.slack.bot_token = "xoxb-another"
            await _breaks(vendors.twilio)
            async with asyncio.timeout(60):
                seen: dict[str, str] = {}
                while set(seen) != {"telegram", "sms", "slack"}:
                    for channel, (state, reason) in (await _states(admin)).items():
                        if state in ("retrying", "needs_admin"):
                            seen.setdefault(channel, reason)
                    await asyncio.sleep(0.2)
            assert "other.example" in seen["telegram"]
            assert "secret-path" not in seen["telegram"]
            assert "refuses the token" in seen["slack"]
            assert "Twilio" in seen["sms"]
            assert "slack" in await _doctor(program)
            vendors.slack.bot_token = "xoxb-local-bot"
            await vendors.twilio.__aenter__()
            await running(admin, "telegram", "sms", "slack", seconds=90)
            assert vendors.telegram.webhook["url"] == ours["url"]
        said = vendors.slack.texts
        # Slack's own trouble is told when it is back, all others at once.
        for name in ("Telegram", "SMS (Twilio)", "Slack"):
            await until(lambda n=name: any(f"{n} cannot" in t for t in said(SUPERVISORS)))  # type: ignore[misc]
        await until(lambda: sum("works again" in t for t in said(SUPERVISORS)) == 3, seconds=120)
        assert sum("cannot send" in text for text in said(SUPERVISORS)) == 3


async def test_another_program_that_takes_a_bots_messages_is_named_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    """Without a webhook secret the bot is polled; Telegram gives its messages to one at a time."""
    polled = {"TELEGRAM_WEBHOOK_SECRET": "", "SLACK_REPORTS_CHANNEL": SUPERVISORS}
    async with vendors_up() as vendors, program_with(vendors, tmp_path, **polled) as program:
        await program.start()
        admin, bot = await admin_of(program), vendors.telegram
        async with admin:
            await running(admin, "telegram", "slack")
            bot.say(QUESTION)
            await until(bot.texts, seconds=60)
            answered = len(bot.texts())
            bot.conflict = True
            bot.say("How do I reset my password?")  # it waits for whoever may poll
            async with asyncio.timeout(60):
                while "Another program" not in (await _states(admin))["telegram"][1]:
                    await asyncio.sleep(0.2)
            assert (await _hears(admin))["telegram"] == (False, False)
            assert "Another program" in await _doctor(program)
            bot.conflict = False
            await running(admin, "telegram", seconds=90)
        await until(lambda: len(bot.texts()) > answered, seconds=60)
        said = vendors.slack.texts
        await until(lambda: any("works again" in t for t in said(SUPERVISORS)), seconds=120)


async def _breaks(twilio: TwilioServer) -> None:
    await twilio.__aexit__()


async def _states(admin: aiohttp.ClientSession) -> dict[str, tuple[str, str]]:
    async with admin.get("/api/plugins") as answer:
        items = (await answer.json())["items"]
    return {p["id"]: (p["state"], p["reason"]) for p in items if p["id"] != "web"}


async def _hears(admin: aiohttp.ClientSession) -> dict[str, tuple[bool, bool]]:
    """Of each channel whether it hears and whether it speaks."""
    async with admin.get("/api/plugins") as answer:
        return {p["id"]: (p["hears"], p["speaks"]) for p in (await answer.json())["items"]}


async def _waiting(admin: aiohttp.ClientSession, count: int) -> list[dict[str, object]]:
    async with asyncio.timeout(60):
        while True:
            async with admin.get("/api/approvals/pending") as answer:
                items: list[dict[str, object]] = (await answer.json())["items"]
            if len(items) >= count:
                return items
            await asyncio.sleep(0.2)


async def _late_messages(admin: aiohttp.ClientSession, conversation_id: object) -> list[bool]:
    async with admin.get(f"/api/conversations/{conversation_id}") as answer:
        messages = (await answer.json())["messages"]
    return [m.get("late", False) for m in messages if m["author"] == "customer"]


async def _doctor(program: Program) -> str:
    try:
        return await program.command("doctor")
    except RuntimeError as error:
        return str(error)


async def _left_off(program: Program, *, hours: int) -> None:
    """As if it had been down for so long: what it knows to have heard ends then."""
    await program.stop()
    store = EmbeddedStore(program.data_dir)
    store.launch()
    await store.start()
    try:
        db = await open_database(store.uri)
        at = datetime.now(UTC) - timedelta(hours=hours)
        await PluginStore(db["plugins"]).put_heard_until("sms", at)
        await db.client.close()
    finally:
        await store.stop()
