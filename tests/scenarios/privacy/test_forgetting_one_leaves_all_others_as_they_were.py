"""Any of many is forgotten, whatever they are called and wrote: of everybody else no byte changes.

A bounded crowd in the suite; `CROWD=1000 FORGOTTEN=1000` for all of a thousand, one by one;
`TOGETHER=25` compares after every 25 of them, and writes the store anew as rarely.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from analytics.facts.columns import digest
from analytics.facts.model import Kind
from app import serving
from config.settings import read_settings
from core.accounts.service import OPERATOR
from core.privacy.schema import Fate, unknown
from core.privacy.service import Receipt
from core.privacy.stored import COLLECTIONS, stored, with_fate
from core.rag.knowledge.origins import Origin, Part, words_of
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.support.people.crowd import Character, crowd
from tests.support.people.holdings import Facts, Holdings, facts, holdings, reports
from tests.support.people.town import PAGES, Town, peopled, responder, settled_in

SIZE = int(os.environ.get("CROWD", "36"))
FORGOTTEN = int(os.environ.get("FORGOTTEN", "9"))
TOGETHER = int(os.environ.get("TOGETHER", "1"))
SEED = int(os.environ.get("SEED", "14"))
MARKS = re.compile(r"quokka\d+z")
pytestmark = pytest.mark.timeout(36_000 if SIZE > 100 else 600)


@pytest.fixture
async def town(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Town]:
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings(
        {
            "MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0", "AUDIT_SHARE": "1",
            "APPROVAL_TIMEOUT_SECONDS": "8640000", "REPORT_TIME": "23:59",
        }
    )  # fmt: skip
    async with serving(
        settings, DataDir(tmp_path), store=None, guide=None, responder=responder()
    ) as live:
        yield await settled_in(live)


class Watch:
    """What everybody has, before and after."""

    def __init__(self, town: Town, tmp_path: Path) -> None:
        self.town, self.db, self.folder = town, town.live.db, tmp_path

    async def at_rest(self) -> None:
        """Return once nothing happens by itself any more."""
        before: object = None
        seen = await self.everything()
        while before != seen:
            await asyncio.sleep(3.5)
            before, seen = seen, await self.everything()

    async def everything(self) -> object:
        return await holdings(self.db), await facts(self.db)

    async def of(self, gone: Sequence[Character]) -> Picture:
        ids = [person.conversation_id for person in gone]
        theirs, others = await holdings(self.db, of=ids)
        knowledge = self.town.live.rag.knowledge
        origins = await knowledge.origins.of_conversations(ids)
        return Picture(
            theirs=theirs,
            others=others,
            facts=await facts(self.db),
            reports=await reports(self.db),
            articles={s.article.id: s.article for s in await knowledge.list()},
            origins=[
                o
                for o in origins
                if not any(
                    (x.part, x.words) == (o.part, o.words) and x.conversation_id not in ids
                    for x in await knowledge.origins.of_article(o.article_id)
                )
            ],
        )

    async def holding(self, words: Sequence[str]) -> list[str]:
        """Where one of these words still stands, in the store and in our files."""
        found = []
        for name in await self.db.list_collection_names():
            async for document in self.db[name].find({}):
                said = str(document)
                found += [f"{name} {document['_id']}: {w}" for w in words if w in said]
        for conversation, own in (await facts(self.db)).items():
            said = str(own)
            found += [f"fact of {conversation}: {w}" for w in words if w in said]
        for file in self.folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                found += [f"{file}: {w}" for w in words if w.encode() in content]
        return found


class Picture:
    """Everything at one moment."""

    def __init__(self, **seen: Any) -> None:
        self.theirs: Holdings = seen["theirs"]
        self.others: Holdings = seen["others"]
        self.facts: Facts = seen["facts"]
        self.reports: Mapping[str, Any] = seen["reports"]
        self.articles: Mapping[str, Any] = seen["articles"]
        self.origins: Sequence[Origin] = seen["origins"]

    def counted(self, collection: str) -> int:
        return sum(1 for name, _ in self.theirs if name == collection)


def compare(before: Picture, after: Picture, gone: Sequence[Character]) -> None:
    """Nothing of the others has changed, and nothing of these is left."""
    learned = {o.article_id for o in before.origins if o.part is Part.ARTICLE}
    touched = {o.article_id for o in before.origins}
    titles = {before.articles[i].title for i in learned if i in before.articles}

    def plain(seen: Holdings, *, but: set[str]) -> Mapping[tuple[str, object], str]:
        # Who changed an article is only ever added to, and holds no word of it.
        left_out = ("unsettled", "audit", "article_changes", "lessons" if titles else "")
        # What an article was compared as goes with it, a moment later.
        of_articles = ("articles", "compared")
        return {
            key: value
            for key, value in seen.items()
            if key[0] not in left_out
            and not (key[0] in of_articles and key[1] in but)
            # What such an article said before goes whole: it holds the same words.
            and not (key[0] == "article_versions" and str(key[1]).rpartition("/")[0] in but)
        }

    assert plain(after.others, but=touched) == plain(before.others, but=touched)
    # The audit is only ever added to.
    old = {key: value for key, value in before.others.items() if key[0] == "audit"}
    assert {key: after.others.get(key) for key in old} == old

    assert not [
        key
        for key in after.others
        if key[0] == "article_versions" and str(key[1]).rpartition("/")[0] in touched
    ]

    # What the company knows itself stays; what these alone taught goes.
    for article_id, article in before.articles.items():
        now = after.articles.get(article_id)
        own = [o for o in before.origins if o.article_id == article_id]
        if any(o.part is Part.ARTICLE for o in own):
            assert now is None
            continue
        asked = {o.words for o in own if o.part is Part.QUESTION}
        assert now is not None
        assert now.text == article.text
        assert now.questions == tuple(q for q in article.questions if words_of(q) not in asked)

    ids = {digest(person.conversation_id) for person in gone}
    for conversation, facts_before in before.facts.items():
        # Figures stay; of these people without agents' reasons, and without titles that are gone.
        expected = {
            without(fact, reasons=conversation in ids, titles=titles) for fact in facts_before
        }
        assert after.facts[conversation] == expected

    for report_id, report in before.reports.items():
        compare_report(report, after.reports[report_id], {p.conversation_id for p in gone})

    left = {name for name, _ in after.theirs}
    deleted = {one.name for one in with_fate(Fate.DELETED)} | {"origins"}
    assert left & deleted == set()
    assert {k: v for k, v in after.theirs.items() if k[0] == "evidence"} == {
        k: v for k, v in before.theirs.items() if k[0] == "evidence"
    }


def without(fact: tuple[object, ...], *, reasons: bool, titles: set[str]) -> tuple[object, ...]:
    at, value, seq, kind, label, more, *named = fact
    if kind == Kind.USED and label in titles:
        label = ""
    return (at, value, seq, kind, label, "" if reasons else more, *named)


def compare_report(before: Any, after: Any, gone: set[str]) -> None:
    sources = before.get("asked", [])
    kept = [s for s in sources if s["c"] not in gone]
    assert sorted((s["c"], s["n"]) for s in after["asked"]) == sorted(
        (s["c"], s["n"]) for s in kept
    )
    assert {k: v for k, v in after.items() if k not in ("asked", "json", "stale")} == {
        k: v for k, v in before.items() if k not in ("asked", "json", "stale")
    }
    was, now = json.loads(before["json"]), json.loads(after["json"])
    touched = {s["gap"] for s in sources if s["c"] in gone}
    untouched = [gap for place, gap in enumerate(was["missing"]) if place not in touched]
    assert [gap for gap in now["missing"] if gap in untouched] == untouched
    counts = [gap["count"] for gap in was["missing"]]
    assert all(gap["count"] in counts for gap in now["missing"])
    for name in ("conversations", "answers", "messages", "agents", "heat", "series", "topics"):
        assert now[name] == was[name]


def true_receipt(receipt: Receipt, before: Picture) -> None:
    """It counts what was there."""
    for one in with_fate(Fate.DELETED):
        assert receipt.removed.get(one.name, 0) == before.counted(one.name), one.name
    questions = [o for o in before.origins if o.part is Part.QUESTION]
    known = [q for a in before.articles.values() for q in a.questions]
    assert receipt.removed.get("known_questions", 0) <= len(questions)
    assert len(known) >= receipt.removed.get("known_questions", 0)
    learned = {o.article_id for o in before.origins if o.part is Part.ARTICLE}
    assert receipt.removed.get("learned_articles", 0) == len(learned & before.articles.keys())
    assert receipt.removed["commits"] >= 1
    assert receipt.removed["events"] >= receipt.removed["commits"]


async def everything_works(town: Town, http: aiohttp.ClientSession, paths: Sequence[str]) -> None:
    for path in paths:
        status, said = await town.page(http, path)
        assert status == 200, (path, status, said[:500])


async def export_is_their_own(town: Town, person: Character) -> None:
    given = await town.live.privacy.export(OPERATOR, person.contact)
    assert [c["id"] for c in given["conversations"]] == [person.conversation_id]
    for name, documents in given.items():
        if name in ("contact", "exported_at", "conversations", "mentioned_in"):
            continue
        for document in documents:
            owners = {
                str(document.get(field))
                for field in ("c", "conversation", "conversation_id")
                if field in document
            }
            assert owners <= {person.conversation_id}, (name, document)
    said = str(given)
    assert person.mark in said
    assert set(MARKS.findall(said)) == {person.mark}


async def forgotten(town: Town, gone: Sequence[Character]) -> Receipt:
    """One after the other; the sum of their receipts."""
    privacy = town.live.privacy
    rewrite, removed, following = privacy._rewrite, Counter[str](), Counter[str]()
    receipt = None
    for person in gone:
        privacy._rewrite = rewrite if person is gone[-1] else None
        receipt = await privacy.erase(OPERATOR, person.contact)
        assert receipt.conversations == 1, person
        removed.update(receipt.removed)
        following.update(receipt.following)
    assert receipt is not None
    return replace(receipt, conversations=len(gone), removed=removed, following=following)


async def test_one_after_the_other(town: Town, tmp_path: Path) -> None:
    people = crowd(SIZE, seed=SEED)
    began = time.monotonic()
    await peopled(town, people)
    await town.live.insight.facts.roll_up(everything=True)
    watch = Watch(town, tmp_path)
    await watch.at_rest()
    print(f"\n{SIZE} people wrote within {time.monotonic() - began:.0f} s")
    dice = random.Random(SEED)
    order, went = dice.sample(people, len(people)), Counter[str]()
    began = time.monotonic()
    async with aiohttp.ClientSession(town.live.core.site.url()) as http:
        await everything_works(town, http, PAGES)
        for n in range(0, min(FORGOTTEN, SIZE), TOGETHER):
            gone = order[n : min(n + TOGETHER, FORGOTTEN)]
            before = await watch.of(gone)
            receipt = await forgotten(town, gone)
            went.update(receipt.removed)
            went.update(receipt.following)
            true_receipt(receipt, before)
            compare(before, await watch.of(gone), gone)
            if n % 10 == 0 or SIZE <= 100:
                assert await watch.holding([person.mark for person in gone]) == []
            paths = [PAGES[(n * 3 + i) % len(PAGES)] for i in range(3)]
            await everything_works(town, http, PAGES if n % 50 == 0 else paths)
            for person in dice.sample(order[n + len(gone) :], min(TOGETHER, SIZE - n - len(gone))):
                await export_is_their_own(town, person)
            if TOGETHER > 1:
                print(f"{n + len(gone)} after {time.monotonic() - began:.0f} s", flush=True)
    seconds = time.monotonic() - began
    print(f"{min(FORGOTTEN, SIZE)} forgotten and compared within {seconds:.0f} s: {dict(went)}")


async def test_the_same_through_retention(town: Town, tmp_path: Path) -> None:
    people = crowd(SIZE, seed=SEED + 1)
    await peopled(town, people)
    watch = Watch(town, tmp_path)
    await watch.at_rest()
    live = town.live
    at_rest = [
        p
        for p in people
        if (await live.core.conversations.peek(p.conversation_id)).status.value
        in ("ai", "resolved")
    ]
    dice = random.Random(SEED)
    old = dice.sample(at_rest, max(1, len(at_rest) // 2))
    snapshots = live.db["conversations"]
    long_ago = live.core.clock.now() - timedelta(days=400)
    await snapshots.update_many(
        {"_id": {"$in": [p.conversation_id for p in old]}}, {"$set": {"updated_at": long_ago}}
    )
    before = await watch.of(old)
    erased = await live.privacy.retain(days=365, by_channel={"sms": 390})
    assert erased == len(old)
    compare(before, await watch.of(old), old)
    assert await watch.holding([p.mark for p in old]) == []
    async with aiohttp.ClientSession(live.core.site.url()) as http:
        await everything_works(town, http, PAGES)
    for person in dice.sample([p for p in people if p not in old], min(20, len(people) - len(old))):
        await export_is_their_own(town, person)
    print(f"\n{len(old)} of {SIZE} people were old enough")


async def test_everything_stored_is_known(town: Town, tmp_path: Path) -> None:
    """No collection, no field and no file of the product's is stored that the schema leaves out."""
    await peopled(town, crowd(len(set(PAGES)), seed=SEED + 2))
    db = town.live.db
    await town.live.privacy.erase(OPERATOR, "telegram:55501007")
    names = await db.list_collection_names()
    assert set(names) <= {one.name for one in COLLECTIONS}
    wrong = set()
    for name in names:
        async for document in db[name].find({}):
            wrong |= {f"{name}: {path}" for path in unknown(document, stored(name).fields)}
    assert wrong == set()
