"""A site that changes, and a knowledge base that keeps up with it and never believes too much."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.accounts.service import OPERATOR
from core.errors import BadInput, WebhookRefused
from core.rag.domain.model import Article
from core.runtime.tasks import end
from plugins.registry.store import ChangedMeanwhile
from plugins.sources import schedule
from plugins.sources.model import ConfiguredSource
from plugins.sources.service import SourceChoice, version_of
from tests.plugins.sources.desk import ADMIN, SourceDesk
from tests.support.servers.vendors import until
from tests.support.servers.website import FaultySite, a_site

pytestmark = [pytest.mark.apart, pytest.mark.long]


async def test_a_site_is_taken_in_and_its_changes_follow(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        assert (source.state.counts.added, source.state.error) == (13, "")
        assert "code 1007" in await desk.best("With which code is room 7 opened?")
        [first] = [s for s in await desk.knowledge.list() if s.article.title == "Room 7"]
        assert first.article.url == f"{site.root}/p/7"

        site.change("/p/7", "The room 7 is opened with a brass key from the desk.")
        del site.pages["/p/9"]
        site.add("/p/new", "Sauna", "The sauna is hot from five in the afternoon.")
        site.asked.clear()
        source = await desk.sync(source.id)
        counts = source.state.counts
        assert (counts.added, counts.changed, counts.removed, counts.waiting) == (1, 1, 1, 0)
        assert counts.read == 2
        assert "brass key" in await desk.best("How is room 7 opened?")
        assert "Room 9" not in await desk.titles()
        assert (await desk.knowledge.check()).count == 0
        [again] = [s for s in await desk.knowledge.list() if s.article.title == "Room 7"]
        assert again.article.id == first.article.id


async def test_a_page_that_moved_keeps_what_was_learned_of_it(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        [old] = [s.article for s in await desk.knowledge.list() if s.article.title == "Room 7"]
        await desk.knowledge.add_known_question(old.id, "Where do I sleep tonight?")
        page = site.pages.pop("/p/7")
        page.path = "/rooms/seven"
        site.pages[page.path] = page
        await desk.sync(source.id)
        [new] = [s.article for s in await desk.knowledge.list() if s.article.title == "Room 7"]
        assert new.questions == ("Where do I sleep tonight?",)
        assert new.url == f"{site.root}/rooms/seven"


async def test_an_emptied_site_changes_nothing_without_a_person(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        before = await desk.titles()
        site.sitemap = "empty"
        for _ in range(2):
            source = await desk.sync(source.id)
            assert source.state.counts.waiting == 13
            assert await desk.titles() == before
        waiting = await desk.service.waiting(ADMIN, source.id)
        assert {row.waits for row in waiting} == {("emptied",)}
        site.sitemap = "index"
        source = await desk.sync(source.id)
        assert source.state.counts.waiting == 0
        assert await desk.titles() == before


async def test_a_large_change_waits_until_a_person_has_looked(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        for number in range(6):
            site.change(f"/p/{number}", f"The room {number} is closed for good this year.")
        source = await desk.sync(source.id)
        assert source.state.counts.waiting == 6
        assert "code 1003" in await desk.best("With which code is room 3 opened?")

        rows = await desk.service.waiting(ADMIN, source.id)
        [text] = await desk.service.texts(ADMIN, source.id, rows[:1])
        assert "code 1000" in text.before[0][1]
        assert "closed for good" in text.after[0][1]
        with pytest.raises(ChangedMeanwhile):
            await desk.service.settle(ADMIN, source.id, approve=True, version="old")
        version = version_of(rows)
        done = await desk.service.settle(
            ADMIN, source.id, approve=True, version=version, addresses=[rows[3].address]
        )
        assert done == 1
        rows = await desk.service.waiting(ADMIN, source.id)
        assert len(rows) == 5
        await desk.service.settle(ADMIN, source.id, approve=False, version=version_of(rows))
        assert "closed for good" in await desk.best("Is room 3 closed?")
        assert "code 1001" in await desk.best("With which code is room 1 opened?")
        source = await desk.sync(source.id)
        assert source.state.counts.waiting == 0, "what was refused is not asked again"
        site.change("/p/1", "The room 1 is opened by the porter.")
        source = await desk.sync(source.id)
        assert source.state.counts.changed == 1
        told = [entry["what"] for entry in await desk.db["audit"].find({}).to_list()]
        assert {"source.add", "source.approve", "source.reject"} <= set(told)


async def test_a_site_that_suddenly_gains_very_much_waits(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        before = await desk.titles()
        for number in range(40):
            site.add(f"/spam/{number}", f"Offer {number}", f"Watches of kind {number}, very cheap.")
        site.change("/p/3", "The room 3 is opened with a brass key.")
        for _ in range(2):
            source = await desk.sync(source.id)
            assert source.state.counts.waiting == 40
            assert await desk.titles() == before
        assert "brass key" in await desk.best("How is room 3 opened?")
        rows = await desk.service.waiting(ADMIN, source.id)
        assert {row.waits for row in rows} == {("grew: 40 added, to 13",)}
        await desk.service.settle(ADMIN, source.id, approve=True, version=version_of(rows))
        assert "Offer 7" in await desk.titles()
        source = await desk.sync(source.id)
        assert source.state.counts.waiting == 0


async def test_what_contradicts_the_rest_waits(desk: SourceDesk) -> None:
    await desk.knowledge.add_article(
        Article(id="r", title="Refunds", text="Refunds are possible within 30 days of purchase.")
    )
    async with a_site(12) as site:
        source = await desk.website(site.root)
        site.add("/refunds", "Refunds", "Refunds are possible within 14 days of purchase.")
        site.add("/towels", "Towels", "Towels lie in the cupboard of each room.")
        source = await desk.sync(source.id)
        assert (source.state.counts.added, source.state.counts.waiting) == (1, 1)
        [row] = await desk.service.waiting(ADMIN, source.id)
        assert row.waits[0].startswith("contradicts:")
        assert "30 days" in row.waits[0]


async def test_a_site_that_is_down_or_answers_in_part_loses_nothing(desk: SourceDesk) -> None:
    async with a_site(12) as site:
        source = await desk.website(site.root)
        before = await desk.titles()
        site.down = True
        source = await desk.sync(source.id)
        assert source.state.error
        assert source.state.failures == 1
        site.down = False
        site.sitemap = "broken"
        source = await desk.sync(source.id)
        assert "ends in the middle" in source.state.error
        assert await desk.titles() == before
        assert source.state.counts.waiting == 0


@pytest.mark.parametrize("moment", ["reading", "taking in"])
async def test_a_sync_that_is_killed_goes_on_where_it_was(
    desk: SourceDesk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    async with a_site(12) as site:
        stopped = asyncio.Event()
        if moment == "reading":
            real = desk.rows.put

            async def put(row: Any, *, reading: Any = None) -> None:
                await real(row, reading=reading)
                if len(await desk.rows.of(row.source)) == 5:
                    stopped.set()
                    await asyncio.Event().wait()

            monkeypatch.setattr(desk.rows, "put", put)
        else:

            async def applied(rows: Any) -> None:
                stopped.set()
                await asyncio.Event().wait()

            monkeypatch.setattr(desk.rows, "applied", applied)
        choice = SourceChoice(
            settings={"url": f"{site.root}/", "pause": 0.0}, private_hosts=["127.0.0.1"]
        )
        source = await desk.service.add(OPERATOR, "website", choice)
        syncing = asyncio.create_task(desk.sync(source.id))
        async with asyncio.timeout(60):
            await stopped.wait()
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)
        monkeypatch.undo()

        site.asked.clear()
        await desk.store.break_off()  # as the schedule does when it begins
        source = await desk.sync(source.id)
        assert source.state.error == ""
        assert len(await desk.titles()) == source.state.documents == 13
        assert (await desk.knowledge.check()).count == 0
        again = await desk.sync(source.id)
        assert again.state.counts.unchanged == 13


async def test_at_rest_the_schedule_of_the_only_process_reads_nothing(
    desk: SourceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    every = desk.store.all

    async def counted() -> list[ConfiguredSource]:
        nonlocal looks
        looks += 1
        return await every()

    monkeypatch.setattr(schedule, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(desk.store, "all", counted)
    async with a_site(3) as site:
        running = asyncio.create_task(desk.schedule.run())
        await until(lambda: looks == 1)
        await asyncio.sleep(0.5)
        assert looks == 1
        settings = {"url": f"{site.root}/", "pause": 0.0}
        choice = SourceChoice(settings=settings, private_hosts=["127.0.0.1"], every=60)
        source = await desk.service.add(OPERATOR, "website", choice)
        await until_ended(desk, source.id, times=1)
        await asyncio.sleep(0.5)
        at_rest = looks
        await asyncio.sleep(0.5)
        assert looks == at_rest
        await end(running)


async def test_the_schedule_syncs_what_is_due_and_what_is_asked_for(desk: SourceDesk) -> None:
    async with a_site(3) as site:
        running = asyncio.create_task(desk.schedule.run())
        choice = SourceChoice(
            settings={"url": f"{site.root}/", "pause": 0.0}, private_hosts=["127.0.0.1"]
        )
        source = await desk.service.add(OPERATOR, "website", choice)
        try:
            await until_ended(desk, source.id, times=1)
            secret = await desk.service.new_hook(ADMIN, source.id)
            with pytest.raises(WebhookRefused):
                await desk.service.hooked(source.id, body=b"{}", signature="sha256=0")
            with pytest.raises(WebhookRefused):
                await desk.service.hooked("nobody", body=b"{}", signature="sha256=0")
            site.change("/p/1", "The room 1 is opened by the porter.")
            await desk.service.hooked(source.id, body=b"{}", signature=signed(secret, b"{}"))
            await until_ended(desk, source.id, times=2)
            assert "porter" in await desk.best("Who opens room 1?")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_private_host_is_the_operators_to_allow(desk: SourceDesk) -> None:
    async with a_site(2) as site:
        settings = {"url": f"{site.root}/", "pause": 0.0}
        source = await desk.add("website", settings, user=ADMIN)
        assert "private network" in source.state.error
        assert site.asked.total() == 0
        with pytest.raises(BadInput):
            await desk.add("website", settings, user=ADMIN, private_hosts=["127.0.0.1"])


async def test_a_redirect_or_a_name_into_the_private_network_is_refused(desk: SourceDesk) -> None:
    async with a_site(2) as site, FaultySite(host="127.0.0.2") as inner:
        port = site.root.rpartition(":")[2]
        source = await desk.add("website", {"url": f"http://localhost:{port}/", "pause": 0.0})
        assert "private network" in source.state.error
        assert site.asked.total() == 0
        # The site itself is allowed; what it redirects to is not.
        site.redirects["/"] = f"{inner.root}/"
        source = await desk.website(site.root)
        assert "private network" in source.state.error
        assert inner.asked.total() == 0
        del site.redirects["/"]
        site.redirects["/in"] = f"{inner.root}/"
        source = await desk.sync(source.id)
        assert (source.state.counts.added, source.state.error) == (3, "")
        assert inner.asked.total() == 0


async def test_a_removed_source_takes_its_articles_along(desk: SourceDesk) -> None:
    async with a_site(2) as site:
        source = await desk.website(site.root)
        assert await desk.service.remove(ADMIN, source.id) == 3
        assert await desk.titles() == set()
        assert await desk.rows.of(source.id) == []
        source = await desk.website(site.root)
        await desk.service.remove(ADMIN, source.id, keep=True)
        assert len(await desk.titles()) == 3


async def test_adding_a_folder_leaves_alone_what_a_source_has_brought(
    desk: SourceDesk, tmp_path: Any
) -> None:
    async with a_site(2) as site:
        source = await desk.website(site.root)
        [room] = [s.article for s in await desk.knowledge.list() if s.article.title == "Room 1"]
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "room.html").write_bytes(site.pages["/p/1"].body())
        await desk.knowledge.add_paths([tmp_path / "docs"])
        stored = await desk.knowledge.get(room.id)
        assert stored.file == f"source:{source.id}:{site.root}/p/1"
        again = await desk.sync(source.id)
        assert again.state.counts.unchanged == 3


def signed(secret: str, body: bytes) -> str:
    """The header of a true webhook."""
    import hashlib
    import hmac

    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def until_ended(desk: SourceDesk, source_id: str, *, times: int) -> None:
    """Return once so many syncs of it have ended and none is due."""
    seen: set[object] = set()
    async with asyncio.timeout(60):
        while True:
            state = (await desk.store.get(source_id)).state
            if state.ended_at and not state.run and not state.asked:
                seen.add(state.ended_at)
                if len(seen) >= times or times == 2:
                    return
            await asyncio.sleep(0.05)
