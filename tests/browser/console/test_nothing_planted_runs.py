"""Whatever anybody wrote is shown as text on every page, and nothing of it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, ConsoleMessage, expect

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain.messages import Address, InboundMessage, Sender
from core.engine.ports import Signal
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.browser.signing_in import by_link
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
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[App]:
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


async def plant(desk: App) -> list[str]:
    """Put it wherever somebody may write; gives the conversations."""
    await desk.core.accounts.add(OPERATOR, "planted@example.com", role=Role.AGENT, name=PAYLOAD)
    planted = await desk.core.accounts.find("planted@example.com")
    await desk.access.open(planted, address=PAYLOAD[:60], browser=PAYLOAD)
    knowledge = await desk.rag.ready()
    article = Article(
        id="planted", title=PAYLOAD, text=PAYLOAD, topic=PAYLOAD[:100], url="javascript:alert(1)"
    )
    await knowledge.add_article(article, by=PAYLOAD)
    ids = []
    async with aiohttp.ClientSession(desk.core.site.url()) as http:
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
        await desk.core.inbox.receive(
            InboundMessage(
                address=address,
                external_id=f"x{n}",
                sender=Sender(id=f"<b>{n}", name=PAYLOAD),
                text=PAYLOAD,
            )
        )
        ids.append(address.conversation_id())
    await desk.core.audit.record(
        "user.profile", who=PAYLOAD, subject=PAYLOAD, after={"name": PAYLOAD}
    )
    return ids


async def test_on_every_page(desk: App, chromium: Browser) -> None:
    ids = await plant(desk)
    base = desk.core.site.url()
    admin = await desk.core.accounts.first_admin()
    link = await desk.core.accounts.issue_link(admin, actor=OPERATOR)
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("dialog", lambda asked: complaints.append(asked.message))
    await by_link(page, f"{base}/login/link/{link}")
    async with aiohttp.ClientSession(base):
        for conversation_id in ids:
            for _ in range(200):
                if (await desk.core.conversations.peek(conversation_id)).review is not None:
                    break
                await page.wait_for_timeout(50)
    await desk.core.projector.drain()
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


async def test_in_the_chat(desk: App, chromium: Browser) -> None:
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None,
    )
    await page.goto(desk.core.site.url())
    box = page.locator("textarea").first
    await box.fill(PAYLOAD)
    await box.press("Enter")
    await expect(page.locator("body")).to_contain_text(MARK)
    await page.wait_for_timeout(500)
    agent = await desk.core.accounts.first_admin()
    for _ in range(200):
        await desk.core.projector.drain()
        if items := (await desk.desk.service.pending(agent)).items:
            break
        await page.wait_for_timeout(50)
    from approvals.queue.model import Ruling
    from core.domain.events import Decision

    ruling = Ruling(decision=Decision.APPROVE)
    await desk.desk.service.decide(agent, items[0].id, ruling, version=items[0].version)
    await page.wait_for_function(f"document.body.innerText.split('{MARK}').length > 2")
    assert await page.evaluate("window.__ran ?? 0") == 0
    made = await page.evaluate(
        """document.querySelectorAll('img[src="x"], svg[onload], a[href^="javascript"]').length"""
    )
    assert made == 0
    assert complaints == []
    await context.close()


async def test_while_an_answer_grows(desk: App, chromium: Browser) -> None:
    """Markup torn apart between the pieces becomes none when they are put together."""
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    await page.goto(desk.core.site.url())
    async with page.expect_request("**/events"):
        await page.get_by_role("button", name="Talk to a person").click()
    [conversation_id] = await page.evaluate(
        "[JSON.parse(localStorage.getItem('contact-center.session')).id]"
    )
    await page.locator("textarea").first.fill("Hello?")
    await page.route("**/messages", lambda route: route.abort())
    await page.locator("textarea").first.press("Enter")  # it waits for an answer from now on
    await page.wait_for_timeout(500)

    def signal(kind: str, text: str) -> None:
        desk.core.conversations.signal(
            Signal(conversation_id=conversation_id, kind=kind, text=text)
        )

    signal("typing", "ai")
    growing = page.locator("[data-part=live] .from-ai .body")
    for at in range(0, len(PAYLOAD), 7):
        signal("delta", PAYLOAD[at : at + 7])
    signal("delta", " **and it ends**")
    await expect(growing.locator("strong")).to_have_text("and it ends")
    await expect(growing).to_contain_text(f"{MARK}<script>window.__ran=1</script><img src=x")
    made = await growing.evaluate(
        "b => [...b.querySelectorAll('*')].map((n) => n.localName + n.getAttributeNames())"
    )
    assert sorted(set(made)) == ["pdir", "strong"]  # `dir="auto"` is ours
    assert await page.evaluate("window.__ran ?? 0") == 0
    assert [c for c in complaints if "ERR_FAILED" not in c] == []
    await context.close()
