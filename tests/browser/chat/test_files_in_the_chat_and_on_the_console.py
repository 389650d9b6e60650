"""A customer attaches files on a phone, an agent sees them on the console and sends one back."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, FilePayload, Page, Route, expect

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.storage.client import Database
from tests.support import files
from tests.support.desk import WholeDesk, whole_desk

PHONE = {"width": 360, "height": 740}
SHOTS = os.environ.get("SCREENSHOTS", "")  #: a folder: the pages are kept there to be looked at


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    async with whole_desk(db, mongo_uri, tmp_path) as one:
        yield one


async def opened(chromium: Browser, url: str, complaints: list[str], *, locale: str) -> Page:
    """A page in a profile of its own, on a phone."""

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    profile = await chromium.new_context(viewport=PHONE, locale=locale)  # type: ignore[arg-type]
    page = await profile.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(20_000)
    await page.goto(url)
    return page


async def shot(page: Page, name: str) -> None:
    """Keep what it looks like, where somebody wants to look."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


async def narrow(page: Page) -> bool:
    """Whether nothing sticks out at the side."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def signed_in(desk: WholeDesk, page: Page) -> None:
    """The agent signs in by a link."""
    link = await desk.app.core.accounts.issue_link(desk.agent, actor=OPERATOR)
    await page.goto(f"{desk.app.core.site.url()}/login/link/{link}")
    await page.click("button[type=submit]")


def payload(name: str, content: bytes) -> FilePayload:
    """A file as somebody chooses it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


async def test_a_photo_goes_from_the_phone_to_the_agent_and_a_manual_back(
    desk: WholeDesk, chromium: Browser, complaints: list[str]
) -> None:
    url, photo, pdf = desk.app.core.site.url(), files.photo(), files.pdf()
    chat = await opened(chromium, url, complaints, locale="ko-KR")
    name = "펌프 사진.jpg"
    await chat.set_input_files(
        "[data-part=composer] input[type=file]",
        [payload(name, photo), payload("너무 큰 파일.bin", bytes(26_000_000))],
    )
    await chat.wait_for_selector(".chosen.failed")
    await expect(chat.locator(".chosen").first).to_contain_text("B")
    assert "25MB" in await chat.inner_text(".chosen.failed")
    await shot(chat, "chat-chosen-ko")
    assert await narrow(chat)
    await chat.click(".chosen.failed .drop")
    await chat.fill("textarea", "이 부품은 무엇인가요?")
    await chat.click("[data-part=send]")
    image = await chat.wait_for_selector(".from-customer .picture img")
    assert image is not None
    # `wait_for_function` evaluates a text when it has to ask twice, which our policy forbids.
    await expect(chat.locator(".from-customer .picture img")).not_to_have_js_property(
        "naturalWidth", 0
    )
    await shot(chat, "chat-sent-ko")
    assert await narrow(chat)

    [conversation_id] = await desk.conversations()
    agent = await opened(chromium, f"{url}/login", complaints, locale="ko-KR")
    await signed_in(desk, agent)
    await agent.goto(f"{url}/console/approvals")
    await agent.wait_for_selector(".ticket .picture img")
    assert await agent.query_selector("[data-act=approve]") is None
    await shot(agent, "console-queue-ko")
    assert await narrow(agent)
    await agent.goto(f"{url}/console/conversations/{conversation_id}")
    picture = agent.locator(".picture img").first
    await expect(picture).not_to_have_js_property("naturalWidth", 0)
    async with agent.expect_download() as downloading:
        await agent.click(".file .about a")
    download = await downloading.value
    assert Path(await download.path()).read_bytes() == photo
    assert download.suggested_filename == name

    await agent.click("[data-do=take_over]")
    await agent.set_input_files("[data-attach]", [payload("설명서.pdf", pdf)])
    await agent.wait_for_selector("#reply .file button")
    await shot(agent, "console-reply-ko")
    await agent.fill("#reply textarea", "설명서를 보내 드립니다.")
    await agent.click("#reply [type=submit]")
    async with chat.expect_download() as downloading:
        await chat.click(".from-agent .files a")
    assert Path(await (await downloading.value).path()).read_bytes() == pdf
    await shot(chat, "chat-answered-ko")
    assert await narrow(agent)
    assert complaints == []


