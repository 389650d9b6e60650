"""Posts the report to Slack: sentences and buttons, pictures and table in the thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analytics.charts.cards import duration, number
from analytics.reports.writer import ReportWriter
from core.rendering.slack import SlackMessage
from core.slack.blocks import Block, actions, button, context, header, section
from core.slack.client import Mark, SlackClient
from core.slack.errors import SlackError, SlackGone, SlackNoChannel
from core.slack.mrkdwn import escaped, whole_lines
from core.slack.retry import Retry

log = logging.getLogger(__name__)

MARK = "daily_report"  #: kind of the marks by which we know a report again
LINE = 400  #: characters of one of the report's sentences
QUESTION = 300
NAME = 250
AGENTS = 30
TABLE = 3000  #: characters of the agents' table


class SlackReports:
    """Posts to one channel, where there is one; what stands in others it can still change."""

    def __init__(
        self,
        client: SlackClient,
        *,
        channel: str,
        locale: str,
        writer: ReportWriter,
        base_url: Callable[[], str],
        retry: Retry,
    ) -> None:
        self._client = client
        self.channel = channel
        self.locale = locale
        self._writer = writer
        self._base_url = base_url
        self._retry = retry

    async def find(self, report_id: str) -> str | None:
        """The thread of this report among the channel's newest messages, "" when it is not there.

        None when nobody can say.
        """
        thread = None
        with contextlib.suppress(SlackError):
            thread = await self._retry(lambda: self._client.find(_mark(report_id), self.channel))
        if thread is None:
            log.warning("Slack does not say whether %s was posted; it is not repeated", report_id)
        return thread

    async def post(self, report_id: str, report: Mapping[str, Any], *, late: bool) -> str:
        """Post the sentences; gives the thread. Raises SlackError."""
        message, mark = self._message(report, late=late), _mark(report_id)
        return await self._retry(lambda: self._client.post(self.channel, message, mark=mark))

    async def change(
        self, channel: str, thread: str, report: Mapping[str, Any], *, late: bool
    ) -> None:
        """The sentences posted there say this now; gone is as good. Raises SlackError."""
        message = self._message(report, late=late)
        with contextlib.suppress(SlackGone, SlackNoChannel):
            await self._client.update(channel, thread, message)

    async def add(self, thread: str, report: Mapping[str, Any], pictures: Sequence[bytes]) -> None:
        """The agents' table and the pictures below it; a line says which did not get through."""
        t = self._writer.text(self.locale)
        await self._say(thread, self._agents(report))
        names = [d["name"] for d in self._writer.drawings(report, self.locale)]
        failed = names[len(pictures) :]
        for name, png in zip(names, pictures, strict=False):
            # One by one: what Slack has against one picture is not held against the others.
            if not await self._show(thread, name, t(f"analytics.charts.{name}"), png):
                failed.append(name)
        if failed:
            titles = ", ".join(t(f"analytics.charts.{name}") for name in failed)
            await self._say(thread, t("analytics.reports.no_picture", charts=titles))

    async def _show(self, thread: str, name: str, title: str, png: bytes) -> bool:
        try:
            await self._retry(
                lambda: self._client.upload(
                    self.channel, png, name=f"{name}.png", title=title, thread=thread
                )
            )
        except SlackError as error:
            log.warning("Slack did not take the report's picture %s: %s", name, error.detail)
            return False
        return True

    async def _say(self, thread: str, text: str) -> None:
        message = SlackMessage(text=text, blocks=())
        try:
            await self._retry(lambda: self._client.post(self.channel, message, thread=thread))
        except SlackError as error:
            log.warning("Slack did not take what belongs below the report: %s", error.detail)

    def _message(self, report: Mapping[str, Any], *, late: bool) -> SlackMessage:
        title = self._writer.title(report, self.locale)
        lines = self._writer.headlines(report, self.locale)
        blocks = self._blocks(report, title, lines, late=late)
        return SlackMessage(text=escaped(f"{title}: {lines[0]}", LINE), blocks=tuple(blocks))

    def _blocks(
        self, report: Mapping[str, Any], title: str, lines: Sequence[str], *, late: bool
    ) -> list[Block]:
        t, r = self._writer.text(self.locale), "analytics.reports."
        url = f"{self._base_url()}/console"
        blocks = [header(title), section(_bullets(lines))]
        if late:
            blocks.append(context(t(r + "late_line")))
        if report["kind"] == "daily":
            unusual = self._writer.unusual(report, self.locale)
            words = _bullets(unusual) or t(r + "nothing_unusual")
            blocks.append(section(f"*{t(r + 'unusual')}*\n{words}"))
        if report["missing"]:
            blocks.append(section(f"*{t(r + 'missing')}*"))
        for n, gap in enumerate(report["missing"]):
            write = button(
                t(r + "write"),
                action=f"report_write_{n}",
                value="write",
                url=f"{url}/assistant#missing",
            )
            question = escaped(str(gap["question"]), QUESTION)
            blocks.append(section(f"{gap['count']}× {question}", accessory=write))
        dashboard = t(r + "dashboard")
        blocks.append(
            actions(
                button(
                    dashboard, action="report_dashboard", value="dashboard", url=f"{url}/dashboard"
                )
            )
        )
        return blocks

    def _agents(self, report: Mapping[str, Any]) -> str:
        t = self._writer.text(self.locale)
        if not report["agents"]:
            return t("analytics.reports.no_agents")
        lines = [
            f"{escaped(a['agent'], NAME)}: "
            f"{number(a['decisions'])} {t('analytics.columns.decisions')}, "
            f"{number(a['answers'])} {t('analytics.columns.answers')}, "
            f"{t('analytics.columns.approval_p50')} {duration(a['approval_p50'], t)}"
            for a in report["agents"][:AGENTS]
        ]
        return whole_lines("\n".join([f"*{t('analytics.reports.agents')}*", *lines]), TABLE)


def _mark(report_id: str) -> Mark:
    return Mark(kind=MARK, fields={"id": report_id})


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"• {escaped(line, LINE)}" for line in lines)
