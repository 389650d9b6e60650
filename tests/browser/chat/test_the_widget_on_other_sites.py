"""The widget on a stranger's site: from page to page, in its looks, and by script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from core.company.model import Company
from core.web.identity.visitor_identity import VisitorIdentity
from tests.approvals.office import MINA
from tests.browser.chat.shop import OPEN_SHADOWS, PHONE, Shop, the_frame, until, widget_ready
from tests.browser.conftest import PATIENCE, OpenPage
from tests.browser.site import SECRET, Site
from tests.conftest import BROWSER, BROWSER_FLAGS

pytestmark = pytest.mark.browser

LAUNCHER, BADGE, FRAME = ".launcher", ".launcher .dot", "iframe.frame"


@pytest.fixture(params=["storage", "no third-party storage"])
async def shopper(
    request: pytest.FixtureRequest, open_page: OpenPage, shop: Shop, tmp_path: Path
) -> AsyncIterator[Page]:
    """The shop in a browser that lets frames of other sites store things, and in one that does not.

    A private window of Chromium refuses: that is what every other test here has.
    """
    if request.param != "storage":
        yield await looked_into(open_page, shop)
        return
    async with async_playwright() as playwright:
        profile = await playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=BROWSER, args=list(BROWSER_FLAGS), locale="en-US"
        )
        await profile.add_init_script(OPEN_SHADOWS)
        page = await profile.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(shop.url)
        await widget_ready(page)
        yield page
        await profile.close()


async def looked_into(open_page: OpenPage, shop: Shop, **context: object) -> Page:
    """The shop's page, with a widget whose shadow tests may read."""
    page = await open_page(shop.url, **context)
    await page.add_init_script(OPEN_SHADOWS)
    await page.reload()
    await widget_ready(page)
    return page


async def ask(page: Page, site: Site, text: str) -> None:
    """Open the chat, write it, and have the answer."""
    await page.locator(LAUNCHER).click()
    frame = await the_frame(page, site.url)
    await frame.get_by_role("textbox").fill(text)
    await frame.get_by_role("textbox").press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(1)


async def test_a_strangers_styles_and_policy_are_no_matter(
    site: Site, open_page: OpenPage, shop: Shop
) -> None:
    page = await open_page(shop.url)
    names = "Object.keys(window).filter(n => /contact|center|chat|widget/i.test(n))"
    await expect(page.locator("#contact-center")).to_be_attached()
    assert await page.evaluate(names) == ["ContactCenter"]
    assert await page.locator("#contact-center").evaluate("host => host.shadowRoot") is None
    await page.evaluate("ContactCenter.open()")
    frame = await the_frame(page, site.url)
    box = frame.get_by_role("textbox")
    await expect(box).to_be_focused()
    await box.fill("How do I reset my password?")
    await box.press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(1)
    await expect(frame.get_by_role("button", name="Close the chat")).to_be_visible()
    # Closed by Escape inside the frame: the button has the focus, and opens it again.
    await box.press("Escape")
    await expect(box).to_be_hidden()
    focused = "document.activeElement === document.querySelector('#contact-center')"
    await until(page, focused)
    await page.keyboard.press("Enter")
    await expect(frame.locator(".from-ai")).to_be_visible()
    await expect(box).to_be_focused()
    assert await site.customer_texts() == ["How do I reset my password?"]


async def test_it_survives_the_way_from_page_to_page(site: Site, shopper: Page) -> None:
    page = shopper
    await ask(page, site, "How do I reset my password?")
    # Open: on the next page it is open, with everything said so far.
    await page.locator("a").click()
    await expect(page.locator(FRAME)).to_be_visible()
    frame = await the_frame(page, site.url)
    await expect(frame.locator(".from-ai")).to_have_count(1)
    # Closed: it stays closed, and what a person writes meanwhile is a number there.
    await frame.get_by_role("button", name="Close the chat").click()
    cid = await site.take_over()  # who has joined is a notice, and new
    await expect(page.locator(BADGE)).to_have_text("1")
    await site.office.service.reply(MINA, cid, "A person here.")
    await expect(page.locator(BADGE)).to_have_text("2")
    await page.locator("a").click()
    await expect(page.locator(FRAME)).to_be_hidden()
    await expect(page.locator(BADGE)).to_have_text("2")
    await expect(page.locator(LAUNCHER)).to_have_attribute(
        "aria-label", "Open the support chat, 2 unread"
    )
    await site.office.service.reply(MINA, cid, "Are you there?")
    await expect(page.locator(BADGE)).to_have_text("3")
    # Read: the number is gone, here and on the page after it.
    await page.locator(LAUNCHER).click()
    await expect(page.locator(BADGE)).to_be_hidden()
    await page.locator(LAUNCHER).click()
    await page.locator("a").click()
    frame = await the_frame(page, site.url)
    await expect(frame.locator(".from-agent")).to_have_count(2)
    await expect(page.locator(BADGE)).to_be_hidden()


