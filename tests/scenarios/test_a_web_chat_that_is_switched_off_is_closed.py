"""An admin switches the web chat off: visitors are told, staff still read, nothing is lost."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from app import App
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain.messages import DeliveryState

SECONDS = 10.0


async def switched(app: App, *, on: bool) -> None:
    """Return once the channel is up, or down."""
    if on:
        await app.plugins.service.enable(OPERATOR, "web")
    else:
        await app.plugins.service.disable(OPERATOR, "web")
    async with asyncio.timeout(SECONDS):
        while (app.host.get("web") is not None) is not on:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("locale", ["en", "ko", "es"])
async def test_the_page_says_so_and_the_api_refuses(app: App, locale: str) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        await switched(app, on=False)
        said = app.core.words.text("chat.connection.crowd_closed", locale)
        async with http.get("/", params={"lang": locale}) as page:
            assert page.status == 200
            assert f'role="status">{said}</div>' in await page.text()
        async with http.get("/api/chat") as chat:
            assert (await chat.json())["open"] is False
        async with http.post("/api/conversations", json={"text": "hello"}) as refused:
            assert refused.status == 503
            assert refused.content_type == "application/problem+json"
            assert (await refused.json())["limit"] == "closed"
            assert int(refused.headers["Retry-After"]) > 0
        await switched(app, on=True)
        async with http.get("/", params={"lang": locale}) as page:
            assert f'role="status">{said}</div>' not in await page.text()
        async with http.post("/api/conversations", json={"text": "hello"}) as taken:
            assert taken.status == 201


async def test_a_visitor_waits_outside_and_staff_still_read(app: App) -> None:
    agent = await app.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    staff = {"Authorization": f"Bearer {await app.core.accounts.issue_token(agent, actor=agent)}"}
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        async with http.post("/api/conversations", json={"text": "Where is my order?"}) as opened:
            told = await opened.json()
        visitor = {"Authorization": f"Bearer {told['token']}"}
        path = f"/api/conversations/{told['id']}"
        await switched(app, on=False)
        message = {"text": "Anybody there?", "client_id": "1"}
        for call in (
            http.get(path, headers=visitor),
            http.get(f"{path}/events", headers=visitor),
            http.post(f"{path}/messages", json=message, headers=visitor),
            http.post(f"{path}/typing", headers=visitor),
            http.post(f"{path}/human", headers=visitor),
            http.post(f"{path}/rating", json={"score": 5}, headers=visitor),
        ):
            async with call as refused:
                assert refused.status == 503, refused.url
        async with http.get(path, headers=staff) as read:
            assert read.status == 200
            assert (await read.json())["messages"][0]["text"] == "Where is my order?"
        # The page keeps what was written and sends it once the chat is open again.
        await switched(app, on=True)
        async with http.post(f"{path}/messages", json=message, headers=visitor) as taken:
            assert taken.status == 202


async def test_what_visitors_write_comes_in_by_the_channels_own_way(app: App) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        async with http.post("/api/conversations", json={"text": "Hello?"}) as opened:
            told = await opened.json()
        visitor = {"Authorization": f"Bearer {told['token']}"}
        path = f"/api/conversations/{told['id']}"
        message = {"text": "Anybody there?", "client_id": "1"}
        numbers = []
        for _ in range(2):
            async with http.post(f"{path}/messages", json=message, headers=visitor) as taken:
                numbers.append((await taken.json())["seq"])
        assert numbers[0] == numbers[1]
        async with http.post(f"{path}/human", headers=visitor) as asked:
            assert asked.status == 202
    status = app.host.plugin("web").status
    assert status.accepted == 4  # as the console shows them of every channel
    assert status.last_traffic is not None


async def test_an_open_page_hears_nothing_more(app: App) -> None:
    agent = await app.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        async with http.post("/api/conversations", json={"text": "Where is my order?"}) as opened:
            told = await opened.json()
        await app.desk.service.take_over(agent, told["id"])
        visitor = {"Authorization": f"Bearer {told['token']}"}
        async with http.get(f"/api/conversations/{told['id']}/events", headers=visitor) as stream:
            await switched(app, on=False)
            await app.desk.service.reply(agent, told["id"], "It is on its way.")
            async with asyncio.timeout(SECONDS):
                heard = await stream.content.read()  # it ends, without waiting for a heartbeat
        assert b"It is on its way." not in heard


async def test_what_was_said_meanwhile_is_delivered_when_it_opens_again(app: App) -> None:
    agent = await app.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        async with http.post("/api/conversations", json={"text": "Where is my order?"}) as opened:
            told = await opened.json()
        await app.desk.service.take_over(agent, told["id"])
        await switched(app, on=False)
        await app.desk.service.reply(agent, told["id"], "It is on its way.")
        await asyncio.sleep(0.3)
        await switched(app, on=True)
        visitor = {"Authorization": f"Bearer {told['token']}"}
        async with http.get(f"/api/conversations/{told['id']}", headers=visitor) as read:
            texts = [m["text"] for m in (await read.json())["messages"]]
        assert "It is on its way." in texts
    async with asyncio.timeout(SECONDS):
        while True:
            state = await app.core.conversations.peek(told["id"])
            if not state.outgoing:
                break
            await asyncio.sleep(0.05)
    failed = await app.core.deliveries.dead_letters(OPERATOR, limit=10, cursor="")
    assert failed[0] == []
    assert DeliveryState.FAILED not in {m.state for m in state.outgoing}
