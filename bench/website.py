"""A site of 500 pages with the faults that real ones have: taken in, changed, emptied.

python -m bench.website [--pages N]

Prints for each step its seconds, requests for pages and counts, and ends with exit code 1 where
something does not hold that has to.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.app import App
from app.opening import opened
from config.settings import read_settings
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore
from tests.support.control import heard
from tests.support.servers.website import BIG, FaultySite, a_site

KOREAN = "이 방은 매일 아침 아홉 시부터 열려 있으며 열쇠는 안내 데스크에 있습니다."


def the_site(pages: int) -> FaultySite:
    """The site and its faults."""
    site = a_site(pages)
    site.lastmod = True
    site.slow = {"/p/11": 2.0, "/p/12": 2.0}
    site.statuses = {f"/p/{n}": [429] for n in range(20, 40)} | {"/p/41": [503, 503]}
    site.retry_after = "1"
    site.redirects = {
        **{f"/old/{n}": f"/p/{n}" for n in range(10)},
        "/round": "/about",
        "/about": "/round",
        "/away": "https://other.example/",
    }
    for number in range(10):
        site.add(f"/print/{number}", f"Room {number}", "For printers.", canonical=f"/p/{number}")
        site.add(f"/private/{number}", "Private", "robots.txt keeps it to itself.")
        site.add(f"/lost/{number}", "Lost", "It is listed and not there.")
        site.always[f"/lost/{number}"] = 404
    site.add("/big", "Big", "", raw=b"<p>" + b"x" * BIG)
    site.add("/ko", "방", KOREAN, encoding="cp949")
    site.add("/ko2", "방 둘", KOREAN.replace("아홉", "열"), encoding="euc-kr", says_encoding=False)
    site.add("/draft", "Draft", "Not to be found.", robots="noindex")
    site.add("/x/x/x/x/x", "Deep", "A link that leads into itself.")
    return site


@dataclass
class Step:
    """One sync, as it was measured."""

    said: str
    seconds: float
    asked: int  #: requests, robots.txt and sitemaps included


async def main(pages: int) -> int:
    """Every step; the exit code."""
    holds: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = EmbeddedStore(Path(folder) / "store", durable=False)
        await store.boot()
        settings = read_settings({"MONGODB_URI": store.uri, "DATA_DIR": folder})
        data_dir = DataDir(Path(folder))
        try:
            async with (
                opened(settings, data_dir, store=None, guide=None) as app,
                the_site(pages) as site,
            ):
                await _steps(app, site, holds, pages)
        finally:
            await store.stop()
    for what, true in holds:
        print(f"{'holds' if true else 'FAILS'}  {what}")
    return int(not all(true for _, true in holds))


async def _steps(app: App, site: FaultySite, holds: list[tuple[str, bool]], pages: int) -> None:
    async def step(name: str, command: str, **args: object) -> Step:
        site.asked.clear()
        began = time.monotonic()
        said = await heard(app, command, **args)
        found = Step(said=said, seconds=time.monotonic() - began, asked=site.asked.total())
        print(f"{name:<14} {found.seconds:7.1f} s  {found.asked:5} requests  {said!r}", flush=True)
        return found

    async def answer(question: str) -> str:
        return await heard(app, "kb.search", question=question, limit=1)

    settings = {"url": f"{site.root}/", "pause": 0.0}
    first = await step(
        "first sync", "sources.add", kind="website", settings=settings, id="acme",
        private_hosts=["127.0.0.1"],
    )  # fmt: skip
    wanted = pages + 1 + 3  # the home page, two Korean ones, the draft that nobody is answered from
    holds.append((f"all {wanted} pages are taken in", f"{wanted} added" in first.said))
    holds.append(("three that cannot be read are named", "3 unread" in first.said))
    holds.append(("a page of another encoding is read", "아홉 시" in await answer("방 열쇠")))
    second = await step("nothing new", "sources.sync", id="acme")
    holds.append(("nothing new changes nothing", "0 added, 0 changed, 0 removed" in second.said))
    for number in (50, 51, 52):
        site.change(f"/p/{number}", f"The room {number} is opened by the porter {number}.")
    third = await step("three changes", "sources.sync", id="acme")
    holds.append(("three changes are three changes", "0 added, 3 changed, 0 removed" in third.said))
    holds.append(
        (
            f"it asks for no more than it must ({third.asked}; {second.asked} without a change)",
            third.asked <= second.asked + 3,
        )
    )
    holds.append(("the answer changes within one sync", "porter 51" in await answer("Room 51")))
    site.sitemap = "empty"
    await step("emptied", "sources.sync", id="acme")
    listed = await heard(app, "kb.list")
    holds.append(("an emptied site changes nothing", "porter 51" in await answer("Room 51")))
    holds.append(("every article is still there", len(listed.splitlines()) == wanted))
    waits = await heard(app, "sources.waiting", id="acme")
    holds.append(("it waits for a person", f"{wanted} wait; version" in waits))
    site.sitemap = "index"
    last = await step("back again", "sources.sync", id="acme")
    holds.append(("what is back waits no more", "0 waiting" in last.said))
    checked = await heard(app, "kb.check")
    holds.append(("index and articles agree", ", 0 differences" in checked))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=500, metavar="N")
    sys.exit(asyncio.run(main(parser.parse_args().pages)))
