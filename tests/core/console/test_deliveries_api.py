"""What did not arrive, over HTTP and on its page: listed, explained, sent again once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from app import App
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain import events as ev
from core.domain.messages import Author, DeliveryState, Sender
from core.sdk.testing.builders import an_address


@pytest.fixture
async def agent(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    user = await app.core.accounts.add(OPERATOR, "ann@example.com", role=Role.AGENT)
    token = await app.core.accounts.issue_token(user, actor=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(app.core.site.url(), headers=headers) as session:
        yield session


async def dead_letter(app: App, *, code: str = "30003", chat: str = "+15557654321") -> str:
    """A message to a phone that is off; its channel is off too, so nothing moves by itself."""
    address = an_address(channel="sms", chat=chat)
    cid = address.conversation_id()
    sender = ev.Started(address=address, sender=Sender(id=chat), locale="en")
    await app.core.conversations.update(
        cid, lambda _: (sender, ev.Sent(author=Author.AGENT, text="Your <b>parcel</b> is here."))
    )
    failed = ev.DeliveryRecorded(
        seq=2, state=DeliveryState.FAILED, code=code, detail="The customer's phone is off."
    )
    await app.core.conversations.update(cid, lambda _: (failed,))
    await app.core.projector.drain()
    return f"{cid}.2"


async def test_a_dead_letter_is_listed_explained_and_retried(
    app: App, agent: aiohttp.ClientSession
) -> None:
    async with agent.get("/api/deliveries") as answer:
        assert await answer.json() == {"items": [], "next": None}
    async with agent.get("/console/deliveries") as answer:
        assert "Everything has arrived." in await answer.text()
    message_id = await dead_letter(app)
    async with agent.get("/api/deliveries") as answer:
        [item] = (await answer.json())["items"]
    assert item["id"] == message_id
    assert (item["state"], item["code"], item["channel"]) == ("failed", "30003", "sms")
    async with agent.get("/console/deliveries") as answer:
        page = await answer.text()
    assert "Your &lt;b&gt;parcel&lt;/b&gt; is here." in page
    assert "off or out of reach" in page.replace("&#39;", "'")
    assert '<span class="badge">SMS</span>' in page
    korean = {"Cookie": "locale=ko"}
    async with agent.get("/console/deliveries", headers=korean) as answer:
        assert "고객의 전화가 꺼져 있거나" in await answer.text()
    async with agent.post(f"/api/deliveries/{message_id}/retry") as answer:
        assert answer.status == 202, await answer.text()
    await app.core.projector.drain()
    async with agent.get("/api/deliveries") as answer:
        assert (await answer.json())["items"] == []
    async with agent.post(f"/api/deliveries/{message_id}/retry") as answer:
        assert answer.status == 400 or answer.status == 422
    async with agent.post("/api/deliveries/nothing.7/retry") as answer:
        assert answer.status == 404


async def test_the_list_goes_on_by_cursor(app: App, agent: aiohttp.ClientSession) -> None:
    wanted = {await dead_letter(app, chat=f"+1555000000{n}") for n in range(3)}
    found: list[str] = []
    cursor = ""
    while True:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        async with agent.get("/api/deliveries", params=query) as answer:
            page = await answer.json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(found) == len(wanted)
    assert set(found) == wanted
    async with agent.get("/api/deliveries", params={"cursor": "nonsense"}) as answer:
        assert answer.status in (400, 422)


async def test_strangers_see_nothing(app: App) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as web:
        async with web.get("/api/deliveries") as answer:
            assert answer.status == 401
        async with web.post("/api/deliveries/a.1/retry") as answer:
            assert answer.status in (401, 403)
        async with web.get("/api/openapi.json") as answer:
            paths = (await answer.json())["paths"]
    assert "/api/deliveries" in paths
    assert "/api/deliveries/{id}/retry" in paths
