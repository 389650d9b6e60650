"""Behind a reverse proxy that serves us below a path of a shop's host, chat and console are whole.

Both kinds: the one that takes the path off before it asks us, and the one that does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from oidc_provider_mock import User as Identity
from oidc_provider_mock import run_server_in_thread
from playwright.async_api import Browser, BrowserContext, Frame, Page, expect

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.browser.signing_in import by_link
from tests.support.proxy import Proxy, proxy
from tests.support.servers.faults import Listening

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SHOP = """<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<h1>Shop</h1><script src="{url}/widget.js" async></script></html>"""
ANN = Identity(sub="ann", claims={"email": "ann@example.com", "email_verified": True})
RESET = Article(
    id="a1",
    title="How do I reset my password?",
    text="Open Settings and press **Reset**.",
    locale="en",
    questions=("How do I reset my password?",),
)


@dataclass(kw_only=True)
class Place:
    """The program, what stands in front of it, and what its pages complained of."""

    app: App
    front: Proxy
    chromium: Browser
    complaints: list[str]

    async def profile(self) -> BrowserContext:
        """A browser of somebody's own."""
        context = await self.chromium.new_context(locale="en-US")
        context.set_default_timeout(20_000)
        return context

    async def page(self, context: BrowserContext) -> Page:
        """A page whose complaints are kept."""
        page = await context.new_page()
        page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page


@pytest.fixture(params=[True, False], ids=["strips", "passes on"])
async def place(
    request: pytest.FixtureRequest,
    db: Database,
    mongo_uri: str,
    tmp_path: Path,
    chromium: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    async with proxy("", strips=request.param) as front:
        with run_server_in_thread(user_claims=[ANN]) as provider:
            issuer = f"http://localhost:{provider.server_port}"
            settings = read_settings(
                {
                    "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
                    "DATA_DIR": str(tmp_path),
                    "PORT": "0",
                    "PUBLIC_URL": front.url,
                    "TRUSTED_PROXIES": "127.0.0.1",
                    "OIDC_ISSUER": issuer,
                    "OIDC_CLIENT_ID": "desk",
                    "OIDC_CLIENT_SECRET": "a secret",
                    "OIDC_NAME": "Company",
                }
            )
            async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
                front.upstream = f"http://127.0.0.1:{live.web.port}"
                await live.rag.knowledge.add_article(RESET)
                made = Place(app=live, front=front, chromium=chromium, complaints=[])
                yield made
                assert made.complaints == []
                assert front.strays == []
                assert [answer for answer in front.answers if answer[0] >= 400] == []


async def ask(page: Page | Frame, text: str) -> None:
    """Write it and press Enter."""
    # The scripts are there.
    await expect(page.locator("[data-part=send]:not([disabled])")).to_have_count(1)
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def signed_in(place: Place) -> Page:
    """An admin's page, by a one-time link."""
    ann = await place.app.core.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    link = await place.app.core.accounts.issue_link(ann, actor=OPERATOR)
    page = await place.page(await place.profile())
    await by_link(page, f"{place.front.url}/login/link/{link}")
    return page


async def test_a_customer_is_answered_and_a_colleague_approves(place: Place) -> None:
    chat = await place.page(await place.profile())
    await chat.goto(place.front.url)
    await ask(chat, "How do I reset my password?")
    await expect(chat.locator(".from-ai .body").last).to_contain_text("press Reset")
    await chat.reload()
    await expect(chat.locator(".from-ai .body").last).to_contain_text("press Reset")

    desk = await signed_in(place)
    assert desk.url == f"{place.front.url}/console/approvals"
    await expect(desk.locator("#live.good")).to_be_visible()
    await ask(chat, "I want to speak to a person about my broken kettle, please")
    card = desk.locator(".ticket")
    await expect(card).to_have_count(1)
    await card.locator("a[data-act=open]").click()
    await desk.wait_for_url(f"{place.front.url}/console/conversations/*")
    await expect(desk.locator("#live.good")).to_be_visible()
    await desk.locator("[data-do=take_over]").click()
    await desk.locator("#reply textarea").fill("A person here.")
    await desk.locator("#reply button[type=submit]").click()
    await expect(chat.locator(".from-agent .body")).to_contain_text("A person here.")


async def test_every_page_of_the_menu_loads_and_signs_out(place: Place) -> None:
    desk = await signed_in(place)
    paths = await desk.locator("#nav a").evaluate_all("all => all.map(a => a.href)")
    assert len(paths) > 5
    for path in paths:
        assert path.startswith(place.front.url + "/")
        await desk.goto(path)
        await expect(desk.locator("main")).to_be_visible()
        if path.endswith("/console/dashboard"):
            await desk.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    await desk.goto(f"{place.front.url}/console/account")
    await desk.locator("[data-theme-toggle]").click()
    await desk.reload()
    await expect(desk.locator("html")).to_have_attribute("data-theme", "light")
    await desk.locator("form[action$='/logout'] button").click()
    await desk.wait_for_url(f"{place.front.url}/login")
    await desk.goto(f"{place.front.url}/console/knowledge?q=a")
    assert desk.url == f"{place.front.url}/login?next=%2Fconsole%2Fknowledge%3Fq%3Da"
    names = {cookie["name"] for cookie in await desk.context.cookies()}
    assert names == {"locale-support", "theme-support"}


async def test_the_widget_opens_on_a_strangers_site(place: Place) -> None:
    async def shop(_request: web.Request) -> web.Response:
        return web.Response(text=SHOP.format(url=place.front.url), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", shop)
    listening = Listening(app)
    await listening.open()
    page = await place.page(await place.profile())
    await page.goto(f"http://localhost:{listening.port}/")
    await page.wait_for_function("window.ContactCenter")
    await page.evaluate("ContactCenter.open()")
    for _ in range(200):
        frames = [f for f in page.frames if f.url.startswith(f"{place.front.url}/?embed=1")]
        if frames:
            break
        await page.wait_for_timeout(50)
    await ask(frames[0], "How do I reset my password?")
    await expect(frames[0].locator(".from-ai .body").last).to_contain_text("press Reset")
    await listening.close()


async def test_a_provider_sends_people_back_to_us(place: Place) -> None:
    await place.app.core.accounts.add(OPERATOR, "ann@example.com", role=Role.ADMIN)
    page = await (await place.profile()).new_page()  # the provider's pages may complain
    await page.goto(f"{place.front.url}/console/account")
    await page.click("text=Sign in with Company")
    await page.fill("[name=sub]", "ann")
    await page.locator("button").first.click()
    await page.wait_for_url(f"{place.front.url}/console/account")
    await expect(page.locator("main")).to_contain_text("ann@example.com")
