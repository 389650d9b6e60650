"""Takes docs/images/console-*.png of every page of the console: `python -m bench.console_pictures`.

`AXE=path/to/axe.min.js` has axe-core look at each page, too, and its findings are printed. Names of
looks (`-phone`, `-ko-dark`) take only these.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.runtime.data_dir import DataDir
from core.runtime.shipped import DEMONSTRATION
from core.storage.embedded import EmbeddedStore

IMAGES = Path(__file__).parents[1] / "docs" / "images"
BROWSER = "/usr/bin/chromium"
COLOURS = 96  #: of a picture: text stays sharp, and 1280 by 800 fit into 40 KB
MATTERS = ("serious", "moderate", "critical")
ASKED = (
    "How long does delivery take?",
    "What does delivery cost?",
    "When is the shop open on Saturday?",
    "Can I exchange for another size?",
    "Do you sell boots for children?",
    "Who pays for the return?",
    "I would like to talk to a person, please",
    "Is my invoice paid already?",
    "배송은 얼마나 걸리나요?",
    "환불은 언제 되나요?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One page, and what is pressed there before its picture is taken."""

    name: str
    path: str
    press: str = ""  #: a selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the pages are looked at."""

    name: str
    locale: str
    scheme: str
    width: int
    height: int
    only: Sequence[str] = ()  #: names of those that are kept as pictures; none: all


LOOKS = (
    Look(name="", locale="en-US", scheme="light", width=1280, height=800),
    Look(
        name="-ko-dark",
        locale="ko-KR",
        scheme="dark",
        width=1280,
        height=800,
        only=("approvals", "conversations", "dashboard", "start", "settings", "audit"),
    ),
    Look(
        name="-phone",
        locale="ko-KR",
        scheme="light",
        width=360,
        height=740,
        only=("approvals", "menu", "start", "settings-model", "users", "audit"),
    ),
    Look(name="-phone-dark", locale="en-US", scheme="dark", width=390, height=844, only=("none",)),
)


def shots_of(conversation: str, article: str) -> Sequence[Shot]:
    """Every page, in the menu's order, and their other states."""
    return (
        Shot(name="approvals", path="/console/approvals"),
        Shot(name="approvals-edit", path="/console/approvals", press="[data-do=edit]"),
        Shot(name="approvals-reject", path="/console/approvals", press="[data-do=reject]"),
        Shot(name="conversations", path="/console/conversations?sort=newest"),
        Shot(name="conversation", path=f"/console/conversations/{conversation}"),
        Shot(name="saved-replies", path="/console/saved-replies"),
        Shot(name="deliveries", path="/console/deliveries"),
        Shot(name="dashboard", path="/console/dashboard"),
        Shot(name="reports", path="/console/reports"),
        Shot(name="alerts", path="/console/alerts"),
        Shot(name="quality", path="/console/quality"),
        Shot(name="assistant", path="/console/assistant"),
        Shot(name="assistant-numbers", path="/console/assistant/numbers"),
        Shot(name="knowledge", path="/console/knowledge"),
        Shot(name="article", path=f"/console/knowledge/article?id={article}"),
        Shot(name="knowledge-review", path="/console/knowledge/review"),
        Shot(name="disagreements", path="/console/knowledge/disagreements"),
        Shot(name="sources", path="/console/sources"),
        Shot(name="imports", path="/console/imports"),
        Shot(name="start", path="/console/start"),
        Shot(name="users", path="/console/users"),
        Shot(name="users-link", path="/console/users", press="tr:last-child [data-do=link]"),
        Shot(name="tokens", path="/console/tokens"),
        Shot(name="settings", path="/console/settings"),
        Shot(name="settings-chat", path="/console/settings#chat"),
        Shot(name="settings-people", path="/console/settings#people"),
        Shot(name="settings-model", path="/console/settings#model", press="[value=console]"),
        Shot(name="settings-mail", path="/console/settings#mail"),
        Shot(name="settings-website", path="/console/settings#website"),
        Shot(name="channels", path="/console/plugins"),
        Shot(name="privacy", path="/console/privacy"),
        Shot(name="audit", path="/console/audit"),
        Shot(name="help", path="/console/help"),
        Shot(name="account", path="/console/account"),
        Shot(name="menu", path="/console/deliveries", press=".menu-toggle"),
        Shot(name="not-found", path="/console/nothing-here"),
        Shot(name="chat", path="/"),
    )


