"""Reports: once a day whoever is alive, late when they are, in words, in Slack and by mail."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from analytics.charts.renderer import ChartRenderer
from analytics.facts.counting import Filter
from analytics.facts.periods import Period
from analytics.queries.gap_marks import MarkStore
from analytics.queries.gaps import Gaps
from analytics.queries.service import Analytics
from analytics.reports.pages import file_page
from analytics.reports.schedule import Reporting, Schedule
from analytics.reports.slack import SlackReports
from analytics.reports.store import ReportStore
from analytics.reports.writer import ReportWriter
from core.accounts.audit.log import Audit
from core.clock import Clock, SystemClock
from core.engine.repository import Conversations
from core.i18n import Words
from core.slack.client import SlackClient
from core.slack.retry import Retry
from core.storage.client import Database
from tests.analytics.conftest import END, SUPERVISOR, Past
from tests.support.servers.faults import Fault
from tests.support.servers.slack import SlackServer, too_many
from tests.support.world import LOCALES

WORDS = Words.load(LOCALES)
DAY = date(2026, 11, 7)
PICTURES = ["answers.png", "speed.png", "decisions.png"]


class Spelling:
    """Questions with the same letters mean the same."""

    async def question(self, text: str) -> np.ndarray:
        vector = np.bincount([ord(c) % 97 for c in text], minlength=97).astype(np.float32)
        return vector / np.linalg.norm(vector)


async def spelling() -> Spelling:
    return Spelling()


def gaps_of(db: Database, analytics: Analytics, conversations: Conversations) -> Gaps:
    """The missing answers, grouped by spelling."""
    return Gaps(
        analytics,
        conversations=conversations,
        meaning=spelling,
        marks=MarkStore(db["gap_marks"], clock=SystemClock()),
        audit=Audit(db, clock=SystemClock()),
    )


async def nobody() -> Sequence[str]:
    return ()


class NoPictures(ChartRenderer):
    """Pictures are tested by themselves."""

    async def pictures(self, charts, *, locale, theme="light"):  # type: ignore[no-untyped-def]
        return [b"\x89PNG" for _ in charts]


def an_office(past: Past, clock: Clock, tmp_path) -> Reporting:  # type: ignore[no-untyped-def]
    analytics = past.analytics()
    gaps = gaps_of(past.db, analytics, past.world.conversations)
    writer = ReportWriter(analytics, gaps, WORDS)
    return Reporting(
        writer=writer,
        store=ReportStore(past.db["reports"], clock=clock),
        studio=NoPictures(tmp_path, WORDS),
        analytics=analytics,
        schedule=Schedule(at=time(9)),
        mail=None,
        recipients=nobody,
        page=file_page(lambda: writer),
        clock=clock,
    )


def in_slack(
    server: SlackServer,
    reporting: Reporting,
    *,
    locale: str = "en",
    session: aiohttp.ClientSession | None = None,
) -> SlackReports:
    client = AsyncWebClient(token=server.bot_token, base_url=server.url, session=session)
    face = SlackReports(
        SlackClient(client),
        channel="C0REPORT",
        locale=locale,
        writer=reporting.writer,
        base_url=lambda: "http://127.0.0.1:8080",
        retry=Retry(clock=SystemClock()),
    )
    reporting.attach(face)
    return face


async def test_two_processes_at_report_time_send_one_report(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        offices = [an_office(past, past.clock, tmp_path) for _ in range(2)]
        for office in offices:
            in_slack(server, office)
        await asyncio.gather(*(office.tick() for office in offices))
        await asyncio.gather(*(office.tick() for office in offices))
        top = [m for m in server.messages if not m.thread_ts]
        assert len(top) == 1
        assert "Daily report" in top[0].text
        assert any("mina@example.com" in m.text for m in server.messages if m.thread_ts)
        assert [f["name"] for f in server.files.values()] == PICTURES
    stored = await offices[0].store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["state"] == "sent"
    assert not stored["late"]


async def test_a_process_killed_while_it_posted_is_not_repeated(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        dead, alive = an_office(past, past.clock, tmp_path), an_office(past, past.clock, tmp_path)
        face = in_slack(server, dead)
        in_slack(server, alive)
        report = await dead.of(DAY)
        assert await dead.store.claim("daily:2026-11-07", late=False)
        await dead.store.note("daily:2026-11-07", "slack begun")
        await face.post("daily:2026-11-07", report, late=False)
        await alive.tick()
        assert len(server.messages) == 1  # the other one may still be alive
        await past.clock.advance(600)
        await alive.tick()
        top = [m for m in server.messages if not m.thread_ts]
        assert len(top) == 1
        # What the dead one had no time to hang below it is there.
        assert [f["thread_ts"] for f in server.files.values()] == [top[0].ts] * 3
    stored = await alive.store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["state"] == "sent"


async def test_a_process_killed_before_it_posted_is_made_up_for(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        in_slack(server, office)
        assert await office.store.claim("daily:2026-11-07", late=False)
        await office.store.note("daily:2026-11-07", "slack begun")
        await past.clock.advance(600)
        await office.tick()
        assert len([m for m in server.messages if not m.thread_ts]) == 1


async def test_missed_while_down_it_comes_late_and_says_so(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(15 * 3600)
    office = an_office(past, past.clock, tmp_path)
    await office.tick()
    stored = await office.store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["late"]
    page = await office.html(await office.of(DAY), "en")
    assert "not running at report time" in page
    await past.clock.advance(86_400)  # Sunday's is sent on Monday, with the digest of the week
    await office.tick()
    assert {r["_id"] for r in await office.store.list()} == {
        "daily:2026-11-07",
        "daily:2026-11-08",
        "weekly:2026-11-08",
    }


async def test_a_new_installation_is_not_late(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(40 * 86_400 + 15 * 3600)
    office = an_office(past, past.clock, tmp_path)
    await office.tick()
    assert await office.store.list() == []


async def test_the_report_speaks_plainly_in_both_languages(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    office = an_office(past, past.clock, tmp_path)
    report = await office.of(DAY)
    day = Period.of_days(DAY, DAY, past.analytics().zone)
    found = await past.analytics().summary(SUPERVISOR, day, Filter())
    assert report["conversations"] == found["conversations"] > 0
    english = office.writer.headlines(report, "en")
    assert english[0].startswith(f"Conversations: {report['conversations']}, ")
    assert any("문의" in line or "대화" in line for line in office.writer.headlines(report, "ko"))
    quiet = await office.of(date(2020, 1, 1))
    assert office.writer.headlines(quiet, "en") == ["Nobody wrote on this day."]
    for locale in ("en", "ko"):
        assert "<img" in await office.html(report, locale)


async def test_gaps_are_grouped_and_prefilled(past: Past) -> None:
    analytics = past.analytics()
    gaps = gaps_of(past.db, analytics, past.world.conversations)
    found = await gaps.find(analytics.period(None, None, days=20))
    summary = await analytics.summary(SUPERVISOR, analytics.period(None, None, days=20), Filter())
    assert 0 < len(found) <= 6
    assert sum(gap.count for gap in found) == summary["knowledge"]["missing"]
    assert any(gap.answered and gap.answered.by for gap in found)
    assert all(a.count >= b.count for a, b in itertools.pairwise(found))


async def test_pictures_are_drawn(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    office = an_office(past, past.clock, tmp_path)
    studio = ChartRenderer(tmp_path, WORDS)
    report = await office.of(DAY)
    png = await studio.sheet(office.writer.drawings(report, "ko"), title="일일 보고서", locale="ko")
    assert png.startswith(b"\x89PNG")
    assert len(png) > 20_000


@pytest.mark.parametrize("locale", ["en", "ko"])
async def test_a_day_on_which_nothing_happened_has_a_picture_too(
    past: Past, tmp_path: Path, locale: str
) -> None:
    office = an_office(past, past.clock, tmp_path)
    report = await office.of(date(2020, 1, 1))
    blank = await ChartRenderer(tmp_path, WORDS).sheet([], title="", note="", locale=locale)
    png = await office.png(report, locale)
    assert png.startswith(b"\x89PNG")
    assert len(png) > len(blank) + 1_000, "the sentence is not in the picture"


@pytest.mark.parametrize("moment", ["2026-11-08T08:59:00", "2026-11-08T09:00:00"])
async def test_nothing_is_sent_before_its_time(past: Past, tmp_path, moment: str) -> None:  # type: ignore[no-untyped-def]
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    await past.clock.advance((at - END) / timedelta(seconds=1))
    office = an_office(past, past.clock, tmp_path)
    await office.tick()
    known = await office.store.get("daily:2026-11-07")
    assert (known is not None) == (at.hour == 9)


async def test_pictures_hang_below_the_report_in_slack(past: Past, tmp_path) -> None:  # type: ignore[no-untyped-def]
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        in_slack(server, office, locale="ko")
        await office.tick()
        top = next(m for m in server.messages if not m.thread_ts)
        assert [f["name"] for f in server.files.values()] == PICTURES
        for file in server.files.values():
            assert file["content"] == b"\x89PNG"
            assert (file["channel"], file["thread_ts"]) == ("C0REPORT", top.ts)
            assert any("가" <= c <= "힣" for c in file["title"])


@pytest.mark.parametrize("fault", [Fault(status=500), Fault()], ids=["refused", "cut off"])
async def test_one_picture_that_fails_costs_neither_the_report_nor_the_others(
    past: Past, tmp_path: Path, fault: Fault
) -> None:
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        in_slack(server, office)
        server.script.plan("upload speed.png", *[fault] * 5)
        await office.tick()
        shown = [f["name"] for f in server.files.values() if f.get("thread_ts")]
        assert shown == ["answers.png", "decisions.png"]
        said = [m.text for m in server.messages if m.thread_ts]
        assert any("mina@example.com" in text for text in said)
        assert "Time to the first answer" in said[-1]
        assert "could not be added" in said[-1]
    stored = await office.store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["state"] == "sent"


async def test_a_report_that_comes_too_fast_for_slack_is_posted_a_moment_later(
    past: Past, tmp_path: Path
) -> None:
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        in_slack(server, office)
        server.script.plan("chat.postMessage", too_many(1))
        await office.tick()
        assert len([m for m in server.messages if not m.thread_ts]) == 1


async def test_a_slack_that_was_switched_off_costs_nobody_the_mail(
    past: Past, tmp_path: Path
) -> None:
    await past.clock.advance(9 * 3600 + 30)
    async with SlackServer() as server:
        office = an_office(past, past.clock, tmp_path)
        session = aiohttp.ClientSession()
        in_slack(server, office, session=session)
        await session.close()
        await office.tick()
    stored = await office.store.get("daily:2026-11-07")
    assert stored is not None
    assert stored["state"] == "sent"
    assert "mail done" in stored["steps"]