async def test_what_could_not_be_taken_stays_with_its_reason(
    desk: WholeDesk, chromium: Browser, complaints: list[str]
) -> None:
    chat = await opened(chromium, desk.app.core.site.url(), complaints, locale="en-US")
    chosen = [payload(f"{number}.txt", b"words") for number in range(11)]
    chosen.insert(0, payload("too large.bin", bytes(26_000_000)))
    await chat.set_input_files("[data-part=composer] input[type=file]", chosen)
    await chat.wait_for_selector(".chosen.failed:nth-child(12)")
    assert "10 files" in await chat.inner_text(".chosen.failed:last-child")
    await chat.fill("textarea", "Here they are.")
    await chat.click("[data-part=send][aria-disabled=false]")
    await chat.wait_for_selector(".from-customer .files li:nth-child(10)")
    # Whoever looks up from the keys still sees what has not gone along.
    left = await chat.locator(".chosen .file-name").all_inner_texts()
    assert left == ["too large.bin", "10.txt"]
    assert await chat.get_attribute("[data-part=send]", "aria-disabled") == "true"
    assert await narrow(chat)
    assert complaints == []


async def test_files_of_a_reply_keep_their_order_whichever_was_uploaded_first(
    desk: WholeDesk, chromium: Browser, complaints: list[str]
) -> None:
    url = desk.app.core.site.url()
    made = await desk.post("/api/conversations", {"text": "Is it broken?"}, token="")
    agent = await opened(chromium, f"{url}/login", complaints, locale="en-US")
    await signed_in(desk, agent)
    await agent.goto(f"{url}/console/conversations/{made['id']}")
    await agent.click("[data-do=take_over]")

    async def dawdle(route: Route) -> None:
        await agent.wait_for_selector("#reply .file button")  # the other one is up
        await route.continue_()

    await agent.route("**/attachments?name=first.pdf", dawdle)
    await agent.set_input_files(
        "[data-attach]", [payload("first.pdf", files.pdf()), payload("second.txt", b"words")]
    )
    await agent.wait_for_selector("#reply .file:nth-child(2) button")
    await agent.wait_for_selector("#reply .file:nth-child(1) button")
    await agent.click("#reply [type=submit]")
    await agent.wait_for_selector(".thread .file:nth-child(2)")
    names = await agent.locator(".thread .file .about a").all_inner_texts()
    assert names == ["first.pdf", "second.txt"]
    assert complaints == []


async def test_what_wants_to_run_never_does(
    desk: WholeDesk, chromium: Browser, complaints: list[str]
) -> None:
    url = desk.app.core.site.url()
    made = await desk.post("/api/conversations", {}, token="")
    conversation_id, token = made["id"], made["token"]
    ids = []
    for name, content in (("photo.png", files.HTML), ("logo.svg", files.SVG)):
        _, upload = await desk.upload(conversation_id, content, name, token=token)
        ids.append(upload["id"])
    body = {"client_id": "m1", "attachments": ids}
    await desk.post(f"/api/conversations/{conversation_id}/messages", body, token=token)
    found = await desk.kept(conversation_id, 2)
    assert [a["type"] for a in found] == ["text/html", "image/svg+xml"]
    assert not any("preview" in a for a in found)
    agent = await opened(chromium, f"{url}/login", complaints, locale="en-US")
    await signed_in(desk, agent)
    await agent.goto(f"{url}/console/conversations/{conversation_id}")
    for _ in range(50):
        if await agent.locator(".file .trouble").count() == 2:
            break
        await agent.wait_for_timeout(200)
        await agent.reload()
    assert "never shown here" in await agent.locator(".file .trouble").first.inner_text()
    await shot(agent, "console-active-en")
    for file in found:
        # Opened by hand it is a download, whatever its name says.
        async with agent.expect_download() as downloading:
            await agent.evaluate("(to) => { location.href = to }", file["open"])
        await downloading.value
        assert await agent.evaluate("window.planted") is None
    assert Role.ADMIN is desk.agent.role
    assert complaints == []
