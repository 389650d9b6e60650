"""Every page of the guide opens, says nothing of its source form, and no other file opens."""

from __future__ import annotations

import aiohttp
import pytest

from app import App
from core.runtime.shipped import GUIDE

PAGES = sorted(f"/guide/{file.parent.name}/{file.stem}" for file in GUIDE.glob("*/*.md"))


async def test_every_page_opens_and_names_itself_in_its_front_matter(app: App) -> None:
    assert len(PAGES) >= 16
    async with aiohttp.ClientSession(app.core.site.url()) as browser:
        for path in PAGES:
            source = (GUIDE / path.removeprefix("/guide/")).with_suffix(".md").read_text()
            assert f"url: {path}\n" in source
            async with browser.get(path) as answer:
                page = await answer.text()
                assert answer.status == 200, path
            assert "<h1>" in page
            assert "asked:" not in page
            assert "topic:" not in page


@pytest.mark.parametrize(
    "path", ["/guide/en/nothing", "/guide/en/..%2f..%2fdecisions", "/guide/..%2f/README"]
)
async def test_no_other_file_opens(app: App, path: str) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as web, web.get(path) as answer:
        assert answer.status == 404