async def main() -> None:
    """All looks, one after the other, over one deployment with a made-up company."""
    axe = os.environ.get("AXE", "")
    wanted = sys.argv[1:] or [look.name for look in LOOKS]
    script = Path(axe).read_text(encoding="utf-8") if axe else ""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = EmbeddedStore(folder / "mongo", durable=False)
        await store.boot()
        stack.push_async_callback(store.stop)
        settings = read_settings(
            {
                "MONGODB_URI": store.uri.replace("/?", "/pictures?"),
                "DATA_DIR": str(folder / "data"),
                "PORT": "0",
            }
        )
        data_dir = DataDir(folder / "data")
        data_dir.prepare()
        live = await stack.enter_async_context(serving(settings, data_dir, store=None))
        conversation = await _company(live)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=BROWSER, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        stack.push_async_callback(browser.close)
        found = 0
        for look in (one for one in LOOKS if one.name in wanted):
            found += await _looked(live, browser, look, conversation, script)
        if script:
            print(f"{found} findings that matter")


async def _company(live: App) -> str:
    """A company with knowledge, people and customers; gives a conversation to show."""
    core, url = live.core, live.core.site.url()
    admin = await core.accounts.first_admin()
    for name, role in (("mina", Role.AGENT), ("sara", Role.SUPERVISOR)):
        await core.accounts.add(admin, f"{name}@example.com", role=role, name=f"{name.title()} Kim")
    await live.rag.knowledge.add_paths([DEMONSTRATION], by=admin.email)
    talks = []
    async with aiohttp.ClientSession(url) as http:
        for question in ASKED:
            locale = "en" if question.isascii() else "ko"
            body = {"text": question, "locale": locale}
            async with http.post("/api/conversations", json=body) as answer:
                talks.append((await answer.json())["id"])
    await asyncio.sleep(8)  # bursts end, and answers go out
    await core.projector.drain()
    await core.accounts.set_role(admin, "mina@example.com", Role.SUPERVISOR)
    await core.accounts.set_role(admin, "mina@example.com", Role.AGENT)
    return str(talks[0])


async def _looked(live: App, browser: Browser, look: Look, conversation: str, script: str) -> int:
    """Every page in this look; how many findings matter."""
    context = await browser.new_context(
        locale=look.locale,
        color_scheme="dark" if look.scheme == "dark" else "light",
        viewport={"width": look.width, "height": look.height},
    )
    page = await _signed_in(live, context)
    articles = await live.rag.knowledge.list()
    article = next(one.article.id for one in articles if one.article.locale == "en")
    found = 0
    for shot in shots_of(conversation, article):
        if shot.name == "menu" and look.width > 1_000:
            continue
        await page.goto("about:blank")
        await page.goto(live.core.site.url() + shot.path)
        await page.wait_for_timeout(1_500 if "dashboard" in shot.path else 500)
        if shot.press:
            target = page.locator(shot.press).first
            if await target.count() and await target.is_visible():
                await target.click()
                await page.wait_for_timeout(300)
        if not look.only or shot.name in look.only:
            _keep(await page.screenshot(), f"console-{shot.name}{look.name}")
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            print(f"{look.name or '-'} {shot.name}: {width} pixels too wide")
        found += await _findings(page, f"{look.name or '-'} {shot.name}", script)
    await context.close()
    return found


async def _signed_in(live: App, context: BrowserContext) -> Page:
    """A page of the admin's."""
    admin = await live.core.accounts.first_admin()
    link = await live.core.accounts.issue_link(admin, actor=OPERATOR)
    page = await context.new_page()
    await page.goto(f"{live.core.site.url()}/login/link/{link}")
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_url("**/console/**")
    return page


async def _findings(page: Page, where: str, script: str) -> int:
    if not script:
        return 0
    await page.evaluate(script)
    result: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    matter = [one for one in result["violations"] if one["impact"] in MATTERS]
    for one in matter:
        nodes = "; ".join(str(node["target"]) for node in one["nodes"][:3])
        print(f"{where}: {one['id']} ({one['impact']}) {nodes}")
    return len(matter)


def _keep(content: bytes, name: str) -> None:
    """The picture in few colours: what is drawn by a program needs no more."""
    with Image.open(io.BytesIO(content)) as opened:
        few = opened.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    asyncio.run(main())
