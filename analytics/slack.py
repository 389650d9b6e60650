"""The report in Slack: sentences and buttons, pictures and the agents' table in the thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from analytics.board import duration, number
from analytics.report import ReportWriter
from core.errors import ContactCenterError

log = logging.getLogger(__name__)

EVENT = "daily_report"
TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


class NotPosted(ContactCenterError):
    """Slack did not take the report."""


class SlackReports:
    """Posts to one channel."""

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        channel: str,
        locale: str,
        writer: ReportWriter,
        base_url: str,
    ) -> None:
        self._client = client
        self._channel = channel
        self.locale = locale
        self._writer = writer
        self._base_url = base_url

    async def find(self, report_id: str) -> str | None:
        """The thread of this report among the channel's newest messages, "" when it is not there.

        None when nobody can say.
        """
        try:
            history = await self._client.conversations_history(
                channel=self._channel, limit=50, include_all_metadata=True
            )
        except TROUBLE:
            log.warning("Slack does not say whether %s was posted; it is not repeated", report_id)
            return None
        for message in history.get("messages") or ():
            metadata = message.get("metadata") or {}
            if metadata.get("event_payload", {}).get("id") == report_id:
                return str(message["ts"])
        return ""

    async def post(self, report_id: str, report: Mapping[str, Any], *, late: bool) -> str:
        """Post the sentences; gives the thread. Raises NotPosted."""
        title = self._writer.title(report, self.locale)
        lines = self._writer.headlines(report, self.locale)
        try:
            answer = await self._client.chat_postMessage(
                channel=self._channel,
                text=f"{title}: {lines[0]}",
                blocks=self._blocks(report, title, lines, late=late),
                metadata={"event_type": EVENT, "event_payload": {"id": report_id}},
                unfurl_links=False,
            )
        except TROUBLE as error:
            raise NotPosted(f"Slack did not take the report: {error}") from error
        return str(answer["ts"])

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
            await self._client.files_upload_v2(
                channel=self._channel,
                thread_ts=thread,
                content=png,
                filename=f"{name}.png",
                title=title,
                alt_txt=title,
            )
        except (*TROUBLE, ValueError) as error:
            log.warning("Slack did not take the report's picture %s: %s", name, error)
            return False
        return True

    async def _say(self, thread: str, text: str) -> None:
        try:
            await self._client.chat_postMessage(
                channel=self._channel, thread_ts=thread, text=text, unfurl_links=False
            )
        except TROUBLE as error:
            log.warning("Slack did not take what belongs below the report: %s", error)

    def _blocks(
        self, report: Mapping[str, Any], title: str, lines: Sequence[str], *, late: bool
    ) -> list[dict[str, Any]]:
        t, r = self._writer.text(self.locale), "analytics.reports."
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": {"type": "plain_text", "text": title[:150]}},
            _section("\n".join(f"• {line}" for line in lines)),
        ]
        if late:
            blocks.append(
                {
                    "type": "context",
                    "elements": [{"type": "mrkdwn", "text": t(r + "late_line")}],
                }
            )
        if report["kind"] == "daily":
            unusual = self._writer.unusual(report, self.locale)
            words = "\n".join(f"• {u}" for u in unusual) or t(r + "nothing_unusual")
            blocks.append(_section(f"*{t(r + 'unusual')}*\n{words}"))
        if report["missing"]:
            blocks.append(_section(f"*{t(r + 'missing')}*"))
        for n, gap in enumerate(report["missing"]):
            blocks.append(
                _section(f"{gap['count']}× {_plain(gap['question'])[:300]}")
                | {
                    "accessory": {
                        "type": "button",
                        "action_id": f"report_write_{n}",
                        "text": {"type": "plain_text", "text": t(r + "write")},
                        "url": f"{self._base_url}/console/dashboard/gaps",
                    }
                }
            )
        blocks.append(
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "report_dashboard",
                        "text": {"type": "plain_text", "text": t(r + "dashboard")},
                        "url": f"{self._base_url}/console/dashboard",
                    }
                ],
            }
        )
        return blocks

    def _agents(self, report: Mapping[str, Any]) -> str:
        t = self._writer.text(self.locale)
        if not report["agents"]:
            return t("analytics.reports.no_agents")
        lines = [
            f"{_plain(a['agent'])}: {number(a['decisions'])} {t('analytics.columns.decisions')}, "
            f"{number(a['answers'])} {t('analytics.columns.answers')}, "
            f"{t('analytics.columns.approval_p50')} {duration(a['approval_p50'], t)}"
            for a in report["agents"][:30]
        ]
        return f"*{t('analytics.reports.agents')}*\n" + "\n".join(lines)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}


def _plain(text: str) -> str:
    """A customer's words cannot mention people or make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
