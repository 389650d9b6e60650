"""A walk through a site with every fault that real ones have."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.sdk.source import (
    Document,
    Item,
    Known,
    SourceContext,
    SourceIncomplete,
    SourceUnavailable,
    Unchanged,
    Unread,
)
from sources.website.website import Website, WebsiteSettings, is_before
from tests.support.servers.website import BIG, FaultySite, a_site

pytestmark = pytest.mark.apart


class Walked:
    """What a walk has given."""

    def __init__(self, items: list[Item], why: str = "") -> None:
        self.items, self.why = items, why
        self.documents = {i.address: i for i in items if isinstance(i, Document)}
        self.unchanged = [i.address for i in items if isinstance(i, Unchanged)]
        self.unread = {i.address: i.why for i in items if isinstance(i, Unread)}

    def paths(self, site: FaultySite) -> set[str]:
        """The paths of all documents, unchanged ones too."""
        return {a.removeprefix(site.root) for a in (*self.documents, *self.unchanged)}

    def known(self, before: Mapping[str, Known] | None = None) -> dict[str, Known]:
        """As the host would tell it the next time."""
        found = dict(before or {})
        now = SystemClock().now()
        for item in self.items:
            if isinstance(item, Document):
                found[item.address] = Known(
                    etag=item.etag, modified=item.modified, memo=item.memo, read_at=now
                )
        return found


async def walk(
    site: FaultySite,
    tmp_path: Path,
    known: Mapping[str, Known] | None = None,
    start: str = "/",
    **settings: Any,
) -> Walked:
    """One walk; a source that is incomplete says why."""
    context = SourceContext(
        source_id="w", clock=SystemClock(), logger=logging.getLogger("w"), data_dir=tmp_path
    )
    website = Website(
        WebsiteSettings.model_validate({"url": site.root + start, "pause": 0, **settings}), context
    )
    items: list[Item] = []
    try:
        async for item in website.documents(known or {}):
            items += [item]
    except SourceIncomplete as error:
        return Walked(items, error.detail)
    return Walked(items)


@pytest.mark.parametrize("kind", ["index", "plain", "text"])
async def test_a_sitemap_leads_to_every_page(tmp_path: Path, kind: str) -> None:
    async with a_site() as site:
        site.sitemap = kind
        found = await walk(site, tmp_path)
        assert found.paths(site) == set(site.pages)
        assert found.why == ""
        assert not found.unread


async def test_without_a_sitemap_links_lead_to_every_page(tmp_path: Path) -> None:
    async with a_site() as site:
        site.sitemap = "none"
        site.pages["/"].links += ("/logo.png", "mailto:a@b.example", "https://other.example/")
        found = await walk(site, tmp_path)
        assert found.paths(site) == set(site.pages)
        assert site.asked["/logo.png"] == 0
        again = await walk(site, tmp_path, found.known())
        assert not again.documents
        assert again.paths(site) == set(site.pages)


async def test_only_what_changed_comes_again(tmp_path: Path) -> None:
    async with a_site() as site:
        first = await walk(site, tmp_path)
        site.change("/p/3", "The room 3 is opened with a key.")
        second = await walk(site, tmp_path, first.known())
        assert set(second.documents) == {f"{site.root}/p/3"}
        assert len(second.unchanged) == len(site.pages) - 1


async def test_a_date_in_the_sitemap_that_stays_costs_no_request(tmp_path: Path) -> None:
    async with a_site() as site:
        site.lastmod = True
        first = await walk(site, tmp_path)
        site.asked.clear()
        site.change("/p/3", "The room 3 is opened with a key.")
        second = await walk(site, tmp_path, first.known())
        assert set(second.documents) == {f"{site.root}/p/3"}
        assert site.fetched == 2  # the page that changed, and the one the address leads to
        asked = await walk(site, tmp_path, first.known(), trust_lastmod=False)
        assert set(asked.documents) == {f"{site.root}/p/3"}


def test_a_day_says_nothing_of_its_hours() -> None:
    from datetime import UTC, datetime

    read_at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert is_before("2026-11-30T11:59:59Z", read_at)
    assert not is_before("2026-11-30T12:00:01+00:00", read_at)
    assert not is_before("2026-11-30", read_at)
    assert is_before("2026-11-27", read_at)
    assert not is_before("yesterday", read_at)


async def test_redirects_are_followed_and_circles_left(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.redirects = {
            "/old": "/p/1",
            "/new": "/moved",
            "/round": "/about",
            "/about": "/round",
            "/away": "https://other.example/",
            "/far": "http://127.0.0.1:9/",
        }
        site.add("/moved", "Moved", "It stands here now, for good.", listed=False)
        found = await walk(site, tmp_path)
        assert found.paths(site) == set(site.pages)
        unread = {a.removeprefix(site.root): why for a, why in found.unread.items()}
        assert "circle" in unread["/round"]
        assert len(found.items) == len({item.address for item in found.items})


async def test_a_page_that_calls_another_its_own_is_read_once(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.add("/p/1?print=1", "Room 1", "The same, for printers.", canonical="/p/1")
        site.add("/a", "A", "Each calls the other its own.", canonical="/b")
        site.add("/b", "B", "Each calls the other its own.", canonical="/a")
        site.add("/c", "C", "It calls itself its own.", canonical="/c")
        site.add("/hidden", "Hidden", "Only the copy names it.", listed=False)
        site.add("/copy", "Copy", "A copy.", canonical="/hidden")
        paths = (await walk(site, tmp_path)).paths(site)
        assert "/p/1?print=1" not in paths
        assert len(paths & {"/a", "/b"}) == 1
        assert {"/c", "/hidden"} <= paths
        assert "/copy" not in paths


async def test_robots_are_obeyed(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.add("/private/x", "Private", "Nobody's business.")
        site.add("/for-us", "Us", "Not for us.")
        site.robots = (
            "User-agent: *\nDisallow: /p/\n\nUser-agent: ContactCenterOS\n"
            "Disallow: /private/\nDisallow: /for-*\nAllow: /\nSitemap: {root}/sitemap.xml\n"
        )
        found = await walk(site, tmp_path)
        assert found.paths(site) == {"/", "/p/0", "/p/1", "/p/2"}
        assert site.asked["/private/x"] == site.asked["/for-us"] == 0
        assert all(agent.startswith("ContactCenterOS") for agent in site.agents)
        site.robots_status = 503
        with pytest.raises(SourceUnavailable, match="robots"):
            await walk(site, tmp_path)
        site.robots_status = 404
        assert "/private/x" in (await walk(site, tmp_path)).paths(site)


async def test_a_site_that_asks_to_wait_is_waited_for(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.statuses = {"/p/1": [429, 503], "/p/2": [429]}
        assert (await walk(site, tmp_path)).paths(site) == set(site.pages)
        site.retry_after = "99999"
        site.statuses = {"/p/1": [429]}
        found = await walk(site, tmp_path)
        assert found.unread == {f"{site.root}/p/1": "answers 429"}


async def test_a_page_that_fails_is_not_gone_and_one_that_is_gone_is(tmp_path: Path) -> None:
    async with a_site(4) as site:
        site.always = {"/p/1": 500, "/p/2": 404, "/p/3": 403}
        found = await walk(site, tmp_path)
        assert {a.removeprefix(site.root) for a in found.unread} == {"/p/1", "/p/3"}
        assert found.paths(site) == {"/", "/p/0"}


async def test_what_a_failed_page_links_to_is_not_gone(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.sitemap = "none"
        site.add("/leaf", "Leaf", "Only one page leads here.")
        site.pages["/p/1"].links += ("/leaf",)
        first = await walk(site, tmp_path)
        assert "/leaf" in first.paths(site)
        site.always = {"/p/1": 500}
        second = await walk(site, tmp_path, first.known())
        assert "/leaf" in second.paths(site)


async def test_a_site_that_fails_says_so_and_gives_nothing_up(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.down = True
        with pytest.raises(SourceUnavailable):
            await walk(site, tmp_path)
    async with a_site(30) as site:
        site.always = {f"/p/{n}": 500 for n in range(30)}
        with pytest.raises(SourceUnavailable, match="one after the other"):
            await walk(site, tmp_path)


@pytest.mark.parametrize("kind", ["broken", "empty"])
async def test_a_sitemap_that_lists_less_is_told_apart(tmp_path: Path, kind: str) -> None:
    async with a_site() as site:
        site.sitemap = kind
        found = await walk(site, tmp_path)
        assert bool(found.why) is (kind == "broken")
        assert len(found.paths(site)) < len(site.pages)


async def test_endless_sites_have_an_end(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.sitemap = "none"
        site.pages["/"].links += tuple(f"/calendar?month={n}" for n in range(300))
        for number in range(300):
            site.add(f"/calendar?month={number}", "Calendar", f"Month {number}.")
        found = await walk(site, tmp_path)
        assert len([p for p in found.paths(site) if "calendar" in p]) == 50
        assert "variants" in found.why
        assert "4 pages" in (await walk(site, tmp_path, most_pages=4)).why


async def test_large_and_foreign_pages(tmp_path: Path) -> None:
    async with a_site(2) as site:
        site.add("/big", "Big", "", raw=b"<p>" + b"x" * BIG)
        korean = "방은 매일 열려 있습니다. 열쇠는 안내 데스크에 있습니다. 믜"
        site.add("/ko", "방", korean, encoding="cp949")
        site.add("/list.pdf", "List", "", raw=b"%PDF-1.4", media_type="application/pdf")
        found = await walk(site, tmp_path)
        assert found.unread == {f"{site.root}/big": "is larger than 5 MB"}
        page = found.documents[f"{site.root}/ko"]
        assert korean in page.content.decode("cp949")
        assert page.media_type == "text/html; charset=cp949"


async def test_a_folder_of_a_site_is_a_site(tmp_path: Path) -> None:
    async with a_site(3) as site:
        site.add("/help/", "Help", "All about rooms.")
        site.add("/help/a", "A", "All about beds.")
        site.add("/help/old/b", "B", "All about chairs.")
        found = await walk(site, tmp_path, start="/help/", leave_out="/help/old")
        assert found.paths(site) == {"/help/", "/help/a"}


async def test_the_check_says_whether_it_works(tmp_path: Path) -> None:
    context = SourceContext(
        source_id="w", clock=SystemClock(), logger=logging.getLogger("w"), data_dir=tmp_path
    )
    async with a_site(1) as site:
        website = Website(WebsiteSettings.model_validate({"url": site.root, "pause": 0}), context)
        assert "answers" in await website.check()
        site.robots = "User-agent: *\nDisallow: /\n"
        with pytest.raises(SourceUnavailable, match="robots"):
            await website.check()
