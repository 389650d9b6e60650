"""With only environment settings that point at local vendors, every channel answers and cites."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.servers.vendors import (
    MEDIA,
    PUBLIC_URL,
    OnSlack,
    OnSms,
    OnTelegram,
    admin_of,
    program_with,
    running,
    stubbornly,
    until,
    vendors_up,
)

pytestmark = pytest.mark.timeout(240)
QUESTION = "How do I talk to a person?"


async def test_each_channel_answers_in_its_own_form_once_and_refuses_forgeries(
    tmp_path: Path,
) -> None:
    async with vendors_up() as vendors, program_with(vendors, tmp_path) as program:
        await program.start()
        media = [medium(vendors, program) for medium in MEDIA]

        # While the SDKs are still being imported, nobody else gets in already.
        forged = {m.name: m.event("I am the vendor", customer=6666) for m in media}
        early = {m.name: await m.deliver(forged[m.name], forged=True) for m in media}
        assert early == {"telegram": 403, "sms": 403, "slack": 403}

        # The true vendor is asked to come again, until the channel is up.
        events = {m.name: m.event(QUESTION) for m in media}
        for medium in media:
            await stubbornly(lambda m=medium: m.deliver(events[m.name]))  # type: ignore[misc]
        admin = await admin_of(program)
        async with admin:
            await running(admin, "telegram", "sms", "slack")
            for medium in media:
                for _ in range(2):
                    assert await medium.deliver(events[medium.name]) < 300
                assert await medium.deliver(forged[medium.name], forged=True) == 403
            for medium in media:
                await until(lambda m=medium: m.texts())  # type: ignore[misc]
            await asyncio.sleep(1.0)  # a second answer would come by now
            for medium in media:
                assert not medium.texts(6666), "a forgery was answered"

            async def listed() -> int:
                async with admin.get("/api/conversations") as answer:
                    return len((await answer.json())["items"])

            # The list follows what happens, on a busy machine some seconds later.
            for _ in range(200):
                if await listed() >= 3:
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(4.0)  # by then a forgery that is later than the others is there too
            assert await listed() == 3, "a forgery left a trace"

        telegram, sms, slack = media
        assert isinstance(telegram, OnTelegram)
        assert isinstance(sms, OnSms)
        assert isinstance(slack, OnSlack)
        _in_telegrams_form(telegram)
        _in_the_form_of_texts(sms)
        _in_slacks_form(slack)


def _in_telegrams_form(telegram: OnTelegram) -> None:
    [text] = telegram.texts()
    [posted] = [m for m in telegram.server.messages if m.chat_id == 7001]
    assert "[1]" in text
    assert "Sources" in text
    kinds = {entity["type"] for entity in posted.params["entities"]}
    assert kinds & {"text_link", "url"}, "a source is a link, by entities and not by markup"
    assert "parse_mode" not in posted.params
    urls = {e.get("url", "") for e in posted.params["entities"]}
    assert any(url.startswith(PUBLIC_URL) for url in urls)


def _in_the_form_of_texts(sms: OnSms) -> None:
    texts = sms.texts()
    whole = "\n".join(texts)
    assert "[1]" in whole
    assert f"{PUBLIC_URL}/" in whole, "a phone needs the address itself"
    assert all(len(text) <= 1600 for text in texts)
    assert "**" not in whole
    if len(texts) > 1:
        assert texts[0].startswith("(1/") or "1/" in texts[0][:8]


def _in_slacks_form(slack: OnSlack) -> None:
    [message] = [m for m in slack.server.messages if m.channel == "D00007001"]
    assert "[1]" in message.text
    assert any(block["type"] == "rich_text" for block in message.blocks)
    assert message.metadata is not None
    assert message.metadata["event_payload"]["id"]
