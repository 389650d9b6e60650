"""Whatever anybody wrote is shown as text on every page, and nothing of it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, ConsoleMessage, expect

from composition import Serving, serving
from config.settings import read_settings
from core.accounts.rules import Role
from core.accounts.service import OPERATOR
from core.data_dir import DataDir
from core.messages import Address, InboundMessage, Sender
from core.rag.passages import Article
from core.storage.client import Database
from tests.support.world import SteeredResponder, unsure

MARK = "zzplanted"
PAYLOAD = (
    f'{MARK}<script>window.__ran=1</script><img src=x onerror="window.__ran=2">'
    f"\"'><svg onload=window.__ran=3>{{{{7*7}}}}</title></textarea></script>"
    '[x](javascript:window.__ran=4) ![x](x" onerror="window.__ran=5)'
    " javascript:window.__ran=6"
)
PLUGIN = """
[plugin]
id = "planted"
name = '{payload}'
version = "1.0.0"
api = 1
entry = "planted:plugin"
description = '{payload}'
description_ko = '{payload}'
homepage = "https://example.com"
"""


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Serving]:
    """Everything, with a plugin whose manifest is not kind."""
    folder = tmp_path / "plugins" / "planted"
    folder.mkdir(parents=True)
    quiet = PAYLOAD.replace("'", "")
    (folder / "manifest.toml").write_text(PLUGIN.format(payload=quiet))
    settings = read_settings(
        {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
        }
    )
    responder = SteeredResponder()
    responder.always(unsure(PAYLOAD))
    async with serving(
        settings, DataDir(tmp_path), store=None, guide=None, responder=responder
    ) as live:
        yield live


async def plant(desk: Serving) -> list[str]:
    """Put it wherever somebody may write; gives the conversations."""
    center = desk.center
    await center.accounts.add(OPERATOR, "planted@example.com", role=Role.AGENT, name=PAYLOAD)
    planted = await center.accounts.find("planted@example.com")
    await desk.access.open(planted, address=PAYLOAD[:60], browser=PAYLOAD)
    knowledge = await center.knowledge()
    article = Article(
        id="planted", title=PAYLOAD, text=PAYLOAD, topic=PAYLOAD[:100], url="javascript:alert(1)"
    )
    await knowledge.add_article(article, by=PAYLOAD)
    ids = []
    async with aiohttp.ClientSession(center.base_url) as http:
        async with http.post("/api/conversations", json={"text": PAYLOAD}) as answer:
            talk = await answer.json()
        ids.append(talk["id"])
        await http.post(
            f"/api/conversations/{talk['id']}/rating",
            json={"score": 1, "comment": PAYLOAD},
            headers={"Authorization": f"Bearer {talk['token']}"},
        )
    for n, channel in enumerate(("sms", "slack", "telegram")):
        address = Address(channel=channel, account="a", chat=f"chat{n}")
        await desk.inbox.receive(
            InboundMessage(
                address=address,
                external_id=f"x{n}",
                sender=Sender(id=f"<b>{n}", name=PAYLOAD),
                text=PAYLOAD,
            )
        )
        ids.append(address.conversation_id())
    await desk.center.audit.record(
        "user.profile", who=PAYLOAD, subject=PAYLOAD, after={"name": PAYLOAD}
    )
    return ids


async def test_on_every_page(desk: Serving, chromium: Browser) -> None:
    ids = await plant(desk)
    base = desk.center.base_url
    admin = await desk.center.accounts.first_admin()
    link = await desk.center.accounts.issue_link(admin, actor=OPERATOR)
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("dialog", lambda asked: complaints.append(asked.message))
    await page.goto(f"{base}/login/link/{link}")
    async with aiohttp.ClientSession(base):
        for conversation_id in ids:
            for _ in range(200):
                if (await desk.conversations.peek(conversation_id)).review is not None:
                    break
                await page.wait_for_timeout(50)
    await desk.projector.drain()
    paths = sorted(
        r.path
        for r in desk.web.routes
        if r.page and r.method == "GET" and r.path.startswith("/console") and "{" not in r.path
        and not r.path.endswith(("export", ".csv"))
    )  # fmt: skip
    paths += [f"/console/conversations/{i}" for i in ids]
    paths += [
        "/console/knowledge?q=zzplanted",
        f"/console/audit?who={MARK}",
        "/console/plugins/planted",
    ]
    shown = []
    for path in paths:
        answer = await page.goto(base + path, wait_until="domcontentloaded")
        assert answer is not None
        assert answer.status < 500, path
        await page.wait_for_timeout(250)
        ran, made, text = await page.evaluate(
            """() => [window.__ran ?? 0,
              document.querySelectorAll(
                'img[src="x"], svg[onload], [onerror], a[href^="javascript"]').length,
              document.body.innerText + [...document.querySelectorAll('input,textarea')]
                .map((i) => i.value).join(' ')]"""
        )
        assert (path, ran, made) == (path, 0, 0)
        if MARK in text:
            shown.append(path)
    assert complaints == []
    print(len(paths), "pages;", len(shown), "showed it:", *shown)
    wanted = {"/console/approvals", "/console/users", "/console/knowledge", "/console/audit"}
    assert wanted <= set(shown)
    assert {f"/console/conversations/{i}" for i in ids} <= set(shown)
    await context.close()


async def test_in_the_chat(desk: Serving, chromium: Browser) -> None:
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None,
    )
    await page.goto(desk.center.base_url)
    box = page.locator("textarea").first
    await box.fill(PAYLOAD)
    await box.press("Enter")
    await expect(page.locator("body")).to_contain_text(MARK)
    await page.wait_for_timeout(500)
    agent = await desk.center.accounts.first_admin()
    for _ in range(200):
        await desk.projector.drain()
        if items := (await desk.approvals.pending(agent)).items:
            break
        await page.wait_for_timeout(50)
    from approvals.model import Ruling
    from core.events import Decision

    ruling = Ruling(decision=Decision.APPROVE)
    await desk.approvals.decide(agent, items[0].id, ruling, version=items[0].version)
    await page.wait_for_function(f"document.body.innerText.split('{MARK}').length > 2")
    assert await page.evaluate("window.__ran ?? 0") == 0
    made = await page.evaluate(
        """document.querySelectorAll('img[src="x"], svg[onload], a[href^="javascript"]').length"""
    )
    assert made == 0
    assert complaints == []
    await context.close()
