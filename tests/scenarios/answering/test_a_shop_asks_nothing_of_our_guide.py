"""A shop with ten files of its own: what its customers ask by half is never answered by our guide.

The files and the questions were written by somebody who had not seen the code (`bench/shop`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import App, serving
from config.settings import read_settings
from core.domain.drafts import Question
from core.rag.reading.readers import files_in, read_file
from core.runtime.data_dir import DataDir
from core.runtime.shipped import GUIDE
from core.storage.client import Database

SHOP = Path(__file__).parents[3] / "bench" / "shop"


@pytest.fixture
async def shop(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[App]:
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings({"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0"})
    async with serving(settings, DataDir(tmp_path), store=None, guide=GUIDE) as live:
        files = list(files_in([SHOP / "knowledge"]))
        assert len(files) == 10
        for file in files:
            for article in read_file(file):
                await live.rag.knowledge.add_article(article)
        await live.rag.retriever.refresh()
        yield live


@pytest.mark.timeout(400)
async def test_two_hundred_vague_questions(shop: App) -> None:
    alone = 0
    for locale in ("en", "ko"):
        lines = (SHOP / f"vague.{locale}.txt").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 100
        for number, text in enumerate(lines):
            asked = Question(
                conversation_id=f"{locale}{number}", text=text, locale=locale, channel="web"
            )
            draft = await asyncio.wait_for(shop.answers.draft(asked), 30)
            assert not draft.demonstration, text
            assert [c.id for c in draft.citations if c.id.startswith("guide")] == [], text
            alone += shop.desk.trust.autonomy.would_send(draft)
    print(f"\n{alone} of 200 would go out alone")
