"""PUBLIC_URL with a path, behind both kinds of proxy: vendors' calls, streams, files and links."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from core.accounts.service import OPERATOR
from core.storage.client import Database
from tests.support.desk import WholeDesk, desk_with
from tests.support.files import photo
from tests.support.proxy import Proxy, proxy
from tests.support.servers.vendors import TELEGRAM_SECRET, vendors_up


@dataclass(kw_only=True)
class Behind:
    """The whole desk and the proxy before it; `http` asks as an agent of the public address."""

    desk: WholeDesk
    front: Proxy
    http: aiohttp.ClientSession


@pytest.fixture(params=[True, False], ids=["strips", "passes on"])
async def behind(
    request: pytest.FixtureRequest, db: Database, mongo_uri: str, tmp_path: Path
) -> AsyncIterator[Behind]:
    async with proxy("", strips=request.param) as front, vendors_up() as vendors:
        settings = {"PUBLIC_URL": front.url, "TRUSTED_PROXIES": "127.0.0.1"}
        settings["SLACK_APPROVALS_CHANNEL"] = "C0000DESK"
        channels = ("telegram", "sms", "slack")
        front.upstream = "http://127.0.0.1:9"
        async with desk_with(vendors, db, mongo_uri, tmp_path, *channels, **settings) as desk:
            front.upstream = f"http://127.0.0.1:{desk.app.web.port}"
            headers = {"Authorization": f"Bearer {desk.token}"}
            async with aiohttp.ClientSession(front.host, headers=headers) as http:
                yield Behind(desk=desk, front=front, http=http)
            assert front.strays == []


async def test_telegram_is_told_the_whole_address_and_reaches_it(behind: Behind) -> None:
    telegram = behind.desk.vendors.telegram
    hook = telegram.called("setWebhook")[-1]
    assert hook["url"] == f"{behind.front.url}/webhooks/telegram"
    event = telegram.message("Where is my parcel?", chat=7)
    assert await telegram.push(event, hook["url"], secret=TELEGRAM_SECRET) == 200
    assert await telegram.push(event, hook["url"], secret="guessed") == 403


async def test_twilio_signs_the_whole_address(behind: Behind) -> None:
    twilio = behind.desk.vendors.twilio
    url = f"{behind.front.url}/webhooks/twilio/sms"
    form = twilio.form("Where is my parcel?")
    status, _ = await twilio.push(url, form, signed_url=url)
    assert status == 200
    bare = f"{behind.front.host}/webhooks/twilio/sms"
    status, _ = await twilio.push(url, twilio.form("Where?"), signed_url=bare)
    assert status == 403


async def test_what_the_api_names_is_where_it_says(behind: Behind) -> None:
    base = behind.front.prefix
    async with behind.http.post(f"{base}/api/conversations", json={}) as answer:
        opened = await answer.json()
        assert answer.headers["Location"] == f"{base}/api/conversations/{opened['id']}"
    place = answer.headers["Location"]
    visitor = {"Authorization": f"Bearer {opened['token']}"}
    async with behind.http.post(
        f"{place}/attachments", params={"name": "a.jpg"}, data=photo(), headers=visitor
    ) as answer:
        file = await answer.json()
        assert answer.status == 201, file
    body = {"text": "It is broken", "attachments": [file["id"]], "client_id": "c1"}
    async with behind.http.post(f"{place}/messages", json=body, headers=visitor) as answer:
        assert answer.status == 202, await answer.text()
    [kept] = await behind.desk.kept(opened["id"])
    for name in ("url", "open", "preview"):
        assert kept[name].startswith(f"{base}/"), name
        async with behind.http.get(kept[name], headers=visitor) as answer:
            assert answer.status == 200, name
    whole = behind.desk.app.core.links.url("x", life=timedelta(hours=1))
    assert whole.startswith(f"{behind.front.url}/files/")


async def test_a_stream_flows_through(behind: Behind) -> None:
    base = behind.front.prefix
    async with behind.http.post(f"{base}/api/conversations", json={"text": "Hello"}) as answer:
        assert answer.status == 201, await answer.text()
        opened = await answer.json()
    visitor = {"Authorization": f"Bearer {opened['token']}"}
    url = f"{base}/api/conversations/{opened['id']}/events"
    async with asyncio.timeout(20), behind.http.get(url, headers=visitor) as stream:
        assert stream.status == 200
        async for line in stream.content:
            if line.startswith(b"event: message"):
                break


async def test_links_in_mails_and_slack_lead_below_the_path(behind: Behind) -> None:
    accounts, base = behind.desk.app.core.accounts, behind.desk.app.core.site.url()
    assert base == behind.front.url
    link = await accounts.issue_link(behind.desk.agent, actor=OPERATOR)
    async with behind.http.get(f"{behind.front.prefix}/login/link/{link}") as answer:
        assert answer.status == 200
        assert f'action="{behind.front.prefix}/login/link/{link}"' in await answer.text()
    async with behind.http.post(
        f"{behind.front.prefix}/api/conversations", json={"text": "I want to speak to a person"}
    ) as answer:
        opened = await answer.json()
    await behind.desk.waiting(opened["id"])
    where = f"{base}/console/conversations/{opened['id']}"
    async with asyncio.timeout(20):
        while where not in str(behind.desk.vendors.slack.calls):
            await asyncio.sleep(0.1)
