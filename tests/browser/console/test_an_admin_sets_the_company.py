"""An admin never opens a file: what they set in the browser is the chat a moment later."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from PIL import Image
from playwright.async_api import Browser, Page, expect

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from tests.browser.shots import shot
from tests.browser.signing_in import by_link
from tests.core.accounts.test_mail_links import Letterbox
from tests.support.process import free_port
from tests.support.servers.openai import Scene, openai_server

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_name_colour_greeting_and_a_question_to_begin_with(
    app: App, chromium: Browser, width: int
) -> None:
    base = app.core.site.url()
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    profile = await chromium.new_context(locale="en-US", viewport={"width": width, "height": 800})
    page = await profile.new_page()
    page.set_default_timeout(20_000)
    await by_link(page, f"{base}/login/link/{link}")
    await page.goto(f"{base}/console/settings")
    await page.locator("[name=name]").fill("Acme Shoes")
    await page.locator("[name=colour]").fill("#ffe066")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-problem]")).to_contain_text("Choose a darker colour")
    await page.locator("[name=colour]").fill("#0b6e4f")
    await expect(page.locator("[name=picked]")).to_have_value("#0b6e4f")
    tabs = page.get_by_role("tablist")
    await tabs.get_by_role("tab", name="When people answer").click()
    await page.locator("[name=deadline_minutes]").fill("ten")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-problem]")).to_contain_text("deadline_minutes")
    await page.locator("[name=deadline_minutes]").fill("7,5")
    await tabs.get_by_role("tab", name="The chat").click()
    await page.locator("[name=greeting][data-language=en]").fill("Hello from Acme")
    await page.locator("[name=questions][data-language=en]").fill("Where is my parcel?")
    await page.locator("[name=launcher][data-language=en]").fill("Chat with us")
    await page.locator("[name=position]").select_option("left")
    await page.locator("[name=theme]").select_option("light")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast").last).to_contain_text("Saved")
    assert app.core.company.current.deadline_minutes == 7.5
    assert app.core.company.current.launcher == {"en": "Chat with us"}
    assert app.core.company.current.position == "left"
    preview = page.frame_locator("#preview")
    await expect(preview.locator("h1")).to_have_text("Acme Shoes")
    await expect(preview.locator("html")).to_have_attribute("data-theme", "light")
    await shot(page, f"settings-{width}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.goto(base + "/")
    await expect(page).to_have_title(re.compile("Acme Shoes"))
    await expect(page.locator("h2").first).to_have_text("Hello from Acme")
    accent = "getComputedStyle(document.querySelector('.starters button')).color"
    assert await page.evaluate(accent) == "rgb(11, 110, 79)"
    await page.get_by_role("button", name="Where is my parcel?").click()
    await expect(page.locator("[data-part=log]")).to_contain_text("Where is my parcel?")


async def test_a_logo_is_shown_in_the_chat_and_taken_away(
    app: App, chromium: Browser, tmp_path: Path
) -> None:
    base = app.core.site.url()
    page = await _admin(app, chromium)
    await page.goto(f"{base}/console/settings")
    drawing = tmp_path / "logo.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    await page.set_input_files("#logo-file", drawing)
    await expect(page.locator(".toast.bad")).to_contain_text("SVG may hold scripts")
    picture = tmp_path / "logo.jpg"
    Image.new("RGB", (900, 600), "#0b6e4f").save(picture)
    await page.set_input_files("#logo-file", picture)
    await expect(page.locator("#logo img")).to_be_visible()
    shown = page.frame_locator("#preview").locator("img.logo")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("img => img.decode().then(() => img.naturalWidth)") == 160
    answer = await page.request.get(f"{base}/company-logo.png?{app.core.company.current.logo}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    await page.get_by_role("button", name="Remove the logo").click()
    await expect(page.locator("#logo img")).to_be_hidden()
    await expect(shown).to_have_count(0)
    assert (await page.request.get(f"{base}/company-logo.png")).status == 404


async def test_a_model_is_tested_before_it_is_saved_and_answers_at_once(
    app: App, chromium: Browser
) -> None:
    base = app.core.site.url()
    async with openai_server() as server:
        server.scenes = [Scene(status=401), Scene(text="Hello.")]
        page = await _admin(app, chromium)
        await page.goto(f"{base}/console/settings#model")
        await page.get_by_label("This one").check()
        await page.locator("[name=model]").fill("openai:test")
        await page.locator("[name=base_url]").fill(server.url)
        await page.get_by_role("button", name="Test it").click()
        outcome = page.locator("#model-form [data-outcome]")
        await expect(outcome).to_contain_text("needs its key entered")
        await page.locator("[name=api_key]").fill("sk-entered")
        await page.get_by_role("button", name="Test it").click()
        await expect(outcome).to_contain_text("The provider rejects the key", timeout=90_000)
        await page.get_by_role("button", name="Test it").click()
        await expect(outcome).to_contain_text("Hello.", timeout=90_000)
        assert app.answers.writing_seconds == 0  # a test keeps nothing
        await page.get_by_role("button", name="Save the model").click()
        await expect(page.locator(".toast").last).to_contain_text("Saved", timeout=90_000)
        assert app.answers.writing_seconds > 0
        await page.reload()
        assert await page.locator("[name=api_key]").input_value() == ""
        assert "sk-entered" not in await page.content()
        kept = await app.db["company"].find_one({"_id": "model"})
        assert "sk-entered" not in str(kept)
        await page.locator("[name=source][value=none]").check()
        await page.get_by_role("button", name="Save the model").click()
        await expect(page.locator(".toast").last).to_contain_text("Saved")
        assert app.answers.writing_seconds == 0


async def test_a_mail_server_is_set_tested_and_used(app: App, chromium: Browser) -> None:
    base, letterbox, port = app.core.site.url(), Letterbox(), free_port()
    post = Controller(letterbox, hostname="127.0.0.1", port=port)
    post.start()
    page = await _admin(app, chromium)
    await app.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    await page.goto(f"{base}/console/settings#mail")
    form = page.locator("#mail-form")
    outcome = form.locator("[data-outcome]")
    await form.get_by_role("button", name="Send me a test mail").click()
    await expect(outcome).to_contain_text("nothing to test")
    await form.locator("[name=host]").fill("127.0.0.1")
    await form.locator("[name=port]").fill(str(free_port()))
    await form.locator("[name=sender]").fill("desk@example.com")
    await form.get_by_role("button", name="Send me a test mail").click()
    await expect(outcome).to_contain_text("Nothing was sent.")
    await form.locator("[name=port]").fill(str(port))
    await form.get_by_role("button", name="Send me a test mail").click()
    await expect(outcome).to_contain_text("Look whether it arrives at admin@localhost")
    assert not app.core.mail.is_set  # a test keeps nothing
    await form.get_by_role("button", name="Save the mail server").click()
    await expect(page.locator(".toast").last).to_contain_text("Saved")
    await shot(page, "settings-mail")
    await page.goto(f"{base}/console/users")
    await page.locator("tr", has_text="mina@example.com").locator("[data-do=link]").click()
    await page.get_by_role("button", name="Send it by mail").click()
    await expect(page.locator(".toast").last).to_contain_text("Sent to mina@example.com")
    post.stop()
    assert [to for to, _ in letterbox.letters] == ["admin@localhost", "mina@example.com"]


async def test_an_address_that_only_this_machine_knows_is_called_so(
    app: App, chromium: Browser
) -> None:
    page = await _admin(app, chromium)
    await page.goto(app.core.site.url() + "/console/settings#website")
    await expect(page.locator("#panel-website .alert")).to_contain_text("PUBLIC_URL")


async def test_tabs_by_keyboard_and_by_address(app: App, chromium: Browser) -> None:
    page = await _admin(app, chromium)
    for part in ("company", "chat", "people", "model", "mail", "website"):
        await page.goto("about:blank")
        await page.goto(f"{app.core.site.url()}/console/settings#{part}")
        await expect(page.locator(f"#panel-{part}")).to_be_visible()
        assert await page.evaluate("scrollY") == 0, part
    await page.goto(app.core.site.url() + "/console/settings#people")
    await expect(page.locator("#panel-people")).to_be_visible()
    await expect(page.locator("#panel-company")).to_be_hidden()
    await page.get_by_role("tab", name="When people answer").press("ArrowRight")
    await expect(page.get_by_role("tab", name="Language model")).to_be_focused()
    await expect(page.locator("#panel-model")).to_be_visible()
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_hidden()


async def _admin(app: App, chromium: Browser) -> Page:
    """A page of a new admin's browser."""
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    page = await (await chromium.new_context(locale="en-US")).new_page()
    page.set_default_timeout(20_000)
    await by_link(page, f"{app.core.site.url()}/login/link/{link}")
    return page