async def test_what_was_being_written_has_its_height_when_it_is_opened_again(
    site: Site, shopper: Page
) -> None:
    page = shopper
    await ask(page, site, "How do I reset my password?")
    frame = await the_frame(page, site.url)
    await frame.get_by_role("textbox").fill("One\nTwo\nThree")
    tall = await frame.get_by_role("textbox").evaluate("field => field.clientHeight")
    await page.locator(LAUNCHER).click()
    await page.locator("a").click()
    frame = await the_frame(page, site.url)
    await expect(frame.locator(".from-ai")).to_have_count(1)
    await page.locator(LAUNCHER).click()
    box = frame.get_by_role("textbox")
    await expect(box).to_have_value("One\nTwo\nThree")
    await until(frame, "tall => document.getElementById('message').clientHeight === tall", tall)


async def test_a_site_dresses_it_by_attributes(
    site: Site, open_page: OpenPage, shop: Shop, complaints: list[str]
) -> None:
    shop.lang = "ko"
    shop.attributes = (
        'data-position="left" data-colour="#0B6E4F" data-theme="dark" data-locale="es"'
        ' data-launcher="Ayuda" data-greeting="Hola, aquí Zapatos Acme"'
    )
    page = await looked_into(open_page, shop)
    button = page.locator(LAUNCHER)
    await expect(button.locator(".word")).to_have_text("Ayuda")
    await expect(button).to_have_css("background-color", "rgb(11, 110, 79)")
    name = await button.get_attribute("aria-label")
    assert name is not None
    assert name.startswith("Ayuda")
    box = await button.bounding_box()
    assert box is not None
    assert box["x"] < 100
    await button.click()
    frame = await the_frame(page, site.url)
    await expect(frame.locator("html")).to_have_attribute("lang", "es")
    await expect(frame.locator(".welcome h2")).to_have_text("Hola, aquí Zapatos Acme")
    ground = "getComputedStyle(document.querySelector('.chat')).backgroundColor"
    assert await frame.evaluate(ground) == "rgb(24, 30, 40)"
    await frame.get_by_role("textbox").fill("Hola")
    sent = await frame.locator(".send").evaluate("b => getComputedStyle(b).backgroundColor")
    assert sent != "rgb(143, 178, 255)", "the accent is still ours"
    # What cannot be read is said to the site's authors, and is as without it.
    shop.attributes = 'data-colour="yellow" data-theme="auto"'
    await page.reload()
    await expect(button).to_have_css("background-color", "rgb(36, 86, 198)")
    assert ["yellow" in text for text in complaints] == [True]
    complaints.clear()


async def test_what_the_company_has_set_counts_where_the_site_says_nothing(
    site: Site, open_page: OpenPage, shop: Shop
) -> None:
    site.company = Company(
        colour="#7a1f5c", position="left", theme="dark", launcher={"en": "Chat with us"}
    )
    page = await looked_into(open_page, shop)
    button = page.locator(LAUNCHER)
    await expect(button.locator(".word")).to_have_text("Chat with us")
    await expect(button).to_have_css("background-color", "rgb(122, 31, 92)")
    box = await button.bounding_box()
    assert box is not None
    assert box["x"] < 100
    await button.click()
    frame = await the_frame(page, site.url)
    await expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    shop.attributes = 'data-position="right" data-launcher=""'
    await page.reload()
    await expect(button.locator(".word")).to_have_count(0)
    box = await button.bounding_box()
    assert box is not None
    assert box["x"] > 100


async def test_a_button_of_the_site_opens_it_and_its_script_hears_what_happens(
    site: Site, open_page: OpenPage, shop: Shop
) -> None:
    shop.attributes = 'data-launcher="none"'
    page = await looked_into(open_page, shop)
    await expect(page.locator(LAUNCHER)).to_be_hidden()
    await page.evaluate(
        """() => {
          window.heard = [];
          const hear = (name) => (detail) => heard.push([name, detail]);
          for (const name of ["open", "close", "message"]) ContactCenter.on(name, hear(name));
          window.quiet = ContactCenter.on("unread", hear("unread"));
          document.getElementById("help").onclick = () => ContactCenter.open();
        }"""
    )
    await page.locator("#help").click()
    frame = await the_frame(page, site.url)
    box = frame.get_by_role("textbox")
    await box.fill("How do I reset my password?")
    await box.press("Enter")
    await until(page, "heard.length === 2")
    await box.press("Escape")
    # Whoever opened it has the focus again.
    await expect(page.locator("#help")).to_be_focused()
    cid = await site.take_over()
    await site.office.service.reply(MINA, cid, "A person here.")
    await until(page, "heard.some(([name, { count }]) => name === 'unread' && count === 2)")
    heard = await page.evaluate("heard")
    assert heard[:3] == [["open", {}], ["message", {"author": "ai"}], ["close", {}]]
    assert ["message", {"author": "agent"}] in heard
    await page.evaluate("quiet(); ContactCenter.open()")
    await expect(frame.locator(".from-agent")).to_be_visible()
    await until(page, "heard.at(-1)[0] === 'open'")
    unknown = "() => { try { ContactCenter.on('x', () => {}); } catch (e) { return e.name; } }"
    assert await page.evaluate(unknown) == "TypeError"


