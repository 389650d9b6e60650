"""The chat page as it leaves the server: its language, its policy, its words."""

from __future__ import annotations

import re
import string
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from channels.web.channel import WebChannelSettings, plugin
from channels.web.pages import STATIC, ChatPages, choose_language
from core.channel import Channel
from core.messages import DeliveryState
from core.testing.builders import ContextUnderTest, an_outbound
from core.testing.fakes import RecordingInbox
from core.web.assets import Assets
from core.web.pages import STATIC as CORE_STATIC
from core.wording import Words
from plugins.manifest import read_manifest
from tests.support.faults import Listening
from tests.support.world import LOCALES

FOLDER = STATIC.parent


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """The pages on a port, without the frame around them."""
    assets = Assets({"chat": STATIC, "core": CORE_STATIC})
    pages = ChatPages(Words.load(LOCALES), assets=assets)
    app = web.Application()
    for route in (*pages.routes(), *assets.routes()):
        app.router.add_route(route.method, route.path, route.handler)
    listening = Listening(app)
    await listening.open()
    yield listening.url
    await listening.close()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en-GB,ko;q=0.5", "en"),
        ("fr-FR,ko;q=0.4,en;q=0.3", "ko"),
        ("ko;q=0,en;q=0.1", "en"),
        ("fr", "en"),
        ("", "en"),
        (";;q=x,*", "en"),
    ],
)
def test_the_browsers_languages_decide(header: str, language: str) -> None:
    assert choose_language(header, ("en", "ko")) == language


async def test_the_page_speaks_the_readers_language_whatever_else_is_asked(address: str) -> None:
    async with ClientSession() as session:
        for query, header, language in (
            ("", "ko-KR", "ko"),
            ("?lang=en", "ko-KR", "en"),
            ("?lang=ko&utm_source=mail", "en", "ko"),
            ("?lang=%00%22%3E", "en", "en"),
        ):
            async with session.get(
                f"{address}/{query}", headers={"Accept-Language": header}
            ) as answer:
                assert answer.status == 200
                assert f'<html lang="{language}">' in await answer.text()
                assert answer.headers["Content-Language"] == language


async def test_nothing_in_the_page_runs_inline_or_comes_from_elsewhere(address: str) -> None:
    async with ClientSession() as session:
        async with session.get(f"{address}/?embed=1") as answer:
            html = await answer.text()
        assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html) == []
        assert "<style" not in html
        assert re.findall(r"\s(?:on\w+|style)=", html) == []
        loaded = re.findall(r'(?:src|href)="([^"#]+)"', html)
        assert all(path.startswith("/assets/") for path in loaded)
        for path in loaded:
            async with session.get(address + path) as answer:
                assert answer.status == 200
                assert "immutable" in answer.headers["Cache-Control"]


async def test_every_module_a_module_imports_is_there() -> None:
    for file in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', file.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file(), f"{file.name} imports {name}"


async def test_any_site_may_load_the_widget(address: str) -> None:
    async with ClientSession() as session, session.get(f"{address}/widget.js") as answer:
        assert answer.content_type == "text/javascript"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "window.ContactCenter" in await answer.text()


def test_both_languages_have_the_same_words_with_the_same_blanks() -> None:
    words = Words.load(LOCALES)
    english = words.section("chat", "en")
    korean = words.section("chat", "ko")
    assert english.keys() == korean.keys()
    for name, text in english.items():
        assert _blanks(text) == _blanks(korean[name]), name
        assert text != korean[name], name


def test_every_word_the_page_asks_for_exists() -> None:
    words = Words.load(LOCALES).section("chat", "en")
    sources = [*STATIC.glob("*.js"), *(FOLDER / "templates").glob("*.html")]
    for file in sources:
        text = file.read_text(encoding="utf-8")
        asked = re.findall(r'say\(["\']([a-z_.]+)["\'][,)]', text)
        asked += re.findall(r'data-i18n(?:-label)?="([a-z_.]+)"', text)
        missing = [name for name in asked if name not in words]
        assert missing == [], file.name


async def test_what_is_stored_is_delivered() -> None:
    held = ContextUnderTest(channel_id="web")
    channel: Channel = plugin.create(WebChannelSettings(), held.context)
    assert channel.capabilities.pulls
    await channel.start(RecordingInbox().receive)
    message = an_outbound("x" * 20_000)
    delivery = await channel.send(message)
    assert delivery.state is DeliveryState.DELIVERED
    assert delivery.external_ids == (message.id,)
    await channel.stop()
    await channel.stop()


def test_the_manifest_is_in_order() -> None:
    manifest = read_manifest(FOLDER / "manifest.toml")
    assert manifest.id == "web"
    assert manifest.enabled_by_default
    assert manifest.entry == "channels.web.channel:plugin"


def _blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
