"""Schedules reports: makes them when due, sends them once, keeps them."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from analytics.charts.renderer import ChartRenderer, NotDrawn
from analytics.queries.service import Analytics
from analytics.reports.email import Page, ReportMail
from analytics.reports.slack import SlackReports
from analytics.reports.store import ReportStore
from analytics.reports.writer import ReportKind, ReportWriter
from core.clock import Clock
from core.errors import ContactCenterError

log = logging.getLogger(__name__)

LATE = timedelta(minutes=10)  #: after report time
SLACK_SECONDS = 60.0  #: for Slack to be connected after a start


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The times at which reports are due."""

    at: time

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """From HH:MM."""
        return cls(at=time.fromisoformat(text))


class Reporting:
    """Makes and sends the daily report and the weekly digest."""

    def __init__(
        self,
        *,
        writer: ReportWriter,
        store: ReportStore,
        studio: ChartRenderer,
        analytics: Analytics,
        schedule: Schedule,
        mail: ReportMail | None,
        recipients: Callable[[], Awaitable[Sequence[str]]],
        page: Page,
        clock: Clock,
        expects_slack: Callable[[], bool] = lambda: False,
    ) -> None:
        self.writer = writer
        self.store = store
        self.schedule = schedule
        self._studio = studio
        self._analytics = analytics
        self._mail = mail
        self._recipients = recipients
        self._page = page
        self._clock = clock
        self._slack: SlackReports | None = None
        self._expects_slack = expects_slack
        self._slack_is_there = asyncio.Event()
        self._running = asyncio.Lock()
        #: held while a report is written and kept, or made again without somebody's words
        self.writing = asyncio.Lock()

    def attach(self, slack: SlackReports) -> None:
        """Reports go there from now on."""
        self._slack = slack
        self._slack_is_there.set()

    async def tick(self) -> None:
        """Send what is due and has not been sent: called every minute, and on start."""
        async with self._running:
            zone = self._analytics.zone
            now = self._clock.now().astimezone(zone)
            due = datetime.combine(now.date(), self.schedule.at, tzinfo=zone)
            if now < due:
                due = datetime.combine(
                    now.date() - timedelta(days=1), self.schedule.at, tzinfo=zone
                )
            day = due.date() - timedelta(days=1)
            late = now - due > LATE
            kinds = [ReportKind.DAILY]
            if due.weekday() == 0:
                kinds.append(ReportKind.WEEKLY)
            if late and not await self.store.list() and await self._was_quiet(day):
                return  # a new installation has nothing to be late with
            for kind in kinds:
                await self._send(kind, day, late=late)
            await self._show_again()

    async def of(self, day: date, kind: ReportKind = ReportKind.DAILY) -> dict[str, Any]:
        """The report of any day: as it was kept, or made now."""
        kept = await self.kept(day, kind)
        return kept or {**await self.writer.write(kind, day), "late": False}

    async def numbers_of(self, day: date, kind: ReportKind) -> tuple[dict[str, Any], bool]:
        """The same, and whether it is whole: one that nobody kept has no missing answers yet."""
        kept = await self.kept(day, kind)
        if kept is not None:
            return kept, True
        numbers = await self.writer.numbers(kind, day)
        return {**numbers, "missing": [], "late": False}, False

    async def kept(self, day: date, kind: ReportKind) -> dict[str, Any] | None:
        """The report as it was kept, None where it was not."""
        kept = await self.store.get(f"{kind.value}:{day.isoformat()}")
        if kept is None or not kept.get("report"):
            return None
        return {**kept["report"], "late": kept["late"]}

    async def pictures(
        self, report: Mapping[str, Any], locale: str, *, theme: str = "light"
    ) -> list[bytes]:
        """Its charts as PNG; none when they cannot be drawn."""
        drawings = self.writer.drawings(report, locale)
        if not drawings:
            return []
        try:
            return await self._studio.pictures(drawings, locale=locale, theme=theme)
        except NotDrawn as error:
            log.warning("%s", error.detail)
            return []

    async def html(self, report: Mapping[str, Any], locale: str) -> str:
        """One file that needs nothing else."""
        pictures = await self.pictures(report, locale)
        return self._page(report, [data_url(png) for png in pictures], locale)

    async def png(self, report: Mapping[str, Any], locale: str) -> bytes:
        """All charts in one picture; of a quiet day one sentence. Raises NotDrawn."""
        drawings = self.writer.drawings(report, locale)
        title = self.writer.title(report, locale)
        [note, *_] = self.writer.headlines(report, locale)
        return await self._studio.sheet(drawings, title=title, note=note, locale=locale)

    async def _was_quiet(self, day: date) -> bool:
        found = await self.writer.write(ReportKind.DAILY, day)
        return not found["conversations"] and not found["answers"]["total"]

    async def _send(self, kind: ReportKind, day: date, *, late: bool) -> None:
        report_id = f"{kind.value}:{day.isoformat()}"
        claimed = await self.store.claim(report_id, late=late)
        if claimed is None:
            return
        async with self.writing:
            if "report" not in claimed:
                await self.store.keep(report_id, *await self.writer.write_sourced(kind, day))
            kept = await self.store.get(report_id)
        assert kept is not None
        report = kept["report"]
        steps = set(claimed["steps"])
        for name, send in (("slack", self._to_slack), ("mail", self._to_mail)):
            if f"{name} done" in steps:
                continue
            try:
                await send(report_id, report, steps, late=claimed["late"])
            except ContactCenterError as error:
                log.warning("%s: %s", report_id, error.detail)
            await self.store.note(report_id, f"{name} done")
        await self.store.finish(report_id)
        log.info("%s is there", report_id)

    async def _to_slack(
        self, report_id: str, report: Mapping[str, Any], steps: Collection[str], *, late: bool
    ) -> None:
        if self._slack is None and self._expects_slack():
            try:
                async with asyncio.timeout(SLACK_SECONDS):
                    await self._slack_is_there.wait()
            except TimeoutError:
                log.warning("Slack is not connected; %s goes without it", report_id)
        slack = self._slack  # the admin may connect another one meanwhile
        if slack is None or not slack.channel:
            return
        # A process that died while it posted leaves a doubt, which only the channel clears up.
        thread = await slack.find(report_id) if "slack begun" in steps else ""
        if thread is None:
            return
        if not thread:
            await self.store.note(report_id, "slack begun")
            thread = await slack.post(report_id, report, late=late)
        await self.store.posted(report_id, channel=slack.channel, thread=thread)
        if "slack thread" in steps:
            return  # what may hang there already is not hung there twice
        pictures = await self.pictures(report, slack.locale)
        await self.store.note(report_id, "slack thread")
        await slack.add(thread, report, pictures)

    async def _show_again(self) -> None:
        """Slack shows reports that were made again as they are now."""
        for document in await self.store.stale():
            where = document.get("slack")
            if where is not None:
                if self._slack is None:
                    continue
                try:
                    await self._slack.change(
                        where["channel"],
                        where["thread"],
                        document["report"],
                        late=document["late"],
                    )
                except ContactCenterError as error:
                    log.warning("%s: %s", document["_id"], error.detail)
                    continue
            await self.store.shown(document["_id"])

    async def _to_mail(
        self, report_id: str, report: Mapping[str, Any], steps: Collection[str], *, late: bool
    ) -> None:
        if self._mail is None or not self._mail.is_set or "mail begun" in steps:
            return  # a mail in doubt is not sent twice
        to = list(await self._recipients())
        if not to:
            return
        pictures = await self.pictures(report, self._mail.locale)
        await self.store.note(report_id, "mail begun")
        await self._mail.send(report_id, {**report, "late": late}, pictures, to)


def data_url(png: bytes) -> str:
    """A picture inside a page."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