async def test_it_fills_a_phone(site: Site, open_page: OpenPage, shop: Shop) -> None:
    page = await looked_into(open_page, shop, **PHONE)
    await page.locator(LAUNCHER).tap()
    frame = await the_frame(page, site.url)
    await expect(frame.get_by_role("textbox")).to_be_visible()
    rect = await page.locator(FRAME).bounding_box()
    assert rect is not None
    assert (rect["x"], rect["y"]) == (0, 0)
    assert rect["height"] >= 690
    await frame.get_by_role("button", name="Close the chat").tap()
    await expect(frame.get_by_role("textbox")).to_be_hidden()
    await expect(page.locator(LAUNCHER)).to_be_visible()


async def test_a_visitor_is_asked_who_they_are_before_the_first_message(
    site: Site, open_page: OpenPage, shop: Shop
) -> None:
    site.company = Company(ask_email="required")
    shop.attributes = 'data-ask-name="optional"'
    page = await looked_into(open_page, shop)
    await page.locator(LAUNCHER).click()
    frame = await the_frame(page, site.url)
    name, email = frame.get_by_label("Your name"), frame.get_by_label("Your e-mail address")
    await expect(name).to_be_visible()
    message = frame.get_by_label("Your message")
    await message.fill("Where is my parcel?")
    await message.press("Enter")
    # Nothing is sent and nothing lost: what is missing has the focus.
    await expect(email).to_be_focused()
    await expect(message).to_have_value("Where is my parcel?")
    await frame.get_by_role("button", name="Talk to a person").click()
    await expect(email).to_be_focused()
    await name.fill("Kim")
    await email.fill("kim@example.com")
    await message.press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(1)
    await expect(email).to_be_hidden()
    c = await site.only_conversation()
    assert c.sender is not None
    assert (c.sender.id, c.sender.name, c.sender.email) == (c.id, "Kim", "kim@example.com")


async def test_a_site_says_by_its_servers_signature_who_its_visitor_is(
    site: Site, open_page: OpenPage, shop: Shop
) -> None:
    site.company = Company(ask_name="required", ask_email="optional")
    page = await looked_into(open_page, shop)
    signature = VisitorIdentity(secret_key=SECRET).sign("customer-42")
    kim = {"id": "customer-42", "name": "Kim", "email": "no address", "signature": signature}
    await page.evaluate("kim => ContactCenter.identify(kim)", kim)
    await page.locator(LAUNCHER).click()
    frame = await the_frame(page, site.url)
    # What the site knows nobody is asked; what it got wrong, they are.
    await expect(frame.get_by_label("Your e-mail address")).to_be_visible()
    await expect(frame.get_by_label("Your name")).to_be_hidden()
    message = frame.get_by_label("Your message")
    await message.fill("Where is my parcel?")
    await message.press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(1)
    await message.fill("And when does it come?")
    await message.press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(2)
    c = await site.only_conversation()
    assert c.sender is not None
    assert (c.sender.id, c.sender.name, c.sender.email) == ("customer-42", "Kim", "")
    # The same visitor on the next page goes on; another one sees nothing of it.
    await page.locator("a").click()
    await widget_ready(page)
    await page.evaluate("kim => ContactCenter.identify(kim)", kim)
    frame = await the_frame(page, site.url)
    await expect(frame.locator(".from-ai")).to_have_count(2)
    await page.evaluate("ContactCenter.identify(null)")
    await expect(frame.locator(".from-ai")).to_have_count(0)
    await expect(frame.get_by_label("Your name")).to_be_visible()


async def test_a_wrong_signature_is_the_sites_mistake_and_not_the_customers(
    site: Site, open_page: OpenPage, shop: Shop, complaints: list[str]
) -> None:
    page = await looked_into(open_page, shop)
    wrong = {"id": "customer-42", "name": "Kim", "signature": "0" * 64}
    await page.evaluate("wrong => ContactCenter.identify(wrong)", wrong)
    await ask(page, site, "Where is my parcel?")
    c = await site.only_conversation()
    assert c.sender is not None
    assert (c.sender.id, c.sender.name) == (c.id, "Kim")
    assert any("signature" in text for text in complaints)
    complaints.clear()
