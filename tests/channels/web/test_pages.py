"""The chat page as it leaves the server: its language, its policy, its words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from channels.web.channel import WayIn, WebChannel, WebChannelSettings, plugin
from channels.web.pages import STATIC, ChatPages, choose_language
from config.languages import DEFAULT, LANGUAGES
from core.domain.messages import DeliveryState
from core.errors import ChannelNotReady
from core.i18n import Words
from core.sdk.channel import Channel
from core.sdk.testing.builders import ContextUnderTest, an_inbound, an_outbound
from core.sdk.testing.fakes import RecordingInbox
from core.web.http.assets import Assets
from core.web.pages import STATIC as CORE_STATIC
from plugins.registry.manifest import read_manifest
from tests.support.servers.faults import Listening
from tests.support.world import LOCALES

WORDS = Words.load(LOCALES)

FOLDER = STATIC.parent


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """The pages on a port, without the frame around them."""
    assets = Assets({"chat": STATIC, "core": CORE_STATIC})

    async def demonstrates() -> bool:
        return False

    pages = ChatPages(WORDS, assets=assets, demonstrates=demonstrates, is_on=lambda: True)
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
            ("", "es-MX,en;q=0.5", "es"),
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


async def test_the_widget_says_its_words_in_every_language(address: str) -> None:
    async with ClientSession() as session, session.get(f"{address}/widget.js") as answer:
        script = await answer.text()
    for code in LANGUAGES:
        assert WORDS.text("channels.widget.open", code) in script


def test_every_word_the_page_asks_for_exists() -> None:
    words = WORDS.section("chat", DEFAULT)
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


async def test_what_browsers_send_goes_to_the_channel_that_runs() -> None:
    held, inbox, way_in = ContextUnderTest(channel_id="web"), RecordingInbox(), WayIn()
    message = an_inbound("Hello?")
    with pytest.raises(ChannelNotReady):
        await way_in.receive(message)
    for _ in range(2):  # switched off and on again
        channel = WebChannel(WebChannelSettings(), held.context)
        await channel.start(inbox.receive)
        way_in.opened(channel)
        assert (await way_in.receive(message)).seq == 1
        await channel.stop()
        with pytest.raises(ChannelNotReady):
            await way_in.receive(message)
    assert len(inbox.accepted) == 1


def test_the_manifest_is_in_order() -> None:
    manifest = read_manifest(FOLDER / "manifest.toml")
    assert manifest.id == "web"
    assert manifest.enabled_by_default
    assert manifest.entry == "channels.web.channel:plugin"
